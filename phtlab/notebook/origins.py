"""Origins of the names in a train's cells, as far as reading can determine them.

A *frame* is a table, column or array with a row for each person: a data set, or what is selected
or computed from one row by row.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

_DEEPEST = 40
_SAME_ROWS = frozenset(
    {
        *("copy", "assign", "fillna", "astype", "sort_values", "sort_index", "reset_index"),
        *("set_index", "rename", "drop", "filter", "round", "clip", "abs", "map", "apply"),
        *("replace", "to_numpy", "where", "mask", "isin", "eq", "ne", "gt", "ge", "lt", "le"),
        *("between", "isna", "notna", "isnull", "notnull"),
    }
)
_FEWER_ROWS = frozenset(
    {*("query", "dropna", "head", "tail", "sample", "nlargest", "nsmallest", "drop_duplicates")}
)
_TRUTHS = frozenset(
    {*("isin", "eq", "ne", "gt", "ge", "lt", "le", "between"), *("isna", "notna", "isnull")}
) | {"notnull"}
_PLACES = frozenset({"loc", "iloc", "at", "iat"})
_NO_COLUMNS = _PLACES | {"shape", "size", "columns", "index", "dtypes", "dtype", "ndim"}
_ROW_BY_ROW = frozenset({*("asarray", "array", "log", "log1p", "sqrt", "exp", "abs", "sort")})
_NUMPY = ("np", "numpy")


@dataclass(frozen=True)
class Origins:
    """Single assignments of module-level names, and a test for calls that read a data set."""

    made: dict[str, ast.expr]
    reads: Callable[[ast.Call], bool]

    @classmethod
    def of(cls, trees: Sequence[ast.Module], reads: Callable[[ast.Call], bool]) -> Origins:
        """Collect from cells in order. A name that is bound more than once has no known origin."""
        bound = Counter(name for tree in trees for name in _bound(tree))
        made = {
            target.id: node.value
            for tree in trees
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name) and bound[target.id] == 1
        }
        return cls(made, reads)

    def behind(self, node: ast.expr) -> ast.expr:
        """Return the expression that the name `node` stands for, else `node`."""
        for _ in range(_DEEPEST):
            if not isinstance(node, ast.Name) or node.id not in self.made:
                break
            node = self.made[node.id]
        return node

    def is_frame(self, node: ast.AST, depth: int = 0) -> bool:
        """Whether `node` has one row per person."""
        return self._rows(node, depth) is not None

    def rows(self, node: ast.AST) -> ast.expr | None:
        """Return the shortest expression with the rows of the frame `node`; None for no frame."""
        return self._rows(node, 0)

    def _rows(self, node: ast.AST, depth: int) -> ast.expr | None:
        if depth > _DEEPEST:
            return None

        def rows(inner: ast.AST) -> ast.expr | None:
            return self._rows(inner, depth + 1)

        match node:
            case ast.Name(id=name):
                whole = rows(self.made[name]) if name in self.made else None
                # A frame with the rows of another name goes by that name, any other by its own.
                return whole if isinstance(whole, ast.Name) else node if whole else None
            case ast.Call() if self.reads(node):
                return node
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=method), args=[first]):
                if module in _NUMPY:
                    return rows(first) if method in _ROW_BY_ROW else None
            case ast.Call(func=ast.Name(id="sorted" | "list"), args=[first, *_]):
                return rows(first)
            case ast.Subscript(value=value, slice=index):
                return self._selected(node, value, index, rows)
            case ast.Attribute(value=value, attr=method):
                return None if method in _NO_COLUMNS else rows(value)
            case ast.UnaryOp(operand=operand):
                return rows(operand)
            case ast.BinOp(left=left_rows, right=right):
                return self._common([left_rows, right], rows)
            case ast.Compare(left=left_rows, comparators=others):
                return self._common([left_rows, *others], rows)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            inside = rows(node.func.value)
            if inside is None or node.func.attr in _SAME_ROWS:
                return inside
            return node if node.func.attr in _FEWER_ROWS else None
        return None

    def _selected(
        self,
        node: ast.Subscript,
        value: ast.expr,
        index: ast.expr,
        rows: Callable[[ast.AST], ast.expr | None],
    ) -> ast.expr | None:
        """Return the rows of a subscript.

        `frame["age"]` has the rows of `frame`, `frame[frame.age > 40]` its own.
        """
        placed = isinstance(value, ast.Attribute) and value.attr in _PLACES
        whole = rows(value.value if placed and isinstance(value, ast.Attribute) else value)
        if whole is None:
            return None
        texts = index.elts if isinstance(index, ast.List | ast.Tuple) else [index]
        if not placed and all(
            isinstance(text, ast.Constant) and isinstance(text.value, str) for text in texts
        ):
            return whole
        row = index.elts[0] if placed and isinstance(index, ast.Tuple) and index.elts else index
        if isinstance(row, ast.Slice) and row.lower is row.upper is row.step is None:
            return whole
        if isinstance(row, ast.Slice | ast.List) or rows(row) is not None:
            return node
        return None  # a single row

    @staticmethod
    def _common(
        nodes: Sequence[ast.expr], rows: Callable[[ast.AST], ast.expr | None]
    ) -> ast.expr | None:
        found = [matched for node in nodes if (matched := rows(node)) is not None]
        return found[0] if len({ast.dump(row) for row in found}) == 1 else None

    def is_truth(self, node: ast.expr) -> bool:
        """Whether the frame `node` holds a boolean for each person."""
        node = self.behind(node)
        match node:
            case ast.Compare():
                return True
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                return self.is_truth(operand)
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr(), left=first, right=right):
                return self.is_truth(first) and self.is_truth(right)
            case ast.Call(func=ast.Attribute(attr=method)):
                return method in _TRUTHS
        return False

    def frames_behind(self, node: ast.expr) -> tuple[ast.expr, ...]:
        """Return the rows of the frames that `node` is computed from, each once."""
        found: dict[str, ast.expr] = {}
        seen: set[str] = set()
        waiting: list[ast.AST] = [node]
        while waiting:
            inner = waiting.pop(0)
            rows = self.rows(inner)
            if rows is not None:
                found.setdefault(ast.dump(rows), rows)
                continue
            if isinstance(inner, ast.Name) and inner.id in self.made and inner.id not in seen:
                seen.add(inner.id)
                waiting.append(self.made[inner.id])
            waiting.extend(ast.iter_child_nodes(inner))
        return tuple(found.values())

    def names_behind(self, node: ast.expr) -> frozenset[str]:
        """Return the names that `node` is computed from, directly or through other names."""
        found: set[str] = set()
        waiting: list[ast.AST] = [node]
        while waiting:
            for inner in ast.walk(waiting.pop()):
                if isinstance(inner, ast.Name) and inner.id not in found:
                    found.add(inner.id)
                    if inner.id in self.made:
                        waiting.append(self.made[inner.id])
        return frozenset(found)


def _bound(tree: ast.Module) -> Iterator[str]:
    """Yield each binding of a name, in any scope."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name.split(".")[0]
