"""A central that lies about who is a member: what a station's or a lab's own client makes of it.

A real central, over HTTP, with a real consortium of three officers, two of whom must sign; a liar
before it changes its answers, and has central's online key, which central holds anyway. Attacks are
named as in TUF's specification 1.0, section 1.5.2.
"""

from __future__ import annotations

import contextlib
import gzip
import re
import shutil
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from phtlab.central.context import CentralContext, read_online_key
from phtlab.central.db.database import Database
from phtlab.central.founding import Founded, init_central, new_online_key, pin
from phtlab.central.server import serving
from phtlab.consortium.consortium import Consortium
from phtlab.errors import CentralUnreachableError, PhtlabError, RosterError
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.roster import Catalogue, KernelImage
from phtlab.trust_store.repository import online_public_key
from phtlab.trust_store.root import officer_key
from phtlab.trust_store.trust import Trust
from phtlab.wire.api.journeys import RosterBundle
from phtlab.wire.central import time_limit
from phtlab.wire.central.client import CentralClient
from tests.attack.liar import Answer, Asked, Liar
from tests.central.world import Clock
from tests.raising import raises_code

ATTACKER = "hostile central"
PASSPHRASES = {"vera": "correct horse 1", "otto": "correct horse 2", "lena": "correct horse 3"}
FAR = 10**11  # a version above the seconds since 1970 that an honest central uses

Told = Callable[[str, BaseException], None]


@dataclass
class Stage:
    """A consortium, its real central, a liar before that, and a client that hears the liar."""

    consortium: Consortium
    officers: dict[str, Identity]
    central: Founded
    services: CentralContext
    clock: Clock
    honest: CentralClient
    liar: Liar
    client: CentralClient
    folder: Path

    @property
    def online(self) -> Ed25519PrivateKey:
        """Central's key, which a hostile central misuses."""
        return read_online_key(self.central.settings.online_key_file)

    def joins(self, name: str) -> Trust:
        """Someone who pins the newest root."""
        trust = Trust(
            self.folder / name,
            self.client.tuf_fetcher(),
            self.client.metadata_url,
            self.client.targets_url,
        )
        trust.pin(self.consortium.root)
        return trust

    def sign(self, *officers: str, now: datetime | None = None) -> None:
        chosen = officers or ("vera", "otto")
        self.consortium.sign_with([self.officers[name] for name in chosen], now=now)

    def publish(self, *officers: str) -> None:
        """Officers sign, and the real central checks and serves it; by central's clock."""
        now = self.clock()
        self.sign(*officers, now=now)
        self.honest.publish_roster(RosterBundle.model_validate(self.consortium.bundle(now=now)))

    def add(self, name: str) -> Identity:
        identity = Identity.generate(name)
        member = Member(name=name, roles=("station",), keys=identity.public)
        self.consortium.add_member(member)
        return identity

    def metadata(self, name: str) -> bytes:
        """What the real central serves under `name`."""
        return self.services.publication.file("metadata", name)

    @contextlib.contextmanager
    def saying(
        self, files: dict[str, bytes | Iterable[bytes] | None], **headers: str
    ) -> Iterator[None]:
        """Central answers with these files of its roster; None for one that it denies to have."""
        with contextlib.ExitStack() as lies:
            for name, content in files.items():
                answer = Answer(404, {}, b"") if content is None else Answer(200, headers, content)

                def lie(_: Asked, __: Answer, answer: Answer = answer) -> Answer:
                    return answer

                lies.enter_context(
                    self.liar.lying("GET", rf"/tuf/\w+/(?:.*\.)?{re.escape(name)}$", lie)
                )
            yield

    def newest(self, targets: int, *, snapshot: int = FAR, timestamp: int = FAR) -> dict[str, Any]:
        """What the online key can say: that version `targets` is the newest, in any version."""
        return {
            f"{snapshot}.snapshot.json": self.snapshot(targets, snapshot),
            "timestamp.json": self.timestamp(snapshot, timestamp),
        }

    def snapshot(self, targets: int, version: int) -> bytes:
        meta = {"targets.json": MetaFile(targets)}
        return self._online(Snapshot(version=version, expires=_tomorrow(), meta=meta))

    def timestamp(self, snapshot: int, version: int) -> bytes:
        meta = MetaFile(snapshot)
        return self._online(Timestamp(version=version, expires=_tomorrow(), snapshot_meta=meta))

    def _online(self, signed: Snapshot | Timestamp) -> bytes:
        metadata: Metadata[Any] = Metadata(signed)
        metadata.sign(CryptoSigner(self.online))
        return metadata.to_bytes()

    def forged_targets(self, *signers: Identity, version: int = 2, **files: bytes) -> bytes:
        """The roster's metadata with other files, signed by `signers` only."""
        targets = Metadata[Targets].from_bytes(self.metadata("1.targets.json"))
        targets.signed.version = version
        targets.signed.expires = _tomorrow()
        for name, content in files.items():
            file = f"{name}.json"
            targets.signed.targets[file] = TargetFile.from_data(file, content, ["sha256"])
        targets.signatures.clear()
        for signer in signers:
            targets.sign(CryptoSigner(signer.ed25519), append=True)
        return targets.to_bytes()

    def forged_root(
        self, *signers: Identity, version: int = 2, change: Callable[[Root], None] = lambda _: None
    ) -> bytes:
        """The next root, changed and signed as an attacker likes."""
        root = Metadata[Root].from_bytes(self.consortium.root)
        root.signed.version = version
        change(root.signed)
        root.signatures.clear()
        for signer in signers:
            root.sign(CryptoSigner(signer.ed25519), append=True)
        return root.to_bytes()


def _tomorrow() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Founded, dict[str, Identity]]:
    """A central's folder with an empty database, and the officers' folder beside it."""
    place = tmp_path_factory.mktemp("roster")
    central = init_central(place / "central", name="pht", listen="127.0.0.1:0")
    database = Database(f"sqlite:///{place / 'central.sqlite'}")
    database.migrate()
    database.close()
    consortium = Consortium.found(
        place / "consortium",
        "pht",
        PASSPHRASES,
        online_key=online_public_key(read_online_key(central.settings.online_key_file)),
        now=datetime.now(UTC) - timedelta(days=30),
        log_n=4,
    )
    pin(central.directory, consortium.root)
    officers = {name: consortium.officer(name, secret) for name, secret in PASSPHRASES.items()}
    return place, central, officers


@pytest.fixture
def stage(founded: tuple[Path, Founded, dict[str, Identity]], tmp_path: Path) -> Iterator[Stage]:
    place, central, officers = founded
    for name in ("central", "consortium"):
        shutil.copytree(place / name, tmp_path / name)
    shutil.copy(place / "central.sqlite", tmp_path / "central.sqlite")
    settings = central.settings.model_copy(
        update={
            "directory": tmp_path / "central",
            "database": f"sqlite:///{tmp_path / 'central.sqlite'}",
        }
    )
    clock = Clock()
    services = CentralContext.of(settings, clock)
    with contextlib.ExitStack() as ends:
        url = ends.enter_context(serving(settings, services))
        liar = Liar(url)
        ends.callback(liar.close)
        honest = ends.enter_context(CentralClient(url, None))
        client = ends.enter_context(CentralClient(liar.url, None))
        yield Stage(
            Consortium(tmp_path / "consortium"),
            officers,
            Founded(tmp_path / "central", settings, central.online_key, central.registry),
            services,
            clock,
            honest,
            liar,
            client,
            tmp_path,
        )


@pytest.fixture
def told(evidence: Any) -> Told:
    """Tells the row of an attack that failed."""

    def tell(promise: str, refusal: BaseException) -> None:
        code = getattr(refusal, "code", type(refusal).__name__)
        evidence("attacks", attacker=ATTACKER, promise=promise, outcome=f"refused: `{code}`")

    return tell


def refuses(trust: Trust, code: str, match: str | None = None) -> RosterError:
    """Why the roster is refused; what was believed before still is."""
    with pytest.raises(RosterError, match=match) as refused:
        trust.refresh()
    assert refused.value.code == code
    return refused.value


def names(trust: Trust) -> list[str]:
    return [member.name for member in trust.refresh().roster.members]


# Freeze and rollback


def test_freeze_ends_with_the_roster(stage: Stage, told: Told) -> None:
    """Central hides a removal, and goes on saying that the version before is the newest."""
    stage.clock.ahead = timedelta(days=-7.5)
    stage.add("cleveland")
    stage.publish()
    stage.clock.ahead = timedelta()
    assert stage.services.publication.renew()
    stage.consortium.remove_member("cleveland")
    stage.sign()
    error = refuses(stage.joins("station"), "roster-stale", "phtlab consortium sign")
    told("cannot hide a removal for longer than the roster's life", error)


def test_freeze_of_what_is_newest_ends_within_a_day(stage: Stage, told: Told) -> None:
    """Central repeats an old timestamp, as one does who holds none of its keys."""
    stage.clock.ahead = timedelta(days=-1.5)
    stage.publish()
    stage.clock.ahead = timedelta()
    error = refuses(stage.joins("station"), "roster-stale", "which roster is newest has expired")
    told("cannot repeat for longer than a day which roster is newest", error)


def test_freeze_of_the_kept_roster_ends_too(stage: Stage, told: Told) -> None:
    """Central falls silent; the station goes on with what it kept, until that expires."""
    stage.clock.ahead = timedelta(days=-7) + timedelta(seconds=3)
    stage.publish()
    stage.clock.ahead = timedelta()
    stage.services.publication.renew()
    trust = stage.joins("station")
    expires = trust.refresh().expires
    with stage.saying({"json": None}):
        while datetime.now(UTC) <= expires:
            time.sleep(0.2)
        error = refuses(trust, "roster-stale", "expired on")
    told("cannot keep a member on an old roster by silence", error)


def test_rollback_of_the_timestamp(stage: Stage, told: Told) -> None:
    stage.publish()
    old = stage.metadata("timestamp.json")
    trust = stage.joins("station")
    stage.publish()
    version = trust.refresh().roster.version
    with stage.saying({"timestamp.json": old}):
        error = refuses(trust, "roster-rollback")
    told("cannot roll back which roster is newest", error)
    assert trust.cached().roster.version == version


def test_rollback_of_the_snapshot(stage: Stage, told: Told) -> None:
    """The timestamp rises, and names an earlier snapshot."""
    stage.publish()
    trust = stage.joins("station")
    trust.refresh()
    lie = {"5.snapshot.json": stage.snapshot(1, 5), "timestamp.json": stage.timestamp(5, FAR)}
    with stage.saying(lie):
        error = refuses(trust, "roster-rollback")
    told("cannot roll back the snapshot under a newer timestamp", error)


def test_rollback_of_the_roster(stage: Stage, told: Told) -> None:
    """Timestamp and snapshot rise, signed with central's key, and name an earlier roster."""
    stage.add("cleveland")
    stage.publish()
    trust = stage.joins("station")
    stage.consortium.remove_member("cleveland")
    stage.publish()
    assert "cleveland" not in names(trust)
    with stage.saying(stage.newest(1)):
        error = refuses(trust, "roster-rollback", "older roster than this machine has seen")
    told("cannot bring a removed member back with an older roster", error)
    assert trust.cached().roster.version == 2


def test_rollback_of_the_root(stage: Stage, told: Told) -> None:
    """The root before is delivered as the next one."""
    stage.publish()
    trust = stage.joins("station")
    first = stage.metadata("1.root.json")
    stage.consortium.replace_officer(_officer("lena"))
    stage.publish("vera", "otto")
    trust.refresh()
    with stage.saying({"3.root.json": first}):
        error = refuses(trust, "roster-rollback")
    told("cannot go back to the root before", error)


def test_fast_forward_is_undone_by_another_online_key(stage: Stage, evidence: Any) -> None:
    """A thief of central's key names the highest versions, so that no honest one is newer."""
    stage.publish()
    trust = stage.joins("station")
    with stage.saying(stage.newest(1, snapshot=2**53 - 1, timestamp=2**53 - 1)):
        trust.refresh()
    refuses(trust, "roster-rollback")
    stage.consortium.set_online_key(_json(new_online_key(stage.central.directory)))
    stage.services.publication._online_keys = tuple(
        read_online_key(file) for file in stage.central.settings.online_key_files
    )
    stage.add("cleveland")
    stage.publish()
    assert "cleveland" in names(trust)
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise="cannot block newer rosters for ever by the highest version",
        outcome="undone by another online key, which officers sign",
    )


# Mix and match


def test_mix_and_match_of_roster_and_snapshot(stage: Stage, told: Told) -> None:
    """The second version's name, the first one's content."""
    stage.publish()
    trust = stage.joins("station")
    first = stage.metadata("1.targets.json")
    stage.publish()
    with stage.saying({"2.targets.json": first}):
        error = refuses(trust, "roster-rollback")
    told("cannot put together parts of two publications", error)


def test_mix_and_match_of_snapshot_and_timestamp(stage: Stage, told: Told) -> None:
    stage.publish()
    lie = {
        f"{FAR}.snapshot.json": stage.snapshot(1, FAR - 1),
        "timestamp.json": stage.timestamp(FAR, FAR),
    }
    with stage.saying(lie):
        error = refuses(stage.joins("station"), "roster-rollback")
    told("cannot deliver another snapshot than the timestamp names", error)


def test_wrong_file_for_a_target(stage: Stage, told: Told) -> None:
    """The roster of the version before, and an empty catalogue."""
    stage.publish()
    old = stage.consortium.folder.target("roster.json")
    stage.add("cleveland")
    stage.publish()
    trust = stage.joins("station")
    for file, content in (("roster.json", old), ("catalogue.json", b"{}")):
        with stage.saying({file: content}):
            error = refuses(trust, "roster", "not the one the officers signed")
    told("cannot deliver another file than the officers signed", error)


# Arbitrary, endless and slow data


def test_arbitrary_metadata(stage: Stage, told: Told) -> None:
    """What is no JSON, JSON of any depth, and what is metadata of another role."""
    stage.publish()
    trust = stage.joins("station")
    for file in ("timestamp.json", "snapshot.json", "targets.json", "root.json"):
        other = stage.metadata("1.root.json" if file != "root.json" else "timestamp.json")
        for content in (b"\x00\xff garbage", b"[" * 15_000, other):
            with stage.saying({file: content}):
                error = refuses(trust, "roster", "It is refused")
    told("cannot have a member read what is no metadata of the consortium", error)


def test_endless_data(stage: Stage, told: Told) -> None:
    stage.publish()
    trust = stage.joins("station")

    def endless() -> Iterator[bytes]:
        while True:
            yield b" " * 65_536

    for name in ("root", "timestamp", "snapshot", "targets", "roster"):
        with stage.saying({f"{name}.json": endless()}):
            error = refuses(trust, "roster", "sends more than a roster can hold")
    told("cannot fill a disk with a roster that does not end", error)


def test_packed_data_is_not_unpacked(stage: Stage, told: Told) -> None:
    """Packed twice, a few hundred bytes are sixty-four million blanks."""
    stage.publish()
    bomb = gzip.compress(gzip.compress(b" " * 2**26, 9), 9)
    assert len(bomb) < 16_384  # A timestamp may be as long.
    trust = stage.joins("station")
    with stage.saying({"timestamp.json": bomb}, **{"Content-Encoding": "gzip, gzip"}):
        tracemalloc.start()
        try:
            error = refuses(trust, "roster", "It is refused")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 8 * 2**20
    told("cannot fill memory with a packed roster", error)


def test_an_answer_packed_twice_is_not_unpacked(stage: Stage, told: Told) -> None:
    """The same in any other answer, which may be packed once."""
    bomb = gzip.compress(gzip.compress(b" " * 2**26, 9), 9)

    def lie(_: Asked, answer: Answer) -> Answer:
        return Answer(200, answer.headers | {"Content-Encoding": "gzip, gzip"}, bomb)

    with stage.liar.lying("GET", r"^/api/v1$", lie), pytest.raises(PhtlabError) as refused:
        tracemalloc.start()
        try:
            stage.client.info()
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
    assert peak < 8 * 2**20
    told("cannot fill memory with an answer packed twice", refused.value)


@pytest.mark.parametrize("file", ["timestamp.json", "roster.json"])
def test_slow_drip(stage: Stage, told: Told, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    """Each byte comes in time, and their end never does."""
    monkeypatch.setattr(time_limit, "ANSWER_SECONDS", 0.5)
    stage.publish()
    trust = stage.joins("station")

    def drops() -> Iterator[bytes]:
        while True:
            time.sleep(0.05)
            yield b" "

    with stage.saying({file: drops()}), pytest.raises(CentralUnreachableError) as refused:
        trust.refresh()
    told("cannot hold a member with a roster that drips", refused.value)
    trust.refresh()
    with stage.saying({"timestamp.json": drops()}):
        assert not trust.refresh().fresh


# Signatures


def test_a_member_whom_central_adds(stage: Stage, told: Told) -> None:
    """All of the repository is consistent, signed with the only key that central has."""
    stage.publish()
    trust = stage.joins("station")
    eve = Identity.generate("eve")
    member = Member(name="eve", roles=("station",), keys=eve.public)
    roster = stage.consortium.roster
    forged = roster.model_copy(update={"members": (*roster.members, member)})
    content = forged.model_dump_json(exclude={"version"}).encode()
    mine = Identity.from_seeds("central", stage.online.private_bytes_raw(), bytes(32), eve.age)
    for signers in ((), (mine,), (mine, eve)):
        lie = {
            "2.targets.json": stage.forged_targets(*signers, roster=content),
            "roster.json": content,
            **stage.newest(2),
        }
        with stage.saying(lie):
            error = refuses(trust, "roster", "without the signatures")
    told("cannot add a member", error)
    assert "eve" not in names(stage.joins("another"))


def test_a_kernel_image_that_central_allows(stage: Stage, told: Told) -> None:
    """A catalogue of its own, signed with the only key that central has."""
    stage.publish()
    trust = stage.joins("station")
    image = KernelImage(
        name="python",
        language="python",
        kernelspec="python3",
        repository="kernels/python",
        digest="sha256:" + "e" * 64,
        diff_ids=(),
    )
    content = Catalogue(images=(image,)).model_dump_json().encode()
    seed = stage.online.private_bytes_raw()
    mine = Identity.from_seeds("central", seed, bytes(32), stage.officers["vera"].age)
    lie = {
        "2.targets.json": stage.forged_targets(mine, catalogue=content),
        "catalogue.json": content,
        **stage.newest(2),
    }
    with stage.saying(lie):
        error = refuses(trust, "roster", "without the signatures")
    told("cannot allow a kernel image", error)
    assert stage.joins("another").refresh().catalogue.images == ()


def test_one_officer_alone(stage: Stage, told: Told) -> None:
    """Central and one officer together; and her signature under a colleague's name."""
    stage.publish()
    trust = stage.joins("station")
    alone = Metadata[Targets].from_bytes(stage.forged_targets(stage.officers["vera"]))
    (signature,) = alone.signatures.values()
    twice = Metadata[Targets].from_bytes(alone.to_bytes())
    otto = CryptoSigner(stage.officers["otto"].ed25519).public_key.keyid
    twice.signatures[otto] = type(signature)(otto, signature.signature)
    for forged in (alone, twice):
        with stage.saying({"2.targets.json": forged.to_bytes(), **stage.newest(2)}):
            error = refuses(trust, "roster", "without the signatures")
    told("cannot make a roster with one officer of the two who must sign", error)


def test_an_officer_who_was_removed_signs(stage: Stage, told: Told) -> None:
    stage.publish()
    trust = stage.joins("station")
    stage.consortium.remove_officer("lena")
    stage.publish()
    trust.refresh()
    forged = stage.forged_targets(stage.officers["lena"], stage.officers["vera"], version=3)
    with stage.saying({"3.targets.json": forged, **stage.newest(3)}):
        error = refuses(trust, "roster", "without the signatures")
    told("cannot use the key of an officer who was removed", error)


def test_a_root_signed_by_too_few_of_the_officers_before(stage: Stage, told: Told) -> None:
    """Enough of its own officers sign it, but those are the attacker's."""
    stage.publish()
    trust = stage.joins("station")
    eve, mallory = Identity.generate("eve"), Identity.generate("mallory")

    def usurp(root: Root) -> None:
        for one in (eve, mallory):
            for role in ("root", "targets"):
                root.add_key(officer_key(one.name, one.public.ed25519), role)

    for signers in ((eve, mallory), (eve, mallory, stage.officers["vera"])):
        with stage.saying({"2.root.json": stage.forged_root(*signers, change=usurp)}):
            error = refuses(trust, "roster", "without the signatures")
    told("cannot put its own officers in a root", error)


def test_a_root_signed_by_too_few_of_its_own_officers(stage: Stage, told: Told) -> None:
    """The officers before agree, but too few of those who are to come."""
    stage.publish()
    trust = stage.joins("station")

    def raise_threshold(root: Root) -> None:
        for role in ("root", "targets"):
            root.roles[role].threshold = 3

    two = (stage.officers["vera"], stage.officers["otto"])
    with stage.saying({"2.root.json": stage.forged_root(*two, change=raise_threshold)}):
        error = refuses(trust, "roster", "without the signatures")
    told("cannot hand on a root that too few of its officers signed", error)


def test_a_chain_of_roots_with_a_gap(stage: Stage, told: Told) -> None:
    """The third is delivered as the second: enough officers of the first have signed it too."""
    stage.publish()
    trust = stage.joins("station")
    trust.refresh()
    stage.consortium.renew_root()
    stage.publish()
    stage.consortium.replace_officer(_officer("lena"))
    stage.publish()
    with stage.saying({"2.root.json": stage.metadata("3.root.json")}):
        error = refuses(trust, "roster-rollback")
    told("cannot leave out a root of the chain", error)
    assert trust.refresh().roster.version == 3


def test_an_officer_counted_twice_under_two_key_ids(stage: Stage, told: Told) -> None:
    """A root that officers were made to sign holds one key twice; TUF itself counts ids."""
    stage.publish()
    trust = stage.joins("station")
    vera = stage.officers["vera"]

    def double(root: Root) -> None:
        key = CryptoSigner(vera.ed25519).public_key
        twin = SSlibKey("f" * 64, key.keytype, key.scheme, key.keyval)
        for role in ("root", "targets"):
            root.add_key(twin, role)

    forged = stage.forged_root(vera, stage.officers["otto"], change=double)
    with stage.saying({"2.root.json": forged}):
        error = refuses(trust, "roster", "names one key twice")
    told("cannot count one officer twice under two key ids", error)


def test_a_bundle_that_too_few_signed_is_not_published(stage: Stage, evidence: Any) -> None:
    """The honest central: anyone may bring a bundle, and only officers' signatures count."""
    stage.publish()
    stage.add("eve")
    stage.sign("vera")
    pending = stage.consortium.folder.pending()
    assert pending is not None
    forged = pending.to_bytes()
    stage.consortium.folder._write("2.targets.json", forged)
    with pytest.raises(RosterError):
        stage.consortium.bundle()
    bundle = RosterBundle.model_validate(_bundle(stage.consortium, forged))
    with raises_code(RosterError, "roster") as no:
        stage.honest.publish_roster(bundle)
    evidence(
        "attacks",
        attacker="one officer",
        promise="cannot publish a roster alone",
        outcome=f"refused: `{no.value.code}`",
    )


def _bundle(consortium: Consortium, targets: bytes) -> dict[str, dict[str, str]]:
    from base64 import b64encode

    files = {"1.root.json": consortium.root, "2.targets.json": targets}
    contents = {n: consortium.folder.target(n) for n in ("roster.json", "catalogue.json")}
    return {
        "metadata": {name: b64encode(content).decode() for name, content in files.items()},
        "targets": {name: b64encode(content).decode() for name, content in contents.items()},
    }


def _officer(name: str, identity: Identity | None = None) -> Member:
    keys = (identity or Identity.generate(name)).public
    return Member(name=name, roles=("officer",), keys=keys)


def _json(path: Path) -> dict[str, Any]:
    from phtlab.train.canonical import parse_json

    found: dict[str, Any] = parse_json(path.read_bytes())
    return found
