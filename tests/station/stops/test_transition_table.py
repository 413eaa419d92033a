"""The table of transitions: what it says of the markers is whole, and the daemon takes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop
from phtlab.station.stops.transition_table import TRANSITIONS, next_transition
from tests.docs.stops_page import FILES

# Written beside the transitions: by whoever takes a nonce, decides, cancels, or releases a log;
# and what a transition notes on its way to another marker.
BESIDE = {
    *(Marker.OFFER, Marker.TAKEN, Marker.DECISION, Marker.CANCEL, Marker.NOTED),
    *(Marker.FORECAST, Marker.AIRLOCK, Marker.LOG_STATEMENT, Marker.LOG_SENT),
}


def test_every_marker_is_written_by_a_transition_or_beside_them() -> None:
    written = {marker for transition in TRANSITIONS for marker in transition.writes}
    assert written | BESIDE == set(Marker)
    assert not written & BESIDE


def test_every_marker_has_a_file_and_a_meaning() -> None:
    assert set(FILES) == set(Marker)
    assert all(marker.meaning for marker in Marker)


def test_every_transition_leads_on_to_the_end() -> None:
    """Whatever a transition writes either comes before it in the table, or waits beside it."""
    order = {transition.after: place for place, transition in enumerate(TRANSITIONS)}
    for transition in TRANSITIONS:
        leads = [m for m in transition.writes if m in order]
        assert all(order[m] < order[transition.after] for m in leads)
        assert leads or transition.writes == (Marker.REPORTED,), transition


@pytest.mark.parametrize(
    ("there", "after"),
    [
        ([], Marker.OFFER),
        ([Marker.VERIFIED, Marker.HELD], Marker.VERIFIED),
        ([Marker.VERIFIED, Marker.ADMITTED, Marker.STARTING, Marker.STARTED], Marker.STARTING),
        ([Marker.OUTCOME, Marker.STARTING, Marker.CANCEL], Marker.CANCEL),
        ([Marker.PUSHED, Marker.SEALED, Marker.CANCEL], Marker.PUSHED),
        ([Marker.CANCEL, Marker.ENDING], Marker.ENDING),
        ([Marker.RECORD, Marker.ENDING], Marker.RECORD),
    ],
)
def test_the_newest_marker_decides(tmp_path: Path, there: list[Marker], after: Marker) -> None:
    for marker in (Marker.OFFER, *there):
        (tmp_path / f"{marker}.json").touch()
    assert next_transition(Stop(tmp_path)).after is after
