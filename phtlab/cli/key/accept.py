"""`phtlab key accept`: accept the consortium's agreement with a person's key."""

from __future__ import annotations

from typing import Annotated

import typer

from phtlab.cli.terminal.output import JsonOption, err, out, print_json
from phtlab.errors import ApprovalError


def accept(
    digest: Annotated[
        str | None,
        typer.Option(
            help="Accept the text with this digest without a prompt; refuse any other text."
        ),
    ] = None,
    who: Annotated[
        bool, typer.Option("--list", help="Only list the members who accepted the text in force.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Read the consortium's agreement, and accept exactly this text with your key."""
    import phtlab
    from phtlab.lab.client.agreement import accept as accepted
    from phtlab.lab.client.agreement import agreement_of, verified

    lab = phtlab.connect()
    agreement = agreement_of(lab)
    known = verified(lab.central.governance.acceptances(), lab.trusted.roster)
    if who:
        of_this = [acceptance for acceptance in known if acceptance.agreement == agreement.digest]
        if as_json:
            print_json(of_this)
        else:
            for acceptance in of_this:
                out.print(f"{acceptance.member}  {acceptance.issued:%Y-%m-%d}", markup=False)
        return
    if digest is None and not as_json:
        out.print(agreement.text, markup=False)
    err.print(f"The digest of this text is {agreement.digest}.", markup=False)
    if any(
        (acceptance.member, acceptance.agreement) == (lab.name, agreement.digest)
        for acceptance in known
    ):
        err.print("You have accepted it already.")
    elif digest is None:
        typer.confirm("Do you accept this text, with your signature?", abort=True, err=True)
        accepted(lab, agreement)
        err.print("Accepted.")
    elif digest != agreement.digest:
        raise ApprovalError(
            f"The agreement in force is {agreement.digest}, not {digest}: read it again before you "
            "accept it.",
            code="agreement-other",
        )
    else:
        accepted(lab, agreement)
        err.print("Accepted.")
    if as_json:
        print_json({"member": lab.name, "agreement": agreement.digest})
