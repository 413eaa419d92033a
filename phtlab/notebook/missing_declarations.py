"""Outputs without the declarations that stations need, each with the change that adds them.

Stations know of a scalar, a figure or a model only what the train declares. These checks find what
is missing by reading, where they can; a station's airlock decides by itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from phtlab.notebook.declared_output import DeclaredOutput, extreme, missing_counts
from phtlab.notebook.finding import Finding, error, warning
from phtlab.notebook.fix import TO_FILL_IN, Fix, add_arguments
from phtlab.notebook.origins import Origins
from phtlab.notebook.reductions import (
    PersonSelection,
    counted_column,
    part_of,
    people_of,
    quoted,
    reduction,
)
from phtlab.runtime.model import FITTED, is_named_by

_BINNED = frozenset({*("hist", "bar", "histplot", "countplot", "barplot")})
_POINTS = frozenset({*("scatter", "scatterplot", "plot", "stem", "stripplot", "swarmplot", "text")})


@dataclass(frozen=True)
class Publication:
    """A `publish` call as read. `source` is its cell's text; empty if a magic changed the call."""

    output: DeclaredOutput
    cell: int
    call: ast.Call
    value: ast.expr | None
    source: str

    @property
    def line(self) -> int:
        return self.call.lineno

    def fix(self, arguments: Mapping[str, str]) -> Fix | None:
        """Return the change that adds `arguments` to the call; None if its text is unknown."""
        return add_arguments(self.source, self.call, arguments) if self.source else None


def missing_declarations(
    published: Sequence[Publication], origins: Origins, trees: Mapping[int, ast.Module]
) -> list[Finding]:
    """Return findings for what publications lack, in order; `trees` are of the train's cells."""
    findings: list[Finding] = []
    for publication in published:
        value = publication.value or ast.Constant(None)
        part = _part_of_others(publication, value, origins, published)
        undeclared = _undeclared(publication, value, origins, trees, part)
        findings.extend(
            missing_counts(
                publication.output, publication.cell, publication.line, publication.fix(undeclared)
            )
        )
        findings.extend(extreme(publication.output, publication.cell, publication.line))
        if publication.output.kind == "scalar":
            # One change declares both, at the finding about the missing number of people.
            findings.extend(_single(publication, value, origins, undeclared))
            findings.extend(_group(publication, part))
        if publication.output.kind == "model":
            findings.extend(_arrays(publication, value, origins))
    return findings


def _undeclared(
    publication: Publication,
    value: ast.expr,
    origins: Origins,
    trees: Mapping[int, ast.Module],
    part: PersonSelection | None,
) -> dict[str, str]:
    """Return the arguments that declare the number of people; none if they would not help."""
    output = publication.output
    if output.counts is not None or output.of:
        return {}
    if output.kind == "table":
        if origins.is_frame(value):
            return {}  # one row per person: no column counts people
        column = counted_column(origins, value)
        return {"counts": TO_FILL_IN if column is None else quoted(column)}
    if output.kind == "figure":
        drawn = _drawn(value, trees)
        return {"counts": quoted("y") if drawn and not drawn & _POINTS else TO_FILL_IN}
    found = reduction(origins, value) if output.kind == "scalar" else None
    kind = "other" if found is None or output.statistic is not None else found.kind
    if kind == "single":
        return {}  # one person's value, whatever else is declared
    if kind == "count":
        where = {"where": part.where or TO_FILL_IN} if part is not None else {}
        return {"counts": quoted(output.name)} | where
    people = {"of": people_of(origins, value) or TO_FILL_IN}
    return people if kind == "other" else people | {"statistic": quoted(kind)}


def _drawn(figure: ast.expr, trees: Mapping[int, ast.Module]) -> frozenset[str]:
    """Return the names of plots in the cells that make or use the figure."""
    names = {node.id for node in ast.walk(figure) if isinstance(node, ast.Name)}
    found = set()
    for tree in trees.values():
        nodes = list(ast.walk(tree))
        if any(isinstance(node, ast.Name) and node.id in names for node in nodes):
            calls = [node for node in nodes if isinstance(node, ast.Call)]
            found |= {call.func.attr for call in calls if isinstance(call.func, ast.Attribute)}
            found |= {
                str(keyword.value.value)
                for call in calls
                for keyword in call.keywords
                if keyword.arg == "kind" and isinstance(keyword.value, ast.Constant)
            }
    return frozenset(found & (_BINNED | _POINTS))


def _single(
    publication: Publication, value: ast.expr, origins: Origins, undeclared: Mapping[str, str]
) -> Iterator[Finding]:
    found = reduction(origins, value)
    if (
        publication.output.statistic is not None
        or publication.output.counts is not None
        or found is None
    ):
        return
    if found.kind == "single":
        yield warning(
            "output-single",
            f"cell {publication.cell}, line {publication.line}: the scalar "
            f"'{publication.output.name}' is a value of a single person ({found.expression}). "
            "No rule of a station sees that: publish a mean or a count instead.",
            publication.cell,
            publication.line,
        )
    elif found.kind in ("max", "min", "quantile"):
        yield warning(
            "output-undeclared-extreme",
            f"cell {publication.cell}, line {publication.line}: the scalar "
            f"'{publication.output.name}' is a single person's value ({found.expression}), "
            "and does not say so. Declare it with "
            f'statistic="{found.kind}", or publish a mean, or a count of those beyond a limit.',
            publication.cell,
            publication.line,
            None if undeclared else publication.fix({"statistic": quoted(found.kind)}),
        )


def _part_of_others(
    publication: Publication, value: ast.expr, origins: Origins, published: Sequence[Publication]
) -> PersonSelection | None:
    """Return the people that a count is of, if other outputs may count other people."""
    counting = [other for other in published if other is not publication and other.output.counts]
    part = part_of(origins, value) if publication.output.kind == "scalar" else None
    if part is None or not counting:
        return None
    same = part.name and all(
        other.value is not None and part.name in origins.names_behind(other.value)
        for other in counting
    )
    return None if same else part


def _group(publication: Publication, part: PersonSelection | None) -> Iterator[Finding]:
    if publication.output.counts is None or publication.output.where or part is None:
        return
    example = part.where or '{"sex": "female"}'
    yield warning(
        "output-group",
        f"cell {publication.cell}, line {publication.line}: the count "
        f"'{publication.output.name}' is of a part of the people, and does not say of which. "
        f"Declare it, as in where={example}. As it is, a person "
        "at each station looks at it if another output counts others.",
        publication.cell,
        publication.line,
        publication.fix({"where": part.where or TO_FILL_IN}),
    )


def _arrays(publication: Publication, value: ast.expr, origins: Origins) -> Iterator[Finding]:
    """Yield an error for a model in a literal dict whose array names are not declared."""
    made = origins.behind(value)
    if not isinstance(made, ast.Dict):
        return
    names = [
        key.value
        for key in made.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    ]
    missing = [
        name
        for name in names
        if name not in FITTED
        and not any(is_named_by(known, name) for known in publication.output.tensors)
    ]
    whole = len(names) == len(made.keys)
    if not missing and (whole or publication.output.tensors):
        return
    listed = "[" + ", ".join(map(quoted, missing)) + "]" if whole else TO_FILL_IN
    missing_names = ", ".join(f"'{name}'" for name in missing) or "that are computed"
    yield error(
        "output-arrays",
        f"cell {publication.cell}, line {publication.line}: the model "
        f"'{publication.output.name}' has arrays whose names it does not declare: {missing_names}. "
        "Names leave with the numbers, so stations refuse such a model. "
        "Write all of them out in tensors=[…].",
        publication.cell,
        publication.line,
        None if publication.output.tensors else publication.fix({"tensors": listed}),
    )
