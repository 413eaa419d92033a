"""`phtlab station proposals`: the studies that ask this station, and the question back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from phtlab.cli.station.folder import DirectoryOption, station_at
from phtlab.cli.station.person import ByOption, person
from phtlab.cli.terminal.output import JsonOption, err, out, print_json, print_next_steps

if TYPE_CHECKING:
    from phtlab.station.approvals.proposals import StationProposal

app = typer.Typer(help="See the proposals that name this station, and ask about them.")
ProposalArgument = Annotated[str, typer.Argument(help="The proposal, or how its name begins.")]


@app.callback(invoke_without_command=True)
def proposals(
    context: typer.Context, directory: DirectoryOption = None, as_json: JsonOption = False
) -> None:
    """List the proposals that name this station."""
    if context.invoked_subcommand is not None:
        return
    from phtlab.station.approvals.decisions import proposal_state
    from phtlab.station.approvals.proposals import StationProposals
    from phtlab.station.context.station_context import StationContext

    station = StationContext(*station_at(directory))
    here = list(StationProposals(station.folder.proposals))
    if as_json:
        print_json([_view(one, proposal_state(one, station)) for one in here])
        return
    if not here:
        err.print(f"No proposal has named {station.name} yet.", markup=False)
        return
    table = Table("proposal", "version", "state", "researcher", "title", "until", box=None)
    for one in here:
        newest = one.newest.proposal
        told = (one.id, str(newest.version), proposal_state(one, station), newest.researcher)
        table.add_row(*map(Text, (*told, newest.title, f"{newest.until:%Y-%m-%d}")))
    out.print(table)


@app.command()
def show(
    proposal: ProposalArgument,
    by: ByOption = None,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a proposal's newest version, and what was said of it.

    Its researcher sees that it is in review here.
    """
    from phtlab.governance.difference import differences
    from phtlab.notebook.parameters import describe
    from phtlab.printable import escaped_lines
    from phtlab.station.approvals.decisions import begin_review, proposal_state
    from phtlab.station.approvals.proposals import StationProposals
    from phtlab.station.context.station_context import StationContext

    station = StationContext(*station_at(directory))
    here = StationProposals(station.folder.proposals).find(proposal)
    begin_review(station, here.id, by=person(by))
    state = proposal_state(here, station)
    if as_json:
        print_json(_view(here, state))
        return
    newest = here.newest
    asked = newest.proposal
    data = ", ".join(
        one.name + (f" ({', '.join(one.columns)})" if one.columns else "") for one in asked.datasets
    )
    bounds = "; ".join(
        f"{name} {describe(declared)}" for name, declared in asked.parameters["properties"].items()
    )
    for key, value in (
        ("proposal", here.id),
        ("state", state),
        ("version", f"{asked.version}, {newest.digest}"),
        ("researcher", asked.researcher),
        ("title", asked.title),
        ("question", asked.question),
        ("legal ground", asked.legal_ground),
        ("data", data),
        ("stations", ", ".join(asked.stations)),
        ("parameters", bounds or "not bounded"),
        ("journeys", f"{asked.journeys}, of {asked.rounds} rounds"),
        ("until", f"{asked.until:%Y-%m-%d %H:%M} UTC"),
        ("risk", f"{asked.risk}, says its researcher"),
        *(("because", reason) for reason in asked.reasons),
        *(("notebook", notebook) for notebook in asked.notebooks),
        *(("kernel image", image) for image in asked.images),
    ):
        out.print(f"{key:<14}{escaped_lines(str(value)).strip()}", markup=False)
    if len(versions := here.versions) > 1:
        for part in differences(versions[-2].proposal, versions[-1].proposal):
            for line in part.lines:
                changed = f"{line.mark} {part.heading}: {escaped_lines(line.text)}"
                out.print(changed, markup=False)
    for comment in here.comments:
        out.print(f"{comment.author} said {escaped_lines(comment.text).strip()}", markup=False)
    if state == "waits":
        option = "" if directory is None else f" -C {directory}"
        read = f"--version {newest.digest[7:19]}"
        print_next_steps(
            f"phtlab station approve {here.id} {read}{option}",
            f'phtlab station proposals ask {here.id} "…"{option}',
            f'phtlab station refuse {here.id} {read} --reason "…"{option}',
            first="it waits for your word.",
        )


@app.command()
def ask(
    proposal: ProposalArgument,
    text: Annotated[str, typer.Argument(help="The question; the researcher reads it.")],
    by: ByOption = None,
    directory: DirectoryOption = None,
) -> None:
    """Ask the researcher something about a proposal."""
    from phtlab.station.approvals import decisions
    from phtlab.station.context.station_context import StationContext

    station = StationContext(*station_at(directory))
    decisions.ask(station, proposal, text, by=person(by))
    err.print("The daemon brings the question to the researcher.", markup=False)


def _view(here: StationProposal, state: str) -> dict[str, Any]:
    return {
        "id": here.id,
        "state": state,
        "digest": here.newest.digest,
        **here.newest.proposal.model_dump(mode="json"),
        "comments": [comment.model_dump(mode="json") for comment in here.comments],
    }
