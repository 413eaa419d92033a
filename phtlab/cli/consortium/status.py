"""`phtlab consortium status` and `show`: staged changes, missing signatures, members, images."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phtlab.cli.consortium.folder import DirectoryOption, open_consortium
from phtlab.cli.terminal.output import JsonOption, out, print_json

if TYPE_CHECKING:
    from phtlab.consortium.consortium import Consortium
    from phtlab.consortium.view import Signing
    from phtlab.trust_store.root import RootSigning, Threshold

ROOT_NOTICE = timedelta(days=30)
ROSTER_NOTICE = timedelta(days=7)


def status(directory: DirectoryOption = Path(), as_json: JsonOption = False) -> None:
    """Show what is staged, who has signed it, who must still sign, and what expires when."""
    consortium = open_consortium(directory)
    if as_json:
        print_json(_status(consortium))
        return
    root, signing = consortium.root_signing, consortium.signing
    changes = consortium.changes() if consortium.unsigned_changes else ()
    out.print("Staged:" if changes else "Nothing is staged.", markup=False)
    for change in changes:
        out.print(f"  {change}", markup=False)
    if root is not None:
        for line in _root_lines(root):
            out.print(line, markup=False)
    if consortium.unsigned_changes:
        for line in _roster_lines(consortium, signing):
            out.print(line, markup=False)
    elif signing is not None:
        out.print(f"{'roster':<10}{progress(signing)}", markup=False)
    for warning in warnings(consortium, datetime.now(UTC)):
        out.print(f"{'warning':<10}{warning}", markup=False)


def show(directory: DirectoryOption = Path(), as_json: JsonOption = False) -> None:
    """Show officers, members, kernel images, and who has signed the roster."""
    consortium = open_consortium(directory)
    if as_json:
        print_json(_status_json(consortium))
        return
    out.print(f"{'consortium':<14}{consortium.name}", markup=False)
    out.print(f"{'root':<14}{consortium.fingerprint}", markup=False)
    officers = ", ".join(consortium.officers)
    out.print(f"{'officers':<14}{officers} ({consortium.threshold} must sign)", markup=False)
    signing = consortium.signing
    state = progress(signing) if signing else "Nobody has signed a roster yet."
    if consortium.unsigned_changes and (signing is None or signing.complete):
        state += " There are changes that are not signed."
    out.print(f"{'roster':<14}{state}", markup=False)
    for member in consortium.roster.members:
        organisation = f", {member.organisation}" if member.organisation else ""
        out.print(
            f"{'member':<14}{member.name} ({', '.join(member.roles)}){organisation}", markup=False
        )
        out.print(f"{'':<14}{member.keys.fingerprint}", markup=False)
    for former in consortium.roster.former:
        name = former.member.name
        out.print(f"{'former':<14}{name}, until version {former.until}", markup=False)
        out.print(f"{'':<14}{former.member.keys.fingerprint}", markup=False)
    for image in consortium.catalogue.images:
        out.print(f"{'kernel':<14}{image.name} ({image.language})", markup=False)
        out.print(f"{'':<14}{image.digest}", markup=False)


def warnings(consortium: Consortium, now: datetime) -> list[str]:
    """Return warnings about a root or roster that expires soon, with what to do.

    The root warns within 30 days; the roster within 7 days or a quarter of its lifetime, if less.
    """
    lines = []
    signing = consortium.signing
    if consortium.founded:
        remaining = consortium.root_expires - now
        if remaining < ROOT_NOTICE:
            lines.append(
                f"The root {_ends(consortium.root_expires, remaining)}. Stage the next with "
                "'phtlab consortium renew-root', sign it and publish."
            )
    if signing is not None and signing.complete:
        remaining = signing.expires - now
        # A roster valid for a month warns in its last week; one valid for a week, in its last two
        # days.
        if remaining < min(ROSTER_NOTICE, consortium.lifetimes.targets / 4):
            lines.append(
                f"The roster {_ends(signing.expires, remaining)}. Sign it again and publish: "
                "'phtlab consortium sign --officer NAME'."
            )
    return lines


def _ends(expires: datetime, remaining: timedelta) -> str:
    when = f"{expires:%Y-%m-%d %H:%M} UTC"
    if remaining <= timedelta(0):
        return f"has expired on {when}"
    days, hours = remaining.days, remaining.seconds // 3600
    return f"expires in {f'{days} days' if days else f'{hours} hours'}, on {when}"


def _root_lines(root: RootSigning) -> list[str]:
    if root.version == 1:
        return [f"{'root 1':<10}{_quorum(root.new)}"]
    return [
        f"{f'root {root.version}':<10}of the officers before: {_quorum(root.old)}",
        f"{'':<10}of the officers after: {_quorum(root.new)}",
    ]


def _roster_lines(consortium: Consortium, signing: Signing | None) -> list[str]:
    pending = consortium.folder.pending()
    if signing is None or pending is None:
        everyone = ", ".join(consortium.officers)
        return [f"{'roster':<10}signed by nobody; {consortium.threshold} must sign, of {everyone}"]
    signed = ", ".join(signing.signed_by) or "nobody"
    missing = max(signing.needed - len(signing.signed_by), 0)
    rest = f"; {missing} more must sign, of {', '.join(signing.waiting)}" if missing else ""
    return [f"{'roster':<10}version {signing.version} signed by {signed}{rest}"]


def _quorum(quorum: Threshold) -> str:
    signed = ", ".join(quorum.signed_by) or "nobody"
    if not quorum.missing:
        return f"signed by {signed}, enough"
    return f"signed by {signed}; {quorum.missing} more must sign, of {', '.join(quorum.waiting)}"


def _status(consortium: Consortium) -> dict[str, Any]:
    root, signing = consortium.root_signing, consortium.signing
    return {
        "staged": consortium.changes() if consortium.unsigned_changes else (),
        "root": None
        if root is None
        else {
            "version": root.version,
            "old": _quorum_json(root.old),
            "new": _quorum_json(root.new),
            "complete": root.complete,
        },
        "roster": None if signing is None else signing_json(signing),
        "warnings": warnings(consortium, datetime.now(UTC)),
    }


def _quorum_json(quorum: Threshold) -> dict[str, Any]:
    return {"signed_by": quorum.signed_by, "waiting": quorum.waiting, "needed": quorum.needed}


def _status_json(consortium: Consortium) -> dict[str, Any]:
    signing = consortium.signing
    return {
        "name": consortium.name,
        "root": {
            "file": str(consortium.directory / "root.json"),
            "fingerprint": consortium.fingerprint,
        },
        "officers": list(consortium.officers),
        "threshold": consortium.threshold,
        "signing": signing_json(signing) if signing else None,
        "unsigned_changes": consortium.unsigned_changes,
        "members": [
            {
                "name": member.name,
                "organisation": member.organisation,
                "roles": list(member.roles),
                "fingerprint": member.keys.fingerprint,
            }
            for member in consortium.roster.members
        ],
        "former": [
            {
                "name": former.member.name,
                "until": former.until,
                "fingerprint": former.member.keys.fingerprint,
            }
            for former in consortium.roster.former
        ],
        "images": [image.model_dump(mode="json") for image in consortium.catalogue.images],
    }


def signing_json(signing: Signing) -> dict[str, Any]:
    return {
        "version": signing.version,
        "signed_by": list(signing.signed_by),
        "needed": signing.needed,
        "complete": signing.complete,
        "expires": signing.expires.isoformat(),
    }


def progress(signing: Signing) -> str:
    signers = ", ".join(signing.signed_by) or "nobody"
    if signing.complete:
        return (
            f"Version {signing.version} is signed by {signers}; it holds until "
            f"{signing.expires:%Y-%m-%d %H:%M} UTC."
        )
    sentence = f"Version {signing.version} is signed by {signers}"
    missing = max(signing.needed - len(signing.signed_by), 0)
    sentence += f"; {missing} more must sign." if missing else "."
    root = signing.root
    if root is None or root.complete:
        return sentence
    if root.version == 1:
        return f"{sentence} For the first root, {root.new.missing} more must sign."
    lacking = [f"{root.old.missing} more of the officers before"] if root.old.missing else []
    lacking += [f"{root.new.missing} more of those after"] if root.new.missing else []
    return f"{sentence} For root {root.version}, {' and '.join(lacking)} must sign."
