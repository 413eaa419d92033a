"""What people read when a proposal, an approval or a list of approvals is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from phtlab.governance import open_active_approvals, require_successor
from phtlab.governance.audit.filter import EntryFilter
from phtlab.train.canonical import digest
from phtlab.train.crypto.identity import Identity
from tests.governance import documents
from tests.governance.conftest import Keys
from tests.raising import wrong_messages

ADA = Identity.generate("ada")
OTHER = digest(b"other")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"scope": "train"}, "another digest"),
        ({"scope": "low-risk"}, "another digest"),
        ({"train": OTHER}, "another digest"),
        ({"proposal": None}, "by its name and its version"),
        ({"proposal": None, "proposal_id": None}, "a rule is within a proposal"),
        ({"approvers": ("grace", "grace")}, "named twice"),
        ({"approvers": ()}, "at least 1"),
        ({"expires": documents.now() - timedelta(days=1)}, "ends before it begins"),
        ({"parameters": {}}, "schema"),
    ],
)
def test_an_approval_that_contradicts_itself_cannot_be_made(
    changes: dict[str, Any], why: str
) -> None:
    proposal = documents.proposal()
    with pytest.raises(ValidationError, match=why):
        documents.approval(proposal, proposal.sign(ADA), **changes)


def test_versions_and_moments() -> None:
    assert not wrong_messages(
        {
            "does not follow version 0: a version is missing": lambda: require_successor(
                documents.proposal(version=2), None, None
            ),
            "'yesterday' is no day or moment. Write 2026-11-25": lambda: EntryFilter.of(
                since="yesterday"
            ),
        }
    )


def test_lists_of_approvals(keys: Keys) -> None:
    standing = documents.standing(4).sign(keys["ulm"])

    def read(at_least: int, hours: float) -> Callable[[], object]:
        now = documents.now() + timedelta(hours=hours)
        return lambda: open_active_approvals(
            standing, keys.roster, station="ulm", now=now, at_least=at_least
        )

    assert not wrong_messages(
        {
            "approvals has the number 4; number 5 was seen before": read(5, 0),
            "The newest list of ulm's approvals that is known here ended at": read(1, 24),
        }
    )
