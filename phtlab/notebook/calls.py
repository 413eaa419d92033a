"""Calls of phtlab's functions in Python cells, found by reading them."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from phtlab.notebook.cell import Cell
from phtlab.notebook.declared_output import WORDS
from phtlab.notebook.declared_received import WORDS as RECEIVE_WORDS
from phtlab.notebook.finding import Finding, error
from phtlab.notebook.fix import Fix

COMBINE_WORDS = ("updates", "report", "send", "finish")
"""phtlab's functions for combine cells."""
KEEP_WORDS = ("keep", "kept")
"""phtlab's functions for round cells alone."""
_NAMED = ("publish", "dataset", "receive")
_AT_STATIONS = (*_NAMED, *KEEP_WORDS)
_READ = (*_AT_STATIONS, *COMBINE_WORDS)
_ARGUMENTS = {"receive": RECEIVE_WORDS, "updates": ("name",)}
_MODULES = ("phtlab", "phtlab.runtime")

# Position among alternatives: each `if`, conditional expression or `match` around a call, and the
# index of its branch.
Branch = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Call:
    """A call of phtlab's function `word`, and where it is."""

    cell: int
    line: int
    word: str
    node: ast.Call
    branch: Branch


class RefusedCallError(Exception):
    """A call that cannot be read, as the finding to report."""

    def __init__(self, code: str, call: Call, why: str, fix: Fix | None = None) -> None:
        super().__init__(why)
        self.finding = error(
            code, f"cell {call.cell}, line {call.line}: {why}", call.cell, call.line, fix
        )


def phtlab_names(trees: Sequence[ast.Module]) -> tuple[set[str], dict[str, str]]:
    """Return the names of the module (`p` in `import phtlab as p`), and of its functions."""
    modules: set[str] = set()
    words: dict[str, str] = {}
    for node in (inner for tree in trees for inner in ast.walk(tree)):
        if isinstance(node, ast.Import):
            modules |= {a.asname or "phtlab" for a in node.names if a.name in _MODULES}
        elif isinstance(node, ast.ImportFrom) and node.module in _MODULES and not node.level:
            words |= {a.asname or a.name: a.name for a in node.names}
    return modules, words


class CallReader(ast.NodeVisitor):
    """Collects calls of phtlab's functions in one cell, each with its enclosing branches."""

    def __init__(self, cell: Cell, modules: set[str], words: Mapping[str, str]) -> None:
        self.cell = cell.number
        self._combine = cell.role == "combine"
        self.calls: list[Call] = []
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
            if name in _AT_STATIONS if self._combine else name in COMBINE_WORDS:
                self._unavailable(name, node.lineno)
            self.calls.append(Call(self.cell, node.lineno, name, node, self._branch))
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
        if name is not None and name in (COMBINE_WORDS if self._combine else _NAMED):
            self._passed_on(name, node.lineno)
        elif name in KEEP_WORDS and not self._combine:
            pass  # the train's manifest does not name what is kept
        elif name is not None and name not in ("__version__", "runtime"):
            self._unavailable(name, node.lineno)

    def _passed_on(self, name: str, line: int) -> None:
        where = f"cell {self.cell}, line {line}: '{name}' is passed on without being called."
        if self._combine:
            found = error(
                "combine-indirect",
                f"{where} What combine cells read and send is found by reading the calls, before "
                f"anything runs: call phtlab.{name}(…) where it is used.",
                self.cell,
                line,
            )
        else:
            found = error(
                f"{name}-indirect",
                f"{where} Outputs and data sets are found by reading the calls, before "
                f'anything runs: call {name}("name", …) where it is used.',
                self.cell,
                line,
            )
        self.findings.append(found)

    def _unavailable(self, name: str, line: int) -> None:
        where = f"cell {self.cell}, line {line}: phtlab.{name}"
        if self._combine:
            found = error(
                "combine-call",
                f"{where} is not for combine cells, which call phtlab.updates, phtlab.report, "
                "phtlab.send and phtlab.finish alone. Use it in a "
                f"{'round' if name in _AT_STATIONS else 'local or aggregate'} cell.",
                self.cell,
                line,
            )
        else:
            found = error(
                "not-in-sandbox",
                f"{where} does not exist at a station, where only phtlab.dataset, phtlab.receive, "
                "phtlab.publish, phtlab.keep and phtlab.kept do. Use it in a "
                f"{'combine' if name in COMBINE_WORDS else 'local or aggregate'} cell.",
                self.cell,
                line,
            )
        self.findings.append(found)

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


def arguments_of(call: Call) -> dict[str, ast.expr]:
    """Return the call's arguments by name. Raises RefusedCallError if * or ** hides any."""
    node = call.node
    if any(isinstance(a, ast.Starred) for a in node.args) or any(
        k.arg is None for k in node.keywords
    ):
        raise RefusedCallError(
            "output-computed",
            call,
            f"{call.word} is called with * or **. Write its arguments out, so that the train's "
            "manifest knows them before anything runs.",
        )
    words = _ARGUMENTS.get(call.word, WORDS)
    return dict(zip(words, node.args, strict=False)) | {
        cast(str, k.arg): k.value for k in node.keywords
    }


def are_exclusive(call: Call, other: Call) -> bool:
    """Whether at most one of two calls of a cell is made, as in the branches of an `if`."""
    branches = dict(call.branch)
    return any(branches.get(node, index) != index for node, index in other.branch)
