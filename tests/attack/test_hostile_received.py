"""What a hostile station hands on: every value is refused before the sandbox begins.

Of an archive that holds one wrong value nothing is kept, not even for a moment of the next step.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phtlab.runtime.model import decode_tensors, encode_tensors
from phtlab.station.stops.marker import Marker
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.manifest import (
    DeclaredArray,
    Output,
    OutputTarget,
    Received,
    TrainManifest,
)
from phtlab.wire.api.journeys import Offer
from tests.station.pipeline.sequential_route import (
    POLICY,
    Route,
    archive,
    make_route,
    model_file,
    record_of,
    sequential_train,
)
from tests.station.station_world import FakeRun, identity, make_world

ATTACKER, RESEARCHER = "hostile station", "hostile researcher"
Refused = Callable[[str, str, str], None]
MODEL = "model.safetensors"
W = DeclaredArray(name="w", shape=(2,))


@pytest.fixture
def route(tmp_path: Path) -> Route:
    """A train that receives two numbers `w` from -1 to 1."""
    world = make_world(tmp_path)
    world.add_hearts()
    route = make_route(world)
    route.train = sequential_train(
        world, Received(name="model", arrays=(W,), lowest=-1, highest=1, size=1_000)
    )
    return route


def code_of(route: Route, offer: Offer) -> str:
    """The code of the refusal; nothing is left as soon as it is decided, and nothing ran."""
    daemon = route.world.daemon()
    daemon.receive(offer)
    daemon.step()
    stop = route.world.stop(offer)
    assert stop.has(Marker.ENDING)
    assert not stop.has(Marker.VERIFIED)
    assert route.left(offer) == []
    assert not [path for path in stop.path.rglob("*") if path.suffix in (".age", ".tar", ".part")]
    daemon.step()
    record = stop.final_record()
    assert (record.outcome, record.cargos, record.received) == ("refused", (), None)
    assert not route.ran
    assert route.left(offer) == []
    return record.code


def test_an_honest_value_is_taken(route: Route, refused: Refused) -> None:
    """What the attacks below change is all that is wrong with them."""
    record = route.end(route.after_hungary(content=model_file(-1.0, 1.0)))
    assert record.outcome == "departed"
    refused(ATTACKER, "an honest value reaches the next run", "used as declared")


# Models.


def tensors(header: Mapping[str, Any] | str, body: bytes) -> bytes:
    """A safetensors file of this header, whatever it says."""
    text = header if isinstance(header, str) else json.dumps(header)
    return struct.pack("<Q", len(text)) + text.encode() + body


def entry(begin: int = 0, end: int = 16, dtype: str = "F64", shape: object = (2,)) -> Any:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


BODY = np.array([0.5, 0.5]).tobytes()
TWICE = f'{{"w": {json.dumps(entry())}, "w": {json.dumps(entry())}}}'
VALUES: Mapping[str, Mapping[str, bytes]] = {
    "another name": {
        "another array": encode_tensors({"patients": np.zeros(2)}),
        "a name that no array has": tensors({"../w": entry()}, BODY),
        "none at all": tensors({}, b""),
    },
    "an array that is not declared": {
        "beside it": encode_tensors({"w": np.zeros(2), "more": np.zeros(2)}),
        "of an estimator": encode_tensors({"w": np.zeros(2), "coef_": np.zeros(2)}),
    },
    "another shape": {
        "longer": model_file(0.0, 0.0, 0.0),
        "shorter": model_file(0.0),
        "deeper": encode_tensors({"w": np.zeros((2, 1))}),
        "none": encode_tensors({"w": np.array(0.0)}),
        "empty": tensors({"w": entry(0, 0, shape=[0])}, b""),
        "that its bytes do not fill": tensors({"w": entry(shape=[3])}, BODY),
        "of a negative length": tensors({"w": entry(shape=[-2])}, BODY),
        "of a truth": tensors({"w": entry(shape=[True, 2])}, BODY),
    },
    "another type": {
        "that no run reads": tensors({"w": entry(0, 4, "BF16")}, bytes(4)),
        "of text": tensors({"w": entry(0, 16, "STR")}, BODY),
        "that is a list": tensors({"w": entry(dtype=["F64"])}, BODY),  # type: ignore[arg-type]
    },
    "a number beyond its bounds": {
        "above": model_file(0.0, 1.0000001),
        "below": model_file(-7.0, 0.0),
        "whole": encode_tensors({"w": np.array([0, 2])}),
        "infinite": model_file(0.0, np.inf),
        "infinite in few bits": encode_tensors({"w": np.array([0, np.inf], "f2")}),
        "not a number": model_file(np.nan, 0.0),
    },
    "a header that says two things": {
        "a name twice": tensors(TWICE, BODY),
        "overlapping": tensors({"w": entry(0, 16), "v": entry(8, 24)}, BODY + BODY),
        "a gap": tensors({"w": entry(8, 24)}, BODY + BODY),
        "beyond the file": tensors({"w": entry(0, 16)}, BODY[:8]),
        "less than the file": tensors({"w": entry()}, BODY + b"a message"),
        "backwards": tensors({"w": entry(16, 0)}, BODY),
        "longer than the file": struct.pack("<Q", 2**62) + BODY,
        "shorter than itself": struct.pack("<Q", 4) + b'{"w": {}}' + BODY,
        "deeply nested": tensors('{"w":' + "[" * 5_000 + "]" * 5_000 + "}", BODY),
        "with fields of its own": tensors({"w": entry() | {"note": "a message"}}, BODY),
        "no JSON": tensors("{'w': None}", BODY),
        "no UTF-8": struct.pack("<Q", 2) + b"\xff\xfe" + BODY,
        "nothing": b"",
    },
    "code in the place of numbers": {
        "pickle": b"\x80\x04cos\nsystem\n(S'id'\ntR.",
        "numpy's object": b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False}",
        "a shared library": b"\x7fELF" + bytes(500),
    },
}
CASES = [
    pytest.param(what, content, id=f"{what}: {case}")
    for what, contents in VALUES.items()
    for case, content in contents.items()
]


@pytest.mark.parametrize(("what", "content"), CASES)
def test_a_model_that_is_not_as_declared(
    what: str, content: bytes, route: Route, refused: Refused
) -> None:
    code = code_of(route, route.after_hungary(content=content))
    assert code == "order-received"
    refused(ATTACKER, f"cannot hand on a model with {what}", code)


def test_a_model_larger_than_is_declared(route: Route, refused: Refused) -> None:
    """As declared but for its size, which the header's blanks make up."""
    header = json.dumps({"w": entry()})
    content = tensors(header + " " * (1_000 - len(header)), BODY)
    code = code_of(route, route.after_hungary(content=content))
    assert code == "order-received"
    refused(ATTACKER, "cannot hand on more bytes than the train declares", code)


def test_more_than_the_policy_receives(route: Route, refused: Refused) -> None:
    """By the size that its record names: nothing of it is fetched."""
    route.world.folder.policy.write_text(POLICY + "\n[hand_on]\nreceived = 100\n")
    offer = route.after_hungary(content=model_file(0.0, 0.0))
    route.world.artifacts.cargos.clear()
    code = code_of(route, offer)
    assert code == "order-received"
    refused(ATTACKER, "cannot hand on more bytes than the next station's policy takes", code)


def test_an_infinity_that_its_bound_is_in_few_bits(route: Route, refused: Refused) -> None:
    """100,000 becomes an infinity where it is compared in sixteen bits."""
    wide = Received(name="model", arrays=(W,), lowest=-1e5, highest=1e5)
    route.train = sequential_train(route.world, wide)
    content = encode_tensors({"w": np.array([0, np.inf], "f2")})
    code = code_of(route, route.after_hungary(content=content))
    assert code == "order-received"
    refused(ATTACKER, "cannot hand on an infinity where bounds are declared", code)


def test_names_that_take_for_ever_to_compare(route: Route, refused: Refused) -> None:
    """A hundred digits, of which sixty stars may each take one, two or three."""
    digits, stars = "1" * 100, "*" * 60 + "x"
    (output,) = TrainManifest.model_validate(peek(route.train).predicate).outputs
    received = Received(name="model", arrays=(W.model_copy(update={"name": stars}),))
    outputs = (output.model_copy(update={"tensors": (digits,)}),)
    route.train = sequential_train(route.world, received, outputs=outputs)
    code = code_of(route, route.after_hungary(content=encode_tensors({digits: np.zeros(2)})))
    assert code == "order-received"
    refused(RESEARCHER, "cannot hold a station with names that take long to compare", code)


def test_a_message_in_a_model_s_metadata(route: Route, refused: Refused) -> None:
    """What the run sees is written anew: names in order, no metadata, no blanks."""
    said = {"__metadata__": {"note": "a message"}, "w": entry()}
    content = tensors(json.dumps(said) + "   ", BODY)
    route.world.scripted.script = FakeRun(lasts=True)
    route.world.begun(route.after_hungary(content=content), steps=4)
    (job,) = route.world.scripted.started
    seen = (job.inputs / "received" / MODEL).read_bytes()
    assert b"message" in content
    assert b"message" not in seen
    assert decode_tensors(seen)["w"].tolist() == [0.5, 0.5]
    refused(ATTACKER, "cannot reach a run by a model's metadata", "dropped: the header is new")


# Scalars.


@pytest.fixture
def number(route: Route) -> Route:
    """A train that receives one number from 0 to 10."""
    output = Output(name="answer", kind="scalar", to=OutputTarget.NEXT)
    within = Received(name="answer", lowest=0, highest=10)
    route.train = sequential_train(route.world, within, outputs=(output,))
    return route


SCALARS = {
    "too large": b'{"value": 11}',
    "too small": b'{"value": -0.5}',
    "not a number": b'{"value": NaN}',
    "infinite": b'{"value": Infinity}',
    "infinite by its exponent": b'{"value": 1e999}',
    "null": b'{"value": null}',
    "text": b'{"value": "five"}',
    "a list": b'{"value": [5]}',
    "a table": b'{"value": {"value": 5}}',
    "two values": b'{"value": 5, "value": 6}',
    "with a message": b'{"value": 5, "note": "a message"}',
    "a number of a million digits": b'{"value": ' + b"5" * 10**6 + b"}",
    "five after millions of zeros": b'{"value": 5.' + b"0" * 10**7 + b"}",
    "five in megabytes of blanks": b'{"value":' + b" " * 10**7 + b"5}",
    "deeply nested": b'{"value": ' + b"[" * 10**6 + b"]" * 10**6 + b"}",
    "nothing": b"",
}


@pytest.mark.parametrize("content", SCALARS.values(), ids=SCALARS)
def test_a_scalar_that_is_not_as_declared(content: bytes, number: Route, refused: Refused) -> None:
    offer = number.order("hungary", "cleveland")
    plain = archive(offer.journey, "hungary", content, "answer.json")
    record = number.departed(offer, "hungary", plain=plain)
    code = code_of(number, offer.model_copy(update={"previous": (record,)}))
    assert code == "order-received"
    refused(ATTACKER, "cannot hand on a scalar that is not as declared", code)


# Archives.


INDEX = json.dumps({"outputs": [{"name": "model"}]}).encode()
GOOD = model_file(0.5, 0.5)


def tar_of(*files: tuple[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as tar:
        for name, content in files:
            part = tarfile.TarInfo(name)
            part.size = len(content)
            tar.addfile(part, io.BytesIO(content))
    return target.getvalue()


def with_entry(kind: bytes, target: str = "/etc/passwd", name: str = MODEL) -> bytes:
    """An archive whose model is no file."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as tar:
        index = tarfile.TarInfo("cargo.json")
        index.size = len(INDEX)
        tar.addfile(index, io.BytesIO(INDEX))
        part = tarfile.TarInfo(name)
        part.type, part.linkname = kind, target
        tar.addfile(part)
    return made.getvalue()


def huge() -> bytes:
    """An archive whose model says that it has a tebibyte."""
    part = tarfile.TarInfo(MODEL)
    part.size = 2**40
    return tar_of(("cargo.json", INDEX))[:1024] + part.tobuf(tarfile.GNU_FORMAT) + bytes(10_240)


def zipped() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(MODEL, bytes(2**24))
    return target.getvalue()


def unlisted_second() -> bytes:
    return tar_of(("cargo.json", INDEX), (MODEL, GOOD), (MODEL, model_file(0.1, 0.1)))


ARCHIVES: Mapping[str, Callable[[], bytes]] = {
    "a symbolic link": lambda: with_entry(tarfile.SYMTYPE),
    "a hard link": lambda: with_entry(tarfile.LNKTYPE, "cargo.json"),
    "a pipe": lambda: with_entry(tarfile.FIFOTYPE),
    "a device": lambda: with_entry(tarfile.CHRTYPE),
    "a folder": lambda: with_entry(tarfile.DIRTYPE),
    "a sparse file": lambda: with_entry(tarfile.GNUTYPE_SPARSE),
    "a path upwards": lambda: tar_of(("cargo.json", INDEX), (f"../{MODEL}", GOOD)),
    "an absolute path": lambda: tar_of(("cargo.json", INDEX), (f"/tmp/{MODEL}", GOOD)),
    "a path below": lambda: tar_of(("cargo.json", INDEX), (f"x/{MODEL}", GOOD)),
    "a name that is not declared": lambda: tar_of(("cargo.json", INDEX), ("run.sh", b"id")),
    "a file twice": unlisted_second,
    "a file that says it is a tebibyte": huge,
    "a compressed bomb": lambda: gzip.compress(bytes(2**26)),
    "a zip bomb": zipped,
    "no index": lambda: tar_of((MODEL, GOOD)),
    "an index without its file": lambda: tar_of(("cargo.json", INDEX)),
    "a file that the index does not list": lambda: tar_of(
        ("cargo.json", b'{"outputs": []}'), (MODEL, GOOD)
    ),
    "an index nested deeply": lambda: tar_of(
        ("cargo.json", b'{"outputs": ' + b"[" * 100_000), (MODEL, GOOD)
    ),
    "an index of many megabytes": lambda: tar_of(("cargo.json", bytes(2**21)), (MODEL, GOOD)),
    "half an archive": lambda: tar_of(("cargo.json", INDEX), (MODEL, GOOD))[:1800],
    "nothing": lambda: b"",
    "a name that ends a line": lambda: tar_of(("cargo.json", INDEX), (f"{MODEL}\n", GOOD)),
}


@pytest.mark.parametrize("what", ARCHIVES)
def test_an_archive_with_what_is_no_declared_file(
    what: str, route: Route, refused: Refused
) -> None:
    offer = route.order("hungary", "cleveland")
    record = route.departed(offer, "hungary", plain=ARCHIVES[what]())
    code = code_of(route, offer.model_copy(update={"previous": (record,)}))
    assert code == "order-received"
    assert not list(route.world.root.rglob(MODEL))
    assert not Path(f"/tmp/{MODEL}").exists()
    refused(ATTACKER, f"cannot hand on an archive with {what}", code)


def test_of_two_values_the_second_is_wrong(route: Route, refused: Refused) -> None:
    """The first, which is right, is not kept either."""
    outputs = [
        Output(name=name, kind="model", tensors=("w",), of=True, to=OutputTarget.NEXT)
        for name in ("good", "wrong")
    ]
    received = [Received(name=output.name, arrays=(W,), lowest=-1, highest=1) for output in outputs]
    route.train = sequential_train(route.world, *received, outputs=tuple(outputs))
    index = json.dumps({"outputs": [{"name": output.name} for output in outputs]}).encode()
    wrong = model_file(0.5, 7.0)
    plain = tar_of(("cargo.json", index), ("good.safetensors", GOOD), ("wrong.safetensors", wrong))
    offer = route.order("hungary", "cleveland")
    record = route.departed(offer, "hungary", plain=plain)
    code = code_of(route, offer.model_copy(update={"previous": (record,)}))
    assert code == "order-received"
    refused(ATTACKER, "cannot have a part of what it hands on kept", code)


def test_cargo_larger_than_its_record_says(route: Route, refused: Refused) -> None:
    """Nothing beyond the signed size is fetched."""
    offer = route.order("hungary", "cleveland")
    record = route.departed(offer, "hungary", model_file(0.5, 0.5))
    (sent,) = record_of(record).cargos
    smaller = sent.model_copy(update={"size": sent.size - 1})
    lying = record_of(record).model_copy(update={"cargos": (smaller,)})
    shown = offer.model_copy(update={"previous": (lying.sign(identity("hungary")),)})
    daemon = route.world.daemon()
    daemon.receive(shown)
    stop = route.world.stop(shown)
    while not stop.has(Marker.RECORD):
        route.world.ahead += timedelta(minutes=1)
        daemon.step()
    ended = stop.final_record()
    assert (ended.outcome, ended.code) == ("refused", "received-unavailable")
    assert not route.ran
    assert route.left(shown) == []
    refused(ATTACKER, "cannot send more than its record says", ended.code)
