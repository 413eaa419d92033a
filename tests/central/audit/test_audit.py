"""Central's log: written with what it tells, in one order, and kept by what members signed."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from phtlab.central.audit.log import audited, filtered_entries
from phtlab.central.db.database import Database
from phtlab.central.delivery.preferences import notifications_of
from phtlab.central.notifications.outbox import officers
from phtlab.errors import AuditError, CentralError, PhtlabError
from phtlab.governance.audit.chain import Checkpoint, Entry, Head, verify_chain
from phtlab.governance.audit.filter import EntryFilter
from phtlab.train.canonical import digest
from phtlab.train.documents.envelope import Envelope
from phtlab.wire.api.governance import NewComment
from phtlab.wire.central.audit import entries_of, opened
from phtlab.wire.central.client import CentralClient
from tests.central.world import World
from tests.governance import documents
from tests.limits import join
from tests.raising import raises_code

LOG = "central of pht"


def entries(world: World, by: str = "bob") -> list[Entry]:
    """All of central's log, verified."""
    found = list(entries_of(world.client(by).audit))
    assert verify_chain(found, log=LOG) == Head(*_head(world.client(by)))
    return found


def _head(client: CentralClient) -> tuple[int, str]:
    head = client.audit.head()
    assert head.log == LOG
    return head.number, head.digest


def roster_version(world: World) -> int:
    return world.services.publication.current().roster.version


def checkpoint(
    world: World, witness: str, *, log: str = LOG, number: int, head: str, by: str | None = None
) -> Envelope:
    value = Checkpoint(
        log=log, number=number, head=head, witness=witness, roster_version=1, at=world.clock()
    )
    return value.sign(world.identity(by or witness))


def test_a_journey_is_in_the_log_from_the_train_to_the_record(central: World) -> None:
    journey = central.journey("ulm")
    record = central.record(journey, "ulm")
    central.client("ulm").put_record(journey.id, "ulm", record)
    found = entries(central)
    assert [(e.actor, e.action, e.subject) for e in found] == [
        (LOG, "roster-published", f"roster {roster_version(central)}"),
        ("ada", "train-submitted", journey.train),
        ("ada", "journey-ordered", journey.id),
        ("ulm", "stop-recorded", journey.id),
    ]
    assert found[2].details == {"stations": "ulm"}
    assert (found[3].digest, found[3].details) == (record.digest, {"outcome": "departed"})


def test_what_is_sent_twice_is_in_the_log_once(small_central: World) -> None:
    journey = small_central.journey("ulm")
    ada, ulm = small_central.client("ada"), small_central.client("ulm")
    record = small_central.record(journey, "ulm")
    for _ in range(2):
        ada.submit_train(small_central.train())
        ada.submit_journey(journey.order)
        ulm.put_record(journey.id, "ulm", record)
        ada_bundle = small_central.founding.bundle()
        ada.publish_roster(ada_bundle)
    assert len(entries(small_central)) == 4


def test_a_cancellation_and_the_stops_that_central_closes_are_in_it(small_central: World) -> None:
    journey = small_central.journey("ulm", "mainz", route="sequential")
    small_central.client("ada").cancel(journey.id)
    cancelled, closed = entries(small_central)[-2:]
    assert (cancelled.actor, cancelled.action) == ("ada", "journey-cancelled")
    assert (closed.actor, closed.action) == (LOG, "stop-closed")
    assert closed.details == {"station": "mainz", "code": "cancelled-before-turn"}


def test_what_is_refused_is_not_in_it(small_central: World) -> None:
    before = len(entries(small_central))
    with pytest.raises(PhtlabError):
        small_central.client("bob").submit_train(small_central.train(author="ada"))
    with pytest.raises(PhtlabError):
        small_central.client("ada").submit_journey(small_central.order("ulm"))
    assert len(entries(small_central)) == before


def test_the_log_is_read_page_by_page_as_far_as_it_went_at_first(
    small_central: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phtlab.central.audit.log.PAGE", 2)
    small_central.journey("ulm")
    client = small_central.client("bob")
    assert len(list(entries_of(client.audit))) == 3
    reading = entries_of(client.audit)
    next(reading)
    small_central.client("ada").cancel(small_central.client("ada").journeys().journeys[0].id)
    assert len(list(reading)) == 2
    assert len(list(entries_of(client.audit))) == 4
    first = entries(small_central)[0]
    assert [e.number for e in entries_of(client.audit, Head(1, first.name))] == [2, 3, 4]


def test_replicas_write_one_chain(ready_database_url: str) -> None:
    """Two centrals over one database, and two threads each."""
    url = ready_database_url.replace("postgresql:", "postgresql+psycopg:")
    replicas = [Database(url, consortium="pht") for _ in range(2)]

    def write(database: Database, name: str) -> None:
        for number in range(15):
            with database.change() as change:
                audited(change, actor=name, action="one", subject=str(number))
                audited(change, actor=name, action="two", subject=str(number))

    threads = [
        threading.Thread(target=write, args=(database, f"r{n}"))
        for n, database in enumerate(replicas * 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        join(thread)
    with replicas[0].read() as session:
        found = filtered_entries(session, EntryFilter(), 1000)[::-1]
    assert verify_chain(found, log=LOG).number == len(found) == 120
    pairs = list(zip(found[::2], found[1::2], strict=True))
    assert all(one.actor == two.actor and one.subject == two.subject for one, two in pairs)
    for database in replicas:
        database.close()


def test_what_is_rolled_back_leaves_no_entry(small_central: World) -> None:
    before = len(entries(small_central))
    with pytest.raises(ZeroDivisionError), small_central.services.database.change() as change:
        audited(change, actor="ada", action="nothing")
        raise ZeroDivisionError
    assert len(entries(small_central)) == before


def test_a_member_signs_how_far_it_saw_the_log(central: World) -> None:
    number, head = _head(central.client("ulm"))
    signed = checkpoint(central, "ulm", number=number, head=head)
    view = central.client("ulm").audit.put_checkpoint(signed)
    assert (view.witness, view.number, view.log) == ("ulm", number, LOG)
    assert central.client("ulm").audit.put_checkpoint(signed) == view
    roster = central.services.publication.current().roster
    believed, doubtful = opened(central.client("bob").audit.checkpoints(LOG), roster)
    assert [(kept.head, view.envelope) for kept, view in believed] == [(head, signed)]
    assert doubtful == []
    assert len(entries(central)) == number


def test_an_aggregator_signs_its_own_log_as_stations_do(central: World) -> None:
    adder, head = central.client("adder"), digest(b"head")
    adder.audit.put_checkpoint(checkpoint(central, "adder", log="adder", number=4, head=head))
    heads = [e for e in entries(central) if e.action == "station-head"]
    assert [(e.actor, e.digest) for e in heads] == [("adder", head)]
    with raises_code(CentralError, "forbidden"):
        adder.audit.put_checkpoint(checkpoint(central, "adder", log="ulm", number=4, head=head))


def test_a_station_signs_its_own_log_and_the_chain_says_so(central: World) -> None:
    ulm = central.client("ulm")
    first, second = digest(b"first"), digest(b"second")
    ulm.audit.put_checkpoint(checkpoint(central, "ulm", log="ulm", number=4, head=first))
    ulm.audit.put_checkpoint(checkpoint(central, "ulm", log="ulm", number=9, head=second))
    told = [e for e in entries(central) if e.action == "station-head"]
    assert [(e.actor, e.digest, e.details["number"]) for e in told] == [
        ("ulm", first, "4"),
        ("ulm", second, "9"),
    ]


@pytest.mark.parametrize(("number", "content"), [(8, b"x"), (9, b"another"), (1, b"first")])
def test_a_station_whose_log_goes_back_is_refused(
    small_central: World, number: int, content: bytes
) -> None:
    ulm = small_central.client("ulm")
    signed = checkpoint(small_central, "ulm", log="ulm", number=9, head=digest(b"second"))
    ulm.audit.put_checkpoint(signed)
    with pytest.raises(AuditError) as refused:
        ulm.audit.put_checkpoint(
            checkpoint(small_central, "ulm", log="ulm", number=number, head=digest(content))
        )
    assert refused.value.code == "audit-unfit"
    assert [e.action for e in entries(small_central)].count("station-head") == 1


def test_what_does_not_fit_the_chain_or_is_not_ones_own_is_refused(small_central: World) -> None:
    number, head = _head(small_central.client("ulm"))
    cases = [
        ("ulm", {"number": number, "head": digest(b"another")}, AuditError, "audit-unfit"),
        ("ulm", {"number": number + 1, "head": head}, AuditError, "audit-unfit"),
        ("ulm", {"number": number, "head": head, "log": "mainz"}, CentralError, "forbidden"),
        ("ada", {"number": number, "head": head, "log": "ada"}, CentralError, "forbidden"),
        ("mainz", {"number": number, "head": head, "by": "ulm"}, AuditError, "checkpoint-signer"),
    ]
    for witness, values, kind, code in cases:
        signed = checkpoint(small_central, witness, **values)  # type: ignore[arg-type]
        with pytest.raises(kind) as refused:
            small_central.client(witness).audit.put_checkpoint(signed)
        assert refused.value.code == code
    signed = checkpoint(small_central, "ulm", number=number, head=head)
    with pytest.raises(CentralError) as refused_sender:
        small_central.client("mainz").audit.put_checkpoint(signed)
    assert refused_sender.value.code == "forbidden"


def test_of_what_a_member_signs_of_one_entry_the_newest_is_kept(small_central: World) -> None:
    world, head = small_central, digest(b"first")
    ulm, (number, name) = world.client("ulm"), _head(small_central.client("ulm"))
    for log, values in ((LOG, (number, name)), ("ulm", (4, head))):
        for later in range(3):
            world.clock.ahead = timedelta(seconds=later)
            sent = ulm.audit.put_checkpoint(
                checkpoint(world, "ulm", log=log, number=values[0], head=values[1])
            )
        assert list(ulm.audit.checkpoints(log)) == [sent]
    assert [e.action for e in entries(world)].count("station-head") == 1


def test_officers_are_told_once_a_day_of_whose_checkpoints_do_not_fit(
    small_central: World,
) -> None:
    world = small_central

    def doubt(witness: str, number: int) -> list[str]:
        with pytest.raises(AuditError):
            world.client(witness).audit.put_checkpoint(
                checkpoint(world, witness, number=number, head=digest(b"another"))
            )
        (officer, *_) = officers(world.services.publication.current().roster)
        with world.services.database.read() as session:
            shown = notifications_of(session, world.services, officer).notifications
        return sorted(one.subject for one in shown if one.event == "log-doubted")

    doubt("ulm", 1)
    assert doubt("ulm", 2) == ["ulm"]
    assert doubt("mainz", 1) == ["mainz", "ulm"]


def test_entries_are_found_by_who_what_which_and_when(small_central: World) -> None:
    journey = small_central.journey("ulm")

    def numbers(**wanted: object) -> list[int]:
        with small_central.services.database.read() as session:
            found = filtered_entries(session, EntryFilter(**wanted), 100)  # type: ignore[arg-type]
        return [entry.number for entry in found]

    first, train, _ = entries(small_central)
    assert numbers() == [3, 2, 1]
    assert numbers(actor="ada") == [3, 2] and numbers(actor="ada", action="journey-ordered") == [3]
    assert numbers(subject=journey.id[:20]) == [3]
    assert numbers(digest=journey.train.removeprefix("sha256:")[:12]) == [3, 2]
    assert numbers(digest="%") == numbers(subject="_") == []
    assert numbers(since=train.at) == [3, 2] and numbers(until=train.at)[-1] == first.number


def test_a_proposal_s_life_is_in_the_log_by_digests_alone(small_central: World) -> None:
    proposal = documents.proposal()
    signed = proposal.sign(small_central.identity("ada"))
    ada, ulm = (small_central.client(name).governance for name in ("ada", "ulm"))
    ada.submit_proposal(signed)
    question = NewComment(text="Which legal ground?\nSay more.", question=True)
    ulm.begin_review(proposal.id, "ulm", signed.digest)
    ulm.comment(proposal.id, question)
    approval = documents.approval(proposal, signed).sign(small_central.identity("ulm"))
    ulm.decide(proposal.id, "ulm", approval)
    ulm.decide(proposal.id, "ulm", approval)
    found = entries(small_central)[1:]
    assert [(e.actor, e.action) for e in found] == [
        ("ada", "proposal-submitted"),
        ("ulm", "proposal-read"),
        ("ulm", "proposal-question"),
        ("ulm", "approved"),
    ]
    assert {e.subject for e in found} == {proposal.id}
    assert [e.digest for e in found] == [signed.digest] * 3 + [approval.digest]
    told = b"".join(e.to_line() for e in found)
    assert b"legal" not in told and proposal.title.encode() not in told
