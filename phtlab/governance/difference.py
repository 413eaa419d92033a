"""The terms of a proposal as lines under headings; and differences of two versions. Pure.

The command, central's page and a station's console show the same lines.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from phtlab.governance.proposal import Proposal
from phtlab.governance.resources import resources_lines
from phtlab.governance.rounds import count


@dataclass(frozen=True)
class Line:
    """A removed line (``-``), a new one (``+``), or an unchanged one (a space)."""

    mark: Literal["-", "+", " "]
    text: str


@dataclass(frozen=True)
class Difference:
    """The changed lines under one heading, with the unchanged ones between."""

    heading: str
    lines: tuple[Line, ...]


def proposal_lines(proposal: Proposal) -> dict[str, tuple[str, ...]]:
    """Return all terms of a version: heading to lines."""
    properties = proposal.parameters["properties"]
    return {
        "Title": (proposal.title,),
        "Question": _paragraphs(proposal.question),
        "Legal ground": _paragraphs(proposal.legal_ground),
        "Data sets": tuple(
            f"{data.name}: {', '.join(data.columns) or 'all columns'}" for data in proposal.datasets
        ),
        "Stations": proposal.stations,
        "Kernel images": proposal.images,
        "Notebooks": proposal.notebooks or ("any, within the rest of this proposal",),
        "Parameters": tuple(parameter_text(name, declared) for name, declared in properties.items())
        or ("none of its own",),
        "Journeys": (count(proposal.journeys, "journey"),),
        "Handed on to the next station": proposal.handed_on or ("nothing",),
        "Rounds": proposal.rounds.lines() if proposal.rounds else ("none",),
        "Resources": resources_lines(proposal.resources) or ("as each station's policy limits",),
        "Until": (f"{proposal.until:%Y-%m-%d %H:%M} UTC",),
        "Risk": (proposal.risk, *proposal.reasons),
    }


def differences(older: Proposal, newer: Proposal) -> tuple[Difference, ...]:
    """Return the headings under which `older` and `newer` differ, with all their lines."""
    before, after = proposal_lines(older), proposal_lines(newer)
    return tuple(
        Difference(heading, tuple(_lines(before[heading], after[heading])))
        for heading in after
        if before[heading] != after[heading]
    )


def parameter_text(name: str, declared: Mapping[str, Any]) -> str:
    """Return a parameter's bounds as text: ``min_age: whole number, 18 to 100, default 40``."""
    inner = declared.get("items", declared) if declared.get("type") == "array" else declared
    words = {"integer": "whole number", "number": "number", "string": "text"}
    parts = [words.get(inner.get("type", ""), str(inner.get("type", "any value")))]
    if inner is not declared:
        parts = [f"list of {parts[0]}"]
        parts += _bounds(declared, "minItems", "maxItems", " entries")
    if "enum" in inner:
        parts = ["one of " + ", ".join(map(str, inner["enum"]))]
    parts += _bounds(inner, "minimum", "maximum", "")
    parts += _bounds(inner, "exclusiveMinimum", "exclusiveMaximum", " exclusive")
    parts += _bounds(inner, "minLength", "maxLength", " characters")
    if "multipleOf" in inner:
        parts.append(f"a multiple of {inner['multipleOf']}")
    if "default" in declared:
        parts.append(f"default {declared['default']}")
    return f"{name}: {', '.join(parts)}"


def _bounds(declared: Mapping[str, Any], least: str, most: str, unit: str) -> list[str]:
    if least not in declared and most not in declared:
        return []
    return [f"{declared.get(least, 'any')} to {declared.get(most, 'any')}{unit}"]


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(text.strip().split("\n"))


def _lines(before: Iterable[str], after: Iterable[str]) -> Iterable[Line]:
    a, b = list(before), list(after)
    for kind, a_from, a_to, b_from, b_to in difflib.SequenceMatcher(
        None, a, b, autojunk=False
    ).get_opcodes():
        if kind == "equal":
            yield from (Line(" ", text) for text in a[a_from:a_to])
            continue
        yield from (Line("-", text) for text in a[a_from:a_to])
        yield from (Line("+", text) for text in b[b_from:b_to])
