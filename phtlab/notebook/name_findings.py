"""Names across cells: the cells of the train must define each name that they use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from phtlab.notebook.cell import Cell
from phtlab.notebook.finding import Finding, error, warning
from phtlab.notebook.magic import Python
from phtlab.notebook.names import PRESENT, CellNames, names_of


def check_names(
    cells: Sequence[Cell],
    parsed: Mapping[int, Python],
    parameters: Iterable[str] = (),
    received: Iterable[str] = (),
) -> list[Finding]:
    """Find names that a cell of the train uses and no earlier cell of the train defines.

    `parameters` are defined by the parameters cell even where they have no default value;
    `received` are the names of received values, which combine cells see.
    """
    code = [cell for cell in cells if cell.kind == "code"]
    read = {
        number: names_of(python.tree, python.source)
        for number, python in parsed.items()
        if python.tree is not None
    }
    travelling = [cell for cell in code if cell.is_in_train]
    findings = [
        warning(
            "star-import",
            f"cell {cell.number} imports every name of '{star[0]}'. "
            "The checks cannot know which names that brings: import by name.",
            cell.number,
            star[1],
        )
        for cell in travelling
        if cell.number in read and (star := read[cell.number].star)
    ]
    if any(cell.number not in read for cell in travelling):
        return findings  # that cell's definitions are unknown; its own finding comes first
    at_stations = [cell for cell in travelling if cell.runs_at_stations]
    combine = [cell for cell in travelling if not cell.runs_at_stations]
    staying = [cell for cell in code if not cell.is_in_train]
    where = _Where(at_stations, [*combine, *staying], read, bool(findings))
    findings.extend(_missing(where, frozenset(parameters), PRESENT))
    findings.extend(_before_rounds(at_stations, read))
    if combine:
        shared = [cell for cell in at_stations if cell.role == "parameters"]
        owners = [cell for cell in at_stations if cell.role != "parameters"]
        where = _Where([*shared, *combine], [*owners, *staying], read, bool(findings))
        numbers = {cell.number for cell in combine}
        found = _missing(where, frozenset(parameters), PRESENT.union(received))
        findings.extend(finding for finding in found if finding.cell in numbers)
    findings.extend(_aggregate_findings(code, read))
    return findings


def _missing(
    where: _Where, parameters: frozenset[str], present: frozenset[str]
) -> Iterator[Finding]:
    """Yield a finding for each name that a cell uses and no cell before it defines."""
    defined = set(present)
    definitions = [where.read[cell.number].defines for cell in where.travelling]
    everywhere = present.union(parameters, *definitions)
    for cell in where.travelling:
        names = where.read[cell.number]
        missing = {n: line for n, line in names.uses.items() if n not in defined}
        missing |= {n: line for n, line in names.later.items() if n not in everywhere}
        for name, line in missing.items():
            if found := where.finding(cell, name, line):
                yield found
        defined |= names.defines.keys()
        if cell.role == "parameters":
            defined |= parameters
        defined -= names.removes.keys() - present


def _before_rounds(cells: Sequence[Cell], read: Mapping[int, CellNames]) -> Iterator[Finding]:
    """Yield errors for names of round cells in station cells, which run before the first round."""
    once = {name for c in cells if c.role != "round" for name in read[c.number].defines}
    again = {
        name: cell.number
        for cell in reversed(cells)
        if cell.role == "round"
        for name in read[cell.number].defines
    }
    for cell in cells:
        if cell.role == "round":
            continue
        for name, line in read[cell.number].uses.items():
            if name in again and name not in once | PRESENT and again[name] < cell.number:
                yield error(
                    "name-round",
                    f"cell {cell.number} uses '{name}', which only the round cell {again[name]} "
                    f"defines. A {cell.role} cell runs once, before the first round: mark cell "
                    f"{cell.number} as 'round', or move the definition into a station cell.",
                    cell.number,
                    line,
                )


@dataclass(frozen=True)
class _Where:
    """Cells that see each other's names, and others that may define one, for the advice.

    `travelling` are the cells that stations run, or the combine cells and the parameters cell.
    """

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
                "travel run from top to bottom: move one of them.",
                number,
                line,
            )
        if later and not owners:
            return error(
                "name-order",
                f"cell {number} uses '{name}' before it defines it in line "
                f"{self.read[number].defines.get(name, line)}. "
                f"{'In the first round' if cell.role == 'combine' else 'At a station'} nothing is "
                "left over from an earlier run: define it first.",
                number,
                line,
            )
        if owners:
            if cell.role == "combine":
                return error("name-combine", _not_combined(number, name, owners), number, line)
            return error("name-local", _unavailable_name(number, name, owners), number, line)
        if self.star:
            return None
        return error(
            "name-undefined",
            f"cell {number} uses '{name}', which no cell defines. Define or import it in a "
            f"{'combine' if cell.role == 'combine' else 'station'} cell.",
            number,
            line,
        )


def _not_combined(number: int, name: str, owners: Sequence[Cell]) -> str:
    return (
        f"cell {number} uses '{name}', which only the {owners[0].role} cell {owners[0].number} "
        "defines. Combine cells see only parameters, received values, imports and each other's "
        "names: define or import it in a combine cell, or publish it in a round cell and read it "
        "with phtlab.updates."
    )


def _unavailable_name(number: int, name: str, owners: Sequence[Cell]) -> str:
    role = owners[0].role
    same = [c for c in owners if c.role == role]
    cells = " and ".join(str(c.number) for c in same)
    which = f"the {role} cell{'s' if len(same) > 1 else ''} {cells}"
    verb = "define" if len(same) > 1 else "defines"
    advice = (
        f"Move the definition, or mark cell {same[0].number} as 'station'."
        if role == "local"
        else "Move the definition into a station cell."
    )
    return (
        f"cell {number} uses '{name}', which only {which} {verb}. Cells at stations see only "
        f"parameters, station and round cells. {advice}"
    )


def _aggregate_findings(code: Sequence[Cell], read: Mapping[int, CellNames]) -> Iterator[Finding]:
    """Yield warnings for aggregate cells that use names of station cells, which hold twin data.

    Those of combine cells are not there either: they run by themselves, too.
    """
    own: set[str] = set()
    station = {
        name: cell
        for cell in reversed(code)
        if cell.role in ("station", "round", "combine") and cell.number in read
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
                    f"cell {cell.number} uses '{name}' of the {station[name].role} cell "
                    f"{station[name].number}. "
                    "Aggregate cells run by themselves on what the stations sent: import or "
                    "define it again here, or read it from phtlab.results().",
                    cell.number,
                    line,
                )
        own |= names.defines.keys()
