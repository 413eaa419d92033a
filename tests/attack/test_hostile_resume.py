"""Journeys that are continued: a central that shows less than was, a researcher who asks twice.

Central is real, with a liar before it; the station is real but for its sandbox and the registry.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from phtlab.errors import JourneyError, OrderError
from phtlab.station.backup.archive import back_up
from phtlab.station.backup.comparison import compare
from phtlab.station.backup.lost_history import accept_loss
from phtlab.station.backup.restore import restore
from phtlab.station.context.maintenance import resume
from phtlab.station.context.station_context import StationContext
from phtlab.station.settings.folder import StationFolder
from phtlab.train.crypto.age import ScryptIdentity, ScryptRecipient
from phtlab.train.documents.envelope import Envelope
from phtlab.wire.api.journeys import Offer
from tests.attack.on_route import OnRoute, continuing, earlier
from tests.raising import raises_code
from tests.station.pipeline.sequential_route import Route, model_file, sequential_train
from tests.station.station_world import World, identity

CENTRAL, STATION, RESEARCHER = "hostile central", "hostile station", "hostile researcher"
PASSPHRASE = "correct horse battery staple"
LATER = timedelta(minutes=10)  # more than clocks may differ
Refused = Callable[[str, str, str], None]


def broken(sequential: OnRoute) -> tuple[Offer, Envelope]:
    """A journey that ended at cleveland, its second stop, and the record of its first."""
    offer = sequential.order("hungary", "cleveland", "basel")
    first = sequential.depart(offer, "hungary")
    sequential.runs_into_failure(offer)
    sequential.world.scripted.started.clear()
    return offer, first


def resumed(sequential: OnRoute) -> Offer:
    """What central truly offers cleveland of the journey that continues a broken one."""
    ended, first = broken(sequential)
    return sequential.offered(sequential.order("cleveland", "basel", **continuing(ended, first)))


def test_an_honest_continuation_departs(sequential: OnRoute, refused: Refused) -> None:
    """What the attacks below change is all that is wrong with them."""
    offer = resumed(sequential)
    record = sequential.runs(offer)
    assert (record.outcome, record.stop) == ("departed", 0)
    assert record.previous == offer.continued[0].records[-1].digest
    assert list(sequential.journey(offer).verified()[2]) == ["cleveland"]
    refused(CENTRAL, "an honest continuation goes on where its journey ended", "departed")


# What central shows of the journeys before.


def test_the_journey_before_left_out(sequential: OnRoute, refused: Refused) -> None:
    offer = resumed(sequential)
    code = sequential.code(offer.model_copy(update={"continued": ()}))
    assert code == "order-continues"
    refused(CENTRAL, "cannot show a continuation without its journey", code)


def test_the_journey_before_without_its_departed_stops(
    sequential: OnRoute, refused: Refused
) -> None:
    offer = resumed(sequential)
    bare = offer.continued[0].model_copy(update={"records": ()})
    code = sequential.code(offer.model_copy(update={"continued": (bare,)}))
    assert code == "order-continues"
    refused(CENTRAL, "cannot show a continued journey without its departed stops", code)


def test_another_journey_in_the_place_of_the_one_before(
    sequential: OnRoute, refused: Refused
) -> None:
    """Of the same train, stations and researcher, which ended at the same stop."""
    offer, other = resumed(sequential), resumed(sequential)
    code = sequential.code(offer.model_copy(update={"continued": other.continued}))
    assert code == "order-continues"
    refused(CENTRAL, "cannot put another journey in the place of the continued one", code)


def test_an_older_continued_journey_than_was_seen(sequential: OnRoute, refused: Refused) -> None:
    """A journey is continued twice; central leaves out the one in the middle."""
    second = resumed(sequential)
    sequential.runs_into_failure(second)
    sequential.world.scripted.started.clear()
    first = second.continued[0].records[-1]
    third = sequential.offered(sequential.order("cleveland", "basel", **continuing(second, first)))
    assert len(third.continued) == 2
    code = sequential.code(third.model_copy(update={"continued": third.continued[:1]}))
    assert code == "order-continues"
    refused(CENTRAL, "cannot leave out a journey between", code)


def test_a_chain_that_is_cut_after_its_stop_was_seen(sequential: OnRoute, refused: Refused) -> None:
    """Cleveland departed in a journey that ended at basel; central hides that from everyone.

    The researcher, who sees one departed stop, continues after it: cleveland would run again.
    """
    ended = sequential.order("hungary", "cleveland", "basel")
    first = sequential.depart(ended, "hungary")
    sequential.runs(ended)
    sequential.fail(ended, "basel", sequential.world.stop(ended).record())
    again = sequential.route.order("cleveland", "basel", **continuing(ended, first))
    with raises_code(OrderError, "order-continues"):  # as an honest central answers
        sequential.consort.lab.central.submit_journey(again.order)
    code = sequential.code(again.model_copy(update={"continued": (earlier(ended, first),)}))
    assert code == "order-continued"
    refused(CENTRAL, "cannot cut a chain at a station that is further on", code)


def test_a_cut_chain_whose_last_station_signs_anew(sequential: OnRoute, refused: Refused) -> None:
    """Another record of hungary's, after which cleveland has not gone on; but it departed."""
    ended = sequential.order("hungary", "cleveland", "basel")
    sequential.depart(ended, "hungary")
    sequential.runs(ended)
    anew = sequential.route.departed(ended, "hungary", model_file(0.9))
    again = sequential.route.order("cleveland", "basel", **continuing(ended, anew))
    code = sequential.code(again.model_copy(update={"continued": (earlier(ended, anew),)}))
    assert code == "order-continued"
    refused(STATION, "cannot have the next one run again by signing its record anew", code)


# Two continuations.


def test_a_second_continuation_of_one_record(sequential: OnRoute, refused: Refused) -> None:
    """Central takes one; should it help, the station goes on once."""
    ended, first = broken(sequential)
    sequential.runs(sequential.order("cleveland", "basel", **continuing(ended, first)))
    second = sequential.route.order("cleveland", "basel", **continuing(ended, first))
    with raises_code(JourneyError, "journey-continued"):
        sequential.consort.lab.central.submit_journey(second.order)
    code = sequential.code(second.model_copy(update={"continued": (earlier(ended, first),)}))
    assert code == "order-continued"
    refused(RESEARCHER, "cannot continue a journey twice from one stop", code)


class _Restored(World):
    place: Path

    @property
    def folder(self) -> StationFolder:
        return StationFolder(self.place)


def backed_up(sequential: OnRoute) -> Path:
    world, target = sequential.world, sequential.world.root / "backup.age"
    station = StationContext(world.folder, world.settings, world.now)
    back_up(station, target, [ScryptRecipient(PASSPHRASE, 4)], by="grace")
    return target


def restored(sequential: OnRoute, backup: Path) -> None:
    """Cleveland is restored from `backup`, and resumed without asking central."""
    old, place = sequential.world, sequential.world.root / "restored"
    with backup.open("rb") as source:
        restore(source, place, [ScryptIdentity(PASSPHRASE)], by="grace", now=old.now)
    new = object.__new__(_Restored)
    new.__dict__.update(old.__dict__, place=place)
    desk = StationContext(new.folder, new.settings, new.now)
    lost = compare(desk, identity("cleveland"), by="grace", query_central=False)
    accept_loss(desk, lost.forgotten, by="grace", reason="a trial")
    resume(desk, by="grace")
    new.ahead += LATER
    sequential.route = Route(new, sequential.route.train)


def continuation_of_after(sequential: OnRoute, ended: Offer, first: Envelope) -> Offer:
    """Ordered after the restore, so that its own time says nothing."""
    order = sequential.route.order("cleveland", "basel", **continuing(ended, first))
    return order.model_copy(update={"continued": (earlier(ended, first),)})


def test_a_second_continuation_after_the_station_was_restored(
    sequential: OnRoute, refused: Refused
) -> None:
    """The backup is of before the first one: nothing there says that the station went on."""
    ended, first = broken(sequential)
    backup = backed_up(sequential)
    sequential.runs(sequential.order("cleveland", "basel", **continuing(ended, first)))
    restored(sequential, backup)
    code = sequential.code(continuation_of_after(sequential, ended, first))
    assert code == "order-before-restore"
    refused(RESEARCHER, "cannot continue a journey again at a station that was restored", code)


def test_a_record_of_the_future_that_outlasts_a_restore(
    sequential: OnRoute, refused: Refused
) -> None:
    """Hungary says that its stop ended next year: after every restore of this year.

    The station waits for that time, in which the order ends.
    """
    offer = sequential.order("hungary", "cleveland")
    sequential.depart(offer, "hungary", finished=sequential.world.now() + timedelta(days=365))
    true = sequential.offered(offer)
    daemon = sequential.world.daemon()
    daemon.receive(true)
    for _ in range(5):
        sequential.world.ahead += timedelta(minutes=2)
        daemon.step()
    assert sequential.world.stop(offer).state == "offered"
    sequential.world.ahead += timedelta(days=8)
    record = sequential.route.end(true)
    assert (record.outcome, record.code) == ("refused", "order-expired")
    assert not sequential.route.ran
    refused(STATION, "cannot date its record so that a restored station goes on again", record.code)


def test_a_continuation_without_its_own_stop_after_a_restore(
    sequential: OnRoute, refused: Refused
) -> None:
    """As `test_a_chain_that_is_cut_after_its_stop_was_seen`, at a station that has forgotten it."""
    backup = backed_up(sequential)
    ended = sequential.order("hungary", "cleveland", "basel")
    first = sequential.depart(ended, "hungary")
    sequential.runs(ended)
    sequential.world.scripted.started.clear()
    restored(sequential, backup)
    code = sequential.code(continuation_of_after(sequential, ended, first))
    assert code == "order-before-restore"
    refused(CENTRAL, "cannot cut a chain at a station that was restored", code)


# A continuation that is another journey.


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": {"min_age": 51}},
        {"recipients": ("ada", "bob")},
        {"stations": ("cleveland",)},
        {"stations": ("basel", "cleveland")},
        {"stations": ("hungary", "cleveland", "basel")},
    ],
    ids=["parameters", "recipients", "a station left out", "swapped", "from the start"],
)
def test_a_continuation_with_changes(
    changes: dict[str, Any], sequential: OnRoute, refused: Refused
) -> None:
    """Central refuses it; should it help, the station does."""
    ended, first = broken(sequential)
    stations = changes.get("stations", ("cleveland", "basel"))
    others = {name: value for name, value in changes.items() if name != "stations"}
    changed = sequential.route.order(*stations, **others, **continuing(ended, first))
    with raises_code(OrderError, "order-continues"):
        sequential.consort.lab.central.submit_journey(changed.order)
    shown: dict[str, Any] = {"continued": (earlier(ended, first),), "previous": ()}
    if stations[0] != "cleveland":
        before = sequential.route.departed(changed, stations[0], previous=first)
        shown["previous"] = (before,)
    code = sequential.code(changed.model_copy(update=shown))
    assert code == "order-continues"
    refused(RESEARCHER, f"cannot continue a journey with other {next(iter(changes))}", code)


def test_a_colleague_who_continues_another_s_journey(sequential: OnRoute, refused: Refused) -> None:
    """With the train's statement of its author, and with one of the colleague's own."""
    ended, first = broken(sequential)
    codes = set()
    for statement in (
        sequential.route.train,
        sequential_train(sequential.world, author="bob"),
    ):
        taken = Route(sequential.world, statement).order(
            "cleveland", "basel", signer="bob", **continuing(ended, first)
        )
        codes.add(sequential.code(taken.model_copy(update={"continued": (earlier(ended, first),)})))
    assert codes == {"order-author"}
    refused(RESEARCHER, "cannot continue a colleague's journey", "order-author")
