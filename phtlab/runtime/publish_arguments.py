"""The arguments of `publish`: each as it is declared, or why it cannot be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, get_args

from phtlab.runtime.errors import PublishError

Kind = Literal["table", "scalar", "figure", "model", "file"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def check_words(name: object, kind: object, counts: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PublishError(
            f"{name!r} cannot name an output. Use lower-case letters, digits and underscores, "
            "beginning with a letter, at most 63 of them."
        )
    if kind not in get_args(Kind):
        raise PublishError(
            f"output '{name}': there is no kind {kind!r}. Kinds are {', '.join(get_args(Kind))}."
        )
    if counts is not None and (kind in ("model", "file") or not isinstance(counts, str)):
        raise PublishError(
            f"output '{name}': counts= names the column of counts in a table or in a figure's "
            f"data, and this is a {kind} with counts={counts!r}."
        )


def check_columns(
    name: str, kind: Kind, counts: str | None, by: object, total: object, largest: object
) -> tuple[tuple[str, ...], str | None, tuple[str, ...]]:
    """`by`, `total` and `largest` as they are declared."""
    if by is None and total is None and largest is None:
        return (), None, ()
    if kind != "table" or counts is None:
        raise PublishError(
            f"output '{name}': by=, total= and largest= are about a table with counts=."
        )
    if (total is None) != (largest is None):
        raise PublishError(
            f"output '{name}': give total= and largest= together. Stations check a sum by the "
            "largest contributions to it."
        )
    if total is not None and not isinstance(total, str):
        raise PublishError(f"output '{name}': total= names one column.")
    return _names(name, "by", by), total, _names(name, "largest", largest)


def check_people(name: str, kind: Kind, counts: str | None, of: object) -> int | None:
    """How many persons a scalar or a model is of."""
    if of is None:
        return None
    if kind not in ("scalar", "model") or counts is not None:
        raise PublishError(
            f"output '{name}': of= is about a scalar that is no count itself, or about a model."
        )
    people = getattr(of, "item", lambda: of)()
    if isinstance(people, bool) or not isinstance(people, int) or people < 0:
        raise PublishError(f"output '{name}': of= is a whole number of persons, 0 or more.")
    return people


def check_tensors(name: str, kind: Kind, tensors: object) -> tuple[str, ...]:
    if tensors is not None and kind != "model":
        raise PublishError(f"output '{name}': tensors= names the arrays of a model.")
    return _names(name, "tensors", tensors)


def check_statistic(name: str, kind: Kind, counts: str | None, statistic: object) -> None:
    if statistic is None:
        return
    if kind != "scalar" or counts is not None or statistic not in ("max", "min", "quantile"):
        raise PublishError(
            f"output '{name}': statistic= says that a scalar is the 'max' or the 'min' of all "
            "values, or a 'quantile'."
        )


def check_where(name: str, counts: str | None, where: object) -> tuple[tuple[str, str], ...]:
    if where is None:
        return ()
    if (
        counts is None
        or not isinstance(where, Mapping)
        or not all(
            isinstance(column, str) and isinstance(label, str | int)
            for column, label in where.items()
        )
    ):
        raise PublishError(
            f"output '{name}': where= says of what has counts= which persons it counts, a label "
            'for each column, such as {"sex": "female"}.'
        )
    return tuple(sorted((column, str(label)) for column, label in where.items()))


def _names(name: str, word: str, given: object) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else given
    if names is None:
        return ()
    if not isinstance(names, list | tuple) or not all(isinstance(one, str) for one in names):
        raise PublishError(f"output '{name}': {word}= names a column, or several in a list.")
    return tuple(names)
