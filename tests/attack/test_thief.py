"""A thief: of a laptop with its key file, of a token, of a station's or central's disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from phtlab.demo.world import RESEARCHER, World
from phtlab.errors import KeyFileError, NotOnRosterError, PassphraseError, PhtlabError
from phtlab.files.key_file import DEFAULT_LOG_N, decode_key, encode_key, identity_text, read_key
from phtlab.lab import Journey, Lab
from phtlab.station.approvals.decisions import approve
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.order import Order
from phtlab.wire.central.token import audience_of, mint
from tests.attack.conftest import admitted, lab_of, published
from tests.attack.judging import JudgingStation
from tests.e2e.parts import until
from tests.limits import LIMIT

pytestmark = pytest.mark.engine

ATTACKER = "thief"
HERE = "switzerland"

Refused = Callable[[str, str, str], None]


def keys_in(world: World) -> list[Path]:
    """Every private key of a member that lies somewhere in the world."""
    return sorted(world.directory.rglob("*.key.age"))


def test_a_key_file_without_its_passphrase(small: World, refused: Refused) -> None:
    files = keys_in(small)
    assert small.profile.key in files
    for file in files:
        assert read_key(file, small.passphrase).name
        for guess in ("", "password1234", small.passphrase + " ", small.passphrase.swapcase()):
            with pytest.raises(PassphraseError) as told:
                read_key(file, guess)
            assert told.value.code == PassphraseError.code
    refused(ATTACKER, "cannot use a key file without its passphrase", PassphraseError.code)


def test_a_private_key_lies_nowhere_in_the_clear(small: World, refused: Refused) -> None:
    """Not in any file of the consortium: the secrets of each key, as text and as bytes."""
    secrets = set[bytes]()
    for file in keys_in(small):
        lines = identity_text(read_key(file, small.passphrase)).splitlines()
        words = {word for line in lines for word in line.split() if len(word) > 40}
        assert len(words) >= 3, "age, Ed25519, ML-DSA-65"
        secrets |= {word.encode() for word in words}
    for path in small.directory.rglob("*"):
        if path.is_file() and path.stat().st_size < 2**22:
            content = path.read_bytes()
            assert not [True for secret in secrets if secret in content], path
    refused(ATTACKER, "cannot find a private key in the clear", "none lies there")


@pytest.mark.parametrize(
    ("where", "code"),
    [(0, KeyFileError.code), (60, PassphraseError.code), (-40, KeyFileError.code)],
    ids=["the header's version", "the wrapped key", "the payload"],
)
def test_a_key_file_that_was_changed(where: int, code: str, small: World, refused: Refused) -> None:
    content = bytearray(small.profile.key.read_bytes())
    # To a letter that may stand there in Base64: else it would depend on the key what is refused.
    content[where] = ord("A") if content[where] != ord("A") else ord("B")
    with pytest.raises(KeyFileError) as told:
        decode_key(bytes(content), small.passphrase)
    assert told.value.code == code
    refused(ATTACKER, "cannot change a key file unseen", told.value.code)


def test_a_key_file_that_costs_its_reader_too_much(refused: Refused) -> None:
    """Swapped for one whose work factor would fill the reader's memory."""
    content = encode_key(Identity.generate("dr-lovelace"), "twelve and more", log_n=10)
    head, rest = content.split(b" 10\n", 1)
    with pytest.raises(KeyFileError) as told:
        decode_key(head + b" 40\n" + rest, "twelve and more")
    assert told.value.code == KeyFileError.code
    assert DEFAULT_LOG_N == 18
    refused(ATTACKER, "cannot exhaust whoever reads a key file", told.value.code)


@pytest.fixture
def stolen(small: World, tmp_path: Path) -> Lab:
    """The laptop of a member, passphrase and all."""
    identity = Identity.generate(f"dr-robbed-{tmp_path.name[-1]}")
    admitted(small, Member(name=identity.name, roles=("researcher",), keys=identity.public))
    return lab_of(small.central_url, small, identity, tmp_path / "trust")


def taken_off(world: World, name: str) -> int:
    """Officers remove a stolen key; the version of the roster without it."""
    consortium = world.consortium
    consortium.remove_member(name, stolen=True)
    published(world, consortium)
    return consortium.roster.version


def test_a_key_that_was_taken_off_the_roster(
    small: World,
    judging: JudgingStation,
    stolen: Lab,
    notebook: Path,
    departed: Journey,
    refused: Refused,
) -> None:
    """Central hears no more of it, the registry gets no token, and a held order is refused."""
    try:
        journey = stolen.dispatch(notebook, stations=HERE)
        assert judging.holds(journey.id)
        version = taken_off(small, stolen.name)
        asked: tuple[Callable[[], object], ...] = (
            stolen.central.journeys,
            lambda: stolen.central.registry_token(["repository:kernels/python:pull"]),
            lambda: stolen.central.submit_journey(
                Order.new(
                    journey.view.train, (HERE,), {}, (stolen.name,), version, now=datetime.now(UTC)
                ).sign(stolen.identity)
            ),
            lambda: stolen.dispatch(notebook, stations=HERE),
        )
        for ask in asked:
            with pytest.raises(NotOnRosterError) as told:
                ask()
            assert told.value.code == "not-on-roster"
    finally:
        stolen.registry.close()
        stolen.central.close()
    time.sleep(1)  # as long as the roster is believed there without asking again
    until(lambda: judging.station.roster_cache.now().roster.version >= version)
    stop = judging.station.stops.stop(journey.id)
    approve(judging.station, journey.id, by="olga")
    judging.daemon.step()
    judging.settle(journey.id)
    record = stop.final_record()
    assert (record.outcome, record.code) == ("refused", "not-on-roster")
    refused(ATTACKER, "cannot go on with a key once it is off the roster", record.code)


def test_a_key_that_was_taken_off_before_it_was_used(
    small: World, small_lab: Lab, stolen: Lab, refused: Refused
) -> None:
    """Nobody can send results to it any more."""
    try:
        taken_off(small, stolen.name)
        train_digest = small_lab.central.trains()[0].digest
        order = Order.new(
            train_digest,
            (HERE,),
            {},
            (small_lab.name, stolen.name),
            small_lab.refresh().roster.version,
            now=datetime.now(UTC),
        )
        with pytest.raises(PhtlabError) as told:
            small_lab.central.submit_journey(order.sign(small_lab.identity))
    finally:
        stolen.central.close()
    assert told.value.code == "order-recipient-unknown"
    refused(ATTACKER, "cannot be sent results once the key is off the roster", told.value.code)


def test_a_token_that_was_overheard(small: World, small_lab: Lab, refused: Refused) -> None:
    """It is good for its minute, and one of clocks that differ; it signs nothing."""
    issued = datetime.now(UTC)

    def answered(token: str) -> int:
        return httpx.get(
            f"{small.central_url}/api/v1/journeys",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=LIMIT,
        ).status_code

    audience = audience_of("heart-net")
    assert answered(mint(small_lab.identity, audience, issued)) == 200
    early = datetime.fromtimestamp(issued.timestamp() - 121, UTC)
    assert answered(mint(small_lab.identity, audience, early)) == 401
    refused(ATTACKER, "cannot use an overheard token after its minute", "token-expired")


def test_a_station_s_disk(small: World, departed: Journey, refused: Refused) -> None:
    """What departed is kept there as a record only: neither cargo nor the passphrase stays."""
    folder = small.station_folder("cleveland")
    stop = next((folder / "stops").glob(departed.id[7:]))
    assert not (stop / "cargo.age").exists()
    passphrase = small.passphrase.encode()
    for path in folder.rglob("*"):
        if path.is_file():
            assert passphrase not in path.read_bytes(), path
    assert (folder / "stops").stat().st_mode & 0o077 == 0
    assert RESEARCHER in (stop / "verified.json").read_text()
    refused(ATTACKER, "cannot find cargo or passphrase on a station's disk", "none lies there")
