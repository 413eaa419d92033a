"""A registry that lies, on the real parts: what it gives is believed only as far as was signed."""

from __future__ import annotations

import gzip
import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from phtlab.demo.world import World
from phtlab.errors import RegistryError, RegistryUnreachableError
from phtlab.files.sealed_file import (
    open_file,
)
from phtlab.lab import Journey, Lab
from phtlab.lab.client.train import Train
from phtlab.train.canonical import canonical, digest
from phtlab.train.documents.order import cargo_context
from phtlab.train.image.verification import (
    ImageLimits,
)
from phtlab.wire.registry.cargo import cargo_repository
from phtlab.wire.registry.client import Registry
from phtlab.wire.registry.trains import push_train
from tests.attack.handmade import ANSWER, HandmadeStation, archive
from tests.attack.judging import JudgingStation
from tests.attack.liar import Answer, Asked, Liars, Lying, Stranger
from tests.e2e.parts import command
from tests.e2e.written_notebook import write_notebook

pytestmark = pytest.mark.engine

ATTACKER = "hostile registry"


@pytest.fixture
def train(small_lab: Lab, notebook: Path) -> Train:
    return small_lab.train(notebook)


Attack = Callable[[AbstractContextManager[Lying]], str]


@pytest.fixture
def code_of(small_lab: Lab, judging: JudgingStation, train: Train, honest: Journey) -> Attack:
    """The code with which a station refuses `train`, as good as `honest`, while a lie is told.

    What the registry gives may be a fault of the line, so a station asks again a few times before
    it gives up; what it says then names no more than that it was not given the image.
    """

    def tried(lying: AbstractContextManager[Lying]) -> str:
        journey = small_lab.dispatch(train, stations="switzerland")
        with lying as lie:
            with pytest.raises(RegistryError) as told:
                judging.station.artifacts.fetch(train.repository, train.digest, ImageLimits())
            record = judging.record(journey.id)
            assert lie.told > 1
        assert (record.outcome, record.code, record.started) == (
            "refused",
            "image-unavailable",
            None,
        )
        return told.value.code

    return tried


def test_a_flipped_bit_in_a_blob_of_the_train(
    liars: Liars, train: Train, code_of: Attack, refused
) -> None:
    def flip(_: Asked, answer: Answer) -> Answer:
        changed = bytearray(answer.content)
        changed[len(changed) // 2] ^= 1
        return answer.saying(bytes(changed))

    code = code_of(liars.registry.lying("GET", f"/blobs/{train.image.diff_id}$", flip))
    assert code == "registry-digest"
    refused(ATTACKER, "cannot flip a bit of a train", code)


def test_another_image_under_the_digest(
    liars: Liars, train: Train, code_of: Attack, refused
) -> None:
    """A tag may move; a digest may not: what comes is hashed."""
    other = canonical(json.loads(train.image.manifest) | {"annotations": {"moved": "yes"}})
    code = code_of(
        liars.registry.lying(
            "GET", f"/manifests/{train.digest}$", lambda _, answer: answer.saying(other)
        )
    )
    assert code == "registry-digest"
    refused(ATTACKER, "cannot give another image than the digest that was signed", code)


@pytest.mark.parametrize("what", ["manifest", "config", "layer"])
def test_an_endless_answer(what: str, liars: Liars, train: Train, code_of: Attack, refused) -> None:
    where = {
        "manifest": f"/manifests/{train.digest}$",
        "config": f"/blobs/{digest(train.image.config)}$",
        "layer": f"/blobs/{train.image.diff_id}$",
    }[what]
    block = bytes(1 << 20)
    code = code_of(
        liars.registry.lying("GET", where, lambda _, answer: answer.saying(itertools.repeat(block)))
    )
    assert code == "registry-too-large"
    refused(ATTACKER, f"cannot fill a station with an endless {what}", code)


def elsewhere(stranger_s_house: Stranger) -> Callable[[Asked, Answer], Answer]:
    """Sends whoever asks to the stranger's house, under the same path."""
    return lambda asked, _: Answer(307, {"Location": stranger_s_house.url + asked.path}, b"")


def again(asked: Asked, answer: Answer) -> Answer:
    """Sends whoever asks to another path of the registry itself."""
    if "again" in asked.path:
        return answer
    return Answer(307, {"Location": f"{asked.path}?again"}, b"")


@pytest.mark.parametrize("what", ["manifests", "blobs"])
def test_a_redirect_to_another_port_of_this_machine(
    what: str,
    liars: Liars,
    train: Train,
    small_lab: Lab,
    judging: JudgingStation,
    code_of: Attack,
    stranger_s_house: Stranger,
    refused,
) -> None:
    place = f"^/v2/{train.repository}/{what}/"
    code = code_of(liars.registry.lying("GET", place, elsewhere(stranger_s_house)))
    assert code == "registry-redirect"
    assert stranger_s_house.asked == [], "neither a request nor a token came there"
    journey = small_lab.dispatch(train, stations="switzerland")
    with liars.registry.lying("GET", place, again) as lying:
        assert judging.holds(journey.id), "within the registry it is followed"
    assert lying.told
    refused(ATTACKER, "cannot lead a station to another address of its network", code)


def test_an_upload_that_is_to_go_to_another_address(
    deceived: Lab, liars: Liars, train: Train, stranger_s_house: Stranger, refused
) -> None:
    def there(asked: Asked, answer: Answer) -> Answer:
        return Answer(202, {"Location": stranger_s_house.url + asked.path}, b"")

    with (
        liars.registry.lying("POST", "/blobs/uploads/", there) as lying,
        pytest.raises(RegistryError) as told,
    ):
        deceived.registry.put_blob(train.repository, b"sealed for nobody else")
    assert lying.told == 1
    assert told.value.code == "registry-redirect"
    assert stranger_s_house.asked == []
    assert deceived.registry.put_blob(train.repository, b"sealed for nobody else")
    refused(ATTACKER, "cannot have what is uploaded sent to another address", told.value.code)


def test_a_packed_answer_that_unfolds_without_end(
    liars: Liars, train: Train, code_of: Attack, refused
) -> None:
    bomb = gzip.compress(bytes(64 << 20))

    def packed(_: Asked, answer: Answer) -> Answer:
        return Answer(200, {"Content-Encoding": "gzip"}, bomb)

    code = code_of(liars.registry.lying("GET", f"/blobs/{train.image.diff_id}$", packed))
    assert code == "registry-protocol"
    refused(ATTACKER, "cannot make few bytes many with a packed answer", code)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_refusal_without_end(
    method: str, deceived: Lab, liars: Liars, train: Train, refused
) -> None:
    """What is no content has an end too: a refusal is read for its first words only."""
    block = bytes(1 << 20)

    def refuse(_: Asked, answer: Answer) -> Answer:
        return Answer(404, {}, itertools.repeat(block))

    ask: dict[str, Callable[[], object]] = {
        "GET": lambda: deceived.registry.read_blob(train.repository, train.digest, 10),
        "HEAD": lambda: deceived.registry.has_blob(train.repository, train.digest),
        "POST": lambda: deceived.registry.mount(train.repository, train.digest, "kernels/python"),
    }
    with liars.registry.lying(method, f"^/v2/{train.repository}/", refuse) as lying:
        if method == "HEAD":  # it has no body (RFC 9110, section 9.3.2)
            assert ask[method]() is False
        else:
            with pytest.raises(RegistryError) as told:
                ask[method]()
            assert told.value.code == "registry-too-large"
    assert lying.told
    refused(ATTACKER, "cannot fill memory with a refusal that does not end", "registry-too-large")


def test_an_answer_that_drips(deceived: Lab, liars: Liars, train: Train, refused) -> None:
    """Each byte comes in time, the last one never: no thread of a station waits for it."""

    def drip(_: Asked, answer: Answer) -> Answer:
        def drops() -> Iterator[bytes]:
            while True:
                time.sleep(0.05)
                yield b"x"

        return answer.saying(drops())

    push_train(deceived.registry, train.image, train.repository, train.kernel)
    with (
        Registry(liars.registry.url, deceived.central.registry_token, timeout=0.25) as hurried,
        liars.registry.lying("GET", f"/manifests/{train.digest}$", drip) as lying,
        pytest.raises(RegistryUnreachableError) as told,
    ):
        hurried.manifest(train.repository, train.digest)
    assert lying.told == 1
    assert "one answer takes more than 1 seconds" in str(told.value)
    refused(ATTACKER, "cannot hold a station with an answer that drips", told.value.code)


# Cargo


@dataclass(frozen=True)
class Delivered:
    """Cargo in three parts, whose results have opened once."""

    journey: Journey
    sealed: bytes
    parts: tuple[str, ...]

    @property
    def manifest(self) -> str:
        return f"^/v2/cargo/{self.journey.id[7:]}/va-long-beach/manifests/"

    @property
    def blobs(self) -> str:
        return f"^/v2/cargo/{self.journey.id[7:]}/va-long-beach/blobs/"


@pytest.fixture(scope="module")
def delivered(
    deceived: Lab, by_hand: dict[str, HandmadeStation], tmp_path_factory: pytest.TempPathFactory
) -> Delivered:
    notebook = write_notebook(tmp_path_factory.mktemp("delivered") / "answering.ipynb", ANSWER)
    journey = deceived.dispatch(notebook, stations="va-long-beach")
    by_hand["va-long-beach"].depart(journey, part_bytes=5000)
    assert journey.results()["va-long-beach"].scalar("answer") == 42
    sealed = (by_hand["va-long-beach"].folder / f"{journey.id[7:19]}.age").read_bytes()
    parts = [sealed[start : start + 5000] for start in range(0, len(sealed), 5000)]
    assert len(parts) == 3
    return Delivered(journey, sealed, tuple(map(digest, parts)))


Layers = list[dict[str, object]]
CHANGED_PARTS: dict[str, tuple[Callable[[Layers], Layers], str]] = {
    "dropped": (lambda parts: [parts[0], parts[2]], "registry-digest"),
    "swapped": (lambda parts: [parts[1], parts[0], parts[2]], "registry-digest"),
    "cut": (lambda parts: parts[:2], "registry-digest"),
    "repeated": (lambda parts: [*parts, parts[2]], "registry-too-large"),
    "emptied": (lambda parts: [], "registry-protocol"),
}


@pytest.mark.parametrize("change", CHANGED_PARTS)
def test_parts_of_cargo_dropped_swapped_cut_or_repeated(
    change: str, liars: Liars, delivered: Delivered, refused
) -> None:
    changed, code = CHANGED_PARTS[change]

    def lie(_: Asked, answer: Answer) -> Answer:
        manifest = json.loads(answer.content)
        return answer.saying(canonical(manifest | {"layers": changed(manifest["layers"])}))

    with (
        liars.registry.lying("GET", delivered.manifest, lie) as lying,
        pytest.raises(RegistryError) as told,
    ):
        delivered.journey.results()
    assert lying.told == 1
    assert told.value.code == code
    refused(ATTACKER, f"cannot give cargo with parts {change}", code)


def blob_of(world: World, journey: Journey, station: str) -> Path:
    """Where the registry keeps the sealed file of a stop, which is one part."""
    record = journey.verified()[2][station]
    (sent,) = record.cargos
    name = sent.digest.removeprefix("sha256:")
    (found,) = (world.directory / "central").rglob(f"blobs/sha256/{name[:2]}/{name}/data")
    return found


def test_cargo_with_one_bit_changed_in_the_registry(
    small: World, departed: Journey, refused
) -> None:
    blob = blob_of(small, departed, "hungary")
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
    assert (told.value.code, str(told.value)) == ("registry-digest", expected)
    assert (said.returncode, said.stdout, said.stderr) == (6, "", f"error {expected}\n")
    assert departed.results().stations == ("cleveland", "hungary")
    refused(ATTACKER, "cannot flip a bit of cargo", told.value.code)


def test_cargo_without_end(liars: Liars, delivered: Delivered, refused) -> None:
    """The signed record says how many bytes there are."""
    block = bytes(1 << 20)
    with (
        liars.registry.lying(
            "GET", delivered.blobs, lambda _, answer: answer.saying(itertools.repeat(block))
        ),
        pytest.raises(RegistryError) as told,
    ):
        delivered.journey.results()
    assert told.value.code == "registry-too-large"
    refused(ATTACKER, "cannot fill a researcher's disk with endless cargo", told.value.code)


def test_a_cargo_manifest_nested_without_end(liars: Liars, delivered: Delivered, refused) -> None:
    """It is found by a tag, so no digest stands between it and the parser."""
    with (
        liars.registry.lying(
            "GET", delivered.manifest, lambda _, answer: answer.saying(b"[" * 1_000_000)
        ),
        pytest.raises(RegistryError) as told,
    ):
        delivered.journey.results()
    assert told.value.code == "registry-protocol"
    refused(ATTACKER, "cannot break a reader with what is nested", told.value.code)


def test_cargo_that_a_fellow_recipient_sealed_anew(
    liars: Liars,
    deceived: Lab,
    colleague: Lab,
    by_hand: dict[str, HandmadeStation],
    answering: Path,
    refused,
) -> None:
    """age says nothing of a sender: each recipient can make a new valid file, in the same context.

    It opens, and it is not what the station's record names.
    """
    station = by_hand["va-long-beach"]
    journey = deceived.dispatch(answering, stations=station.name, recipients=["dr-hopper"])
    station.depart(journey)
    assert colleague.journey(journey.id).results()[station.name].scalar("answer") == 42
    _, order, _ = journey.verified()
    forged = archive(journey.id, station.name, 43)
    path, made = station.sealed(journey.id, order, deceived.trusted.roster, content=forged)
    context = cargo_context(journey.id, order, station.name)
    open_file(path, path.with_suffix(".tar"), deceived.identity.age, context, made.digest)
    content = path.read_bytes()

    def other(_: Asked, answer: Answer) -> Answer:
        manifest = json.loads(answer.content)
        part = manifest["layers"][0] | {"digest": made.digest, "size": made.size}
        return answer.saying(canonical(manifest | {"layers": [part]}))

    place = f"^/v2/cargo/{journey.id[7:]}/"
    with (
        liars.registry.lying("GET", f"{place}.*/manifests/", other),
        liars.registry.lying(
            "GET", f"{place}.*/blobs/", lambda _, __: Answer(200, {}, content)
        ) as lying,
        pytest.raises(RegistryError) as told,
    ):
        journey.results()
    assert lying.told == 1
    assert told.value.code == "registry-digest"
    assert journey.results()[station.name].scalar("answer") == 42
    refused(ATTACKER, "cannot put what a fellow recipient sealed in cargo's place", told.value.code)
