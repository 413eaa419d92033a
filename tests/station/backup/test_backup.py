"""A station is made again from its backup, and does nothing a second time that it has forgotten."""

from __future__ import annotations

import io
import shutil
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from phtlab.cli.station.backup import loss_lines
from phtlab.errors import SealError, SettingsError, StationError
from phtlab.files.key_file import write_key
from phtlab.governance.approval import Revocation
from phtlab.governance.audit.chain import LOST
from phtlab.station.approvals.store import Approvals
from phtlab.station.backup import archive as backup
from phtlab.station.backup import comparison
from phtlab.station.backup.archive import INDEX, back_up
from phtlab.station.backup.comparison import RestoreLoss, compare
from phtlab.station.backup.lost_history import accept_loss, forgotten_of
from phtlab.station.backup.restore import restore, restored_of
from phtlab.station.context import maintenance
from phtlab.station.context.bootstrap import open_station
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.context.maintenance import pause, resume
from phtlab.station.context.station_context import StationContext
from phtlab.station.daemon.audit_witness import AuditWitness
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import load_settings
from phtlab.station.stops.marker import Marker
from phtlab.train.canonical import digest
from phtlab.train.crypto.age import ScryptIdentity, ScryptRecipient, decrypt, encrypt
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope
from phtlab.wire.central.client import CentralClient
from tests.crash.consortium import Light, light
from tests.e2e.parts import until
from tests.evidence import Evidence
from tests.governance.documents import approval, now
from tests.limits import join
from tests.raising import raises_code
from tests.station.station_world import FakeRun, World, identity, make_world

PASSPHRASE = "correct horse battery staple"
RECIPIENT = ScryptRecipient(PASSPHRASE, 4)
LATER = timedelta(minutes=10)  # more than clocks may differ


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path / "old")
    world.add_hearts()
    write_key(world.folder.key, identity("cleveland"), PASSPHRASE, log_n=8)
    return world


def backed_up(world: World) -> Path:
    target = world.root / "cleveland.age"
    back_up(
        StationContext(world.folder, world.settings, world.now), target, [RECIPIENT], by="grace"
    )
    return target


class RestoredWorld(World):
    """The same consortium, whose station lies in another folder now."""

    place: Path

    @property
    def folder(self) -> StationFolder:
        return StationFolder(self.place)


def restored(world: World, file: Path) -> World:
    """The station of `file` in a new folder, with the old one's central, registry and engine."""
    place = world.root / "new"
    with file.open("rb") as source:
        restore(source, place, [ScryptIdentity(PASSPHRASE)], by="grace", now=world.now)
    made = object.__new__(RestoredWorld)
    made.__dict__.update(world.__dict__, place=place)
    return made


def settled(world: World) -> RestoreLoss:
    """Compared without central, the loss accepted, and resumed."""
    desk = StationContext(world.folder, world.settings, world.now)
    lost = compare(desk, identity("cleveland"), by="grace", query_central=False)
    accept_loss(desk, lost.forgotten, by="grace", reason="it was a trial")
    resume(desk, by="grace")
    return lost


def content_of(file: Path) -> bytes:
    archive = io.BytesIO()
    with file.open("rb") as source:
        decrypt(source, archive, [ScryptIdentity(PASSPHRASE)])
    return archive.getvalue()


def names_in(file: Path) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(content_of(file))) as tar:
        return tar.getnames()


def test_what_cannot_be_made_anew_comes_back_and_what_trains_left_does_not(world: World) -> None:
    offer = world.offer()
    world.travel(offer)
    file = backed_up(world)
    names = names_in(file)
    assert not any("operator" in name or "job" in name or name.endswith(".csv") for name in names)
    left = (world.stop(offer).operator / "log").read_bytes()
    assert left
    assert left not in content_of(file)
    assert b"nbformat" not in content_of(file)
    new = restored(world, file)
    for name in ("station.toml", "policy.toml", "key.age", "datasets/heart.toml"):
        assert (new.folder.path / name).read_bytes() == (world.folder.path / name).read_bytes()
    assert (new.folder.twins / "heart.csv").exists()
    assert [stop.journey for stop in new.station().stops] == [offer.journey]
    assert new.stop(offer).record() == world.stop(offer).record()
    actions = [entry.action for entry in new.station().audit.entries()]
    assert actions[-1] == "station-backed-up"
    assert oct(new.folder.path.stat().st_mode)[-3:] == "700"
    assert new.folder.mark() != world.folder.mark()


def test_an_order_that_was_followed_after_the_backup_is_not_followed_again(
    world: World, evidence: Evidence
) -> None:
    """Central offers it again, as a hostile one could, with its signatures as they were."""
    file = backed_up(world)
    offer = world.offer()
    assert world.travel(offer).outcome == "departed"
    new = restored(world, file)
    settled(new)
    new.ahead += LATER
    world.central.records.clear()
    record = new.travel(offer)
    assert (record.outcome, record.code) == ("refused", "order-before-restore")
    assert len(world.scripted.started) == 1
    evidence(
        "attacks",
        attacker="central",
        promise="an order that a station followed before it was restored from a backup runs no "
        "second time",
        outcome="refused: order-before-restore",
    )


def test_an_order_of_after_the_restoring_is_followed(world: World) -> None:
    new = restored(world, backed_up(world))
    settled(new)
    new.ahead = world.ahead = LATER  # the engine's clock, too
    assert new.travel(new.offer(nonce="e" * 32)).outcome == "departed"


def test_an_order_that_was_dated_ahead_by_what_clocks_may_differ_is_refused_too(
    world: World,
) -> None:
    file = backed_up(world)
    ahead = world.now().replace(microsecond=0) + timedelta(seconds=50)
    offer = world.offer(issued=ahead, expires=ahead + timedelta(days=7))
    assert world.travel(offer).outcome == "departed"
    new = restored(world, file)
    settled(new)
    new.ahead += LATER
    world.central.records.clear()
    assert new.travel(offer).code == "order-before-restore"


def test_a_stop_that_ran_when_the_backup_was_made_does_not_run_again(world: World) -> None:
    world.scripted.script = FakeRun(files=world.scripted.script.files, lasts=True)
    offer = world.offer()
    world.begun(offer, steps=4)
    assert world.stop(offer).has(Marker.STARTING)
    new = restored(world, backed_up(world))
    lost = settled(new)
    assert lost.ended == [offer.journey]
    record = new.travel(offer)
    assert (record.outcome, record.code) == ("failed", "station-restored")
    assert len(world.scripted.started) == 1


def test_a_restored_station_does_not_begin_before_it_was_compared_nor_resumed(
    world: World,
) -> None:
    new = restored(world, backed_up(world))
    with raises_code(StationError, "pause-held"):
        new.daemon().run(threading.Event())
    with raises_code(StationError, "pause-held"):
        resume(new.station(), by="grace")
    with raises_code(StationError, "pause-held"):
        pause(new.station(), by="grace", reason="Another")
    compare(
        StationContext(new.folder, new.settings, new.now),
        identity("cleveland"),
        by="grace",
        query_central=False,
    )
    assert maintenance.closed(new.station())
    maintenance.require_settled(new.folder)


def test_a_station_that_was_not_restored_has_nothing_to_compare(world: World) -> None:
    with raises_code(StationError, "not-restored"):
        compare(StationContext(world.folder, world.settings), identity("cleveland"), by="grace")


def test_a_folder_that_holds_something_is_left_alone(world: World) -> None:
    file = backed_up(world)
    before = world.folder.settings.read_bytes()
    with file.open("rb") as source, raises_code(SettingsError, "station-folder"):
        restore(source, world.folder.path, [ScryptIdentity(PASSPHRASE)], by="grace")
    assert world.folder.settings.read_bytes() == before


def test_a_backup_that_was_changed_or_is_opened_by_another_leaves_nothing(world: World) -> None:
    content = bytearray(backed_up(world).read_bytes())
    place = world.root / "new"
    with pytest.raises(SealError):
        restore(io.BytesIO(content), place, [ScryptIdentity("another passphrase")], by="grace")
    content[-100] ^= 1
    with pytest.raises(SealError):
        restore(io.BytesIO(content), place, [ScryptIdentity(PASSPHRASE)], by="grace")
    with pytest.raises(SealError):
        restore(io.BytesIO(content[:-2000]), place, [ScryptIdentity(PASSPHRASE)], by="grace")
    assert not place.exists()


def _entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, link
    return entry


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (_entry("../cleveland.toml"), "backup-name"),
        (_entry("/etc/cron.d/phtlab"), "backup-name"),
        (_entry("trust/../../x.json"), "backup-name"),
        (_entry("mark"), "backup-name"),
        (_entry("self-test.json"), "backup-name"),
        (_entry("stops/" + "a" * 64 + "/operator/log"), "backup-name"),
        (_entry("policy.toml", tarfile.SYMTYPE, "/etc/passwd"), "backup-file"),
        (_entry("policy.toml", tarfile.LNKTYPE, "station.toml"), "backup-file"),
        (_entry("key.age", tarfile.FIFOTYPE), "backup-file"),
    ],
    ids=lambda value: (
        f"{value.name[:20]} {value.type!r}" if isinstance(value, tarfile.TarInfo) else ""
    ),
)
def test_what_is_no_backup_of_ours_is_not_unpacked(
    world: World, entry: tarfile.TarInfo, code: str
) -> None:
    """Whoever can make an age file for its recipient can put any archive into it."""
    archive, sealed = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(entry)
    archive.seek(0)
    encrypt(archive, sealed, [RECIPIENT])
    sealed.seek(0)
    with raises_code(StationError, code):
        restore(sealed, world.root / "new", [ScryptIdentity(PASSPHRASE)], by="grace")
    assert not (world.root / "new").exists()
    assert not (world.root / "cleveland.toml").exists()


def test_a_backup_without_its_end_is_none(world: World) -> None:
    archive, sealed = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w"):
        pass
    archive.seek(0)
    encrypt(archive, sealed, [RECIPIENT])
    sealed.seek(0)
    with raises_code(StationError, "backup-index"):
        restore(sealed, world.root / "new", [ScryptIdentity(PASSPHRASE)], by="grace")


def test_a_backup_of_a_station_at_work_is_consistent(world: World) -> None:
    """Its log is whole, and each stop that it has is one that can be read."""
    over = threading.Event()

    def work() -> None:
        number = 0
        daemon = world.daemon()
        while not over.is_set():
            daemon.receive(world.offer(nonce=f"{number:032x}"))
            number += 1
            for _ in range(8):
                daemon.step()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for number in range(5):
            file = backed_up(world)
            with file.open("rb") as source:
                desk, index = restore(
                    source, world.root / f"new-{number}", [ScryptIdentity(PASSPHRASE)], by="grace"
                )
            assert len(list(desk.stops)) == index.stops
            for stop in desk.stops:
                assert stop.state
            nonces = set(names_in(file))
            for stop in desk.stops:
                if stop.has(Marker.VERIFIED):
                    assert f"stops/nonces/{stop.verified_offer().order.nonce}" in nonces
            assert desk.audit.head() == (index.entries, index.head)
    finally:
        over.set()
        join(thread)


# With a real central, which knows more than the backup


@contextmanager
def small_consortium(place: Path) -> Iterator[Light]:
    with light(place) as made:
        folder = made.folder("cleveland")
        write_key(folder.key, made.identities["cleveland"], PASSPHRASE, log_n=8)
        yield made


def test_a_restored_station_takes_over_what_it_signed_and_says_what_it_lost(
    tmp_path: Path,
) -> None:
    with small_consortium(tmp_path / "net") as made:
        folder = made.folder("cleveland")
        desk = StationContext(folder, load_settings(folder))
        pause(desk, by="grace", reason="A backup")
        waiting = made.send("cleveland")
        until(lambda: made.stop_of("cleveland", waiting.id).state == "verified")
        back_up(desk, tmp_path / "cleveland.age", [RECIPIENT], by="grace")
        resume(desk, by="grace")
        later = made.send("cleveland")
        made.ended(waiting, later)
        seen = witnessed(made, "cleveland")
        key = made.identities["cleveland"]
        with (tmp_path / "cleveland.age").open("rb") as source:
            new, _ = restore(source, tmp_path / "new", [ScryptIdentity(PASSPHRASE)], by="grace")
        lost = compare(new, key, by="grace")
        assert lost.records == [waiting.id]
        assert lost.journeys == [later.id]
        assert lost.ended == []
        assert lost.forgotten == ["heart"]
        assert forgotten_of(new.folder) is not None
        kept = next(stop for stop in new.stops if stop.journey == waiting.id)
        assert kept.record() == made.stop_of("cleveland", waiting.id).record()
        assert kept.is_reported
        assert (found := restored_of(new.folder)) and found.backed_up <= found.at
        # Others have seen entries that are gone: the log says so, goes on above, and holds.
        assert lost.entries == seen - lost.restored.entries > 0
        last = list(new.audit.entries())[-1]
        assert (last.action, last.number) == (LOST, seen + 1)
        assert last.details["lost"] == f"{lost.restored.entries + 1} to {seen}"
        with opened_station(made, new) as station:
            assert AuditWitness(station).review_logs() == ()
        again = compare(new, key, by="grace")
        assert (again.records, again.ended) == ([], [])


def allow(made: Light, folder: StationFolder, *, days: int = 60) -> Envelope:
    """An approval of cleveland's, kept there and known to central."""
    train = digest(b"a train")
    signed = approval(
        None, None, station="cleveland", train=train, expires=now() + timedelta(days=days)
    ).sign(made.identities["cleveland"])
    Approvals(folder).keep(signed)
    with CentralClient(made.lab.central.url, made.identities["cleveland"]) as client:
        client.governance.put_approval(signed)
    return signed


def take_back(made: Light, folder: StationFolder, signed: Envelope) -> None:
    revocation = Revocation(
        station="cleveland", approval=signed.digest, by="grace", roster_version=1, issued=now()
    ).sign(made.identities["cleveland"])
    Approvals(folder).keep_revocation(signed.digest, revocation)
    with CentralClient(made.lab.central.url, made.identities["cleveland"]) as client:
        client.governance.put_revocation(revocation)


def test_what_was_taken_back_since_the_backup_is_so_again_and_what_was_given_is_not(
    tmp_path: Path, evidence: Evidence
) -> None:
    with small_consortium(tmp_path / "net") as made:
        folder = made.folder("cleveland")
        desk = StationContext(folder, load_settings(folder))
        taken_back, stays = allow(made, folder), allow(made, folder)
        back_up(desk, tmp_path / "cleveland.age", [RECIPIENT], by="grace")
        take_back(made, folder, taken_back)
        given = allow(made, folder)
        with (tmp_path / "cleveland.age").open("rb") as source:
            new, _ = restore(source, tmp_path / "new", [ScryptIdentity(PASSPHRASE)], by="grace")
        assert not Approvals(new.folder).revoked(taken_back.digest)
        lost = compare(new, made.identities["cleveland"], by="grace")
        assert lost.approvals == [given.digest]
        assert lost.revocations == [taken_back.digest]
        assert set(lost.active_approvals) == {stays.digest}
        assert Approvals(new.folder).revoked(taken_back.digest)
        # A central that hides it: what stands again is shown to the person who resumes.
        with (tmp_path / "cleveland.age").open("rb") as source:
            other, _ = restore(source, tmp_path / "other", [ScryptIdentity(PASSPHRASE)], by="grace")
        # The old one still runs here, which is said as long as this one cannot have been it.
        key = made.identities["cleveland"]
        with CentralClient(made.lab.central.url, key) as client:
            at = restored_of(other.folder)
            until(lambda: at and client.stations()[0].last_seen > at.at)  # type: ignore[operator]
        assert _another_runs(other, made, key)
        unasked = compare(other, key, by="grace", query_central=False)
        assert not _another_runs(other, made, key)
        assert set(unasked.active_approvals) == {stays.digest, taken_back.digest}
        evidence(
            "attacks",
            attacker="central",
            promise="what a station took back before it was restored from a backup does not stand "
            "again unseen",
            outcome="the revocation is taken over; if central hides it, the approval is shown to "
            "the person who resumes the station, which begins nothing before",
        )


def _another_runs(desk: StationContext, made: Light, key: Identity) -> bool:
    restored = restored_of(desk.folder)
    assert restored
    with CentralClient(made.lab.central.url, key) as client:
        return comparison._another_runs(desk, client, restored)


def witnessed(made: Light, name: str) -> int:
    """How far the station's log goes, once it has signed that at central."""
    with opened_station(
        made, StationContext(made.folder(name), load_settings(made.folder(name)))
    ) as station:
        assert AuditWitness(station).review_logs() == ()
        return max(view.number for view in station.central.audit.checkpoints(name))


@contextmanager
def opened_station(made: Light, desk: StationContext) -> Iterator[DaemonContext]:
    station = open_station(desk.folder, desk.settings, made.identities[desk.name])
    try:
        yield station
    finally:
        station.close()


def test_a_central_of_the_far_future_does_not_end_a_restored_station(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its clock is heeded as far as clocks may be wrong."""
    with small_consortium(tmp_path / "net") as made:
        folder = made.folder("cleveland")
        allow(made, folder)
        desk = StationContext(folder, load_settings(folder))
        back_up(desk, tmp_path / "cleveland.age", [RECIPIENT], by="grace")
        with (tmp_path / "cleveland.age").open("rb") as source:
            new, _ = restore(source, tmp_path / "new", [ScryptIdentity(PASSPHRASE)], by="grace")
        honest = CentralClient.info
        far = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
        key = made.identities["cleveland"]
        lost = compare(new, key, by="grace")
        assert not lost.clock_ahead
        with monkeypatch.context() as patch:
            patch.setattr(
                CentralClient, "info", lambda self: honest(self).model_copy(update={"time": far})
            )
            lost = compare(new, key, by="grace")
        assert lost.clock_ahead
        found = restored_of(new.folder)
        assert found
        assert found.at <= new.now() + timedelta(days=1)
        said = " ".join(loss_lines(lost))
        assert "Central's clock is more than a day ahead" in said


def test_names_of_a_backup_end_with_its_index(world: World) -> None:
    assert names_in(backed_up(world))[-1] == INDEX


def test_a_folder_that_goes_while_the_backup_looks_is_none_of_it(tmp_path: Path) -> None:
    """The roster's cache is renewed through folders of a moment."""
    (tmp_path / "kept.json").write_text("{}")
    (tmp_path / "moment").mkdir()
    (tmp_path / "moment" / "draft.json").write_text("{}")
    below = backup._below(tmp_path)
    assert next(below) == tmp_path / "kept.json"
    shutil.rmtree(tmp_path / "moment")
    assert list(below) == []
