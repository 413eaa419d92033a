"""Declared outputs, data sets and received values, read from calls in Python cells."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from phtlab.notebook.cell import Cell
from phtlab.notebook.declared_output import (
    NAME,
    NAME_RULE,
    WORDS,
    DeclaredOutput,
    declare,
    is_none,
    require_filled_in,
    text_of,
    with_columns,
)
from phtlab.notebook.declared_received import WORDS as RECEIVE_WORDS
from phtlab.notebook.declared_received import DeclaredReceived, declare_received
from phtlab.notebook.finding import Finding, error, warning
from phtlab.notebook.fix import TO_FILL_IN, Fix, add_arguments
from phtlab.notebook.magic import Python
from phtlab.notebook.missing_declarations import Publication, missing_declarations
from phtlab.notebook.origins import Origins

_READ = ("publish", "dataset", "receive")
_IN_SANDBOX = (*_READ, "__version__")
_MODULES = ("phtlab", "phtlab.runtime")


# Position among alternatives: each `if`, conditional expression or `match` around a call, and the
# index of its branch.
Branch = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class _Call:
    cell: int
    line: int
    word: str
    node: ast.Call
    branch: Branch


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
    modules, words = _aliases([tree for _, tree in trees])
    findings: list[Finding] = []
    calls: list[_Call] = []
    for cell, tree in trees:
        reader = _Calls(cell.number, modules, words)
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
    outputs: dict[str, list[tuple[_Call, DeclaredOutput]]] = {}
    published: list[Publication] = []
    datasets: dict[str, None] = {}
    received: dict[str, tuple[_Call, DeclaredReceived]] = {}
    for call in calls:
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
            value = _arguments(call).get("value")
            published.append(Publication(output, call.cell, call.node, value, source))
        except _RefusedError as refused:
            findings.append(refused.finding)
    travelling = {cell.number: tree for cell, tree in trees if cell.is_in_train}
    reading = {id(call.node) for call in calls if call.word == "dataset"}
    origins = Origins.of(list(travelling.values()), lambda node: id(node) in reading)
    findings.extend(missing_declarations(published, origins, travelling))
    declared = tuple(group[0][1] for group in outputs.values() if group)
    findings.extend(_unmatched(received, published))
    values = tuple(value for _, value in received.values())
    return Declarations(declared, tuple(datasets), values, tuple(findings))


def _unmatched(
    received: Mapping[str, tuple[_Call, DeclaredReceived]], published: Sequence[Publication]
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


def _source_of(call: _Call, cell: Cell, python: Python) -> str:
    """Return the text that the call was parsed from; empty if a magic changed it."""
    lines = slice(call.line - 1, call.node.end_lineno)
    same = cell.source.split("\n")[lines] == python.source.split("\n")[lines]
    return python.source if same else ""


class _RefusedError(Exception):
    def __init__(self, code: str, call: _Call, why: str, fix: Fix | None = None) -> None:
        super().__init__(why)
        self.finding = error(
            code, f"cell {call.cell}, line {call.line}: {why}", call.cell, call.line, fix
        )


def _aliases(trees: Sequence[ast.Module]) -> tuple[set[str], dict[str, str]]:
    """Return the names of the module (`p` in `import phtlab as p`), and of its functions."""
    modules: set[str] = set()
    words: dict[str, str] = {}
    for node in (inner for tree in trees for inner in ast.walk(tree)):
        if isinstance(node, ast.Import):
            modules |= {a.asname or "phtlab" for a in node.names if a.name in _MODULES}
        elif isinstance(node, ast.ImportFrom) and node.module in _MODULES and not node.level:
            words |= {a.asname or a.name: a.name for a in node.names}
    return modules, words


class _Calls(ast.NodeVisitor):
    """Collects calls of phtlab's functions in one cell, each with its enclosing branches."""

    def __init__(self, cell: int, modules: set[str], words: Mapping[str, str]) -> None:
        self.cell = cell
        self.calls: list[_Call] = []
        self.findings: list[Finding] = []
        self._modules = modules
        self._words = words
        self._branch: Branch = ()

    def _function_name(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return self._words.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = _dotted(node.value)
            if owner in self._modules or (owner in _MODULES and "phtlab" in self._modules):
                return node.attr
        return None

    def visit_Call(self, node: ast.Call) -> None:
        name = self._function_name(node.func)
        if name in _READ:
            self.calls.append(_Call(self.cell, node.lineno, name, node, self._branch))
        else:
            self.visit(node.func)
        for argument in (*node.args, *node.keywords):
            self.visit(argument)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._reference(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._reference(node)
        self.visit(node.value)

    def _reference(self, node: ast.Name | ast.Attribute) -> None:
        name = self._function_name(node)
        if name in _READ:
            self.findings.append(
                error(
                    f"{name}-indirect",
                    f"cell {self.cell}, line {node.lineno}: '{name}' is passed on without being "
                    "called. Outputs and data sets are found by reading the calls, before "
                    f'anything runs: call {name}("name", …) where it is used.',
                    self.cell,
                    node.lineno,
                )
            )
        elif name is not None and name not in _IN_SANDBOX and name != "runtime":
            self.findings.append(
                error(
                    "not-in-sandbox",
                    f"cell {self.cell}, line {node.lineno}: phtlab.{name} does not exist at a "
                    "station, where only phtlab.dataset, phtlab.receive and phtlab.publish do. "
                    "Use it in a local or aggregate cell.",
                    self.cell,
                    node.lineno,
                )
            )

    def _alternatives(self, node: ast.AST, bodies: Sequence[Sequence[ast.AST]]) -> None:
        outer = self._branch
        for index, body in enumerate(bodies):
            self._branch = (*outer, (id(node), index))
            for inner in body:
                self.visit(inner)
        self._branch = outer

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        self._alternatives(node, [node.body, node.orelse])

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.visit(node.test)
        self._alternatives(node, [[node.body], [node.orelse]])

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        self._alternatives(node, [[case] for case in node.cases])


def _dotted(node: ast.expr) -> str | None:
    """Return a dotted name, such as `phtlab.runtime`; None for anything but names and dots."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := _dotted(node.value)):
        return f"{owner}.{node.attr}"
    return None


def _arguments(call: _Call) -> dict[str, ast.expr]:
    node = call.node
    if any(isinstance(a, ast.Starred) for a in node.args) or any(
        k.arg is None for k in node.keywords
    ):
        raise _RefusedError(
            "output-computed",
            call,
            f"{call.word} is called with * or **. Write its arguments out, so that the train's "
            "manifest knows them before anything runs.",
        )
    words = RECEIVE_WORDS if call.word == "receive" else WORDS
    return dict(zip(words, node.args, strict=False)) | {
        cast(str, k.arg): k.value for k in node.keywords
    }


def _dataset(call: _Call) -> str:
    name = text_of(_arguments(call).get("name"))
    if name is None:
        raise _RefusedError(
            "dataset-computed",
            call,
            'the data set\'s name is computed. Write it out, as in dataset("heart"): a station '
            "must know what a train reads before it runs.",
        )
    if not NAME.fullmatch(name):
        raise _RefusedError("dataset-name", call, f"'{name}' is not a data set's name. {NAME_RULE}")
    return name


def _note_received(
    call: _Call, source: str, received: dict[str, tuple[_Call, DeclaredReceived]]
) -> None:
    """Add what a `receive` call declares; `source` is its cell's text, if known."""

    def refuse(code: str, why: str) -> Exception:
        lacking = code == "receive-default" and "default" not in given
        fill_in = {"default": TO_FILL_IN}
        fix = add_arguments(source, call.node, fill_in) if source and lacking else None
        return _RefusedError(code, call, why, fix)

    given = _arguments(call)
    declared = declare_received(given, refuse)
    _, before = received.setdefault(declared.name, (call, declared))
    if before != declared:
        raise refuse(
            "receive-twice",
            f"'{declared.name}' is received twice, and declared differently. Give both calls the "
            "same arrays=, lowest= and highest=.",
        )


def _output(call: _Call) -> DeclaredOutput:
    given = _arguments(call)
    name = text_of(given.get("name"))
    if name is None:
        raise _RefusedError(
            "output-computed",
            call,
            'the output\'s name is computed. Write it out, as in publish("counts", …), so that '
            "the train's manifest knows it before anything runs.",
        )

    def refuse(code: str, why: str) -> Exception:
        return _RefusedError(code, call, why)

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
    call: _Call, output: DeclaredOutput, before: Sequence[tuple[_Call, DeclaredOutput]]
) -> None:
    """Refuse a name that is published twice, unless in exclusive branches and declared alike."""
    for other, declared in before:
        if declared == output and other.cell == call.cell and _exclusive(other, call):
            continue
        where = f"line {other.line}" if other.cell == call.cell else f"cell {other.cell}"
        if declared != output and other.cell == call.cell and _exclusive(other, call):
            why = f"here with another kind or counts than in {where}. Make them the same."
        else:
            why = f"here and in {where}. Give each output its own name."
        raise _RefusedError("output-twice", call, f"'{output.name}' is published {why}")


def _exclusive(call: _Call, other: _Call) -> bool:
    branches = dict(call.branch)
    return any(branches.get(node, index) != index for node, index in other.branch)


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
