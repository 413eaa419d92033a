"""The arguments of `publish`: each as it is declared, or why it cannot be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, get_args

from phtlab.runtime.errors import PublishError

Kind = Literal["table", "scalar", "figure", "model", "file"]
Target = Literal["researcher", "next", "both"]
HANDED_ON: tuple[Kind, ...] = ("model", "scalar")

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def check_words(name: object, kind: object, counts: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PublishError("output-name", key=name)
    if kind not in get_args(Kind):
        known = f" Kinds are {', '.join(get_args(Kind))}."
        raise PublishError("output-kind", output=name, given=kind, known=known)
    if counts is not None and (kind in ("model", "file") or not isinstance(counts, str)):
        raise PublishError("output-counts", output=name, kind=kind, counts=counts)


def check_columns(
    name: str, kind: Kind, counts: str | None, by: object, total: object, largest: object
) -> tuple[tuple[str, ...], str | None, tuple[str, ...]]:
    """`by`, `total` and `largest` as they are declared."""
    if by is None and total is None and largest is None:
        return (), None, ()
    if kind != "table" or counts is None:
        raise PublishError("output-columns", output=name)
    if (total is None) != (largest is None):
        raise PublishError("output-total-largest", output=name)
    if total is not None and not isinstance(total, str):
        raise PublishError("output-total", output=name)
    return _names(name, "by", by), total, _names(name, "largest", largest)


def check_people(name: str, kind: Kind, counts: str | None, of: object) -> int | None:
    """How many persons a scalar or a model is of."""
    if of is None:
        return None
    if kind not in ("scalar", "model") or counts is not None:
        raise PublishError("output-of", output=name)
    people = getattr(of, "item", lambda: of)()
    if isinstance(people, bool) or not isinstance(people, int) or people < 0:
        raise PublishError("output-of-number", output=name)
    return people


def check_tensors(name: str, kind: Kind, tensors: object) -> tuple[str, ...]:
    if tensors is not None and kind != "model":
        raise PublishError("output-tensors", output=name)
    return _names(name, "tensors", tensors)


def check_statistic(name: str, kind: Kind, counts: str | None, statistic: object) -> None:
    if statistic is None:
        return
    if kind != "scalar" or counts is not None or statistic not in ("max", "min", "quantile"):
        raise PublishError("output-statistic", output=name)


def check_target(name: str, kind: Kind, to: object) -> None:
    if to not in get_args(Target) or (to != "researcher" and kind not in HANDED_ON):
        raise PublishError("output-to", output=name)


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
        raise PublishError("output-where", output=name)
    return tuple(sorted((column, str(label)) for column, label in where.items()))


def _names(name: str, argument: str, given: object) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else given
    if names is None:
        return ()
    if not isinstance(names, list | tuple) or not all(isinstance(listed, str) for listed in names):
        raise PublishError("output-names", output=name, argument=argument)
    return tuple(names)
