"""`phtlab station output`: the outputs that the airlock holds for a person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from phtlab.cli.station.folder import DirectoryOption, station_at
from phtlab.cli.station.person import ByOption, person
from phtlab.cli.terminal.output import JsonOption, err, out, print_json, print_next_steps
from phtlab.errors import StationError

if TYPE_CHECKING:
    from phtlab.station.context.station_context import StationContext
    from phtlab.station.release.held_outputs import Choice, HeldStop
    from phtlab.station.release.output_view import OutputView, TableView

app = typer.Typer(
    no_args_is_help=True,
    help="View, release and withhold outputs that the airlock holds for a decision.",
)

JourneyArgument = Annotated[
    str, typer.Argument(help="The journey, or the first characters of its digest.")
]
OutputArgument = Annotated[
    str | None, typer.Argument(help="The output; optional if only one waits.")
]
_DONE = {"hold": "held by", "suppress": "rows suppressed by", "pass": "noted by"}
ReasonOption = Annotated[
    str,
    typer.Option(
        help="The reason, in one line. It stays at the station; the researcher cannot read it."
    ),
]


@app.command("list")
def list_(directory: DirectoryOption = None, as_json: JsonOption = False) -> None:
    """List the outputs that the airlock holds for a person, the longest held first."""
    from phtlab.station.release import held_outputs

    station = _station(directory)
    held = held_outputs.held_stops(station)
    if as_json:
        print_json({"station": station.name, "held": [_listed(stop) for stop in held]})
        return
    if not held:
        err.print(f"No output waits for a person at {station.name}.", markup=False)
        return
    table = Table("journey", "train", "researcher", "output", "why", "until (UTC)", box=None)
    for stop in held:
        for output in stop.undecided:
            row = (stop.stop.hex[:12], stop.train, stop.researcher, output.name)
            until = f"{stop.waiting.until:%Y-%m-%d %H:%M}"
            table.add_row(*map(Text, (*row, output.verdict.rule, until)))
    out.print(table)
    first = next(iter(held))
    print_next_steps(
        f"phtlab station output show {first.stop.hex[:12]}{_directory_option(directory)}"
    )


@app.command()
def show(
    journey: JourneyArgument,
    output: OutputArgument = None,
    by: ByOption = None,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one held output as it would leave, and why it is held."""
    from phtlab.station.release import held_outputs
    from phtlab.station.release.waiting import folder_of

    station = _station(directory)
    held = held_outputs.held_stop(station.stops.find(journey))
    name = _output(held, output)
    view = held_outputs.view_output(station, held.stop, name, by=person(by))
    if as_json:
        print_json(_output_json(view))
        return
    out.print(f"{name} ({view.kind}) of {held.train}, asked by {held.researcher}", markup=False)
    for finding in view.findings:
        out.print(f"{_DONE[finding.action]} {finding.rule}: {finding.sentence}", markup=False)
        for line in finding.detail:
            out.print(f"  {line}", markup=False)
    for vote in view.words:
        out.print(f"{vote.by} would {_vote_sentence(vote)}: {vote.reason}", markup=False)
    if view.table is not None:
        out.print(_table(view.table))
    if view.kind == "scalar":
        out.print(f"value {view.value}", markup=False)
    for tensor in view.tensors:
        span = "" if tensor.least is None else f", {tensor.least:g} to {tensor.greatest:g}"
        shape = " × ".join(map(str, tensor.shape)) or "one number"
        out.print(f"  {tensor.name}: {shape} ({tensor.type}{span})", markup=False)
    for file in view.files:
        path = folder_of(held.stop) / file.path
        out.print(f"file {path} ({file.size} bytes, {file.sha256})", markup=False)
    # Whoever viewed the output votes on it.
    option, short = f"{_by(by)}{_directory_option(directory)}", held.stop.hex[:12]
    print_next_steps(
        f'phtlab station output release {short} {name} --reason "…"{option}',
        *[f'phtlab station output release {short} {name} --without-row N --reason "…"{option}']
        * (view.kind == "table"),
        f'phtlab station output withhold {short} {name} --reason "…"{option}',
        first="it waits for your decision.",
    )


@app.command()
def release(
    journey: JourneyArgument,
    reason: ReasonOption,
    output: OutputArgument = None,
    without_row: Annotated[
        list[int] | None,
        typer.Option(help="Suppress this row of the table, counted from 1. May be repeated."),
    ] = None,
    without_cell: Annotated[
        list[str] | None,
        typer.Option(
            help="Suppress this cell of the table: ROW:COLUMN, such as 3:n. May be repeated."
        ),
    ] = None,
    by: ByOption = None,
    directory: DirectoryOption = None,
) -> None:
    """Release a held output, whole or without rows and cells of a table."""
    from phtlab.station.release.votes import Redaction

    choice: Choice = "release"
    if without_row or without_cell:
        cells = tuple(map(_cell, without_cell or ()))
        choice = Redaction(rows=tuple(without_row or ()), cells=cells)
    _decide(journey, output, choice, by, reason, directory)


@app.command()
def withhold(
    journey: JourneyArgument,
    reason: ReasonOption,
    output: OutputArgument = None,
    by: ByOption = None,
    directory: DirectoryOption = None,
) -> None:
    """Withhold a held output. The researcher learns which rule held it."""
    _decide(journey, output, "refuse", by, reason, directory)


def _decide(
    journey: str,
    output: str | None,
    choice: Choice,
    by: str | None,
    reason: str,
    directory: Path | None,
) -> None:
    from phtlab.station.release import held_outputs

    station = _station(directory)
    held = held_outputs.held_stop(station.stops.find(journey))
    name = _output(held, output)
    outcomes = held_outputs.decide(station, held.stop, {name: choice}, by=person(by), reason=reason)
    outcome = outcomes[name]
    if outcome is None:
        err.print(f"Recorded. Another person has to agree before '{name}' leaves.", markup=False)
        print_next_steps(
            f"phtlab station output show {held.stop.hex[:12]} {name} --by NAME"
            f"{_directory_option(directory)}"
        )
        return
    done = {"release": "released", "part": "released in part", "refuse": "withheld"}
    err.print(f"{station.name} {done[outcome.choice]} '{name}'.", markup=False)
    if undecided := held.undecided:
        names = ", ".join(output.name for output in undecided)
        err.print(f"The stop goes on once you have decided on {names} too.", markup=False)


def _station(directory: Path | None) -> StationContext:
    from phtlab.station.context.station_context import StationContext

    return StationContext(*station_at(directory))


def _output(held: HeldStop, given: str | None) -> str:
    if given is not None:
        return given
    names = [output.name for output in held.undecided]
    if len(names) == 1:
        return names[0]
    waits = f"{', '.join(names)} wait" if names else "none of its outputs waits any more"
    raise StationError(f"Name the output: {waits}.", code="not-held")


def _cell(given: str) -> tuple[int, str]:
    row, _, column = given.partition(":")
    if not row.isdecimal() or not column:
        raise StationError(
            f"'{given}' names no cell: write ROW:COLUMN, such as 3:n.", code="release-cell"
        )
    return int(row), column


def _vote_sentence(vote: Any) -> str:
    from phtlab.station.release.votes import choice_sentence

    return choice_sentence(vote)


def _table(view: TableView) -> Table:
    table = Table("row", box=None)
    for column in view.columns:
        table.add_column(Text(column))
    for number, row in enumerate(view.rows, start=1):
        cells = ("" if cell is None else str(cell) for cell in row)
        table.add_row(str(number), *map(Text, cells))
    return table


def _listed(stop: HeldStop) -> dict[str, Any]:
    return {
        "journey": stop.stop.journey,
        "train": stop.train,
        "researcher": stop.researcher,
        "since": stop.since.isoformat(),
        "until": stop.waiting.until.isoformat(),
        "persons": stop.waiting.persons,
        "outputs": [
            {"name": output.name, "kind": output.verdict.kind, "rule": output.verdict.rule}
            for output in stop.undecided
        ],
    }


def _output_json(view: OutputView) -> dict[str, Any]:
    return {
        "name": view.name,
        "kind": view.kind,
        "rule": view.rule,
        "sentence": view.sentence,
        "findings": list(view.findings),
        "files": list(view.files),
        "words": list(view.words),
        "persons": view.persons,
        "columns": list(view.table.columns) if view.table else None,
        "rows": [list(row) for row in view.table.rows] if view.table else None,
        "value": view.value,
        "tensors": [
            {"name": tensor.name, "type": tensor.type, "shape": list(tensor.shape)}
            for tensor in view.tensors
        ],
    }


def _by(by: str | None) -> str:
    return "" if by is None else f" --by {by}"


def _directory_option(directory: Path | None) -> str:
    return "" if directory is None else f" -C {directory}"
