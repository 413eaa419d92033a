"""A central, a registry and members that lie, on the real parts: what each of them gets.

What a hostile central could do is done to the real one: a row of its database is changed.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from phtlab.demo.world import OFFICERS, SIGNERS, World
from phtlab.errors import (
    CentralError,
    NotOnRosterError,
    RegistryError,
    SealChangedError,
    SealKeyError,
    SignatureError,
)
from phtlab.lab import Journey, Lab
from phtlab.train.canonical import canonical, digest
from phtlab.train.envelope import Envelope, sign_statement
from phtlab.train.identity import Identity, Member
from phtlab.train.image import compose
from phtlab.train.manifest import TRAIN_TYPE
from phtlab.train.order import ORDER_TYPE, cargo_context
from phtlab.train.seal import open_file
from phtlab.train.trust import Trust
from phtlab.wire.api import RosterBundle
from phtlab.wire.cargo import cargo_repository, pull_cargo
from phtlab.wire.central import CentralClient
from phtlab.wire.trains import push_train
from tests.e2e.parts import (
    away,
    change_central,
    command,
    ended,
    sign_and_send,
    starts,
    stop_of,
    until,
)
from tests.e2e.written_notebook import LOAD, PUBLISH, write_notebook

pytestmark = pytest.mark.engine

CHANGED = (
    "The ed25519 signature of dr-lovelace does not hold: the document was changed after signing. "
    "Ask its author to send it again."
)
STRANGER = (
    "This document is signed by keys that are not on the roster. Ask a consortium officer whether "
    "its author is a member, and refresh the roster."
)


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A notebook like no other, so that its train is no other test's."""
    return write_notebook(tmp_path / "trusted.ipynb", LOAD, f"{PUBLISH}# {secrets.token_hex(8)}\n")


@pytest.fixture(scope="module")
def departed(small_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Journey:
    notebook = write_notebook(tmp_path_factory.mktemp("departed") / "ages.ipynb", LOAD, PUBLISH)
    return small_lab.dispatch(notebook, stations=["cleveland", "hungary"]).wait(
        180, on_change=lambda view: None
    )


def lab_of(world: World, identity: Identity, folder: Path) -> Lab:
    central = CentralClient(world.central_url, identity)
    trust = Trust(folder, central.tuf_fetcher(), central.metadata_url, central.targets_url)
    folder.mkdir()
    trust.pin(world.consortium.root)
    return Lab(identity, central, trust)


@pytest.fixture(scope="module")
def colleague(small: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Another researcher of the consortium, on its roster like the first."""
    identity = Identity.generate("dr-hopper")
    consortium = small.consortium
    consortium.add_member(Member(name=identity.name, roles=("researcher",), keys=identity.public))
    consortium.sign(dict.fromkeys(OFFICERS[:SIGNERS], small.passphrase))
    with CentralClient(small.central_url, None) as central:
        central.publish_roster(RosterBundle.model_validate(consortium.bundle()))
    lab = lab_of(small, identity, tmp_path_factory.mktemp("colleague") / "trust")
    yield lab
    lab.registry.close()
    lab.central.close()


@pytest.fixture(scope="module")
def stranger(small: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Someone with keys and the address, whom no officer has admitted."""
    place = tmp_path_factory.mktemp("stranger") / "trust"
    lab = lab_of(small, Identity.generate("dr-nobody"), place)
    yield lab
    lab.central.close()


def test_a_train_statement_changed_after_signing(
    small: World, small_lab: Lab, notebook: Path
) -> None:
    with away(small, "cleveland"):
        journey = small_lab.dispatch(notebook, stations="cleveland")
        signed = small_lab.central.train(journey.view.train).envelope
        statement = json.loads(signed.body)
        statement["predicate"]["outputs"] = [{"counts": None, "kind": "file", "name": "rows"}]
        forged = json.loads(signed.to_bytes()) | {"payload": _b64(canonical(statement))}
        change_central(
            small,
            "UPDATE train SET envelope = ? WHERE digest = ?",
            json.dumps(forged),
            journey.view.train,
        )
    journey.wait(180, on_change=lambda view: None)
    (stop,) = journey.stops
    assert (stop.state, stop.code, stop.sentence) == ("refused", "signature", CHANGED)
    with pytest.raises(SignatureError) as told:
        journey.results()
    assert told.value.message == CHANGED


def test_an_image_that_is_not_what_was_signed(small: World, small_lab: Lab, notebook: Path) -> None:
    """The signed manifest is of one notebook, the image that it names holds another."""
    train = small_lab.train(notebook)
    other = train.analysis.travelling().replace(b"groupby", b"cumsum_")
    image = compose(*small_lab.kernel_documents(train.kernel), {"train/notebook.ipynb": other})
    push_train(small_lab.registry, image, train.repository, train.kernel)
    small_lab.central.submit_train(
        train.manifest.sign(small_lab.identity, image.digest, train.repository)
    )
    journey = sign_and_send(small_lab, train, ("cleveland",), {}, image=image.digest)
    record = ended(journey, "cleveland")
    assert (record.outcome, record.code, record.sentence) == (
        "refused",
        "image-file-changed",
        "The file 'train/notebook.ipynb' of the train image is not the one that was signed. Do "
        "not run it; ask its author.",
    )
    assert record.started is None


def test_an_order_for_other_stations(
    small: World, small_lab: Lab, departed: Journey, engine
) -> None:
    """Central offers a station what was ordered of another one only."""
    begun = time.time()
    notebook = Path(small.directory / "other.ipynb")
    write_notebook(notebook, LOAD, PUBLISH)
    with away(small, "hungary"):
        journey = small_lab.dispatch(notebook, stations="cleveland")
        ended(journey, "cleveland")
        change_central(
            small,
            "INSERT INTO stop SELECT journey_id, 1, 'hungary', 'offered', 0, offered + 1, '', '', "
            "NULL, NULL, NULL, updated, NULL, NULL FROM stop WHERE journey_id = ?",
            journey.id,
        )
        change_central(small, "INSERT INTO party VALUES (?, 'hungary', 0)", journey.id)
    stop = stop_of(small, "hungary", journey.id)
    until(lambda: stop.has("record"))
    record = stop.final_record()
    assert (record.outcome, record.code, record.sentence) == (
        "refused",
        "order-station",
        "This order is for cleveland, not for hungary.",
    )
    shown = command(
        small, "station", "show", journey.id[7:19], "-C", str(small.station_folder("hungary"))
    )
    assert "what        This order is for cleveland, not for hungary.\n" in shown.stdout
    assert starts(engine, begun, journey.id) == 1, "cleveland's"
    assert list(journey.verified()[2]) == ["cleveland"]


def test_an_order_replayed_under_another_signature_of_its_author(
    small: World, small_lab: Lab, departed: Journey, engine
) -> None:
    """The same order once more, changed just enough to be another journey."""
    _, order, _ = departed.verified()
    begun = time.time()
    again = order.model_copy(update={"expires": order.expires + timedelta(seconds=1)})
    journey = Journey(small_lab, small_lab.central.submit_journey(again.sign(small_lab.identity)))
    for station in order.stations:
        record = ended(journey, station)
        assert (record.outcome, record.code, record.sentence) == (
            "refused",
            "order-replayed",
            f"{station} has followed an order with this nonce before. An order is for one "
            "journey: dispatch the train again.",
        )
    assert starts(engine, begun, journey.id) == 0


def test_an_order_replayed_by_central(
    small: World, small_lab: Lab, departed: Journey, engine
) -> None:
    """A central that forgets what has departed offers it again: the same record, no second run."""
    begun = time.time()
    before = small_lab.central.journey(departed.id).stops[0].record
    with away(small, "cleveland"):
        change_central(
            small,
            "UPDATE stop SET state = 'offered', final = 0, record = NULL, record_digest = NULL "
            "WHERE journey_id = ? AND station = 'cleveland'",
            departed.id,
        )
    until(lambda: small_lab.central.journey(departed.id).done)
    assert small_lab.central.journey(departed.id).stops[0].record == before
    assert starts(engine, begun, departed.id) == 0
    assert departed.results().stations == ("cleveland", "hungary")


def test_an_order_that_expired_before_the_station_came(
    small: World, small_lab: Lab, notebook: Path
) -> None:
    with away(small, "cleveland"):
        journey = small_lab.dispatch(notebook, stations="cleveland", lifetime=timedelta(seconds=2))
        until(lambda: time.time() > journey.view.expires.timestamp())
    record = ended(journey, "cleveland")
    assert (record.outcome, record.code, record.sentence) == (
        "refused",
        "order-expired",
        f"This order expired at {journey.view.expires:%Y-%m-%d %H:%M} UTC. Dispatch the train "
        "again.",
    )


def test_someone_who_is_not_on_the_roster(stranger: Lab, notebook: Path) -> None:
    with pytest.raises(NotOnRosterError) as refused:
        stranger.dispatch(notebook, stations="cleveland")
    roster = stranger.trusted.roster
    assert refused.value.message == (
        "'dr-nobody' is not on the roster of heart-net (version "
        f"{roster.version}). On it: {', '.join(m.name for m in roster.members)}."
    )
    with pytest.raises(NotOnRosterError) as unknown:
        stranger.central.journeys()
    assert unknown.value.message == (
        f"'dr-nobody' is not on the roster of heart-net (version {roster.version}). Ask a "
        "consortium officer to add you, or try again once the new roster is published."
    )


def test_an_order_signed_by_someone_not_on_the_roster(
    small: World, small_lab: Lab, stranger: Lab, notebook: Path
) -> None:
    """Central puts a stranger's signatures under a member's order: the same journey's id."""
    with away(small, "cleveland"):
        journey = small_lab.dispatch(notebook, stations="cleveland")
        statement = json.loads(journey.view.order.body)
        forged = sign_statement(
            stranger.identity,
            ORDER_TYPE,
            {"train": journey.view.train},
            statement["predicate"],
        )
        assert forged.digest == journey.id
        change_central(
            small,
            "UPDATE journey SET order_envelope = ? WHERE id = ?",
            forged.to_bytes().decode(),
            journey.id,
        )
    journey.wait(180, on_change=lambda view: None)
    (stop,) = journey.stops
    assert (stop.state, stop.code, stop.sentence) == ("refused", "not-on-roster", STRANGER)
    with pytest.raises(NotOnRosterError) as told:
        journey.results()
    assert told.value.message == STRANGER


def test_a_train_signed_by_someone_not_on_the_roster(
    small: World, small_lab: Lab, stranger: Lab, notebook: Path
) -> None:
    with away(small, "cleveland"):
        journey = small_lab.dispatch(notebook, stations="cleveland")
        signed = small_lab.central.train(journey.view.train).envelope
        statement = json.loads(signed.body)
        forged = sign_statement(
            stranger.identity,
            TRAIN_TYPE,
            {statement["subject"][0]["name"]: journey.view.train},
            statement["predicate"],
        )
        change_central(
            small,
            "UPDATE train SET envelope = ? WHERE digest = ?",
            forged.to_bytes().decode(),
            journey.view.train,
        )
    journey.wait(180, on_change=lambda view: None)
    (stop,) = journey.stops
    assert (stop.state, stop.code, stop.sentence) == ("refused", "not-on-roster", STRANGER)


def test_a_record_that_another_station_signed(
    small: World, small_lab: Lab, departed: Journey
) -> None:
    """Central shows one station's record as another's: the researcher is not taken in."""
    records = {s.station: s.record for s in small_lab.central.journey(departed.id).stops}
    cleveland, hungary = records["cleveland"], records["hungary"]
    assert isinstance(cleveland, Envelope)
    assert isinstance(hungary, Envelope)
    put = "UPDATE stop SET record = ? WHERE journey_id = ? AND station = 'hungary'"
    change_central(small, put, cleveland.to_bytes().decode(), departed.id)
    try:
        with pytest.raises(Exception, match="is signed by cleveland") as told:
            departed.results()
    finally:
        change_central(small, put, hungary.to_bytes().decode(), departed.id)
    assert str(told.value) == (
        "This record of the stop at hungary is signed by cleveland. Only hungary may say what "
        "happened there: do not use it, and tell an officer."
    )


def blob_of(world: World, lab: Lab, journey: Journey, station: str) -> Path:
    """Where the registry keeps the sealed file of a stop, which is one part."""
    record = journey.verified()[2][station]
    assert record.cargo is not None
    name = record.cargo.removeprefix("sha256:")
    (found,) = (world.directory / "central").rglob(f"blobs/sha256/{name[:2]}/{name}/data")
    return found


def test_cargo_with_one_bit_changed_in_the_registry(
    small: World, small_lab: Lab, departed: Journey
) -> None:
    blob = blob_of(small, small_lab, departed, "hungary")
    whole = blob.read_bytes()
    changed = bytearray(whole)
    changed[len(changed) // 2] ^= 1
    blob.write_bytes(changed)
    try:
        with pytest.raises(RegistryError) as told:
            departed.results()
        said = command(small, "journey", "results", departed.id[7:19])
    finally:
        blob.write_bytes(whole)
    expected = (
        f"The registry gave other content for {digest(whole)} of "
        f"{cargo_repository(departed.id, 'hungary')} (its digest is {digest(bytes(changed))}). It "
        "is damaged or not to be trusted; nothing of it was used."
    )
    assert (told.value.code, told.value.message) == ("registry-digest", expected)
    assert (said.returncode, said.stdout, said.stderr) == (6, "", f"error {expected}\n")
    assert departed.results().stations == ("cleveland", "hungary")


def test_cargo_of_another_station_in_its_place(
    small_lab: Lab, departed: Journey, tmp_path: Path
) -> None:
    """Whole, sealed by a member, and not what this station's record names."""
    _, order, records = departed.verified()
    sealed = tmp_path / "cargo.age"
    cargo = records["cleveland"].cargo
    assert cargo is not None
    pull_cargo(small_lab.registry, departed.id, "cleveland", cargo, sealed)
    signed = records["hungary"].cargo
    assert signed is not None
    with pytest.raises(SealChangedError) as told:
        open_file(
            sealed,
            tmp_path / "cargo.tar",
            small_lab.identity.age,
            cargo_context(departed.id, order, "hungary"),
            signed,
        )
    assert told.value.message == (
        "The cargo cargo.age is not what the station sealed: its digest differs from the one in "
        "the signed stop record. Fetch it again; if that does not help, tell the station and "
        "whoever runs central."
    )
    assert not (tmp_path / "cargo.tar").exists()


def test_cargo_opened_by_the_wrong_key(
    small: World, small_lab: Lab, departed: Journey, colleague: Lab
) -> None:
    """A colleague who is no recipient: central shows the journey to nobody else, and a key
    that came to the sealed file all the same does not open it."""
    with pytest.raises(CentralError) as hidden:
        colleague.central.journey(departed.id)
    assert hidden.value.message == (
        f"There is no journey {departed.id} here, or not for dr-hopper to see."
    )
    at_the_file = Lab(colleague.identity, small_lab.central, small_lab._trust)
    with pytest.raises(SealKeyError) as told:
        Journey(at_the_file, departed.view).results()
    at_the_file.registry.close()
    assert told.value.message == (
        "None of the keys at hand opens this file: it was sealed to someone else, or its "
        "recipients were changed. Check whom it was meant for."
    )


def test_cargo_opened_by_a_further_recipient(
    small_lab: Lab, colleague: Lab, notebook: Path
) -> None:
    journey = small_lab.dispatch(notebook, stations="cleveland", recipients=["dr-hopper"])
    ended(journey, "cleveland")
    theirs = colleague.journey(journey.id).results()["cleveland"].table("counts")
    assert theirs.equals(journey.results()["cleveland"].table("counts"))


def _b64(content: bytes) -> str:
    from base64 import b64encode

    return b64encode(content).decode()
