"""A member who adds without end: what others see, and what is kept of it, has a bound.

Central is real, and so is the station.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import cast

import pytest

from phtlab.central import inbox
from phtlab.central.governance.approvals import put_approval
from phtlab.errors import CentralError
from phtlab.governance import Approval, Proposal, Revocation
from phtlab.governance.audit.chain import Checkpoint
from phtlab.station.approvals import decisions
from phtlab.station.approvals.proposal_limits import KEPT_AFTER, remove_ended
from phtlab.station.approvals.proposals import StationProposals
from phtlab.station.approvals.store import Approvals
from phtlab.station.approvals.sync import ApprovalSync
from phtlab.station.console.views.inbox import inbox as console_inbox
from phtlab.train.canonical import digest
from phtlab.train.documents.envelope import peek
from phtlab.wire.api.journeys import StopUpdate
from phtlab.wire.central.client import CentralClient
from tests.attack.real_central import Consort
from tests.governance import documents
from tests.raising import raises_code
from tests.station.station_world import World, identity

Refused = Callable[[str, str, str], None]
RESEARCHER, STATION = "hostile researcher", "hostile station"
HERE = "cleveland"


def allowed(number: int) -> Approval:
    """One of many approvals of cleveland's."""
    return documents.approval(None, None, station=HERE, train=digest(b"%d" % number))


def test_a_revocation_is_heard_of_however_many_approvals_came_after_it(
    consort: Consort, lone_station: World, refused: Refused
) -> None:
    """A station that was set back, with more approvals than central ever listed at once."""
    central, key = cast(CentralClient, lone_station.central), identity(HERE)
    member = consort.roster.member(HERE)
    first = allowed(0).sign(key)
    for envelope in (first, *(allowed(number).sign(key) for number in range(1, 502))):
        put_approval(consort.services.database, consort.roster, member, envelope, most=1000)
    taken = Revocation(
        station=HERE,
        approval=first.digest,
        by="olga",
        reason="",
        roster_version=1,
        issued=documents.now(),
    )
    central.governance.put_revocation(taken.sign(key))
    here = lone_station.station()
    Approvals(here.folder).keep(first)
    assert not Approvals(here.folder).revoked(first.digest)
    ApprovalSync(here).run()
    assert Approvals(here.folder).revoked(first.digest)
    assert len(central.governance.approvals(station=HERE)) == 502
    refused(STATION, "cannot bury a revocation below later approvals", "listed to the end")


def proposed(consort: Consort, by: str, number: int) -> Proposal:
    proposal = documents.proposal(researcher=by, title=f"Study {number}", stations=(HERE,))
    consort.client(by).governance.submit_proposal(proposal.sign(identity(by)))
    return proposal


def here_of(world: World) -> set[str]:
    return {here.id for here in StationProposals(world.folder.proposals)}


def test_one_researcher_s_proposals_fill_no_station_and_keep_nobody_else_s_away(
    consort: Consort, lone_station: World, refused: Refused
) -> None:
    settings = lone_station.settings.model_copy(update={"proposals_per_researcher": 3})
    lone_station.settings = settings
    station = lone_station.station()
    exchange = ApprovalSync(station)
    flood = {proposed(consort, "ada", number).id for number in range(8)}
    exchange.run()
    kept = here_of(lone_station)
    assert (len(kept), kept <= flood) == (3, True)
    other = proposed(consort, "bob", 0)
    exchange.run()
    assert here_of(lone_station) == kept | {other.id}
    assert any("3 proposals of ada" in said for said in console_inbox(station).troubles)
    # One decision here makes room for one more, and a restart for none.
    decisions.refuse(station, min(kept), by="olga", reason="not now")
    exchange.run()
    assert len(here_of(lone_station)) == 5
    ApprovalSync(station).run()
    assert len(here_of(lone_station)) == 5
    refused(RESEARCHER, "cannot fill a station with proposals", "of each researcher so many")


def test_proposals_that_are_long_over_leave_a_station_s_folder(
    consort: Consort, lone_station: World, refused: Refused
) -> None:
    station = lone_station.station()
    named, gone = (proposed(consort, "ada", number) for number in range(2))
    ApprovalSync(station).run()
    found = StationProposals(station.folder.proposals).proposal(named.id).newest
    given = documents.approval(named, found.envelope, station=HERE)
    Approvals(station.folder).keep(given.sign(identity(HERE)))
    assert remove_ended(station) == []
    lone_station.ahead = named.until - documents.now() + KEPT_AFTER + timedelta(minutes=1)
    assert remove_ended(station) == [gone.id]
    assert here_of(lone_station) == {named.id}
    refused(RESEARCHER, "cannot make a station's folder grow without end", "what is over goes")


def test_one_researcher_s_held_orders_keep_nobody_else_s_away(
    consort: Consort,
    lone_station: World,
    refused: Refused,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inbox, "MAX_OFFERS", 3)
    central = cast(CentralClient, lone_station.central)
    ordered = {}
    for by, number in (("ada", 5), ("bob", 1)):
        client = consort.client(by)
        for nonce in range(number):
            train = lone_station.train(author=by)
            offer = lone_station.offer(
                train,
                signer=by,
                stations=(HERE,),
                nonce=f"{ord(by[0]) * 100 + nonce:032x}",
            )
            client.submit_train(train)
            ordered[client.submit_journey(offer.order).id] = by
    offers = [ordered[offer.journey] for offer in central.inbox().offers]
    assert offers == ["ada", "bob", "ada"]
    refused(RESEARCHER, "cannot keep others' orders from a station", "each one's first come first")


def test_a_station_s_signed_log_ends_have_a_limit(
    consort: Consort, lone_station: World, refused: Refused
) -> None:
    most = 3
    consort.limit(checkpoints_per_day=most)
    central = cast(CentralClient, lone_station.central)

    def sign(number: int) -> None:
        seen = Checkpoint(
            log=HERE,
            number=number,
            head=digest(b"%d" % number),
            witness=HERE,
            roster_version=consort.roster.version,
            at=documents.now(),
        )
        central.audit.put_checkpoint(seen.sign(identity(HERE)))

    for number in range(1, most + 1):
        sign(number)
    before = central.audit.page().head.number
    with raises_code(CentralError, "quota"):
        sign(most + 1)
    assert central.audit.page().head.number == before
    refused(STATION, "cannot fill central's log with its own ends", "quota")


def test_a_station_s_progress_has_a_limit_and_its_record_none(
    consort: Consort, lone_station: World, refused: Refused
) -> None:
    consort.limit(updates_per_day=5)
    central = cast(CentralClient, lone_station.central)
    offer = lone_station.offer(stations=(HERE,))
    consort.lab.central.submit_train(offer.train)
    journey = consort.lab.central.submit_journey(offer.order)
    with raises_code(CentralError, "quota"):
        for cell in range(10):
            central.update_stop(journey.id, HERE, StopUpdate(state="running", cell=cell, cells=10))
    lone_station.begun(offer, steps=20)
    record = lone_station.stop_of(journey.id).record()
    (stop,) = consort.lab.central.journey(journey.id).stops
    assert stop.record is not None
    assert peek(stop.record).predicate == peek(record).predicate
    refused(STATION, "cannot fill central with the progress of a stop", "quota")
