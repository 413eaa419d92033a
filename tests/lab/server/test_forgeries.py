"""What a hostile central or station says of a journey is refused, and nothing of it is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from phtlab.train.documents.envelope import Envelope
from phtlab.wire.api.journeys import JourneyView, StopView
from phtlab.wire.central.client import CentralClient
from tests.central.world import World
from tests.lab.server.conftest import PASSPHRASE, Asking, until
from tests.lab.server.test_events import in_thread, reads

Change = Callable[[World, JourneyView], JourneyView]


def with_record(view: JourneyView, record: Envelope) -> JourneyView:
    (stop,) = view.stops
    ended = stop.model_copy(update={"state": "departed", "record": record})
    return view.model_copy(update={"stops": (ended,)})


def signed_by_another_station(central: World, view: JourneyView) -> JourneyView:
    return with_record(view, central.record(view, "ulm", by="mainz"))


def of_another_journey(central: World, view: JourneyView) -> JourneyView:
    other = central.journey("ulm", recipients=("bob",))
    return with_record(view, central.record(other, "ulm"))


def with_a_bit_flipped(central: World, view: JourneyView) -> JourneyView:
    record = central.record(view, "ulm")
    flipped = (
        record.payload[:-5] + ("A" if record.payload[-5] != "A" else "B") + record.payload[-4:]
    )
    return with_record(view, record.model_copy(update={"payload": flipped}))


def the_view_of_another(central: World, view: JourneyView) -> JourneyView:
    return central.journey("ulm", recipients=("bob",))


def ended_by_central_s_word_only(central: World, view: JourneyView) -> JourneyView:
    stop = StopView(
        station="ulm", number=0, state="departed", sentence="trust me", updated=view.submitted
    )
    return view.model_copy(update={"stops": (stop,)})


@pytest.mark.parametrize(
    "forged",
    [signed_by_another_station, of_another_journey, with_a_bit_flipped, the_view_of_another],
)
async def test_what_does_not_verify_is_not_shown(
    central: World,
    asking: Asking,
    jp_root_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    forged: Change,
):
    sent = await in_thread(central.journey, "ulm")
    told = await in_thread(forged, central, sent)
    async with asking.events() as events:
        await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
        await until(events, reads)
    monkeypatch.setattr(CentralClient, "journey", lambda self, journey: told)
    for verb, path, body in [
        ("GET", "results", None),
        ("POST", "aggregate", {}),
        ("POST", "export", {"directory": "out"}),
    ]:
        status, problem = await asking.refused(verb, f"journeys/{sent.id}/{path}", json=body)
        assert status == 502, problem
        assert problem["code"].split("-")[0] in ("signature", "record", "order", "envelope")
    assert list(jp_root_dir.iterdir()) == []


async def test_what_only_central_says_is_named_so(
    central: World, asking: Asking, monkeypatch: pytest.MonkeyPatch
):
    sent = await in_thread(central.journey, "ulm")
    told = ended_by_central_s_word_only(central, sent)
    async with asking.events() as events:
        await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
        await until(events, reads)
    monkeypatch.setattr(CentralClient, "journey", lambda self, journey: told)
    results = await asking.get(f"journeys/{sent.id}/results")
    assert (results["stations"], results["failures"]) == ([], [])
    assert results["unsigned"] == [{"station": "ulm", "words": "departed: trust me"}]
