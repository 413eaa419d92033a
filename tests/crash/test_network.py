"""A bad network between a station and central or the registry: the journey ends right, once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.crash.consortium import Light, light
from tests.crash.invariants import assert_soon
from tests.crash.wire_fault import Wire
from tests.evidence import Evidence
from tests.station.station_world import table_files

pytestmark = pytest.mark.engine

ROWS = 400
BIG = table_files(
    "counts",
    {"sex": ("string", ["female", "male"] * (ROWS // 2)), "n": ("integer", [25] * ROWS)},
)
"""Cargo of some kilobytes, so that there is a middle of its upload."""

FAULTS: dict[str, Callable[[Wire], None]] = {
    "slow": lambda wire: wire.slow(8000),
    "late": lambda wire: wire.late(0.15),
    "lossy": lambda wire: wire.lossy(0.1),
    "reset": lambda wire: wire.reset(),
    "cut": lambda wire: wire.cut(),
}


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Light]:
    with light(tmp_path_factory.mktemp("network"), files=BIG) as up:
        yield up


def wires(consortium: Light, which: str) -> tuple[Wire, ...]:
    both = {"central": consortium.to_central, "registry": consortium.to_registry}
    return tuple(both.values()) if which == "both" else (both[which],)


def _named(which: str) -> str:
    return "central and registry" if which == "both" else which


@pytest.mark.parametrize(
    "which",
    ["both", *(pytest.param(one, marks=pytest.mark.long) for one in ("central", "registry"))],
)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_line_that_is(consortium: Light, evidence: Evidence, fault: str, which: str) -> None:
    """For a second; then it is good again."""
    journeys = [consortium.send()]
    for wire in wires(consortium, which):
        FAULTS[fault](wire)
    journeys.append(consortium.send())
    time.sleep(1)
    for wire in wires(consortium, which):
        wire.mend()
    consortium.ended(*journeys)
    assert_soon(lambda: consortium.violations(*journeys))
    evidence(
        "kills",
        kill_point=f"the line from station to {_named(which)} is {fault}",
        count=len(journeys),
        outcome="each journey ended once, nothing left behind",
    )


def cut_at_each(consortium: Light, step: int) -> int:
    """Journeys to one station whose line to the registry breaks `step` bytes later each time.

    Until a journey needs no more bytes than that; returns how often it was cut.
    """
    cuts = 0
    while True:
        before = consortium.to_registry.faults
        consortium.to_registry.drop_after(step * (cuts + 1))
        journey = consortium.send("cleveland")
        consortium.ended(journey)
        consortium.to_registry.mend()
        assert_soon(lambda journey=journey: consortium.violations(journey))  # type: ignore[misc]
        if consortium.to_registry.faults == before:
            return cuts
        cuts += 1


@pytest.mark.parametrize(
    "step", [pytest.param(5000, id="short"), pytest.param(250, id="long", marks=pytest.mark.long)]
)
def test_cut_after_so_many_bytes_to_the_registry(
    consortium: Light, evidence: Evidence, step: int
) -> None:
    """In the middle of whatever is under way then: of a fetched train, of an upload of cargo."""
    cuts = cut_at_each(consortium, step)
    assert cuts > 3
    evidence(
        "kills",
        kill_point="the line from station to registry breaks within an upload, at each place",
        count=cuts,
        outcome="each journey ended once, nothing left behind",
    )


@pytest.mark.long
@pytest.mark.parametrize("which", ["central", "registry", "both"])
def test_a_line_that_is_half_open(consortium: Light, evidence: Evidence, which: str) -> None:
    """What was connected hears nothing any more, not even that it is cut: as behind a dead NAT."""
    journeys = [consortium.send()]
    for wire in wires(consortium, which):
        wire.silence()
    journeys.append(consortium.send())
    time.sleep(5)
    for wire in wires(consortium, which):
        wire.mend()
    consortium.ended(*journeys, seconds=240)
    assert_soon(lambda: consortium.violations(*journeys))
    evidence(
        "kills",
        kill_point=f"the line from station to {_named(which)} is half-open",
        count=len(journeys),
        outcome="each journey ended once, nothing left behind",
    )
