"""A log that somebody changes who has all of it in their hands: central's operator, a station's.

A real central with its database changed behind it, and two real stations that watch it. The
attacker is as clever as can be: what hangs on a changed entry is chained anew, and what members
signed of the log before is removed with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from phtlab.central.audit.tables import AuditEntryRow, CheckpointRow
from phtlab.errors import AuditError, CentralError, NotOnRosterError
from phtlab.governance.audit.chain import START, Checkpoint, Entry, Head, after_loss, following
from phtlab.governance.audit.chain_check import Verified, verify_log
from phtlab.station.audit.export import export_own_log, verify_own_log
from phtlab.station.context.bootstrap import open_station, trust_of
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.daemon.audit_witness import AuditWitness
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import StationSettings, write_settings
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope
from phtlab.wire.central.audit import entries_of
from tests.central.conftest import (  # noqa: F401 (fixtures)
    founding,
    prepared_sqlite,
    small_central,
)
from tests.central.world import World
from tests.evidence import Evidence

LOG = "central of pht"
CENTRAL, OPERATOR = "central, which changes its database", "a station's operator"


@dataclass
class Stage:
    """Central with six entries that both stations have signed; `ada` has a journey at ulm."""

    world: World
    ulm: DaemonContext
    mainz: DaemonContext
    witnesses: dict[str, AuditWitness]

    def look(self, *names: str) -> set[tuple[str, str]]:
        """What stands at each of the stations after a look: which log, and the code."""
        return {
            (alarm.log, alarm.code)
            for name in names or ("ulm", "mainz")
            for alarm in self.witnesses[name].review_logs()
        }

    def restarted(self, name: str) -> set[tuple[str, str]]:
        """The same, of a station that was started anew."""
        return {(a.log, a.code) for a in AuditWitness(getattr(self, name)).review_logs()}

    def change(self, how: Callable[[Session], None]) -> None:
        with self.world.services.database.note() as session:
            how(session)

    def verified(self, checkpoints: tuple[Envelope, ...] = ()) -> Verified:
        """As bob verifies central's log, who never saw it before; with what a member shows him."""
        audit = self.world.client("bob").audit
        signed = [view.envelope for view in audit.checkpoints(LOG)]
        roster = self.world.services.publication.current().roster
        return verify_log(LOG, entries_of(audit), [*signed, *checkpoints], roster)

    def signed(self) -> tuple[Envelope, ...]:
        """What the stations signed of central's log, as an export of before has it."""
        views = self.world.client("bob").audit.checkpoints(LOG)
        return tuple(view.envelope for view in views)


@pytest.fixture
def stage(small_central: World, tmp_path: Path) -> Iterator[Stage]:  # noqa: F811
    stations = {name: _station(small_central, tmp_path / name, name) for name in ("ulm", "mainz")}
    journey = small_central.journey("ulm")
    small_central.client("ulm").put_record(journey.id, "ulm", small_central.record(journey, "ulm"))
    made = Stage(
        small_central, **stations, witnesses={n: AuditWitness(one) for n, one in stations.items()}
    )
    for station in stations.values():
        for subject in ("j-1", "j-2", "j-3"):
            station.audit.append(actor=station.name, action="stop-offered", subject=subject)
    assert made.look() == set()
    yield made
    for station in stations.values():
        station.close()


def _station(world: World, place: Path, name: str) -> DaemonContext:
    folder = StationFolder(place)
    folder.create()
    settings = StationSettings(name=name, central=world.url)
    write_settings(folder, settings)
    trust_of(folder, world.client(name)).pin(world.founding.consortium.root)
    return open_station(folder, settings, world.identity(name))


def rows(session: Session) -> list[AuditEntryRow]:
    return list(session.scalars(select(AuditEntryRow).order_by(AuditEntryRow.number)))


def chained(entries: list[Entry], log: str = LOG) -> list[Entry]:
    """The same things, each after the one before: what a clever attacker leaves."""
    made: list[Entry] = []
    head = START
    for entry in entries:
        told = entry.model_dump(include={"at", "actor", "action", "subject", "digest", "details"})
        made.append(following(head, log=log, **told))
        head = Head(made[-1].number, made[-1].name)
    return made


def written(session: Session, entries: list[Entry]) -> None:
    """These and no others, and nothing that anyone signed of others."""
    session.execute(delete(AuditEntryRow))
    session.execute(delete(CheckpointRow).where(CheckpointRow.log == LOG))
    for entry in entries:
        session.add(
            AuditEntryRow(
                number=entry.number,
                name=entry.name,
                at=entry.at,
                actor=entry.actor,
                action=entry.action,
                subject=entry.subject,
                digest=entry.digest,
                line=entry.to_line().decode(),
            )
        )


def of(session: Session) -> list[Entry]:
    return [Entry.from_line(row.line.encode()) for row in rows(session)]


def removed(session: Session) -> None:
    found = of(session)
    written(session, chained([*found[:2], *found[3:]]))


def reordered(session: Session) -> None:
    found = of(session)
    found[1], found[2] = found[2], found[1]
    written(session, chained(found))


def rewritten(session: Session) -> None:
    found = of(session)
    found[2] = found[2].model_copy(update={"actor": "bob"})
    written(session, chained(found))


def excused(session: Session) -> None:
    """As a station's log says it that was restored from a backup: only a station's may."""
    found = chained(of(session)[:3])
    last = Head(found[-1].number, found[-1].name)
    lost = after_loss(last, 5, log=LOG, at=found[-1].at, actor=LOG)
    written(session, [*found, lost])


def cut(session: Session) -> None:
    written(session, of(session)[:3])


def anew(session: Session) -> None:
    found = of(session)
    written(session, chained([one.model_copy(update={"actor": "bob"}) for one in found * 2]))


CLEVER = {
    "removes an entry and chains what follows anew": removed,
    "moves an entry and chains what follows anew": reordered,
    "rewrites who did something and chains what follows anew": rewritten,
    "cuts the end off": cut,
    "writes the whole log anew, longer than before": anew,
}


@pytest.mark.parametrize("what", CLEVER)
def test_central_changes_its_log_and_whoever_saw_it_says_so(
    stage: Stage, evidence: Evidence, what: str
) -> None:
    shown = stage.signed()
    stage.change(CLEVER[what])
    assert stage.verified().number, "alone, central's word is a chain again"
    found = stage.look()
    assert {log for log, _ in found} == {LOG}
    codes = {code for _, code in found}
    assert codes <= {"audit-cut", "audit-rewritten", "audit-chain"}
    assert {log for log, _ in stage.restarted("ulm")} == {LOG}
    assert stage.signed() == (), "nobody signs what does not hold"
    with pytest.raises(AuditError) as refused:
        stage.verified(shown)
    assert refused.value.code in codes | {"audit-cut", "audit-rewritten"}
    evidence(
        "attacks",
        attacker=CENTRAL,
        promise=f"shows everyone who saw its log when it {what}",
        outcome=f"{' or '.join(sorted(codes))} at both stations, which sign no more; "
        f"{refused.value.code} for anyone who is shown what one of them signed",
    )


def in_place_removed(session: Session) -> None:
    session.execute(delete(AuditEntryRow).where(AuditEntryRow.number == 3))


def in_place_reordered(session: Session) -> None:
    _, second, third, *_ = rows(session)
    second.line, third.line = third.line, second.line


def in_place_rewritten(session: Session) -> None:
    third = rows(session)[2]
    third.line = third.line.replace('"actor":"ada"', '"actor":"bob"')


@pytest.mark.parametrize(
    ("what", "how", "code"),
    [
        ("removes an entry", in_place_removed, "audit-gap"),
        ("exchanges two entries", in_place_reordered, "audit-gap"),
        ("rewrites an entry", in_place_rewritten, "audit-chain"),
    ],
)
def test_central_changes_an_old_entry_in_place(
    stage: Stage, evidence: Evidence, what: str, how: Callable[[Session], None], code: str
) -> None:
    stage.change(how)
    with pytest.raises(AuditError) as refused:
        stage.verified()
    assert refused.value.code == code
    assert (LOG, code) in stage.restarted("mainz")
    evidence(
        "attacks",
        attacker=CENTRAL,
        promise=f"shows anyone who verifies its log when it {what} in place",
        outcome=f"{code} for whoever verifies it, and at each station when it starts and each day",
    )


def test_central_says_that_it_was_restored(stage: Stage, evidence: Evidence) -> None:
    shown = stage.signed()
    stage.change(excused)
    assert (LOG, "audit-gap") in stage.restarted("ulm") and stage.look("mainz")
    for signed in ((), shown):
        with pytest.raises(AuditError) as refused:
            stage.verified(signed)
        assert refused.value.code == "audit-gap"
    evidence(
        "attacks",
        attacker=CENTRAL,
        promise="cannot excuse entries that are gone by a loss that it declares itself",
        outcome="audit-gap: only a station's own log may say that it was restored",
    )


def test_central_shows_each_station_another_log(stage: Stage, evidence: Evidence) -> None:
    """Mainz is shown another log from entry 4 on than ulm, whose signature is among the others."""
    (stage.mainz.folder.audit / "seen.json").unlink()
    shown = stage.world.client("bob").audit.checkpoints(LOG)
    kept = [view.digest for view in shown if view.witness == "ulm"]

    def fork(session: Session) -> None:
        found = of(session)
        found[3] = found[3].model_copy(update={"actor": "jena"})
        signed = list(session.scalars(select(CheckpointRow).where(CheckpointRow.digest.in_(kept))))
        values = [
            {c.name: getattr(row, c.name) for c in CheckpointRow.__table__.columns}
            for row in signed
        ]
        written(session, chained(found))
        for value in values:
            session.add(CheckpointRow(**value))

    stage.change(fork)
    assert (LOG, "audit-rewritten") in stage.restarted("mainz")
    evidence(
        "attacks",
        attacker=CENTRAL,
        promise="cannot show one station another log than the next, once their signatures meet",
        outcome="audit-rewritten: what ulm signed is not in the log that mainz is shown",
    )


def checkpoint(witness: str, key: Identity, **changes: object) -> Envelope:
    values = {
        "log": LOG,
        "number": 3,
        "head": "sha256:" + "f" * 64,
        "witness": witness,
        "roster_version": 1,
        "at": "2026-11-25T12:00:00Z",
        **changes,
    }
    return Checkpoint.model_validate(values).sign(key)


def test_a_forged_checkpoint_convinces_nobody(stage: Stage, evidence: Evidence) -> None:
    """Central makes one up in ulm's name, to have an honest log look rewritten."""
    stranger = Identity.generate("ulm")
    forged = checkpoint("ulm", stranger)

    def slip_in(session: Session) -> None:
        session.add(
            CheckpointRow(
                digest=forged.digest,
                serial=1000,
                log=LOG,
                number=3,
                head="sha256:" + "f" * 64,
                witness="ulm",
                received=stage.world.clock(),
                envelope=forged.to_bytes().decode(),
            )
        )

    stage.change(slip_in)
    found = stage.verified()
    assert (found.doubtful, [one.witness for one in found.witnesses]) == (1, ["mainz", "ulm"])
    assert stage.look() == set()
    with pytest.raises(NotOnRosterError):
        stage.world.client("ulm").audit.put_checkpoint(forged)
    evidence(
        "attacks",
        attacker=CENTRAL,
        promise="cannot make up what a station saw",
        outcome="not believed and counted as such; central's log holds as before",
    )


def test_a_checkpoint_of_a_stranger_is_refused(stage: Stage, evidence: Evidence) -> None:
    eve = Identity.generate("eve")
    with pytest.raises(NotOnRosterError):
        stage.world.client("bob").audit.put_checkpoint(checkpoint("eve", eve))
    evidence(
        "attacks",
        attacker="an outsider",
        promise="cannot sign how far a log went",
        outcome="refused: nobody on the roster has these keys",
    )


def test_a_checkpoint_of_another_log_counts_for_none(stage: Stage, evidence: Evidence) -> None:
    """Ulm's signature of its own log, and of another consortium's central, among central's."""
    key = stage.world.identity("ulm")
    other = checkpoint("ulm", key, log="central of another")
    own = checkpoint("ulm", key, log="ulm")
    assert stage.verified((other, own)).number == stage.verified().number
    with pytest.raises(CentralError) as refused:
        stage.world.client("ulm").audit.put_checkpoint(other)
    assert refused.value.code == "forbidden"
    with pytest.raises(CentralError):
        stage.world.client("mainz").audit.put_checkpoint(
            checkpoint("mainz", stage.world.identity("mainz"), log="ulm")
        )
    with pytest.raises(AuditError) as unfit:
        stage.world.client("ulm").audit.put_checkpoint(checkpoint("ulm", key))
    assert unfit.value.code == "audit-unfit"
    evidence(
        "attacks",
        attacker="a member",
        promise="cannot sign another's log, nor one log as if it were the other",
        outcome="forbidden at central, and counted for no other log by whoever verifies",
    )


STATION = {
    "removes an entry and chains what follows anew": lambda e: chained([e[0], *e[2:]], "ulm"),
    "moves an entry and chains what follows anew": lambda e: chained([e[1], e[0], *e[2:]], "ulm"),
    "rewrites an entry and chains what follows anew": lambda e: chained(
        [e[0], e[1].model_copy(update={"actor": "eve"}), *e[2:]], "ulm"
    ),
    "cuts the end off": lambda e: e[:2],
    "writes the whole log anew, longer than before": lambda e: chained(e[1:] * 3, "ulm"),
}


@pytest.mark.parametrize("what", STATION)
def test_a_station_s_operator_changes_its_log(stage: Stage, evidence: Evidence, what: str) -> None:
    """With all that the station remembers of it, and with its keys."""
    log = stage.ulm.audit
    (path,) = log.folder.glob("*.jsonl")
    changed = STATION[what](list(log.entries()))
    path.write_bytes(b"".join(entry.to_line() + b"\n" for entry in changed))
    (log.folder / "seen.json").unlink()
    found = stage.restarted("ulm")
    (code,) = {code for of_log, code in found if of_log == "ulm"}
    assert code in ("audit-cut", "audit-rewritten")
    # Someone else who holds the folder: what the station signed is at central, which mainz signed.
    audit = stage.world.client("bob").audit
    signed = [view.envelope for view in audit.checkpoints("ulm")]
    roster = stage.world.services.publication.current().roster
    with pytest.raises(AuditError) as refused:
        verify_own_log(stage.ulm.folder, export_own_log(stage.ulm.folder, "ulm", roster, signed))
    assert refused.value.code in ("audit-cut", "audit-rewritten")
    # A new signature does not help: central takes none that goes back, and the old one is told in
    # central's own log, which the other station has signed.
    head = log.head()
    if head.number <= 3:
        new = checkpoint(
            "ulm", stage.world.identity("ulm"), log="ulm", number=head.number, head=head.digest
        )
        with pytest.raises(AuditError):
            stage.world.client("ulm").audit.put_checkpoint(new)
    told = [e for e in entries_of(audit) if e.action == "station-head" and e.actor == "ulm"]
    assert [e.details["number"] for e in told] == ["3"]
    assert stage.look("mainz") == set()
    evidence(
        "attacks",
        attacker=OPERATOR,
        promise=f"shows when he {what}, although he has its keys",
        outcome=f"{code} by what the station signed before: central has it, and its log says so",
    )
