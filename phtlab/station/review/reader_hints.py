"""`reader_hints.toml`: names and linter rules that a reviewer's attention is drawn to."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class ReaderHints:
    """Reasons to check a name, an attribute or a module, and the bandit tests to run."""

    names: Mapping[str, str]
    attributes: Mapping[str, str]
    modules: Mapping[str, str]
    bandit: frozenset[str]


@cache
def profile() -> ReaderHints:
    """Return the profile that ships with phtlab."""
    content = tomllib.loads(Path(__file__).with_name("reader_hints.toml").read_text("utf-8"))

    def hints_of(kind: str) -> dict[str, str]:
        return {term: hint["why"] for hint in content["look"] for term in hint.get(kind, ())}

    tests = frozenset(content["bandit"]["tests"])
    return ReaderHints(hints_of("names"), hints_of("attributes"), hints_of("modules"), tests)
