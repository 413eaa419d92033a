"""`phtlab station proposals`: list and show proposals, and ask about them."""

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

app = typer.Typer(help="Show the proposals that name this station, and ask questions about them.")
ProposalArgument = Annotated[
    str, typer.Argument(help="The proposal, or the first characters of its name.")
]


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
    found = StationProposals(station.folder.proposals)
    proposals_here = list(found)
    for name, error in found.unreadable().items():
        err.print(f"{name}: {error.message} {error.hint}", markup=False)
    if as_json:
        print_json(
            [_view(proposal, proposal_state(proposal, station)) for proposal in proposals_here]
        )
        return
    if not proposals_here:
        err.print(f"No proposal has named {station.name} yet.", markup=False)
        return
    table = Table("proposal", "version", "state", "researcher", "title", "until", box=None)
    for proposal in proposals_here:
        newest = proposal.newest.proposal
        cells = (
            proposal.id,
            str(newest.version),
            proposal_state(proposal, station),
            newest.researcher,
        )
        table.add_row(*map(Text, (*cells, newest.title, f"{newest.until:%Y-%m-%d}")))
    out.print(table)


@app.command()
def show(
    proposal: ProposalArgument,
    by: ByOption = None,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a proposal's newest version, the changes in it, and its comments.

    The researcher sees that the proposal is in review at this station.
    """
    from phtlab.governance.difference import differences
    from phtlab.governance.resources import resources_lines
    from phtlab.notebook.parameters import describe
    from phtlab.printable import escaped_lines
    from phtlab.station.approvals.decisions import begin_review, proposal_state
    from phtlab.station.approvals.proposals import StationProposals
    from phtlab.station.context.station_context import StationContext

    station = StationContext(*station_at(directory))
    station_proposal = StationProposals(station.folder.proposals).find(proposal)
    begin_review(station, station_proposal.id, by=person(by))
    state = proposal_state(station_proposal, station)
    if as_json:
        print_json(_view(station_proposal, state))
        return
    newest = station_proposal.newest
    newest_proposal = newest.proposal
    rounds = newest_proposal.rounds
    data = ", ".join(
        dataset.name + (f" ({', '.join(dataset.columns)})" if dataset.columns else "")
        for dataset in newest_proposal.datasets
    )
    bounds = "; ".join(
        f"{name} {describe(declared)}"
        for name, declared in newest_proposal.parameters["properties"].items()
    )
    for key, value in (
        ("proposal", station_proposal.id),
        ("state", state),
        ("version", f"{newest_proposal.version}, {newest.digest}"),
        ("researcher", newest_proposal.researcher),
        ("title", newest_proposal.title),
        ("question", newest_proposal.question),
        ("legal ground", newest_proposal.legal_ground),
        ("data", data),
        ("stations", ", ".join(newest_proposal.stations)),
        ("parameters", bounds or "not bounded"),
        ("journeys", str(newest_proposal.journeys)),
        ("handed on", ", ".join(newest_proposal.handed_on) or "nothing"),
        *(("rounds", line) for line in (rounds.lines() if rounds else ("none",))),
        *(("resources", line) for line in resources_lines(newest_proposal.resources)),
        ("until", f"{newest_proposal.until:%Y-%m-%d %H:%M} UTC"),
        ("risk", f"{newest_proposal.risk}, says its researcher"),
        *(("because", reason) for reason in newest_proposal.reasons),
        *(("notebook", notebook) for notebook in newest_proposal.notebooks),
        *(("kernel image", image) for image in newest_proposal.images),
    ):
        out.print(f"{key:<14}{escaped_lines(str(value)).strip()}", markup=False)
    if len(versions := station_proposal.versions) > 1:
        for part in differences(versions[-2].proposal, versions[-1].proposal):
            for line in part.lines:
                changed = f"{line.mark} {part.heading}: {escaped_lines(line.text)}"
                out.print(changed, markup=False)
    for comment in station_proposal.comments:
        out.print(f"{comment.author} said {escaped_lines(comment.text).strip()}", markup=False)
    if state == "waits":
        option = "" if directory is None else f" -C {directory}"
        read = f"--version {newest.digest[7:19]}"
        print_next_steps(
            f"phtlab station approve {station_proposal.id} {read}{option}",
            f'phtlab station proposals ask {station_proposal.id} "…"{option}',
            f'phtlab station refuse {station_proposal.id} {read} --reason "…"{option}',
            first="it waits for your decision.",
        )


@app.command()
def ask(
    proposal: ProposalArgument,
    text: Annotated[str, typer.Argument(help="The question; the researcher reads it.")],
    by: ByOption = None,
    directory: DirectoryOption = None,
) -> None:
    """Ask the researcher a question about a proposal."""
    from phtlab.station.approvals import decisions
    from phtlab.station.context.station_context import StationContext

    station = StationContext(*station_at(directory))
    decisions.comment(station, proposal, text, by=person(by))
    err.print("The daemon brings the question to the researcher.", markup=False)


def _view(station_proposal: StationProposal, state: str) -> dict[str, Any]:
    return {
        "id": station_proposal.id,
        "state": state,
        "digest": station_proposal.newest.digest,
        **station_proposal.newest.proposal.model_dump(mode="json"),
        "comments": [comment.model_dump(mode="json") for comment in station_proposal.comments],
    }
