"""Module-level names that one cell uses, defines and deletes.

Code that runs at once is followed in Python's order of evaluation. Code that runs later, in
functions and lambdas, is resolved by Python's own symbol table, and may use any name that the
cells define anywhere.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

# Names that a cell has without defining them: Python's builtins and IPython's additions.
PRESENT = frozenset(dir(builtins)) | {
    *("__name__", "__doc__", "__builtins__", "__builtin__", "__spec__", "__loader__"),
    *("In", "Out", "exit", "quit", "get_ipython", "display", "_", "__", "___"),
    *("_i", "_ii", "_iii", "_ih", "_oh", "_dh"),
}


@dataclass
class CellNames:
    """The module-level names of one cell: name to the line of its first use or definition.

    `uses` are needed as the cell runs and not defined in it before; `later` are needed by functions
    that it defines; `removes` are deleted and not defined again.
    """

    uses: dict[str, int] = field(default_factory=dict)
    later: dict[str, int] = field(default_factory=dict)
    defines: dict[str, int] = field(default_factory=dict)
    removes: dict[str, int] = field(default_factory=dict)
    star: tuple[str, int] | None = None


def names_of(tree: ast.Module, source: str) -> CellNames:
    """Collect a cell's names in the order in which its statements run; `source` is its text."""
    reader = _Reader(source)
    for statement in tree.body:
        reader.visit(statement)
    return reader.names


class _Reader(ast.NodeVisitor):
    def __init__(self, source: str) -> None:
        self.names = CellNames()
        self._source = source
        self._defined: set[str] = set()
        self._bound: list[set[str]] = []  # names bound by the enclosing comprehensions
        self._depth = 0  # number of enclosing blocks

    # -- uses and bindings

    def _use(self, name: str, line: int) -> None:
        if name not in self._defined and not any(name in bound for bound in self._bound):
            self.names.uses.setdefault(name, line)

    def _define(self, name: str, line: int) -> None:
        self._defined.add(name)
        self.names.defines.setdefault(name, line)
        self.names.removes.pop(name, None)

    def _remove(self, name: str, line: int) -> None:
        self._use(name, line)
        # In a branch or a loop, the deletion may not happen, or the name may be defined again.
        if self._depth == 0:
            self._defined.discard(name)
            self.names.defines.pop(name, None)
            self.names.removes[name] = line

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._use(node.id, node.lineno)
        elif isinstance(node.ctx, ast.Store):
            self._define(node.id, node.lineno)
        else:
            self._remove(node.id, node.lineno)

    # -- statements that are not evaluated from left to right

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        self._visit_all(node.targets)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._use(node.target.id, node.lineno)
        self.visit(node.value)
        self.visit(node.target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)
            self.visit(node.target)
        elif not isinstance(node.target, ast.Name):
            self.visit(node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.visit(node.target)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                module = node.module if isinstance(node, ast.ImportFrom) else None
                self.names.star = (module or ".", node.lineno)
            else:
                self._define(alias.asname or alias.name.split(".")[0], node.lineno)

    visit_ImportFrom = visit_Import  # noqa: N815

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self.visit(node.target)
        self._block(node.body, node.orelse)

    visit_AsyncFor = visit_For  # noqa: N815

    def visit_If(self, node: ast.If | ast.While) -> None:
        self.visit(node.test)
        self._block(node.body, node.orelse)

    visit_While = visit_If  # noqa: N815

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self.visit(item.optional_vars)
        self._visit_all(node.body)

    visit_AsyncWith = visit_With  # noqa: N815

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        self._block(node.body)
        for handler in node.handlers:
            if handler.type is not None:
                self.visit(handler.type)
            before = handler.name in self._defined
            if handler.name is not None:
                self._define(handler.name, handler.lineno)
            self._block(handler.body)
            if handler.name is not None and not before:  # Python unbinds it after the handler
                self._defined.discard(handler.name)
                self.names.defines.pop(handler.name, None)
        self._block(node.orelse)
        self._visit_all(node.finalbody)

    visit_TryStar = visit_Try  # noqa: N815

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        for case in node.cases:
            self.visit(case.pattern)
            if case.guard is not None:
                self.visit(case.guard)
            self._block(case.body)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        if node.pattern is not None:
            self.visit(node.pattern)
        if node.name is not None:
            self._define(node.name, node.lineno)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name is not None:
            self._define(node.name, node.lineno)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.generic_visit(node)
        if node.rest is not None:
            self._define(node.rest, node.lineno)

    # -- nested scopes

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._visit_all(node.decorator_list)
        self._signature(node.args)
        if node.returns is not None:
            self.visit(node.returns)
        self._define(node.name, node.lineno)
        self._nested(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._visit_all(node.decorator_list)
        self._visit_all(node.bases)
        self._visit_all([keyword.value for keyword in node.keywords])
        self._nested(node)
        self._define(node.name, node.lineno)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._signature(node.args)
        self._nested(node)

    def _signature(self, arguments: ast.arguments) -> None:
        self._visit_all(arguments.defaults)
        self._visit_all([default for default in arguments.kw_defaults if default is not None])
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [extra for extra in (arguments.vararg, arguments.kwarg) if extra is not None]
        self._visit_all([a.annotation for a in every if a.annotation is not None])

    def _nested(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
    ) -> None:
        """Collect the module-level names that a function, class or lambda uses or assigns."""
        lines = _first_lines(node)
        top = _symbols(node, self._source)
        if top is None:
            return
        for table in top.get_children():
            for inner, name, assigned in _module_names(table):
                line = lines.get(name, node.lineno)
                if assigned:
                    self._define(name, line)
                elif inner.get_type() == "class" and inner is table:
                    self._use(name, line)
                elif name not in self._defined and not any(name in b for b in self._bound):
                    self.names.later.setdefault(name, line)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    ) -> None:
        first, *others = node.generators
        self.visit(first.iter)  # evaluated outside: in [c for c in c] the last c is the module's
        bound = {
            name.id
            for generator in node.generators
            for name in ast.walk(generator.target)
            if isinstance(name, ast.Name)
        }
        with self._binding(bound):
            for generator in others:
                self.visit(generator.iter)
            for generator in node.generators:
                self._visit_all(generator.ifs)
            if isinstance(node, ast.DictComp):
                self.visit(node.key)
                self.visit(node.value)
            else:
                self.visit(node.elt)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension  # noqa: N815

    # -- walking

    def _visit_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def _block(self, *bodies: Sequence[ast.stmt]) -> None:
        self._depth += 1
        for body in bodies:
            self._visit_all(body)
        self._depth -= 1

    @contextmanager
    def _binding(self, names: set[str]) -> Iterator[None]:
        self._bound.append(names)
        yield
        self._bound.pop()


def _symbols(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda, source: str
) -> symtable.SymbolTable | None:
    """Return Python's symbol table of one definition; None if it cannot be extracted."""
    text = ast.get_source_segment(source, node) or ""
    # A lambda over several lines needs brackets; a definition may not have them.
    text = f"({text}\n)" if isinstance(node, ast.Lambda) else text
    try:
        return symtable.symtable(text, "<cell>", "exec")
    except SyntaxError:  # before 3.12, positions within an f-string are wrong
        try:
            return symtable.symtable(ast.unparse(node), "<cell>", "exec")
        except (SyntaxError, ValueError):
            return None


def _module_names(table: symtable.SymbolTable) -> Iterator[tuple[symtable.SymbolTable, str, bool]]:
    """Yield the module's names in `table` and below: their table, name, and whether assigned."""
    for symbol in table.get_symbols():
        if symbol.is_global():
            assigned = symbol.is_declared_global() and symbol.is_assigned()
            if assigned or symbol.is_referenced():
                yield table, symbol.get_name(), assigned
    for child in table.get_children():
        yield from _module_names(child)


def _first_lines(node: ast.AST) -> dict[str, int]:
    lines: dict[str, int] = {}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            lines[inner.id] = min(inner.lineno, lines.get(inner.id, inner.lineno))
    return lines
