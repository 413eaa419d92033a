"""`phtlab station approve`, `refuse`, `revoke` and `approvals`: people decide what may run."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from phtlab.cli.station.folder import DirectoryOption, station_at
from phtlab.cli.station.person import ByOption, person
from phtlab.cli.terminal.output import JsonOption, err, out, print_json, print_next_steps
from phtlab.errors import ApprovalError
from phtlab.printable import escaped

if TYPE_CHECKING:
    from pathlib import Path

    from phtlab.station.approvals.decisions import VoteResult
    from phtlab.station.approvals.proposals import Version
    from phtlab.station.approvals.terms import ApprovalRequest
    from phtlab.station.context.station_context import StationContext
    from phtlab.station.stops.stop import Stop

TargetArgument = Annotated[
    str,
    typer.Argument(help="A held journey or a proposal (p-…), or the first characters of its name."),
]
DaysOption = Annotated[
    int | None,
    typer.Option(
        help="Days until the approval expires. Default: when the journey's order expires; for a "
        "rule, when the proposal ends."
    ),
]
BoundOption = Annotated[
    list[str] | None,
    typer.Option(
        "--bound",
        help="Narrower parameters, as min_age=18..65 or outcome=any,severe. May be repeated.",
    ),
]
NoteOption = Annotated[str, typer.Option(help="A note of one line, signed with the approval.")]
VersionOption = Annotated[
    str | None,
    typer.Option(
        "--version",
        help="For a proposal: the digest of the version that you read, or at least its first 12 "
        "characters, as 'phtlab station proposals show' prints it. Default: a prompt.",
    ),
]
ShowOption = Annotated[
    bool, typer.Option("--show", help="Only show the terms that would be signed; decide nothing.")
]


def approve(
    target: TargetArgument,
    by: ByOption = None,
    days: DaysOption = None,
    bound: BoundOption = None,
    note: NoteOption = "",
    version: VersionOption = None,
    show: ShowOption = False,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve a held journey's train, or in a proposal what the study's own trains need.

    Approving a proposal approves a rule: for low-risk trains or, if the study's trains are of a
    higher risk, for trains of the notebook that the proposal names.

    The command shows what is signed; a vote on a proposal is for the version that you read. If the
    policy requires two persons, the first vote waits for another person's. The daemon signs the
    approval and starts what it allows.
    """
    from phtlab.station.approvals.terms import ApprovalRequest

    request = ApprovalRequest(bounds=_bounds(bound), days=days, note=note)
    _approve(directory, target, person(by), request, version, show=show, as_json=as_json)


def approve_rule(
    target: TargetArgument,
    low_risk: Annotated[
        bool,
        typer.Option(
            "--low-risk", help="Approve the researcher's trains of low risk within the proposal."
        ),
    ] = False,
    notebook: Annotated[
        str | None,
        typer.Option(
            help="Approve trains of the notebook with this digest (sha256:…) within the proposal."
        ),
    ] = None,
    this_notebook: Annotated[
        bool,
        typer.Option(
            "--this-notebook", help="Approve trains of the notebook of this held journey."
        ),
    ] = False,
    risk: Annotated[
        str | None,
        typer.Option(
            help="The highest risk of a notebook's trains: low, mid or high. Default: the risk "
            "that the researcher states for the study's own trains; at least mid if one of its "
            "kernel images is new at this station."
        ),
    ] = None,
    by: ByOption = None,
    days: DaysOption = None,
    bound: BoundOption = None,
    note: NoteOption = "",
    version: VersionOption = None,
    show: ShowOption = False,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Approve a rule within a proposal: trains that it allows start without a person.

    Give exactly one of --low-risk, --notebook and --this-notebook.
    """
    from phtlab.station.approvals.terms import ApprovalRequest

    if low_risk + (notebook is not None) + this_notebook != 1:
        raise ApprovalError(
            "Say which rule: --low-risk, --notebook DIGEST, or --this-notebook for a held journey.",
            code="approval-form",
        )
    if risk not in (None, "low", "mid", "high"):
        raise ApprovalError("--risk is low, mid or high.", code="approval-form")
    request = ApprovalRequest(
        scope="low-risk" if low_risk else "notebook",
        notebook=notebook,
        bounds=_bounds(bound),
        risk=risk,  # type: ignore[arg-type]
        days=days,
        note=note,
    )
    _approve(directory, target, person(by), request, version, show=show, as_json=as_json)


def refuse(
    target: TargetArgument,
    reason: Annotated[str, typer.Option(help="The reason; the researcher can read it.")] = "",
    version: VersionOption = None,
    by: ByOption = None,
    directory: DirectoryOption = None,
) -> None:
    """Refuse a held journey, or a version of a proposal."""
    from phtlab.station.approvals import decisions

    station = _station(directory)
    if _is_proposal(target) and version is None:
        _require_terminal(target)
        newest = _newest(station, target)
        proposal = newest.proposal
        version_text = f"version {proposal.version}, {newest.digest}"
        title = f"'{escaped(proposal.title)}' ({proposal.id}, {version_text})"
        typer.confirm(f"Refuse {title}?", abort=True, err=True)
        version = newest.digest
    decisions.refuse(station, target, by=person(by), reason=reason, version=version)
    err.print(f"{station.name} refused {_named(station, target)}.", markup=False)


def revoke(
    approval: Annotated[
        str, typer.Argument(help="The approval, or the first characters of its digest.")
    ],
    reason: Annotated[str, typer.Option(help="The reason; signed with the revocation.")] = "",
    stop_runs: Annotated[
        bool, typer.Option("--stop-runs", help="Also stop runs under this approval.")
    ] = False,
    by: ByOption = None,
    directory: DirectoryOption = None,
) -> None:
    """Revoke an approval, at once for what has not started."""
    from phtlab.station.approvals import decisions

    station = _station(directory)
    kept = decisions.revoke(station, approval, by=person(by), reason=reason, stop_runs=stop_runs)
    runs = "is stopped" if stop_runs else "goes on"
    err.print(
        f"{station.name} took the approval {kept.digest[7:19]} back. What runs under it {runs}.",
        markup=False,
    )


def approvals_list(directory: DirectoryOption = None, as_json: JsonOption = False) -> None:
    """List the approvals of this station, newest first, and which of them are active."""
    from phtlab.station.approvals import decisions
    from phtlab.station.approvals.store import Approvals
    from phtlab.station.approvals.terms import described

    station = _station(directory)
    approvals = decisions.list_approvals(station)
    if as_json:
        print_json(
            [
                {
                    "digest": listed.digest,
                    "state": listed.state,
                    "why": listed.why,
                    "lacks": listed.lacks,
                    **listed.approval.model_dump(mode="json"),
                }
                for listed in approvals
            ]
        )
        return
    if unreadable := Approvals(station.folder).unreadable():
        err.print(
            f"{station.folder.approvals} has files that are no approvals of a version that this "
            f"phtlab reads; they allow nothing: {', '.join(map(escaped, unreadable))}.",
            markup=False,
        )
    if not approvals:
        err.print(f"{station.name} has approved nothing yet.", markup=False)
        return
    table = Table("approval", "state", "until", "what", "by", box=None)
    for listed in approvals:
        cells = (
            listed.digest[7:19],
            listed.state,
            f"{listed.approval.expires:%Y-%m-%d}",
            described(listed.approval, listed.lacks),
            ", ".join(listed.approval.approvers),
        )
        table.add_row(*map(Text, cells))
    out.print(table)
    for why in dict.fromkeys(listed.why for listed in approvals if listed.state == "void"):
        err.print(f"void: {why}.", markup=False)


def pending(directory: DirectoryOption = None, as_json: JsonOption = False) -> None:
    """List what waits for a person: held journeys and proposals, oldest first."""
    from phtlab.station.approvals import decisions

    station = _station(directory)
    waiting = decisions.pending(station)
    if as_json:
        print_json([_pending_json(decision) for decision in waiting])
        return
    if not waiting:
        err.print(f"Nothing waits for a person at {station.name}.", markup=False)
        return
    table = Table(
        "waits", "version", "what", "researcher", "risk", "approved by", "missing", box=None
    )
    for decision in waiting:
        name = decision.id if decision.kind == "proposal" else decision.id[7:19]
        missing = max(0, decision.persons - len(decision.approvers))
        version = (decision.proposal or "")[7:19] if decision.kind == "proposal" else ""
        voters = ", ".join(decision.approvers) or "nobody"
        count = f"{missing} of {decision.persons}"
        # Narrow columns: only a sequential route has a place to tell.
        place = decision.route.removeprefix("sequential, ")
        title = f"{decision.title}, {place}" if place else decision.title
        cells = (name, version, title, decision.researcher, decision.risk, voters, count)
        table.add_row(*map(Text, cells))
    out.print(table)


def print_approval_terms(directory: Path | None, stop: Stop) -> None:
    """Print why a held journey waits for a person, who approved it already, and what to do."""
    from phtlab.station.approvals import decisions

    waiting = decisions.pending_journey(_station(directory), stop)
    out.print(f"{'risk':<12}{waiting.risk}", markup=False)
    for reason in (*waiting.reasons, waiting.why_not):
        if reason:
            out.print(f"{'because':<12}{reason}", markup=False)
    if waiting.approvers:
        out.print(
            f"{'approved by':<12}{', '.join(waiting.approvers)}; "
            f"it needs {waiting.persons} persons",
            markup=False,
        )
    option = "" if directory is None else f" -C {directory}"
    print_next_steps(
        f"phtlab station approve {stop.hex[:12]}{option}",
        f'phtlab station refuse {stop.hex[:12]} --reason "…"{option}',
        first="it waits for your decision.",
    )


def _approve(
    directory: Path | None,
    target: str,
    by: str,
    request: ApprovalRequest,
    version: str | None,
    *,
    show: bool,
    as_json: bool,
) -> None:
    from phtlab.station.airlock.capacity import bits_of_run
    from phtlab.station.approvals import decisions

    station = _station(directory)
    digest = None
    if show:
        preview = decisions.preview(station, target, by=by, request=request, version=version)
    else:
        if _is_proposal(target) and version is None:
            _require_terminal(target, as_json=as_json)
            version = _newest(station, target).digest
            preview = decisions.preview(station, target, by=by, request=request, version=version)
            _print_vote(preview, station)
            typer.confirm("Approve exactly this?", abort=True, err=True)
            digest = preview.sentence
        preview = decisions.approve(
            station, target, by=by, request=request, seen=digest, version=version
        )
    if as_json:
        print_json(
            {
                "sentence": preview.sentence,
                "approvers": preview.approvers,
                "persons": preview.persons,
                "missing": preview.missing,
                "decided": not show,
                "bits": bits_of_run(station.policy(), outputs=0),
            }
        )
        return
    if digest is None:
        _print_vote(preview, station)
    if not show:
        _print_next_votes(station, target, preview, directory, version)


def _print_vote(result: VoteResult, station: StationContext) -> None:
    from phtlab.station.airlock.capacity import capacity_sentence

    out.print(result.sentence, markup=False, highlight=False, soft_wrap=True)
    err.print(capacity_sentence(station.policy()), markup=False, highlight=False, soft_wrap=True)


def _require_terminal(target: str, *, as_json: bool = False) -> None:
    """Raise ApprovalError unless the terminal can ask which version of the proposal was read.

    A newer version may have arrived since, so a vote names the version.
    """
    if as_json or not sys.stdin.isatty():
        raise ApprovalError(
            f"Say which version of the proposal you read: --version DIGEST, as "
            f"'phtlab station proposals show {target}' prints it.",
            code="approval-version",
        )


def _newest(station: StationContext, target: str) -> Version:
    from phtlab.station.approvals.proposals import StationProposals

    return StationProposals(station.folder.proposals).find(target).newest


def _is_proposal(target: str) -> bool:
    return target.startswith("p-")


def _print_next_votes(
    station: StationContext,
    target: str,
    result: VoteResult,
    directory: Path | None,
    version: str | None,
) -> None:
    if result.missing:
        option = "" if directory is None else f" -C {directory}"
        read = "" if version is None else f" --version {version.removeprefix('sha256:')[:12]}"
        print_next_steps(
            f"phtlab station approve {target}{read}{option} --by PERSON",
            first=f"{' and '.join(result.approvers)} approved. "
            "It starts once another person did so too.",
        )
        return
    err.print(f"{station.name} approved {_named(station, target)}.", markup=False)


def _named(station: StationContext, target: str) -> str:
    if _is_proposal(target):
        return f"proposal {target}"
    return f"journey {station.stops.find(target).hex[:12]}"


def _bounds(given: list[str] | None) -> dict[str, str]:
    bounds = {}
    for text in given or ():
        named = re.fullmatch(r"([A-Za-z]\w*)=(.+)", text)
        if named is None:
            raise ApprovalError(
                f"'{text}' is no bound.",
                "Write NAME=LOW..HIGH, or NAME=one,other.",
                code="approval-bounds",
            )
        bounds[named[1]] = named[2]
    return bounds


def _pending_json(decision: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(decision), "since": decision.since.isoformat()}


def _station(directory: Path | None) -> StationContext:
    from phtlab.station.context.station_context import StationContext

    return StationContext(*station_at(directory))
