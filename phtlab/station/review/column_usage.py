"""Data sets and columns that Python cells use, as far as static analysis can find.

Names are followed from `phtlab.dataset("heart")` through assignments, as a set: a name refers to
every data set from which a value assigned to the name was computed. A declared column counts as
used if it is named on a value computed from its data set. Where a whole table is passed on, or a
key is computed, the report says so: then any column may be used.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from phtlab.station.review.examination import DataUsage, without_halves

_Trees = Sequence[tuple[int, ast.Module]]

# Methods and attributes of a table that expose no column, or only columns named beside them.
_NEUTRAL: Final = frozenset(
    {
        *("agg", "aggregate", "assign", "at", "copy", "crosstab", "drop", "drop_duplicates"),
        *("dropna", "duplicated", "empty", "eval", "filter", "groupby", "head", "index", "isin"),
        *("isna", "isnull", "join", "loc", "melt", "merge", "nlargest", "notna", "nsmallest"),
        *("pivot", "pivot_table", "query", "rename", "reset_index", "sample", "set_index"),
        *("shape", "sort_index", "sort_values", "tail", "where"),
    }
)
_HARMLESS: Final = frozenset({"len", "isinstance", "type", "id", "bool"})
_MASKS: Final = (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Call)
_ROUNDS: Final = 8


@dataclass
class _Seen:
    columns: dict[str, None] = field(default_factory=dict)
    whole: dict[str, None] = field(default_factory=dict)
    untold: dict[str, None] = field(default_factory=dict)


def find_column_usage(trees: _Trees, columns: Mapping[str, Sequence[str]]) -> tuple[DataUsage, ...]:
    """Return the data sets that the cells (number, tree) open, in order, with the usage of each.

    `columns` are the declared columns by data set; a data set without an entry has no known
    columns.
    """
    names = _Names(trees)
    seen: dict[str, _Seen] = {name: _Seen() for name in names.opened}
    for cell, tree in trees:
        for node in ast.walk(tree):
            _visit_node(node, cell, names, columns, seen)
    return tuple(
        DataUsage(
            name=name,
            columns=tuple(found.columns),
            whole=tuple(found.whole),
            untold=tuple(found.untold),
        )
        for name, found in seen.items()
    )


def find_mentioned_columns(
    trees: _Trees, columns: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """Return the declared columns whose names occur anywhere in the cells, by data set."""
    words = {name for _, tree in trees for node in ast.walk(tree) for name in _identifiers(node)}
    found = {
        name: tuple(column for column in declared if column in words)
        for name, declared in columns.items()
    }
    return {name: those for name, those in found.items() if those}


class _Names:
    """The data sets of each name: every possible origin (`sources`), or whole tables (`tables`)."""

    def __init__(self, trees: _Trees) -> None:
        self._modules: set[str] = set()
        self._openers: set[str] = set()
        self.sources: dict[str, set[str]] = {}
        self.tables: dict[str, set[str]] = {}
        self.opened: dict[str, None] = {}
        nodes = [node for _, tree in trees for node in ast.walk(tree)]
        for node in nodes:
            self._import(node)
        for node in nodes:
            if (name := self.opens(node)) is not None:
                self.opened[name] = None
        assigned = [pair for node in nodes for pair in _assigned(node)]
        for _ in range(_ROUNDS):
            before = sum(map(len, self.sources.values())) + sum(map(len, self.tables.values()))
            for target, value in assigned:
                self.sources.setdefault(target, set()).update(self.of(value))
                self.tables.setdefault(target, set()).update(self.table(value))
            after = sum(map(len, self.sources.values())) + sum(map(len, self.tables.values()))
            if after == before:
                break

    def _import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            self._modules |= {
                a.asname or a.name.split(".")[0]
                for a in node.names
                if a.name.split(".")[0] == "phtlab"
            }
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "phtlab":
            self._openers |= {a.asname or a.name for a in node.names if a.name == "dataset"}

    def opens(self, node: ast.AST) -> str | None:
        """Return the data set that `node` opens, or None if `node` is no such call."""
        if not isinstance(node, ast.Call):
            return None
        named = [keyword.value for keyword in node.keywords if keyword.arg == "name"]
        function, first = node.func, next(iter([*node.args, *named]), None)
        is_opener = (isinstance(function, ast.Name) and function.id in self._openers) or (
            isinstance(function, ast.Attribute)
            and function.attr == "dataset"
            and any(isinstance(n, ast.Name) and n.id in self._modules for n in ast.walk(function))
        )
        if is_opener and isinstance(first, ast.Constant) and isinstance(first.value, str):
            return str(without_halves(first.value))
        return None

    def of(self, node: ast.AST) -> set[str]:
        """Return every data set from which `node` may be computed."""
        found: set[str] = set()
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name):
                found |= self.sources.get(inner.id, set())
            elif (name := self.opens(inner)) is not None:
                found.add(name)
        return found

    def table(self, node: ast.AST) -> set[str]:
        """Return the data sets of which `node` may be a table with all columns."""
        if isinstance(node, ast.Name):
            return self.tables.get(node.id, set())
        if (name := self.opens(node)) is not None:
            return {name}
        if isinstance(node, ast.Subscript) and isinstance(node.slice, _MASKS):
            return self.table(node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            same = ("copy", "dropna", "head", "tail", "sample", "query", "sort_values", "where")
            more = ("assign", "reset_index", "drop_duplicates", "drop", "rename", "sort_index")
            return self.table(node.func.value) if node.func.attr in (*same, *more) else set()
        if isinstance(node, ast.IfExp):
            return self.table(node.body) | self.table(node.orelse)
        return set()


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    pairs: list[tuple[ast.AST, ast.AST]] = []
    match node:
        case ast.Assign(targets=targets, value=value):
            pairs = [(target, value) for target in targets]
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            pairs = [(target, value)]
        case ast.AugAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
            pairs = [(target, value)]
        case ast.For() | ast.AsyncFor() | ast.comprehension():
            pairs = [(node.target, node.iter)]
        case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
            pairs = [(target, value)]
    for written, made_of in pairs:
        for inner in ast.walk(written):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                yield inner.id, made_of


def _visit_node(
    node: ast.AST,
    cell: int,
    names: _Names,
    columns: Mapping[str, Sequence[str]],
    seen: Mapping[str, _Seen],
) -> None:
    if isinstance(node, ast.Attribute):
        for name in names.of(node.value):
            if node.attr in columns.get(name, ()):
                seen[name].columns[node.attr] = None
        for name in names.table(node.value):
            if node.attr not in columns.get(name, ()) and node.attr not in _NEUTRAL:
                seen[name].whole[f".{node.attr} (cell {cell}, line {node.lineno})"] = None
    elif isinstance(node, ast.Subscript):
        _visit_key(node, cell, names, columns, seen)
    elif isinstance(node, ast.Call):
        for name in names.of(node):
            _name_columns(node, name, columns, seen)
        called = node.func.id if isinstance(node.func, ast.Name) else None
        if called not in _HARMLESS:
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                for name in names.table(argument):
                    given = f"given to {_called(node)} (cell {cell}, line {node.lineno})"
                    seen[name].whole[given] = None
    elif kept := _kept_in(node):
        for name in {name for value in kept for name in names.table(value)}:
            line = getattr(node, "lineno", 0)
            seen[name].whole[f"kept or given back as a whole (cell {cell}, line {line})"] = None
    elif isinstance(node, (ast.For, ast.comprehension)):
        line = getattr(node.iter, "lineno", 0)
        for name in names.table(node.iter):
            seen[name].whole[f"its columns one by one (cell {cell}, line {line})"] = None


def _kept_in(node: ast.AST) -> list[ast.expr]:
    """Return the values that `node` puts where they are not followed: into a list, for example."""
    match node:
        case ast.List(elts=values, ctx=ast.Load()) | ast.Tuple(elts=values, ctx=ast.Load()):
            return values
        case ast.Set(elts=values):
            return values
        case ast.Dict(values=values):
            return values
        case ast.Return(value=ast.expr() as value) | ast.Yield(value=ast.expr() as value):
            return [value]
        case ast.Assign(targets=targets, value=value):
            plain = all(isinstance(target, (ast.Name, ast.Tuple, ast.List)) for target in targets)
            return [] if plain else [value]
        case _:
            return []


def _visit_key(
    node: ast.Subscript,
    cell: int,
    names: _Names,
    columns: Mapping[str, Sequence[str]],
    seen: Mapping[str, _Seen],
) -> None:
    for name in names.of(node.value):
        _name_columns(node.slice, name, columns, seen)
    for name in names.table(node.value):
        if not _is_known(node.slice) and not names.of(node.slice):
            seen[name].untold[f"a computed key (cell {cell}, line {node.lineno})"] = None


def _is_known(key: ast.expr) -> bool:
    """Return whether `key` is a literal, or selects rows."""
    if isinstance(key, (ast.List, ast.Tuple)):
        return all(map(_is_known, key.elts))
    return isinstance(key, (ast.Constant, ast.Slice, ast.Compare, ast.BoolOp, ast.UnaryOp))


def _name_columns(
    node: ast.AST,
    name: str,
    columns: Mapping[str, Sequence[str]],
    seen: Mapping[str, _Seen],
) -> None:
    words = {name for inner in ast.walk(node) for name in _identifiers(inner)}
    for column in columns.get(name, ()):
        if column in words:
            seen[name].columns[column] = None


def _identifiers(node: ast.AST) -> set[str]:
    """Return the identifiers in a string, an attribute or a keyword."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value[:10_000]
        marks = "".join(c if c.isalnum() or c == "_" else " " for c in text)
        return {text, *marks.split()}
    if isinstance(node, ast.Attribute):
        return {node.attr}
    if isinstance(node, ast.keyword) and node.arg is not None:
        return {node.arg}
    return set()


def _called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Name):
        return f"{function.id}()"
    return f".{function.attr}()" if isinstance(function, ast.Attribute) else "a call"
