"""The list of what stands: another station's, an older one, or one that is over is not believed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from phtlab.errors import ApprovalError
from phtlab.governance import ActiveApprovals, open_active_approvals
from phtlab.train.documents.envelope import Envelope
from tests.governance import documents
from tests.governance.conftest import Keys
from tests.raising import raises_code


def _open(
    keys: Keys, envelope: Envelope, hours: float = 0, at_least: int = 1, station: str = "ulm"
) -> ActiveApprovals:
    now = documents.now() + timedelta(hours=hours)
    return open_active_approvals(envelope, keys.roster, station=station, now=now, at_least=at_least)


def test_a_list_of_another_station_is_refused(keys: Keys) -> None:
    mainz = documents.standing(9, station="mainz").sign(keys["mainz"])
    with pytest.raises(ApprovalError) as refused:
        _open(keys, mainz)
    assert refused.value.code == "standing-station"


def test_a_list_older_than_one_that_was_seen_is_refused(keys: Keys) -> None:
    approval = documents.approval(None, None).sign(keys["ulm"])
    before = documents.standing(4, approval).sign(keys["ulm"])
    assert _open(keys, before, at_least=4).approvals == (approval.digest,)
    with raises_code(ApprovalError, "standing-rolled-back"):
        _open(keys, before, at_least=5)


@pytest.mark.parametrize("lasts", [1, 24, 24 * 365])
def test_a_list_is_believed_for_a_day_whatever_it_says(keys: Keys, lasts: int) -> None:
    """So a central that hides a revocation can do so until then, and no longer."""
    expires = documents.now() + timedelta(hours=lasts)
    held_back = documents.standing(1, expires=expires).sign(keys["ulm"])
    end = min(lasts, 24)
    assert _open(keys, held_back, hours=end - 0.1)
    with raises_code(ApprovalError, "standing-stale"):
        _open(keys, held_back, hours=end)


def test_a_list_from_the_future_is_refused(keys: Keys) -> None:
    ahead = documents.now() + timedelta(hours=1)
    early = documents.standing(1, issued=ahead, expires=ahead + timedelta(hours=24))
    with pytest.raises(ApprovalError) as refused:
        _open(keys, early.sign(keys["ulm"]))
    assert refused.value.code == "standing-future"
