"""`reader_hints.toml`: the names and linter rules that a reader's attention is drawn by."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class ReaderHints:
    """Why to look at a name, an attribute or a module; and which of bandit's tests are made."""

    names: Mapping[str, str]
    attributes: Mapping[str, str]
    modules: Mapping[str, str]
    bandit: frozenset[str]


@cache
def profile() -> ReaderHints:
    """The profile that ships with phtlab."""
    content = tomllib.loads(Path(__file__).with_name("reader_hints.toml").read_text("utf-8"))

    def hints_of(kind: str) -> dict[str, str]:
        return {term: hint["why"] for hint in content["look"] for term in hint.get(kind, ())}

    tests = frozenset(content["bandit"]["tests"])
    return ReaderHints(hints_of("names"), hints_of("attributes"), hints_of("modules"), tests)
