"""`phtlab proposal`: propose a study to stations, and see their answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from phtlab.cli.terminal.output import JsonOption, err, out, print_json, print_next_steps

if TYPE_CHECKING:
    from phtlab.governance.difference import Difference

app = typer.Typer(
    help="Propose a study to stations, version by version, and read their answers.",
    no_args_is_help=True,
)

DraftFile = Annotated[
    Path, typer.Argument(help="A draft that 'phtlab proposal new' wrote.", metavar="DRAFT")
]
ProposalName = Annotated[
    str,
    typer.Argument(
        help="The proposal, or the first characters of its name, p-….", metavar="PROPOSAL"
    ),
]


@app.command()
def new(
    notebook: Annotated[Path, typer.Argument(help="The notebook.", metavar="NOTEBOOK")],
    file: Annotated[
        Path | None,
        typer.Option("--out", help="File to write the draft to. Default: beside the notebook."),
    ] = None,
) -> None:
    """Write a draft for NOTEBOOK: data sets, columns, bounds and risk come from the notebook."""
    import phtlab

    path = phtlab.connect().proposals.new(notebook, file)
    err.print(f"Wrote {path}. Fill in what is empty there.", markup=False)
    out.print(str(path), markup=False)
    print_next_steps(f"phtlab proposal check {path}")


@app.command()
def check(draft: DraftFile, as_json: JsonOption = False) -> None:
    """Check DRAFT, and show what its next version requests. Sends nothing."""
    import phtlab
    from phtlab.governance.difference import differences, proposal_lines

    proposal, versions = phtlab.connect().proposals.check(draft)
    if as_json:
        print_json(proposal)
        return
    out.print(f"{proposal.id}, version {proposal.version}", markup=False)
    if versions:
        _print_differences(list(differences(versions[-1], proposal)))
    else:
        for heading, lines in proposal_lines(proposal).items():
            out.print(heading, markup=False)
            for line in lines:
                out.print(f"  {line}", markup=False)
    print_next_steps(f"phtlab proposal submit {draft}")


@app.command()
def submit(draft: DraftFile, as_json: JsonOption = False) -> None:
    """Sign DRAFT as the next version, and send it to the stations that it names."""
    import phtlab

    submitted = phtlab.connect().proposals.submit(draft)
    if as_json:
        print_json(submitted.view)
        return
    names = ", ".join(station.station for station in submitted.stations)
    version = submitted.view.summary.version
    err.print(f"Submitted version {version} to {names}. The proposal:", markup=False)
    out.print(submitted.id)
    print_next_steps(f"phtlab proposal show {submitted.id}")


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """List your proposals, last changed first, and the drafts in this folder."""
    import phtlab
    from phtlab.lab.proposals.draft import drafts_in
    from phtlab.wire.proposal_words import count_of_approved, mark_of

    found = phtlab.connect().proposals.list()
    drafts = drafts_in(Path(), {summary.id for summary in found})
    if as_json:
        print_json({"proposals": found, "drafts": {path.name: id_ for path, id_ in drafts}})
        return
    if not found and not drafts:
        err.print("There is no proposal yet.")
        print_next_steps("phtlab proposal new NOTEBOOK")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("proposal", "title", "version", "state", "until", "stations"):
        # Never break the name: people copy it to the next command.
        table.add_column(heading, no_wrap=heading == "proposal", overflow="fold")
    for summary in found:
        stations = "\n".join(f"{mark_of(s)} {s.station}" for s in summary.stations)
        state = f"{summary.state.replace('-', ' ')}, {count_of_approved(summary.stations)}"
        words = (summary.id, summary.title, str(summary.version), state)
        table.add_row(*map(Text, (*words, f"{summary.until:%Y-%m-%d}", stations)))
    for path, name in drafts:
        table.add_row(*map(Text, (name, path.name, "", "draft", "", "")))
    out.print(table)


@app.command()
def show(proposal: ProposalName, as_json: JsonOption = False) -> None:
    """Show a proposal: its newest version, the stations' signed answers, and the comments."""
    import phtlab

    found = phtlab.connect().proposals.get(proposal)
    if as_json:
        print_json(found.view)
    else:
        out.print(found.text(), markup=False)


@app.command()
def diff(
    proposal: ProposalName,
    older: Annotated[
        int | None,
        typer.Option(
            "--from", help="The older version. Default: the version before the newer one."
        ),
    ] = None,
    newer: Annotated[
        int | None, typer.Option("--to", help="The newer version. Default: the newest version.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what changed between two versions."""
    import phtlab

    found = phtlab.connect().proposals.get(proposal).differences(older, newer)
    if as_json:
        print_json(
            {
                part.heading: [{"mark": line.mark, "text": line.text} for line in part.lines]
                for part in found
            }
        )
    else:
        _print_differences(found)


@app.command()
def comment(
    proposal: ProposalName,
    text: Annotated[str, typer.Argument(help="The comment, such as an answer to a question.")],
) -> None:
    """Comment on a proposal, for its stations and the officers."""
    import phtlab

    phtlab.connect().proposals.get(proposal).comment(text)
    err.print("Said.")


@app.command()
def withdraw(
    proposal: ProposalName,
    reason: Annotated[str, typer.Option(help="The reason, for the stations.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Withdraw a proposal permanently."""
    import phtlab

    found = phtlab.connect().proposals.get(proposal)
    if not yes:
        title = found.newest().title
        typer.confirm(f"Withdraw '{title}' ({found.id}), for good?", abort=True, err=True)
    found.withdraw(reason)
    err.print(f"Withdrawn: {found.id}. Nothing more can be sent under it.", markup=False)


def _print_differences(found: list[Difference]) -> None:
    if not found:
        err.print("Nothing changed.")
    colours = {"-": "red", "+": "green", " ": ""}
    for part in found:
        out.print(part.heading, markup=False)
        for line in part.lines:
            out.print(Text(f"  {line.mark} {line.text}", style=colours[line.mark]))
