"""Declared outputs, data sets and received values, read from calls in Python cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from phtlab.notebook.calls import (
    COMBINE_WORDS,
    KEEP_WORDS,
    Call,
    CallReader,
    RefusedCallError,
    are_exclusive,
    arguments_of,
    phtlab_names,
)
from phtlab.notebook.cell import Cell
from phtlab.notebook.declared_output import (
    NAME,
    NAME_RULE,
    DeclaredOutput,
    declare,
    is_none,
    require_filled_in,
    text_of,
    with_columns,
)
from phtlab.notebook.declared_received import DeclaredReceived, declare_received
from phtlab.notebook.finding import Finding, error, warning
from phtlab.notebook.fix import TO_FILL_IN, add_arguments
from phtlab.notebook.magic import Python
from phtlab.notebook.missing_declarations import Publication, missing_declarations
from phtlab.notebook.origins import Origins
from phtlab.notebook.round_findings import check_defaults, check_kept, check_rounds


@dataclass(frozen=True)
class Declarations:
    """What a train's cells declare by their calls: outputs, data sets and received values."""

    outputs: tuple[DeclaredOutput, ...]
    datasets: tuple[str, ...]
    received: tuple[DeclaredReceived, ...]
    findings: tuple[Finding, ...]


def read_outputs(cells: Sequence[Cell], parsed: Mapping[int, Python]) -> Declarations:
    """Return what the calls in the train's Python cells declare, and findings."""
    trees = [
        (cell, python.tree)
        for cell in cells
        if (python := parsed.get(cell.number)) is not None and python.tree is not None
    ]
    modules, words = phtlab_names([tree for _, tree in trees])
    findings: list[Finding] = []
    calls: list[Call] = []
    for cell, tree in trees:
        reader = CallReader(cell, modules, words)
        reader.visit(tree)
        if cell.is_in_train:
            calls.extend(reader.calls)
            findings.extend(reader.findings)
        elif cell.role == "local":
            findings.extend(
                warning(
                    "publish-local",
                    f"cell {cell.number} publishes, but it is local and does not travel. "
                    "Mark it as 'station', or remove the call.",
                    cell.number,
                    call.line,
                )
                for call in reader.calls
                if call.word == "publish"
            )
    outputs: dict[str, list[tuple[Call, DeclaredOutput]]] = {}
    published: list[Publication] = []
    datasets: dict[str, None] = {}
    received: dict[str, tuple[Call, DeclaredReceived]] = {}
    at_stations = [call for call in calls if cells[call.cell - 1].runs_at_stations]
    for call in at_stations:
        if call.word in COMBINE_WORDS or call.word in KEEP_WORDS:
            continue  # with a finding where it does not belong
        try:
            if call.word == "dataset":
                datasets[_dataset(call)] = None
                continue
            if call.word == "receive":
                source = _source_of(call, cells[call.cell - 1], parsed[call.cell])
                _note_received(call, source, received)
                continue
            output = _output(call)
            before = outputs.setdefault(output.name, [])
            _check_again(call, output, before)
            before.append((call, output))
            source = _source_of(call, cells[call.cell - 1], parsed[call.cell])
            value = arguments_of(call).get("value")
            published.append(Publication(output, call.cell, call.node, value, source))
        except RefusedCallError as refused:
            findings.append(refused.finding)
    travelling = {cell.number: tree for cell, tree in trees if cell.runs_at_stations}
    reading = {id(call.node) for call in calls if call.word == "dataset"}
    origins = Origins.of(list(travelling.values()), lambda node: id(node) in reading)
    findings.extend(missing_declarations(published, origins, travelling))
    findings.extend(check_kept(cells, at_stations))
    declared = tuple(group[0][1] for group in outputs.values() if group)
    if any(cell.role in ("round", "combine") for cell in cells):
        names = [output.name for output in declared]
        first = {name: call for name, (call, _) in received.items()}
        findings.extend(check_rounds(cells, calls, published, names, first))
        findings.extend(check_defaults(first, [(c, tree) for c, tree in trees if c.is_in_train]))
    else:
        findings.extend(_unmatched(received, published))
    values = tuple(value for _, value in received.values())
    return Declarations(declared, tuple(datasets), values, tuple(findings))


def _unmatched(
    received: Mapping[str, tuple[Call, DeclaredReceived]], published: Sequence[Publication]
) -> Iterator[Finding]:
    """Yield a finding for each value that is received and not handed on, or the other way round."""
    handed_on: dict[str, Publication] = {}
    for publication in published:
        if publication.output.to != "researcher":
            handed_on.setdefault(publication.output.name, publication)
    for name, (call, _) in received.items():
        if name not in handed_on:
            yield error(
                "receive-unpublished",
                f"cell {call.cell}, line {call.line}: '{name}' is received, and no station cell "
                f'hands it on. Publish it with publish("{name}", …, to="next").',
                call.cell,
                call.line,
            )
    for name in sorted(set(handed_on) - set(received)):
        cell, line = handed_on[name].cell, handed_on[name].line
        yield error(
            "output-unreceived",
            f"cell {cell}, line {line}: '{name}' is handed on to the next station, and no "
            f'station cell receives it. Add receive("{name}", default=…) to a station cell, or '
            "leave out to=.",
            cell,
            line,
        )


def _source_of(call: Call, cell: Cell, python: Python) -> str:
    """Return the text that the call was parsed from; empty if a magic changed it."""
    lines = slice(call.line - 1, call.node.end_lineno)
    same = cell.source.split("\n")[lines] == python.source.split("\n")[lines]
    return python.source if same else ""


def _dataset(call: Call) -> str:
    name = text_of(arguments_of(call).get("name"))
    if name is None:
        raise RefusedCallError(
            "dataset-computed",
            call,
            'the data set\'s name is computed. Write it out, as in dataset("heart"): a station '
            "must know what a train reads before it runs.",
        )
    if not NAME.fullmatch(name):
        raise RefusedCallError(
            "dataset-name", call, f"'{name}' is not a data set's name. {NAME_RULE}"
        )
    return name


def _note_received(
    call: Call, source: str, received: dict[str, tuple[Call, DeclaredReceived]]
) -> None:
    """Add what a `receive` call declares; `source` is its cell's text, if known."""

    def refuse(code: str, why: str) -> Exception:
        lacking = code == "receive-default" and "default" not in given
        fill_in = {"default": TO_FILL_IN}
        fix = add_arguments(source, call.node, fill_in) if source and lacking else None
        return RefusedCallError(code, call, why, fix)

    given = arguments_of(call)
    declared = declare_received(given, refuse)
    _, before = received.setdefault(declared.name, (call, declared))
    if before != declared:
        raise refuse(
            "receive-twice",
            f"'{declared.name}' is received twice, and declared differently. Give both calls the "
            "same arrays=, lowest= and highest=.",
        )


def _output(call: Call) -> DeclaredOutput:
    given = arguments_of(call)
    name = text_of(given.get("name"))
    if name is None:
        raise RefusedCallError(
            "output-computed",
            call,
            'the output\'s name is computed. Write it out, as in publish("counts", …), so that '
            "the train's manifest knows it before anything runs.",
        )

    def refuse(code: str, why: str) -> Exception:
        return RefusedCallError(code, call, why)

    require_filled_in(name, given, refuse)
    output = declare(
        name,
        text_of(given["kind"]) if "kind" in given else "table",
        "counts" in given and not is_none(given["counts"]),
        text_of(given.get("counts")),
        refuse,
    )
    return with_columns(output, given, refuse)


def _check_again(
    call: Call, output: DeclaredOutput, before: Sequence[tuple[Call, DeclaredOutput]]
) -> None:
    """Refuse a name that is published twice, unless in exclusive branches and declared alike."""
    for other, declared in before:
        if declared == output and other.cell == call.cell and are_exclusive(other, call):
            continue
        where = f"line {other.line}" if other.cell == call.cell else f"cell {other.cell}"
        if declared != output and other.cell == call.cell and are_exclusive(other, call):
            why = f"here with another kind or counts than in {where}. Make them the same."
        else:
            why = f"here and in {where}. Give each output its own name."
        raise RefusedCallError("output-twice", call, f"'{output.name}' is published {why}")


def undeclared(outputs: Sequence[DeclaredOutput], cells: Sequence[Cell]) -> Iterator[Finding]:
    """Yield a finding if no cell would run at a station, or none publishes an output."""
    if not any(cell.role in ("station", "round") for cell in cells):
        yield error(
            "no-station-cell",
            "no cell is marked as 'station', so nothing would run at a station. Add the tag "
            "'station' to the cells that shall travel.",
        )
    elif not outputs:
        yield warning(
            "no-output",
            "no station cell publishes anything, so a journey would bring nothing back. "
            'Add phtlab.publish("name", value) to a station cell.',
        )
