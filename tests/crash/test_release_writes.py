"""A station killed anywhere while an output waits for a person: the word is heeded once, and whole.

The person comes again and again until the stop went on, as a person does whose command was killed.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from phtlab.errors import StationError
from phtlab.station.release.held_outputs import Choice
from phtlab.station.release.votes import Redaction, votes_on
from phtlab.wire.api.journeys import Offer
from tests.crash.test_any_write import Killed, killed_at
from tests.evidence import Evidence
from tests.station.release.held_world import held_offer, holding_world, say
from tests.station.station_world import World

CHOICES: dict[str, Choice] = {
    "released": "release",
    "in part": Redaction(rows=(3,)),
    "withheld": "refuse",
}
VERDICTS = {"released": "released", "in part": "suppressed", "withheld": "refused"}
EVERY = 4  # of the writes, in the short form


def finish(world: World, offer: Offer, choice: Choice | None) -> None:
    """Steps of a new daemon, and a person's word when one is asked for; None: it is cancelled."""
    daemon = world.daemon()
    daemon.receive(offer)
    daemon.sweep()
    for _ in range(40):
        stop = world.stop(offer)
        if stop.is_reported:
            break
        if stop.waits_for == "release":
            if choice is None:
                daemon.receive(offer.model_copy(update={"cancelled": True}))
            else:
                with suppress(StationError):  # of a word that was given before the kill
                    say(world, stop, choice)
        daemon.step()
    daemon.sweep()


def killed_at_each(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    choice: Choice | None,
    verdict: str,
    first: int,
    every: int,
) -> int:
    """At how many writes the station was killed, each time in a world of its own."""
    for count, sync in enumerate(range(first, 1000, every)):
        world = holding_world(root / str(sync))
        offer = held_offer(world)
        with killed_at(sync, monkeypatch) as made, suppress(Killed):
            finish(world, offer, choice)
        survived = made[0] < sync
        finish(world, offer, choice)
        stop, record = world.stop(offer), world.record(offer)
        if choice is None:
            assert record.outcome == "cancelled", sync
            assert world.artifacts.delivered == {}, sync
        else:
            assert [o.verdict for o in record.outputs] == ["released", verdict], sync
            assert len(votes_on(stop, "wards")) == 1, sync
        assert len(world.scripted.started) == 1, sync
        assert world.executor.jobs() == frozenset(), sync
        assert not (stop.path / "waiting").exists(), sync
        assert not stop.cargo.exists(), sync
        assert not list(world.folder.path.rglob("*.part")), sync
        if survived:
            return count
    raise AssertionError("it never came through")


@pytest.mark.parametrize("how", CHOICES)
def test_killed_while_an_output_waits_the_word_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    first = 1 + list(CHOICES).index(how)
    assert killed_at_each(tmp_path, monkeypatch, CHOICES[how], VERDICTS[how], first, 3 * EVERY) > 3


@pytest.mark.long
@pytest.mark.parametrize("how", CHOICES)
def test_killed_at_any_write_while_an_output_waits_the_word_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, evidence: Evidence
) -> None:
    count = killed_at_each(tmp_path, monkeypatch, CHOICES[how], VERDICTS[how], 1, 1)
    assert count > 40
    evidence(
        "kills",
        kill_point=f"station, before and after each durable write of a stop whose output is {how}",
        count=count,
        outcome="run once, decided once, ended once, nothing left waiting",
    )


@pytest.mark.long
def test_killed_at_any_write_a_held_stop_that_is_cancelled_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evidence: Evidence
) -> None:
    count = killed_at_each(tmp_path, monkeypatch, None, "", 1, 1)
    assert count > 40
    evidence(
        "kills",
        kill_point="station, before and after each durable write of a held stop that is cancelled",
        count=count,
        outcome="ended once as cancelled, nothing sent, nothing left waiting",
    )
