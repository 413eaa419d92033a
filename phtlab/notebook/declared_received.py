"""A value that station cells receive, as the call of `receive` declares it."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from phtlab.notebook.declared_output import ARRAY_NAME, NAME, NAME_RULE, is_none, text_of
from phtlab.runtime.rounds.receiving import Shape

WORDS: Final = ("name", "default", "arrays", "lowest", "highest")
"""The arguments of `receive`, in order."""
_LONGEST: Final = 8
Refuse = Callable[[str, str], Exception]


@dataclass(frozen=True)
class DeclaredReceived:
    """A received value. `arrays` holds the shape of each array of a model.

    A dimension that is None may be of any length. `lowest` and `highest` bound every number.
    """

    name: str
    arrays: tuple[tuple[str, Shape], ...] = ()
    lowest: float | None = None
    highest: float | None = None


def declare_received(given: Mapping[str, ast.expr], refuse: Refuse) -> DeclaredReceived:
    """Return what a call's arguments declare; raises what `refuse` makes."""
    name = text_of(given.get("name"))
    if name is None:
        raise refuse(
            "receive-computed",
            'the received value\'s name is computed. Write it out, as in receive("model", '
            "default=…), so that the train's manifest knows it before anything runs.",
        )
    if not NAME.fullmatch(name):
        raise refuse("receive-name", f"'{name}' is not an output's name. {NAME_RULE}")
    if "default" not in given:
        raise refuse(
            "receive-default",
            f"receive() of '{name}' has no default=, and nothing is received at the first station "
            "of a route, and in the first round.",
        )
    default = given["default"]
    if isinstance(default, ast.Constant) and default.value is ...:
        raise refuse(
            "receive-default",
            f"default= of '{name}' is still to be filled in: the value at the first station of a "
            "route, or in the first round.",
        )
    lowest, highest = (_bound(name, word, given.get(word), refuse) for word in WORDS[3:])
    if lowest is not None and highest is not None and lowest > highest:
        raise refuse("receive-bounds", f"lowest= of '{name}' is above its highest=.")
    return DeclaredReceived(name, _arrays(name, given.get("arrays"), refuse), lowest, highest)


def _arrays(name: str, node: ast.expr | None, refuse: Refuse) -> tuple[tuple[str, Shape], ...]:
    if node is None or is_none(node):
        return ()
    found: dict[str, Shape] = {}
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            array, shape = text_of(key), _shape(value)
            if array and ARRAY_NAME.fullmatch(array) and shape is not None:
                found[array] = shape
    if not isinstance(node, ast.Dict) or not found or len(found) != len(node.keys):
        raise refuse(
            "receive-arrays",
            f"arrays= of '{name}' must be written out: the shape of each array by its name, as in "
            '{"weights": (4, 3), "bias": (3,)}, with None for a length that is not fixed.',
        )
    return tuple(found.items())


def _shape(node: ast.expr) -> Shape | None:
    """Return the lengths of a written tuple or list of whole numbers above 0 and None."""
    if not isinstance(node, ast.Tuple | ast.List) or len(node.elts) > _LONGEST:
        return None
    lengths: list[int | None] = []
    for element in node.elts:
        length = element.value if isinstance(element, ast.Constant) else False
        if length is not None and (type(length) is not int or length < 1):
            return None
        lengths.append(length)
    return tuple(lengths)


def _bound(name: str, word: str, node: ast.expr | None, refuse: Refuse) -> float | None:
    if node is None or is_none(node):
        return None
    sign = -1.0 if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else 1.0
    number = node.operand if isinstance(node, ast.UnaryOp) and sign < 0 else node
    value = number.value if isinstance(number, ast.Constant) else None
    if type(value) not in (int, float) or not math.isfinite(value):  # type: ignore[arg-type]
        raise refuse(
            "receive-bounds",
            f"{word}= of '{name}' must be written out as a number, such as -10 or 0.5.",
        )
    return sign * float(value)  # type: ignore[arg-type]
