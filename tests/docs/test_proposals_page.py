"""docs/proposals.md is told as it happens: each command works, and prints what the page says."""

from __future__ import annotations

import re

from phtlab.governance.approval import Scope
from phtlab.wire.proposal_words import MARKS, WORDS
from tests.docs.proposals_story import PAGE, tell
from tests.docs.samples import loose

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def _of_any_day(text: str) -> str:
    return _DAY.sub("<day>", loose(text))


def test_every_command_of_the_page_prints_what_it_says() -> None:
    for exchange, printed in tell():
        assert _of_any_day(printed) == _of_any_day(exchange.printed), (
            f"{exchange.typed}: run 'python -m tests.docs.proposals_story'"
        )


def test_the_page_has_every_state_and_scope() -> None:
    text = PAGE.read_text("utf-8")
    for state, mark in MARKS.items():
        assert f"| {mark} | {WORDS[state]} |" in text
    for scope in Scope.__args__:
        assert f"| {scope} |" in text
