"""Files and models in the airlock: types by their first bytes, hostile archives, bombs, graphs."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import save

from phtlab.errors import AirlockError
from phtlab.station.airlock.check_outputs import CheckedOutput, pass_outputs, released_at_twin
from phtlab.station.airlock.formats import archive, onnx_model, skops_model
from phtlab.station.airlock.formats.model import require_declared
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output
from tests.raising import raises_code
from tests.station.airlock.run_leftovers import LeftInMemory, leaving

MODELS = Path(__file__).parent / "models"
RULES = AirlockRules(kinds=("file", "model"))
MIB = 2**20


def passed(content: bytes, rules: AirlockRules = RULES) -> CheckedOutput:
    files = {"o.json": b'{"kind": "file"}', "o.bin": content}
    return pass_outputs((Output(name="o", kind="file"),), LeftInMemory(files.__getitem__), rules)[0]


def refused(content: bytes, rules: AirlockRules = RULES) -> str:
    one = passed(content, rules)
    assert (one.verdict.verdict, one.files) == ("refused", {})
    assert "Jane" not in one.verdict.sentence
    return one.verdict.rule


def png() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (4, 4)).save(target, "PNG")
    return target.getvalue()


def zipped(files: dict[str, bytes], **how: Any) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", how.get("method", zipfile.ZIP_DEFLATED)) as made:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = how.get("method", zipfile.ZIP_DEFLATED)
            entry.external_attr = how.get("mode", 0o644 | stat.S_IFREG) << 16
            made.writestr(entry, content)
    return target.getvalue()


def tarred(*entries: tuple[str, bytes, Callable[[tarfile.TarInfo], None] | None]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as made:
        for name, content, change in entries:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            if change:
                change(entry)
            made.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def link(entry: tarfile.TarInfo) -> None:
    entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, "/etc/passwd", 0


def device(entry: tarfile.TarInfo) -> None:
    entry.type, entry.size = tarfile.CHRTYPE, 0


@pytest.mark.parametrize(
    "content",
    [
        b"plain words\n",
        b'{"a": [1, 2]}',
        png(),
        zipped({"a/b.txt": b"x"}),
        tarred(("a", b"x", None)),
    ],
    ids=["text", "json", "png", "zip", "tar"],
)
def test_a_file_of_a_known_type_asks_a_person(content: bytes) -> None:
    one = passed(content)
    assert (one.verdict.verdict, one.verdict.rule) == ("held", "unchecked")
    assert one.files


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({"coef": [1.0]}),
        pickle.dumps([1], protocol=2),
        b"\x93NUMPY\x01\x00v\x00{'descr': '|O'}",
        b"%PDF-1.7",
        b"<svg onload='alert(1)'/>",
        b"  <?xml version='1.0'?><svg/>",
        b"<!DOCTYPE html><script>",
        b"\x7fELF" + bytes(100),
        b"\xfd7zXZ\0",
        b"PAR1",
        bytes(100),
        "Jane\u202eDoe".encode(),
        b"a\x1b[2J",
        b"\xff\xfe\x00",
    ],
)
def test_what_can_run_code_or_hide_anything_is_no_type_that_leaves(content: bytes) -> None:
    assert refused(content) == "file-type"


def test_only_the_policys_types_leave() -> None:
    rules = AirlockRules(kinds=("file",), file_types=("json",))
    assert refused(b"plain words", rules) == "file-type"
    assert passed(b"[1]", rules).files


def test_an_archive_is_packed_anew_without_what_hides_in_it() -> None:
    content = zipped({"b.txt": b"2", "a.txt": b"1"})
    with zipfile.ZipFile(io.BytesIO(leaving(passed(content).files["o.bin"]))) as opened:
        assert opened.namelist() == ["a.txt", "b.txt"]
        assert opened.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)
    assert refused(b"\0Jane Doe" + content) == "file-type"
    commented = io.BytesIO(content)
    with zipfile.ZipFile(commented, "a") as opened:
        opened.comment = b"Jane Doe"
    assert b"Jane" not in leaving(passed(commented.getvalue()).files["o.bin"])


@pytest.mark.parametrize(
    "content",
    [
        zipped({"../a": b"x"}),
        zipped({"/etc/passwd": b"x"}),
        zipped({"a/../../b": b"x"}),
        zipped({"a\\b": b"x"}),
        zipped({"C:a": b"x"}),
        zipped({"a\u202e": b"x"}),
        zipped({"a" * 200: b"x"}),
        zipped({"Jane Doe": b"x"}),
        zipped({"a": b"/etc/passwd"}, mode=0o777 | stat.S_IFLNK),
        zipped({"a": b""}, mode=0o644 | stat.S_IFIFO),
        zipped({"a": b"x"}, method=zipfile.ZIP_LZMA),
        zipped({}),
        zipped({str(i): b"" for i in range(1001)}),
        zipped({"a": b"x"})[:-10],
        tarred(("../a", b"x", None)),
        tarred(("/etc/passwd", b"x", None)),
        tarred(("a", b"", link)),
        tarred(("a", b"", device)),
        tarred(("a", b"x", None), ("a", b"y", None)),
        gzip.compress(tarred(("a", b"", link))),
        gzip.compress(tarred(("a", b"x", None)))[:-4],
    ],
    ids=lambda content: content[:2].hex(),
)
def test_a_hostile_archive_is_refused(content: bytes) -> None:
    assert refused(content) == "archive"


def test_an_archive_in_an_archive_and_a_pickle_in_one_are_refused() -> None:
    assert refused(zipped({"a.zip": zipped({"b": b"x"})})) == "file-type"
    assert refused(zipped({"a": tarred(("b", b"x", None))})) == "file-type"
    assert refused(zipped({"a": pickle.dumps([1])})) == "file-type"
    assert refused(gzip.compress(b"plain")) == "file-type"


@pytest.mark.parametrize(
    "bomb",
    [
        lambda: zipped({"a": bytes(40 * MIB)}),
        lambda: zipped({str(i): bytes(MIB) for i in range(20)}),
        lambda: gzip.compress(bytes(40 * MIB)),
        lambda: gzip.compress(tarred(("a", bytes(20 * MIB), None))),
    ],
    ids=["zip", "zip of many", "gzip", "tar"],
)
def test_an_archive_that_unpacks_to_more_than_an_output_may_be_is_refused(
    bomb: Callable[[], bytes],
) -> None:
    assert refused(bomb()) == "archive"


def test_a_zip_that_lies_about_its_sizes_is_refused() -> None:
    honest = zipped({"a": bytes(17 * MIB)})
    lying = honest.replace((17 * MIB).to_bytes(4, "little"), (17).to_bytes(4, "little"))
    assert lying != honest
    with pytest.raises(AirlockError):
        archive.unpacked_zip(lying, 16 * MIB)


@given(st.binary(max_size=300))
def test_no_bytes_make_a_reader_raise_anything_else(content: bytes) -> None:
    for start in (b"", b"PK\x03\x04", b"\x1f\x8b\x08", b"\x08\x07", b"\x08\x07\x3a\x10"):
        assert passed(start + content).verdict.verdict in ("refused", "held", "released")


# Models


def tensors(size: int) -> bytes:
    return save({"w": np.zeros(size, dtype=np.float32)})


def model(content: bytes, people: int | None = 1_000_000) -> CheckedOutput:
    index = {"kind": "model", "of": people}
    files = {"o.json": json.dumps(index).encode(), "o.safetensors": content}
    output = Output(name="o", kind="model", tensors=("w",), of=people is not None)
    return pass_outputs((output,), LeftInMemory(files.__getitem__), RULES)[0]


def test_a_small_model_leaves_and_its_risk_is_noted_a_large_one_asks_a_person() -> None:
    small, large = model(tensors(14)), model(tensors(RULES.large_model))
    assert (small.verdict.verdict, small.findings[0].rule) == ("released", "membership")
    assert (large.verdict.verdict, large.verdict.rule) == ("held", "membership")
    assert large.findings[0].detail == ("10000 numbers",)


@pytest.mark.parametrize(
    ("people", "verdict", "rule"),
    [
        (None, "held", "uncounted"),
        (69, "held", "uncounted"),
        (70, "released", ""),
        (9, "refused", "small-count"),
        (-1, "refused", "counts"),
    ],
)
def test_a_model_is_of_so_many_people_and_five_for_each_of_its_numbers(
    people: int | None, verdict: str, rule: str
) -> None:
    one = model(tensors(14), people)
    assert (one.verdict.verdict, one.verdict.rule) == (verdict, rule)


@pytest.mark.parametrize(
    ("patterns", "rule"),
    [
        (("w", "layer*.bias"), ""),
        (("w", "layer1.bias"), ""),
        (("w",), "model-names"),
        (("layer*.bias",), "model-names"),
        (("w", "layer*"), "model-names"),
        (("*", "layer*.bias"), "model-names"),
    ],
)
def test_the_names_of_a_model_are_those_that_its_train_declares(
    patterns: tuple[str, ...], rule: str
) -> None:
    content = save({"w": np.zeros(2), "layer1.bias": np.zeros(2), "coef_": np.zeros(2)})
    files = {"o.json": b'{"kind": "model", "of": 99}', "o.safetensors": content}
    output = Output(name="o", kind="model", tensors=patterns, of=True)
    one = pass_outputs((output,), LeftInMemory(files.__getitem__), RULES)[0]
    assert one.verdict.rule == rule


@pytest.mark.parametrize("name", ["layer1000.bias", "layer01.bias", "layer.bias", "layerx.bias"])
def test_a_star_in_a_name_is_a_whole_number_below_a_thousand(name: str) -> None:
    with raises_code(AirlockError, "model-names"):
        require_declared([name], ["layer*.bias"])


def test_an_empty_tensor_is_a_name_and_nothing_else() -> None:
    assert model(save({"w": np.zeros(0)})).verdict.rule == "model-form"


def test_a_twin_station_holds_nothing_and_says_what_others_would_hold() -> None:
    (one,) = released_at_twin([model(tensors(RULES.large_model))])
    assert one.verdict.verdict == "released"
    assert one.verdict.sentence.startswith("Stations may hold this for a person.")


@pytest.mark.parametrize(
    ("name", "numbers", "more"),
    [
        ("linear.skops", 7, set()),
        ("pipeline.skops", 17, set()),
        ("linear.onnx", 9, {"structure"}),
    ],
)
def test_real_models_of_skops_and_onnx_are_read(name: str, numbers: int, more: set[str]) -> None:
    one = passed((MODELS / name).read_bytes())
    assert (one.verdict.verdict, one.verdict.rule) == ("held", "unchecked")
    assert {found.rule for found in one.findings} == {"unchecked", "membership"} | more
    (membership,) = [found for found in one.findings if found.rule == "membership"]
    assert membership.detail == (f"{numbers} numbers",)


def test_a_model_that_keeps_rows_is_refused() -> None:
    assert refused((MODELS / "neighbours.skops").read_bytes()) == "model-form"


def changed(change: Callable[[dict[str, Any], dict[str, bytes]], None]) -> bytes:
    with zipfile.ZipFile(MODELS / "linear.skops") as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    schema = json.loads(files[skops_model.SCHEMA])
    change(schema, files)
    return zipped(files | {skops_model.SCHEMA: json.dumps(schema).encode()})


def put(where: str, value: Any) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    def change(schema: dict[str, Any], files: dict[str, bytes]) -> None:
        schema[where] = value

    return change


def with_array(content: bytes) -> Callable[[dict[str, Any], dict[str, bytes]], None]:
    def change(schema: dict[str, Any], files: dict[str, bytes]) -> None:
        files[next(name for name in files if name.endswith(".npy"))] = content

    return change


@pytest.mark.parametrize(
    "change",
    [
        put("__class__", "system"),
        put("__module__", "os"),
        put("__module__", "sklearn_evil"),
        put("__loader__", "MethodNode"),
        put("__class__", ["LinearRegression"]),
        put("note", "Jane Doe, born 1950"),
        put("file", "../../x.npy"),
        put("file", "999.npy"),
        lambda schema, files: files.update({"1.npy": files[min(files)]}),
        lambda schema, files: files.update({"extra.bin": b"x"}),
        lambda schema, files: schema["content"]["content"]["tol"].update(content='"Jane Doe"'),
        with_array(b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '|O', 'fortran_order': False}"),
        with_array(b""),
        with_array(b"\x93NUMPY\x01\x00\xff\xff"),
    ],
)
def test_a_hostile_skops_model_is_refused(
    change: Callable[[dict[str, Any], dict[str, bytes]], None],
) -> None:
    assert refused(changed(change)) == "model-form"


def field(number: int, content: bytes | int) -> bytes:
    def varint(value: int) -> bytes:
        found = b""
        while value > 127:
            found, value = found + bytes([value & 127 | 128]), value >> 7
        return found + bytes([value])

    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


ONNX = (MODELS / "linear.onnx").read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        ONNX + field(6, b"Jane Doe, born 1950"),
        ONNX + field(14, field(1, b"note") + field(2, b"Jane Doe")),
        ONNX + field(25, field(1, b"f")),
        ONNX + field(2, b"Jane Doe, born 1950"),
        ONNX + field(7, b""),
        ONNX + field(8, field(1, b"evil.domain")),
        field(1, 8) + field(7, field(5, field(13, b"location"))),
        field(1, 8) + field(7, field(5, field(1, 2) + field(2, 8) + field(6, b"Jane"))),
        field(1, 8) + field(7, field(5, field(1, 2) + field(2, 1) + field(9, b"1234567"))),
        field(1, 8) + field(7, field(5, field(1, 2) + field(2, 1) + field(4, bytes(900)))),
        field(1, 8) + field(7, field(10, b"Jane Doe")),
        field(1, 8) + field(7, field(1, field(7, b"evil.domain"))),
        field(1, 8) + field(7, field(1, field(6, b"Jane Doe"))),
        field(1, 8) + field(7, field(1, field(5, field(4, b"Jane Doe")))),
        field(1, 8),
        field(1, 8) + b"\x3a\xff\xff\xff\xff\x7f",
        b"\x08" + b"\xff" * 20,
        field(1, 8) + field(7, field(1, b"") * 10_001),
    ],
)
def test_a_hostile_onnx_model_is_refused(content: bytes) -> None:
    assert refused(content) == "model-form"


def test_graphs_nested_too_deep_are_refused() -> None:
    graph = b""
    for _ in range(5):
        graph = field(1, field(5, field(6, graph)))
    with raises_code(AirlockError, "model-form"):
        onnx_model.numbers_in(field(1, 8) + field(7, graph))
