"""Updates that a hostile or broken station seals: nothing of them is combined."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from phtlab.errors import JourneyError, SealChangedError, SealFormatError
from phtlab.lab.rounds.payloads import MAX_PAYLOAD, fetch_update
from phtlab.rounds.updates import read_arrays
from phtlab.runtime.model import encode_tensors
from phtlab.train.canonical import digest
from phtlab.train.documents.round import RoundCargo
from tests.lab.rounds.series_world import STATIONS, SeriesWorld, b64, instruction_of, record_of
from tests.raising import raises_code


def model(header: object, body: bytes = b"") -> bytes:
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + body


def entry(begin: int, end: int, *shape: int, dtype: str = "F64") -> dict[str, object]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


HOSTILE = {
    "empty": b"",
    "short": b"\x01\x02",
    "a header longer than the file": struct.pack("<Q", 2**62) + b"{}",
    "no JSON": model(b"{"),
    "nested": model(b"[" * 200_000),
    "no table": model([1]),
    "no array": model({}),
    "an entry that is none": model({"g": 3}),
    "no type": model({"g": {"shape": [1], "data_offsets": [0, 8]}}, bytes(8)),
    "a type that numpy lacks": model({"g": entry(0, 2, 1, dtype="BF16")}, bytes(2)),
    "a shape larger than the file": model({"g": entry(0, 8, 2**40)}, bytes(8)),
    "a negative shape": model({"g": entry(0, 8, -1, -1)}, bytes(8)),
    "a shape of truths": model({"g": entry(0, 8, True)}, bytes(8)),
    "too many dimensions": model({"g": entry(0, 8, *9 * [1])}, bytes(8)),
    "offsets beyond the file": model({"g": entry(0, 16, 2)}, bytes(8)),
    "three offsets": model({"g": {**entry(0, 8, 1), "data_offsets": [0, 8, 8]}}, bytes(8)),
    "a gap": model({"g": entry(8, 16, 1)}, bytes(16)),
    "more than its arrays": model({"g": entry(0, 8, 1)}, bytes(16)),
    # A thousand arrays of the same megabytes would be gigabytes in memory.
    "overlapping": model({f"a{i}": entry(0, 8, 1) for i in range(1000)}, bytes(8)),
    "too many arrays": model({f"a{i}": entry(0, 0, 0) for i in range(1001)}),
    "infinite": model(b'{"g":{"dtype":"F64","shape":[1],"data_offsets":[0,Infinity]}}'),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_model_of_another_form_is_refused(content: bytes) -> None:
    with raises_code(SealFormatError, "output-form"):
        read_arrays(content, "update", "ulm")


def test_a_model_is_read_as_it_was_written() -> None:
    written = {"g": np.arange(3.0), "h": np.eye(3, dtype=np.float32), "n": np.array(7)}
    read = read_arrays(encode_tensors(written), "update", "ulm")
    assert {k: v.tolist() for k, v in read.items()} == {k: v.tolist() for k, v in written.items()}


Change = Callable[[dict[str, bytes]], dict[str, bytes]]
BROKEN: dict[str, Change] = {
    "a file that is not declared": lambda files: {**files, "rows.safetensors": b""},
    "a model that is none": lambda files: {**files, "update.safetensors": b"\x00"},
    "a scalar that is text": lambda files: {**files, "loss.json": b'{"value": "12"}'},
    "a scalar that is a list": lambda files: {**files, "loss.json": b'{"value": [1, 2]}'},
    "a scalar without end": lambda files: {**files, "loss.json": b"[" * 60_000},
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN.keys())
def test_a_station_with_a_broken_update_is_left_out_and_named(
    tmp_path: Path, change: Change
) -> None:
    world = SeriesWorld(tmp_path, quorum=2)
    world.stations["jena"].contents = change
    world.kernel().drive()
    heard = [set(instruction_of(s.instruction).heard) for s in world.central.sent]
    assert heard == len(heard) * [{"ulm", "mainz"}]
    assert "round 1, heard 2 of 2; without jena" in world.shown


def test_a_broken_update_ends_rounds_that_need_every_station(world: SeriesWorld) -> None:
    world.stations["jena"].contents = BROKEN["a model that is none"]
    with raises_code(JourneyError, "round-quorum") as caught:
        world.kernel().drive()
    assert "'update' of jena is not a model" in str(caught.value)
    assert [instruction_of(s.instruction).ends for s in world.central.sent] == [True]


def test_an_update_that_is_not_sealed_to_the_researcher_is_left_out(tmp_path: Path) -> None:
    """It is no age file, and has the digest that the record names."""
    world = SeriesWorld(tmp_path, quorum=2)
    jena = world.stations["jena"]
    jena.awake = False
    sent = jena.signed(1, None, {})
    record = record_of(sent.record)
    content = b"age-encryption.org/v1\n" + bytes(200)
    jena.previous = None
    clear = jena.signed(
        1,
        None,
        {},
        update=RoundCargo(digest=digest(content), size=len(content), context=record.update.context),
    )
    world.central.put_round("jena", 1, clear.model_copy(update={"update": b64(content)}))
    world.kernel().drive()
    assert set(instruction_of(world.central.sent[0].instruction).heard) == {"ulm", "mainz"}


def test_another_update_than_the_record_names_is_no_fault_of_the_station(
    world: SeriesWorld,
) -> None:
    """Central changed it: nothing is combined, and no station is left out."""
    kernel = world.kernel()
    for station in world.stations.values():
        station.work()
    first, second, third = world.central.kept
    world.central.kept[0] = first.model_copy(update={"update": second.update})
    for _ in range(2):
        with raises_code(SealChangedError, "seal-changed"):
            kernel.drive()
        assert not world.central.sent
    world.central.kept[0] = first
    kernel.drive()
    assert set(instruction_of(world.central.sent[0].instruction).heard) == set(STATIONS)
    assert third in world.central.kept


def test_an_update_of_another_round_does_not_open_as_this_ones(tmp_path: Path) -> None:
    """A hostile station names what it, or another one, sealed before."""
    world = SeriesWorld(tmp_path, quorum=2)
    jena = world.stations["jena"]
    jena.awake = False
    ulm = world.stations["ulm"].signed(1, None, {})
    world.stations["ulm"].previous = None
    other = record_of(ulm.record).update
    own = record_of(jena.signed(1, None, {}).record).update
    jena.previous = None
    stolen = jena.signed(1, None, {}, update=other.model_copy(update={"context": own.context}))
    world.central.put_round("jena", 1, stolen.model_copy(update={"update": ulm.update}))
    world.kernel().drive()
    assert set(instruction_of(world.central.sent[0].instruction).heard) == {"ulm", "mainz"}


def test_an_update_that_is_too_large_is_not_fetched(world: SeriesWorld) -> None:
    cargo = RoundCargo(digest=world.journey, size=MAX_PAYLOAD + 1, context=world.journey)

    def unused() -> object:
        raise AssertionError("fetched")

    with raises_code(SealFormatError, "seal-cargo-size"):
        fetch_update(unused, world.journey, "ulm", cargo, None)  # type: ignore[arg-type]
