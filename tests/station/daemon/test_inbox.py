"""The inbox at work: what cannot be taken in stands in no other offer's way."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from phtlab.station.daemon.loop import Daemon
from phtlab.wire.api.journeys import Inbox, Offer
from tests.station.station_world import make_world


@pytest.mark.parametrize("fault", [OSError("the disk is full"), ValueError("a defect of ours")])
def test_an_offer_that_cannot_be_taken_in_does_not_stop_the_others(
    fault: Exception,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = make_world(tmp_path)
    world.add_hearts()
    bad, good = world.offer(), world.offer()
    world.central.offer(bad)
    world.central.offer(good)
    until = threading.Event()
    taken: list[str] = []
    tried: list[str] = []

    def receive(daemon: Daemon, offer: Offer) -> None:
        tried.append(offer.journey)
        if offer.journey == bad.journey and tried.count(bad.journey) == 1:
            raise fault
        taken.append(offer.journey)
        if {bad.journey, good.journey} <= set(taken):
            until.set()

    monkeypatch.setattr(Daemon, "receive", receive)
    daemon = world.daemon()
    listening = threading.Thread(target=daemon._listen, args=(until,))
    listening.start()
    listening.join(timeout=60)
    assert not listening.is_alive()
    assert taken[0] == good.journey, "the good one came first, past the bad one"
    assert bad.journey in taken, "the bad one was tried again"


def test_what_central_answers_makes_no_station_deaf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong over an answer, the station asks again."""
    world = make_world(tmp_path)
    until = threading.Event()
    asked: list[int] = []

    def inbox(after: int = 0, wait: float = 0.0) -> Inbox:
        asked.append(after)
        if len(asked) == 1:
            raise RecursionError
        until.set()
        return Inbox(cursor=0, offers=())

    monkeypatch.setattr(world.central, "inbox", inbox)
    listening = threading.Thread(target=world.daemon()._listen, args=(until,))
    listening.start()
    listening.join(timeout=60)
    assert len(asked) == 2
