"""Which names a cell that travels uses, and which cells define them.

What runs at once is followed in the order in which Python runs it. What runs later, in
functions and lambdas, is resolved by Python's own symbol table, and may use any name that
the travelling cells define anywhere.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from phtlab.notebook.cell import Cell
from phtlab.notebook.finding import Finding, error, warning

# What a cell finds without defining it: Python's builtins and the names that IPython adds.
PRESENT = frozenset(dir(builtins)) | {
    *("__name__", "__doc__", "__builtins__", "__builtin__", "__spec__", "__loader__"),
    *("In", "Out", "exit", "quit", "get_ipython", "display", "_", "__", "___"),
    *("_i", "_ii", "_iii", "_ih", "_oh", "_dh"),
}


@dataclass
class CellNames:
    """The module-level names of one cell: name to the line where it first matters.

    `uses` are needed as the cell runs and not defined in it before; `later` are needed by
    functions that it defines; `removes` are deleted for good.
    """

    uses: dict[str, int] = field(default_factory=dict)
    later: dict[str, int] = field(default_factory=dict)
    defines: dict[str, int] = field(default_factory=dict)
    removes: dict[str, int] = field(default_factory=dict)
    star: tuple[str, int] | None = None


def names_of(tree: ast.Module) -> CellNames:
    """Follow a cell's statements in the order in which they run."""
    reader = _Reader()
    for statement in tree.body:
        reader.visit(statement)
    return reader.names


class _Reader(ast.NodeVisitor):
    def __init__(self) -> None:
        self.names = CellNames()
        self._defined: set[str] = set()
        self._bound: list[set[str]] = []  # names bound by the comprehensions around a node
        self._depth = 0  # how many statements are around this one

    # -- what happens to a name

    def _use(self, name: str, line: int) -> None:
        if name not in self._defined and not any(name in bound for bound in self._bound):
            self.names.uses.setdefault(name, line)

    def _define(self, name: str, line: int) -> None:
        self._defined.add(name)
        self.names.defines.setdefault(name, line)
        self.names.removes.pop(name, None)

    def _remove(self, name: str, line: int) -> None:
        self._use(name, line)
        # In a branch or a loop the deletion may not happen, or the name may come again.
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

    # -- scopes of their own

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
        """Names that a function, class or lambda takes from the module."""
        lines = _first_lines(node)
        top = symtable.symtable(ast.unparse(node), "<cell>", "exec")
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


def _module_names(table: symtable.SymbolTable) -> Iterator[tuple[symtable.SymbolTable, str, bool]]:
    """The module's names in `table` and below it: where, which, and whether it is assigned."""
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


# -- across cells


def check_names(
    cells: Sequence[Cell],
    trees: Mapping[int, ast.Module | None],
    parameters: Iterable[str] = (),
) -> list[Finding]:
    """Names that a travelling cell uses and no travelling cell before it defines.

    `parameters` are defined by the parameters cell even where they have no default value.
    """
    code = [(cell, trees.get(cell.number)) for cell in cells if cell.kind == "code"]
    read = {cell.number: names_of(tree) for cell, tree in code if tree is not None}
    travelling = [cell for cell, _ in code if cell.travels]
    findings = [
        warning(
            "star-import",
            f"cell {cell.number} imports every name of '{read[cell.number].star[0]}'. "  # type: ignore[index]
            "The checks cannot know which names that brings: import by name.",
            cell.number,
            read[cell.number].star[1],  # type: ignore[index]
        )
        for cell in travelling
        if cell.number in read and read[cell.number].star
    ]
    if any(trees.get(cell.number) is None for cell in travelling):
        return findings  # what such a cell defines is not known; its own finding comes first
    where = _Where(travelling, [c for c, _ in code if not c.travels], read, bool(findings))
    defined = set(PRESENT)
    everywhere = PRESENT.union(parameters, *(read[c.number].defines for c in travelling))
    for cell in travelling:
        names = read[cell.number]
        missing = {n: line for n, line in names.uses.items() if n not in defined}
        missing |= {n: line for n, line in names.later.items() if n not in everywhere}
        findings.extend(
            found for n, line in missing.items() if (found := where.finding(cell, n, line))
        )
        defined |= names.defines.keys()
        if cell.role == "parameters":
            defined |= set(parameters)
        defined -= names.removes.keys() - PRESENT
    findings.extend(_aggregate_findings([c for c, _ in code], read))
    return findings


@dataclass(frozen=True)
class _Where:
    """Who defines a name that a travelling cell misses, said so that it can be mended."""

    travelling: Sequence[Cell]
    staying: Sequence[Cell]
    read: Mapping[int, CellNames]
    star: bool

    def finding(self, cell: Cell, name: str, line: int) -> Finding | None:
        number = cell.number
        for other in self.travelling:
            if other.number < number and name in self.read[other.number].removes:
                return error(
                    "name-deleted",
                    f"cell {number} uses '{name}', which cell {other.number} deletes. "
                    f"Remove the 'del', or define '{name}' again.",
                    number,
                    line,
                )
        later = [c.number for c in self.travelling if name in self.read[c.number].defines]
        owners = [
            c for c in self.staying if c.number in self.read and name in self.read[c.number].defines
        ]
        if later and later[0] > number:
            return error(
                "name-order",
                f"cell {number} uses '{name}' before cell {later[0]} defines it. The cells that "
                "travel run once, from top to bottom: move one of them.",
                number,
                line,
            )
        if later and not owners:
            return error(
                "name-order",
                f"cell {number} uses '{name}' before it defines it in line "
                f"{self.read[number].defines.get(name, line)}. At a station nothing is left over "
                "from an earlier run: define it first.",
                number,
                line,
            )
        if owners:
            return error("name-local", _stays(number, name, owners), number, line)
        if self.star:
            return None
        return error(
            "name-undefined",
            f"cell {number} uses '{name}', which no cell defines. Define or import it in a "
            "station cell.",
            number,
            line,
        )


def _stays(number: int, name: str, owners: Sequence[Cell]) -> str:
    role = owners[0].role
    same = [c for c in owners if c.role == role]
    cells = " and ".join(str(c.number) for c in same)
    which = f"the {role} cell{'s' if len(same) > 1 else ''} {cells}"
    verb = "define" if len(same) > 1 else "defines"
    mend = (
        f"Move the definition, or mark cell {same[0].number} as 'station'."
        if role == "local"
        else "Move the definition into a station cell."
    )
    return (
        f"cell {number} uses '{name}', which only {which} {verb}. Cells that travel see only "
        f"parameters, station and round cells. {mend}"
    )


def _aggregate_findings(code: Sequence[Cell], read: Mapping[int, CellNames]) -> Iterator[Finding]:
    """Aggregate cells that lean on a station cell: its names belong to the twin, not to results."""
    own: set[str] = set()
    station = {
        name: cell.number
        for cell in reversed(code)
        if cell.role in ("station", "round") and cell.number in read
        for name in read[cell.number].defines
    }
    local = {
        name
        for cell in code
        if cell.role in ("local", "parameters") and cell.number in read
        for name in read[cell.number].defines
    }
    for cell in code:
        if cell.role != "aggregate" or cell.number not in read:
            continue
        names = read[cell.number]
        for name, line in (names.later | names.uses).items():
            if name in station and name not in own | local:
                yield warning(
                    "aggregate-name",
                    f"cell {cell.number} uses '{name}' of the station cell {station[name]}. "
                    "Aggregate cells run by themselves on what the stations sent: import or "
                    "define it again here, or read it from phtlab.results().",
                    cell.number,
                    line,
                )
        own |= names.defines.keys()
