"""Declared outputs and data sets, found by reading `publish` and `dataset` calls in Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from phtlab.notebook.cell import Cell
from phtlab.notebook.finding import Finding, error, warning

OutputKind = Literal["table", "scalar", "figure", "model", "file"]
Statistic = Literal["max", "min", "quantile"]
KINDS: tuple[OutputKind, ...] = ("table", "scalar", "figure", "model", "file")
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_IN_SANDBOX = ("dataset", "publish", "__version__")
_MODULES = ("phtlab", "phtlab.runtime")


@dataclass(frozen=True)
class DeclaredOutput:
    """An output that station cells publish.

    `counts` names the column that counts people, in a table or in a figure's data; with any text
    a scalar is itself a count. Of a table, `by` names the columns that say which people a row is
    about, `total` one that sums up what each person contributes, and `largest` those of the
    largest contributions, which a station checks and takes out. `of` says that a scalar or a model
    comes with how many people it is of, `statistic` that a scalar is one person's value: the
    largest, the smallest, or a quantile. `tensors` names the arrays of a model.
    """

    name: str
    kind: OutputKind = "table"
    counts: str | None = None
    by: tuple[str, ...] = ()
    total: str | None = None
    largest: tuple[str, ...] = ()
    of: bool = False
    statistic: Statistic | None = None
    tensors: tuple[str, ...] = ()


# A position among alternatives: the `if`, `match` or `try` around a call, and which branch of it.
Branch = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class _Call:
    cell: int
    line: int
    word: str
    node: ast.Call
    branch: Branch


def read_outputs(
    cells: Sequence[Cell], trees: Mapping[int, ast.Module | None]
) -> tuple[tuple[DeclaredOutput, ...], tuple[str, ...], list[Finding]]:
    """What travelling Python cells publish, which data sets they read, and what is wrong."""
    parsed = [(cell, tree) for cell in cells if (tree := trees.get(cell.number)) is not None]
    modules, words = _aliases([tree for _, tree in parsed])
    findings: list[Finding] = []
    calls: list[_Call] = []
    for cell, tree in parsed:
        reader = _Calls(cell.number, modules, words)
        reader.visit(tree)
        if cell.travels:
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
    datasets: dict[str, None] = {}
    for call in calls:
        try:
            if call.word == "dataset":
                datasets[_dataset(call)] = None
                continue
            output = _output(call)
            before = outputs.setdefault(output.name, [])
            _check_again(call, output, before)
            before.append((call, output))
            findings.extend(uncounted(output, call.cell, call.line))
        except _RefusedError as refused:
            findings.append(refused.finding)
    declared = tuple(group[0][1] for group in outputs.values() if group)
    return declared, tuple(datasets), findings


class _RefusedError(Exception):
    def __init__(self, code: str, call: _Call, why: str) -> None:
        super().__init__(why)
        self.finding = error(
            code, f"cell {call.cell}, line {call.line}: {why}", call.cell, call.line
        )


def _aliases(trees: Sequence[ast.Module]) -> tuple[set[str], dict[str, str]]:
    """Names of the module (`p` in `import phtlab as p`), and of its functions."""
    modules: set[str] = set()
    words: dict[str, str] = {}
    for node in (inner for tree in trees for inner in ast.walk(tree)):
        if isinstance(node, ast.Import):
            modules |= {a.asname or "phtlab" for a in node.names if a.name in _MODULES}
        elif isinstance(node, ast.ImportFrom) and node.module in _MODULES and not node.level:
            words |= {a.asname or a.name: a.name for a in node.names}
    return modules, words


class _Calls(ast.NodeVisitor):
    """Calls of phtlab's functions in one cell, each with the branches that it stands in."""

    def __init__(self, cell: int, modules: set[str], words: Mapping[str, str]) -> None:
        self.cell = cell
        self.calls: list[_Call] = []
        self.findings: list[Finding] = []
        self._modules = modules
        self._words = words
        self._branch: Branch = ()

    def _word(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return self._words.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = _dotted(node.value)
            if owner in self._modules or (owner in _MODULES and "phtlab" in self._modules):
                return node.attr
        return None

    def visit_Call(self, node: ast.Call) -> None:
        word = self._word(node.func)
        if word in ("publish", "dataset"):
            self.calls.append(_Call(self.cell, node.lineno, word, node, self._branch))
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
        word = self._word(node)
        if word in ("publish", "dataset"):
            self.findings.append(
                error(
                    f"{word}-indirect",
                    f"cell {self.cell}, line {node.lineno}: '{word}' is passed on without being "
                    "called. Outputs and data sets are found by reading the calls, before "
                    f'anything runs: call {word}("name", …) where it is used.',
                    self.cell,
                    node.lineno,
                )
            )
        elif word is not None and word not in _IN_SANDBOX and word != "runtime":
            self.findings.append(
                error(
                    "not-in-sandbox",
                    f"cell {self.cell}, line {node.lineno}: phtlab.{word} does not exist at a "
                    "station, where only phtlab.dataset and phtlab.publish do. Use it in a local "
                    "or aggregate cell.",
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
    """`phtlab.runtime` for that attribute; None for anything but names and dots."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := _dotted(node.value)):
        return f"{owner}.{node.attr}"
    return None


def _arguments(call: _Call) -> dict[str, ast.expr]:
    order = (
        *("name", "value", "kind", "counts", "by", "total", "largest", "of"),
        *("statistic", "tensors"),
    )
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
    return dict(zip(order, node.args, strict=False)) | {
        cast(str, k.arg): k.value for k in node.keywords
    }


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _texts(node: ast.expr) -> tuple[str, ...]:
    """The texts of a literal text, tuple or list of texts; none if it is anything else."""
    parts = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
    found = [_text(part) for part in parts]
    return () if None in found else tuple(text for text in found if text)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _dataset(call: _Call) -> str:
    name = _text(_arguments(call).get("name"))
    if name is None:
        raise _RefusedError(
            "dataset-computed",
            call,
            'the data set\'s name is computed. Write it out, as in dataset("heart"): a station '
            "must know what a train reads before it runs.",
        )
    if not NAME.fullmatch(name):
        raise _RefusedError("dataset-name", call, f"'{name}' is not a data set's name. {_RULE}")
    return name


_RULE = (
    "A name is a lower-case letter, then lower-case letters, digits and underscores, at most 63."
)


def _output(call: _Call) -> DeclaredOutput:
    given = _arguments(call)
    name = _text(given.get("name"))
    if name is None:
        raise _RefusedError(
            "output-computed",
            call,
            'the output\'s name is computed. Write it out, as in publish("counts", …), so that '
            "the train's manifest knows it before anything runs.",
        )
    output = declare(
        name,
        _text(given["kind"]) if "kind" in given else "table",
        "counts" in given and not _is_none(given["counts"]),
        _text(given.get("counts")),
        lambda code, why: _RefusedError(code, call, why),
    )
    return _with_columns(output, given, call)


def _with_columns(
    output: DeclaredOutput, given: Mapping[str, ast.expr], call: _Call
) -> DeclaredOutput:
    """`output` with what the call says of a table's other columns."""
    of = "of" in given and not _is_none(given["of"])
    if of and (output.kind not in ("scalar", "model") or output.counts is not None):
        raise _RefusedError(
            "output-columns",
            call,
            f"'{output.name}' says of=, which only a model has, and a scalar that is no count "
            "itself.",
        )
    said = {
        word: given[word]
        for word in ("by", "total", "largest")
        if word in given and not _is_none(given[word])
    }
    found = {word: _texts(node) for word, node in said.items()}
    for word, names in found.items():
        if not names or len(set(names)) != len(names) or (word == "total" and len(names) != 1):
            raise _RefusedError(
                "output-columns",
                call,
                f"{word}= of '{output.name}' must be written out: "
                + ("the name of a column." if word == "total" else "the names of columns."),
            )
    if said and (output.kind != "table" or output.counts is None):
        raise _RefusedError(
            "output-columns",
            call,
            f"'{output.name}' says {', '.join(said)}=, which only a table with counts= has.",
        )
    if ("total" in said) != ("largest" in said):
        raise _RefusedError(
            "output-columns",
            call,
            f"'{output.name}' needs total= and largest= together: stations check a sum by the "
            "largest contributions to it.",
        )
    return replace(
        output,
        by=found.get("by", ()),
        total=found["total"][0] if "total" in found else None,
        largest=found.get("largest", ()),
        of=of,
        statistic=_statistic(output, given, call),
        tensors=_tensors(output, given, call),
    )


def _statistic(
    output: DeclaredOutput, given: Mapping[str, ast.expr], call: _Call
) -> Statistic | None:
    if "statistic" not in given or _is_none(given["statistic"]):
        return None
    found = _text(given["statistic"])
    if found not in get_args(Statistic) or output.kind != "scalar" or output.counts is not None:
        raise _RefusedError(
            "output-statistic",
            call,
            f"the statistic of '{output.name}' must be written out as one of "
            f"{', '.join(get_args(Statistic))}, of a scalar that is no count.",
        )
    return cast(Statistic, found)


def _tensors(output: DeclaredOutput, given: Mapping[str, ast.expr], call: _Call) -> tuple[str, ...]:
    if "tensors" not in given or _is_none(given["tensors"]):
        return ()
    found = _texts(given["tensors"])
    if not found or output.kind != "model" or len(set(found)) != len(found):
        raise _RefusedError(
            "output-tensors",
            call,
            f"the tensors of '{output.name}' must be written out: the names of a model's arrays, "
            'each once, such as tensors=["weights", "layer*.bias"].',
        )
    return found


def declare(
    name: str,
    kind: str | None,
    has_counts: bool,
    counts: str | None,
    refuse: Callable[[str, str], Exception],
) -> DeclaredOutput:
    """A declared output from what a call says; `refuse(code, why)` makes the exception to raise."""
    if not NAME.fullmatch(name):
        raise refuse("output-name", f"'{name}' is not an output's name. {_RULE}")
    if kind not in KINDS:
        raise refuse(
            "output-kind",
            f"the kind of '{name}' must be written out as one of {', '.join(KINDS)}.",
        )
    if has_counts and counts is None:
        raise refuse(
            "output-counts",
            f"the counts of '{name}' must be written out: the name of the column that holds "
            "the number of people in each row.",
        )
    if counts is not None and kind in ("model", "file"):
        raise refuse(
            "output-counts",
            f"'{name}' is a {kind}; only a table, a figure or a scalar has counts.",
        )
    return DeclaredOutput(name, kind, counts)


def _check_again(
    call: _Call, output: DeclaredOutput, before: Sequence[tuple[_Call, DeclaredOutput]]
) -> None:
    """A name may be published in alternative branches, where only one of them runs."""
    for other, declared in before:
        if declared == output and other.cell == call.cell and _exclusive(other, call):
            continue
        where = f"line {other.line}" if other.cell == call.cell else f"cell {other.cell}"
        if declared != output and other.cell == call.cell and _exclusive(other, call):
            why = f"here with another kind or counts than in {where}. Make them the same."
        else:
            why = f"here and in {where}. Give each output its own name."
        raise _RefusedError("output-twice", call, f"'{output.name}' is published {why}")


def _exclusive(one: _Call, other: _Call) -> bool:
    branches = dict(one.branch)
    return any(branches.get(node, index) != index for node, index in other.branch)


_DECLARE: Mapping[OutputKind, str] = {
    "table": 'which column counts people. If one does, say so with counts="…"',
    "figure": "how many people a point is about. Draw counts of groups, and say so with "
    'counts="y" (or the axis that counts)',
    "scalar": "how many people it is of. Say so with of=…, or with counts=… if it counts them",
    "model": "how many people it is of. Say so with of=…",
}


def uncounted(output: DeclaredOutput, cell: int, line: int) -> Iterator[Finding]:
    """An output of which nobody knows how many people it is about: stations ask a person."""
    if output.kind in _DECLARE and output.counts is None and not output.of:
        yield warning(
            "output-uncounted",
            f"cell {cell}, line {line}: the {output.kind} '{output.name}' does not say "
            f"{_DECLARE[output.kind]}. As it is, a person at each station looks at it before it "
            "leaves.",
            cell,
            line,
        )
    if output.statistic is not None:
        yield warning(
            "output-extreme",
            f"cell {cell}, line {line}: the scalar '{output.name}' is a single person's value "
            f"({output.statistic}), so at each station a person looks at it before it leaves. A "
            "mean, or a count of those beyond a limit, tells of no one.",
            cell,
            line,
        )


def undeclared(outputs: Sequence[DeclaredOutput], cells: Sequence[Cell]) -> Iterator[Finding]:
    """A notebook of which nothing travels, or that brings nothing back."""
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
