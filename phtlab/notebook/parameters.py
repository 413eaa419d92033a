"""The parameters of an analysis as a JSON Schema, and the check of values against it.

The schema is a small part of JSON Schema 2020-12: an object of named properties, each an
integer, number, string, boolean, a choice (`enum`), or a list of one of these. Values pass
through canonical JSON (RFC 8785) in the signed order, so integers stay within 2^53 - 1.
"""

from __future__ import annotations

import difflib
import keyword
import math
import numbers
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from phtlab.errors import ParameterError

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
LARGEST = 2**53 - 1
MAX_LENGTH = 1000  # characters of a text, entries of a list, unless declared

_TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
}
_NUMBERS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
_KEYWORDS = {
    "integer": _NUMBERS | {"multipleOf"},
    "number": _NUMBERS,
    "string": {"minLength", "maxLength"},
    "boolean": set(),
    "array": {"minItems", "maxItems", "items"},
}
_ANYWHERE = {"type", "enum", "default", "description", "title"}
# Words in a name, or at the start of a description, that mark a value as secret.
_SECRET = re.compile(
    r"(?:^|_)(?:password|passwd|passphrase|secret|token|credentials?|api_?key|private_?key)(?:_|$)",
    re.IGNORECASE,
)
_CALLED_SECRET = re.compile(r"\W*(?:secret|confidential)\b", re.IGNORECASE)


@dataclass(frozen=True)
class ParameterSchema:
    """Declared parameters: name to JSON Schema property, in the notebook's order."""

    properties: Mapping[str, Mapping[str, Any]]

    @property
    def schema(self) -> dict[str, Any]:
        """A JSON Schema 2020-12 of an object, with defaults."""
        return {
            "$schema": DIALECT,
            "type": "object",
            "properties": {name: dict(value) for name, value in self.properties.items()},
            "required": sorted(n for n, value in self.properties.items() if "default" not in value),
            "additionalProperties": False,
        }

    @classmethod
    def from_schema(cls, schema: Mapping[str, Any]) -> ParameterSchema:
        """Read a schema that `schema` wrote, from an untrusted source.

        Raises ParameterError (parameter-schema) for anything but the part of JSON Schema that
        phtlab uses, (parameter-secret) for a secret, and for a default that its own property
        refuses.
        """
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        if (
            not isinstance(properties, Mapping)
            or schema.get("type") != "object"
            or schema.get("additionalProperties") is not False
            or set(schema) - {"$schema", "type", "properties", "required", "additionalProperties"}
        ):
            raise ParameterError(
                "The parameters' schema is not one that phtlab writes: an object with "
                "'properties' and no additional ones.",
                "Build the train again.",
                code="parameter-schema",
            )
        for name, declared in properties.items():
            check_name(name)
            check_property(name, declared)
        read = cls(dict(properties))
        if sorted(schema.get("required", ())) != read.schema["required"]:
            raise ParameterError(
                "The parameters' schema requires others than those without a default value.",
                "Build the train again.",
                code="parameter-schema",
            )
        return read

    def validate(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return `values` completed with defaults, as plain Python values in declared order.

        Raises ParameterError: parameter-name for an invalid name, parameter-unknown for a name that
        the notebook does not declare, parameter-missing, parameter-type, parameter-bounds.
        """
        for name in values:
            check_name(name)
            if name not in self.properties:
                raise ParameterError(
                    *_unknown(name, list(self.properties)), code="parameter-unknown"
                )
        missing = [
            n for n, value in self.properties.items() if n not in values and "default" not in value
        ]
        if missing:
            raise ParameterError(
                f"Parameter '{missing[0]}' has no default value and none was given.",
                f"Give one: {missing[0]}=….",
                code="parameter-missing",
            )
        return {
            name: check_value(
                name, values[name] if name in values else declared["default"], declared
            )
            for name, declared in self.properties.items()
        }


def check_name(name: object) -> str:
    """Return `name` if every language can assign to it. Raises ParameterError (parameter-name)."""
    if isinstance(name, str) and NAME.fullmatch(name) and not keyword.iskeyword(name):
        return name
    name_text = name if isinstance(name, str) else repr(name)
    name_text = name_text if len(name_text) <= 40 else name_text[:40] + "…"
    raise ParameterError(
        f"{name_text!r} is not a parameter's name: a name is a letter, then letters, digits and "
        "underscores, at most 63, and no word of the language.",
        code="parameter-name",
    )


def check_property(name: str, declared: object) -> None:
    """Raise ParameterError unless `declared` is a property that phtlab supports.

    The code is parameter-schema for an unsupported property, parameter-secret for a secret value.
    """

    def refuse(why: str) -> ParameterError:
        return ParameterError(f"Parameter '{name}': {why}.", code="parameter-schema")

    if not isinstance(declared, Mapping):
        raise refuse("its schema is not an object")
    kind = declared.get("type")
    if not isinstance(kind, str) or kind not in _KEYWORDS:
        raise refuse(f"the type is {kind!r}; phtlab knows {', '.join(_KEYWORDS)}")
    unknown = sorted(map(str, set(declared) - _KEYWORDS[kind] - _ANYWHERE))
    if unknown:
        raise refuse(f"'{unknown[0]}' has no meaning for the type {kind}")
    for word in _KEYWORDS[kind] & set(declared) - {"items"}:
        bound = declared[word]
        whole = kind != "number"
        if isinstance(bound, bool) or not isinstance(bound, int if whole else (int, float)):
            raise refuse(f"'{word}' is not a {'whole ' if whole else ''}number")
        if not math.isfinite(bound) or (abs(bound) > LARGEST and whole):
            raise refuse(f"'{word}' is not a usable number")
        if word in (
            "minLength",
            "maxLength",
            "minItems",
            "maxItems",
            "multipleOf",
        ) and bound < (word == "multipleOf"):
            raise refuse(f"'{word}' is too small")
    for word in ("description", "title"):
        if word in declared and not isinstance(declared[word], str):
            raise refuse(f"'{word}' is not text")
    _require_no_secret(name, kind, declared.get("description", ""))
    if kind == "array":
        items = declared.get("items")
        if not isinstance(items, Mapping) or items.get("type") in (None, "array"):
            raise refuse("a list needs 'items' of a simple type")
        check_property(name, items)
    if "enum" in declared:
        choices = declared["enum"]
        if not isinstance(choices, list) or not choices or kind == "array":
            raise refuse("'enum' is not a list of choices")
        bare = {"type": kind}
        for choice in choices:
            _check_type(name, choice, bare)
    if "default" in declared:
        check_value(name, declared["default"], declared)


def _require_no_secret(name: str, kind: str, description: str) -> None:
    """Raise ParameterError for a text named like a password, or any value described as secret."""
    by_name = kind == "string" and _SECRET.search(name)
    if by_name or _CALLED_SECRET.match(description):
        raise ParameterError(
            f"Parameter '{name}' would be a secret by its {'name' if by_name else 'description'}. "
            "The value of a parameter is signed into the order, which central, the stations and "
            "every recipient read and keep; and a run has no network to use a secret on.",
            "Leave it out, or call it something else if it is none.",
            code="parameter-secret",
        )


def check_value(name: str, value: Any, declared: Mapping[str, Any]) -> Any:
    """Return `value` as the plain Python value that the parameter takes.

    Raises ParameterError: parameter-type, parameter-bounds.
    """
    plain = _check_type(name, value, declared)
    if "enum" in declared and plain not in declared["enum"]:
        raise ParameterError(*_no_choice(name, plain, declared["enum"]), code="parameter-bounds")
    if isinstance(plain, bool):
        return plain
    if isinstance(plain, (int, float)):
        _check_number(name, plain, declared)
        return plain
    is_text = isinstance(plain, str)
    least, most = ("minLength", "maxLength") if is_text else ("minItems", "maxItems")
    unit = "characters" if is_text else "entries"
    low, high = declared.get(least, 0), declared.get(most, MAX_LENGTH)
    if "enum" not in declared and not low <= len(plain) <= high:
        raise ParameterError(
            f"Parameter '{name}' has {len(plain)} {unit}; it takes {low} to {high}.",
            code="parameter-bounds",
        )
    return plain


def describe(declared: Mapping[str, Any]) -> str:
    """Describe the values that a parameter takes, such as '18 to 100' or 'any or severe'."""
    if "enum" in declared:
        return " or ".join(_value_text(choice) for choice in declared["enum"])
    low = declared.get("minimum", declared.get("exclusiveMinimum"))
    high = declared.get("maximum", declared.get("exclusiveMaximum"))
    above = "over " if "exclusiveMinimum" in declared else ""
    below = "under " if "exclusiveMaximum" in declared else ""
    if low is not None and high is not None:
        return f"{above}{low} to {below}{high}"
    if low is not None:
        return f"{above}{low}" if above else f"{low} or more"
    if high is not None:
        return f"{below}{high}" if below else f"{high} or less"
    if declared["type"] == "array":
        return f"a list, each {describe(declared['items'])}"
    return _TYPES[declared["type"]]


def _check_type(name: str, value: Any, declared: Mapping[str, Any]) -> Any:
    kind = declared["type"]
    plain = _plain(value)
    if kind == "array" and isinstance(plain, (list, tuple)):
        return [check_value(name, entry, declared["items"]) for entry in plain]
    if kind == "boolean" and isinstance(plain, bool):
        return plain
    if kind == "string" and isinstance(plain, str):
        if any("\ud800" <= c <= "\udfff" for c in plain) or "\0" in plain:
            raise ParameterError(
                f"Parameter '{name}' has a character that cannot be written in a notebook (a NUL "
                "or half a surrogate pair).",
                "Remove it.",
                code="parameter-type",
            )
        return plain
    if kind == "integer" and isinstance(plain, int) and not isinstance(plain, bool):
        return plain
    if kind == "number" and isinstance(plain, (int, float)) and not isinstance(plain, bool):
        try:
            number = float(plain)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            number_text = "nan" if math.isnan(number) else "infinity"
            raise ParameterError(
                f"Parameter '{name}' takes a finite number, not {number_text}.",
                code="parameter-type",
            )
        return number
    expected = "a list" if kind == "array" else _TYPES[kind]
    choices = f" ({describe(declared)})" if set(declared) & (_NUMBERS | {"enum"}) else ""
    raise ParameterError(
        f"Parameter '{name}' takes {expected}{choices}, not {_value_text(value)} "
        f"({type(value).__name__}).",
        code="parameter-type",
    )


def _plain(value: Any) -> Any:
    """Convert NumPy scalars and subclasses to plain Python types."""
    if isinstance(value, bool) or type(value).__name__ == "bool_" or type(value).__name__ == "bool":
        return bool(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    return str(value) if isinstance(value, str) else value


def _check_number(name: str, value: float, declared: Mapping[str, Any]) -> None:
    inside = (
        value >= declared.get("minimum", -math.inf)
        and value <= declared.get("maximum", math.inf)
        and value > declared.get("exclusiveMinimum", -math.inf)
        and value < declared.get("exclusiveMaximum", math.inf)
    )
    if not inside:
        raise ParameterError(
            f"Parameter '{name}' is {value}; it takes {describe(declared)}.",
            code="parameter-bounds",
        )
    if isinstance(value, int) and abs(value) > LARGEST:
        raise ParameterError(
            f"Parameter '{name}' is {value}; whole numbers go up to {LARGEST} (2^53 - 1).",
            code="parameter-bounds",
        )
    if isinstance(value, int) and value % declared.get("multipleOf", 1):
        raise ParameterError(
            f"Parameter '{name}' is {value}; it takes multiples of {declared['multipleOf']}.",
            code="parameter-bounds",
        )


def _unknown(name: str, declared: list[str]) -> tuple[str, str]:
    """Return message and hint for an undeclared name."""
    if not declared:
        return f"Unknown parameter '{name}': this notebook declares none.", ""
    close = difflib.get_close_matches(name, declared, n=1)
    guess = f"Did you mean '{close[0]}'? " if close else ""
    return f"Unknown parameter '{name}'.", f"{guess}The notebook declares {', '.join(declared)}."


def _no_choice(name: str, value: Any, choices: list[Any]) -> tuple[str, str]:
    """Return message and hint for a value that is not among the choices."""
    close = difflib.get_close_matches(str(value), [str(c) for c in choices], n=1)
    choice = " or ".join(_value_text(c) for c in choices)
    return (
        f"Parameter '{name}' is {_value_text(value)}; it takes {choice}.",
        f"Did you mean {_value_text(close[0])}?" if close else "",
    )


def _value_text(value: Any) -> str:
    text = repr(value) if not isinstance(value, str) else f"'{value}'"
    return text if len(text) <= 60 else text[:60] + "…"
