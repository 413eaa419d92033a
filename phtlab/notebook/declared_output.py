"""The declaration of an output in a `publish` call, as it enters the manifest."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, cast, get_args

from phtlab.notebook.finding import Finding, warning
from phtlab.notebook.fix import Fix

OutputKind = Literal["table", "scalar", "figure", "model", "file"]
Statistic = Literal["max", "min", "quantile"]
Refuse = Callable[[str, str], Exception]
"""Makes the exception to raise, from a code and the reason."""
Target = Literal["researcher", "next", "both"]
KINDS: tuple[OutputKind, ...] = ("table", "scalar", "figure", "model", "file")
HANDED_ON: tuple[OutputKind, ...] = ("model", "scalar")
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
NAME_RULE = (
    "A name is a lower-case letter, then lower-case letters, digits and underscores, at most 63."
)
WORDS = (
    *("name", "value", "kind", "counts", "by", "total", "largest", "of"),
    *("statistic", "tensors", "where", "to"),
)
"""The arguments of `publish`, in order."""
ARRAY_NAME = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9_.*/-]{0,127}")
"""The name of a model's array, or a pattern: as in the manifest's `TensorPattern`."""
_MOST_WHERE = 8
_LONGEST = 64


@dataclass(frozen=True)
class DeclaredOutput:
    """An output that station cells publish.

    `counts` names the column that counts people, in a table or in a figure's data; any text marks a
    scalar as a count. In a table, `by` names the columns that identify a row's group, `total` a
    column that sums what each person contributes, and `largest` the columns of the largest
    contributions, which a station checks and removes. `of` says that a scalar or a model comes with
    the number of people it was computed from, `statistic` that a scalar is one person's value: the
    largest, the smallest, or a quantile. `tensors` names the arrays of a model. `where` says which
    people are counted if not all are: a label per column. `to` says who gets it: the
    researcher, the next station of the route, or both.
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
    where: Mapping[str, str] = field(default_factory=dict)
    to: Target = "researcher"


def with_columns(
    output: DeclaredOutput, given: Mapping[str, ast.expr], refuse: Refuse
) -> DeclaredOutput:
    """Return `output` with the call's arguments beyond name, kind and counts."""
    of = "of" in given and not is_none(given["of"])
    if of and (output.kind not in ("scalar", "model") or output.counts is not None):
        raise refuse(
            "output-columns",
            f"'{output.name}' says of=, which only a model has, and a scalar that is no count "
            "itself.",
        )
    given_words = {
        argument: given[argument]
        for argument in ("by", "total", "largest")
        if argument in given and not is_none(given[argument])
    }
    found = {argument: texts_of(node) for argument, node in given_words.items()}
    for argument, names in found.items():
        if not names or len(set(names)) != len(names) or (argument == "total" and len(names) != 1):
            raise refuse(
                "output-columns",
                f"{argument}= of '{output.name}' must be written out: "
                + ("the name of a column." if argument == "total" else "the names of columns."),
            )
    if given_words and (output.kind != "table" or output.counts is None):
        raise refuse(
            "output-columns",
            f"'{output.name}' says {', '.join(given_words)}=, which only a table with counts= has.",
        )
    if ("total" in given_words) != ("largest" in given_words):
        raise refuse(
            "output-columns",
            f"'{output.name}' needs total= and largest= together: stations check a sum by the "
            "largest contributions to it.",
        )
    return replace(
        output,
        by=found.get("by", ()),
        total=found["total"][0] if "total" in found else None,
        largest=found.get("largest", ()),
        of=of,
        statistic=_statistic(output, given, refuse),
        tensors=_tensors(output, given, refuse),
        where=_where(output, given, refuse),
        to=_target(output, given, refuse),
    )


def _target(output: DeclaredOutput, given: Mapping[str, ast.expr], refuse: Refuse) -> Target:
    if "to" not in given:
        return "researcher"
    found = text_of(given["to"])
    if found not in get_args(Target) or (found != "researcher" and output.kind not in HANDED_ON):
        raise refuse(
            "output-to",
            f"to= of '{output.name}' must be written out as one of {', '.join(get_args(Target))}; "
            f"only a {' or a '.join(HANDED_ON)} can be handed on to the next station.",
        )
    return cast(Target, found)


def _statistic(
    output: DeclaredOutput, given: Mapping[str, ast.expr], refuse: Refuse
) -> Statistic | None:
    if "statistic" not in given or is_none(given["statistic"]):
        return None
    found = text_of(given["statistic"])
    if found not in get_args(Statistic) or output.kind != "scalar" or output.counts is not None:
        raise refuse(
            "output-statistic",
            f"the statistic of '{output.name}' must be written out as one of "
            f"{', '.join(get_args(Statistic))}, of a scalar that is no count.",
        )
    return cast(Statistic, found)


def _tensors(
    output: DeclaredOutput, given: Mapping[str, ast.expr], refuse: Refuse
) -> tuple[str, ...]:
    if "tensors" not in given or is_none(given["tensors"]):
        return ()
    found = texts_of(given["tensors"])
    plain = all(ARRAY_NAME.fullmatch(name) for name in found)
    if not found or not plain or output.kind != "model" or len(set(found)) != len(found):
        raise refuse(
            "output-tensors",
            f"the tensors of '{output.name}' must be written out: the names of a model's arrays, "
            'each once, such as tensors=["weights", "layer*.bias"].',
        )
    return found


def _where(output: DeclaredOutput, given: Mapping[str, ast.expr], refuse: Refuse) -> dict[str, str]:
    node = given.get("where")
    if node is None or is_none(node):
        return {}
    found: dict[str, str] = {}
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            column, label = text_of(key), _label_of(value)
            if column and label and max(len(column), len(label)) <= _LONGEST:
                found[column] = label
    whole = isinstance(node, ast.Dict) and len(found) == len(node.keys) <= _MOST_WHERE
    by = texts_of(given["by"]) if "by" in given else ()
    if not found or not whole or output.counts is None or set(found) & set(by):
        raise refuse(
            "output-where",
            f"where= of '{output.name}' must be written out: of what has counts=, one label for "
            f'each column, as in {{"sex": "female"}}; for {_MOST_WHERE} columns at most, none of '
            "them in by=.",
        )
    return found


def _label_of(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int):
        return str(node.value)
    return None


def declare(
    name: str,
    kind: str | None,
    has_counts: bool,
    counts: str | None,
    refuse: Refuse,
) -> DeclaredOutput:
    """Return the declared output of a call's arguments; raises what `refuse` makes."""
    if not NAME.fullmatch(name):
        raise refuse("output-name", f"'{name}' is not an output's name. {NAME_RULE}")
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


def text_of(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def texts_of(node: ast.expr) -> tuple[str, ...]:
    """Return the texts of a literal text, tuple or list of texts; empty for anything else."""
    parts = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
    found = [text_of(part) for part in parts]
    return () if None in found else tuple(text for text in found if text)


def is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


_DECLARE: Mapping[OutputKind, str] = {
    "table": 'which column counts people. If one does, say so with counts="…"',
    "figure": "how many people a point is about. Draw counts of groups, and say so with "
    'counts="y" (or the axis that counts)',
    "scalar": "how many people it is of. Say so with of=…, or with counts=… if it counts them",
    "model": "how many people it is of. Say so with of=…",
}


def missing_counts(
    output: DeclaredOutput, cell: int, line: int, fix: Fix | None = None
) -> Iterator[Finding]:
    """Yield a warning for an output without its number of people: a person at a station decides."""
    if output.kind in _DECLARE and output.counts is None and not output.of:
        yield warning(
            "output-uncounted",
            f"cell {cell}, line {line}: the {output.kind} '{output.name}' does not say "
            f"{_DECLARE[output.kind]}. As it is, a person at each station looks at it before it "
            "leaves.",
            cell,
            line,
            fix,
        )


def extreme(output: DeclaredOutput, cell: int, line: int) -> Iterator[Finding]:
    """Yield a warning for a scalar that is declared as one person's value."""
    if output.statistic is not None:
        yield warning(
            "output-extreme",
            f"cell {cell}, line {line}: the scalar '{output.name}' is a single person's value "
            f"({output.statistic}), so at each station a person looks at it before it leaves. A "
            "mean, or a count of those beyond a limit, tells of no one.",
            cell,
            line,
        )


_TO_FILL_IN: Mapping[str, str] = {
    "counts": "the name of the column that counts people",
    "of": "the number of people that it is of, such as len(cohort)",
    "where": 'a label of each column that says who is counted, such as {"sex": "female"}',
    "tensors": 'the names of all arrays, such as ["weights", "layer*.bias"]',
}


def require_filled_in(name: str, given: Mapping[str, ast.expr], refuse: Refuse) -> None:
    """Raise what `refuse` makes if an argument is still the placeholder of a quick fix."""
    for argument, node in given.items():
        if isinstance(node, ast.Constant) and node.value is ...:
            what = _TO_FILL_IN.get(argument, "what the output is")
            raise refuse(
                "output-placeholder",
                f"{argument}= of '{name}' is still to be filled in: {what}.",
            )
