"""Scalars, figures, models and files in the airlock, and what leaves of an error."""

from __future__ import annotations

import io
import json
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from safetensors.numpy import load, save

from phtlab.errors import AirlockError
from phtlab.station.airlock.check_outputs import CheckedOutput, pass_outputs
from phtlab.station.airlock.errors.error import redact
from phtlab.station.airlock.formats import figure, model
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output, OutputKind
from phtlab.train.documents.record import CellError
from tests.station.airlock.run_leftovers import LeftInMemory, leaving

RULES = AirlockRules(kinds=("table", "scalar", "figure", "model", "file"))


def passed(
    kind: OutputKind,
    files: dict[str, bytes],
    counts: str | None = None,
    rules: AirlockRules = RULES,
) -> CheckedOutput:
    there = {"o.json": json.dumps({"kind": kind, "of": 304}).encode()}
    there |= {f"o{suffix}": content for suffix, content in files.items()}

    def find(name: str) -> bytes:
        if name not in there:
            raise AirlockError("The output is missing.", code="output-missing")
        return there[name]

    model = {"of": True, "tensors": ("coef", "n")} if kind == "model" else {}
    output = Output.model_validate({"name": "o", "kind": kind, "counts": counts, **model})
    return pass_outputs((output,), LeftInMemory(find), rules)[0]


# Scalars


@pytest.mark.parametrize("value", [0, 3.5, True, None, -(10**15)])
def test_a_number_or_a_truth_leaves(value: Any) -> None:
    document = {"type": "whatever", "value": value}
    one = passed("scalar", {".scalar.json": json.dumps(document).encode()})
    assert json.loads(one.files["o.json"]) == {"value": value}


@pytest.mark.parametrize(
    "content",
    [
        b'{"value": "Jane Doe"}',
        b'{"value": [1]}',
        b'{"value": 1, "note": "Jane"}',
        b'{"value": NaN}',
        b'{"value": ' + b"9" * 5000 + b"}",
        b"1",
        b"",
    ],
)
def test_anything_else_is_no_scalar(content: bytes) -> None:
    one = passed("scalar", {".scalar.json": content})
    assert one.verdict.verdict == "refused"
    assert "Jane" not in one.verdict.sentence


@pytest.mark.parametrize(
    ("value", "rule"), [(9, "small-count"), (0, "small-count"), (1.5, "counts")]
)
def test_a_scalar_that_is_declared_a_count_is_not_small(value: float, rule: str) -> None:
    one = passed("scalar", {".scalar.json": json.dumps({"value": value}).encode()}, counts="n")
    assert one.verdict.rule == rule


# Figures


def png(width: int = 40, height: int = 30, **extra: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, text in extra.items():
        info.add_text(key, text)
    target = io.BytesIO()
    Image.new("RGBA", (width, height), (10, 20, 30, 255)).save(target, "PNG", pnginfo=info)
    return target.getvalue()


def points(n: int = 3, count: int = 50) -> bytes:
    return json.dumps(
        {
            "columns": [{"name": "x", "type": "number"}, {"name": "n", "type": "integer"}],
            "data": [[float(i) for i in range(n)], [count] * n],
        }
    ).encode()


def drawn(picture: bytes, data: bytes = b"", **more: Any) -> CheckedOutput:
    files = {".png": picture, ".data.json": data or points()}
    return passed("figure", files, **{"counts": "n", **more})


def test_a_figure_leaves_redrawn_with_its_data_and_without_anything_hidden() -> None:
    one = drawn(png(Comment="Jane Doe, 1950") + b"Jane Doe after the end")
    assert one.verdict.verdict == "released"
    assert set(one.files) == {"o.png", "o.parquet"}
    assert b"Jane" not in one.files["o.png"]
    with Image.open(io.BytesIO(one.files["o.png"])) as picture:
        assert picture.size == (40, 30)
        assert picture.convert("RGB").getpixel((0, 0)) == (10, 20, 30)
        assert picture.info == {}


def encoded(pixels: np.ndarray[Any, Any]) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()


def pixels_of(one: CheckedOutput) -> np.ndarray[Any, Any]:
    assert one.verdict.verdict == "released"
    with Image.open(io.BytesIO(leaving(one.files["o.png"]))) as picture:
        return np.asarray(picture.convert("RGBA"))


@pytest.mark.parametrize("alpha", [0, 1, 2])
def test_what_nobody_sees_of_a_picture_stays(alpha: int) -> None:
    """Three bytes of data in the colour of each transparent pixel."""
    hidden = np.random.default_rng(1).integers(0, 256, (30, 40, 4), dtype=np.uint8)
    hidden[..., 3] = alpha
    left = pixels_of(drawn(encoded(hidden)))
    assert (left[..., 3] == 255).all()
    assert left.min() >= 255 - alpha


def test_a_picture_of_few_colors_leaves_as_it_is_seen() -> None:
    colors = np.random.default_rng(2).integers(0, 256, (256, 3), dtype=np.uint8)
    seen = colors[np.random.default_rng(3).integers(0, 256, (30, 40))]
    assert (pixels_of(drawn(encoded(seen)))[..., :3] == seen).all()


@pytest.mark.parametrize("most", [2, 16, 256])
def test_no_more_colors_leave_than_the_policy_lets(most: int) -> None:
    noise = np.random.default_rng(4).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    left = pixels_of(drawn(encoded(noise), rules=AirlockRules(max_colors=most)))
    assert len(np.unique(left.reshape(-1, 4), axis=0)) <= most


def test_the_palette_holds_only_colors_that_are_seen() -> None:
    colors = np.array([[9, 9, 9], [250, 1, 1]], dtype=np.uint8)
    one = drawn(encoded(colors[np.indices((30, 40)).sum(0) % 2]))
    with Image.open(io.BytesIO(leaving(one.files["o.png"]))) as picture:
        assert picture.palette is not None
        assert len(picture.palette.getdata()[1]) == 6


def test_a_figure_without_its_data_is_refused() -> None:
    assert passed("figure", {".png": png()}).verdict.rule == "output-missing"


def test_a_figure_of_too_many_points_is_refused() -> None:
    assert drawn(png(), points(1001)).verdict.rule == "rows"


def test_the_data_of_a_figure_are_no_way_out_for_names() -> None:
    """What a table may not hold, the table beside a picture may not hold either."""
    names = [f"Jane Doe {number}" for number in range(101)]
    data = {"columns": [{"name": "who", "type": "string"}], "data": [names]}
    one = drawn(png(), json.dumps(data).encode())
    assert (one.verdict.rule, one.files) == ("free-text", {})


def test_a_small_count_refuses_the_whole_figure() -> None:
    assert drawn(png(), points(count=9), counts="n").verdict.rule == "small-count"


def chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def bomb(width: int, height: int, claimed: tuple[int, int] | None = None) -> bytes:
    """A PNG of zeros that is tiny until it is decoded."""
    head = struct.pack(">IIBBBBB", *(claimed or (width, height)), 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * ((width * 3 + 1) * height), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "picture",
    [
        bomb(2001, 1000),
        bomb(1, 1, claimed=(2**31 - 1, 2**31 - 1)),
        bomb(1, 1, claimed=(0, 5)),
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
        bomb(10, 10, claimed=(1000, 1000)),
        b"GIF89a" + b"\0" * 100,
        b"<svg onload='alert(1)'/>",
        b"",
        png()[:-40],
    ],
    ids=["pixels", "overflow", "empty", "cut", "zeros", "short", "gif", "svg", "nothing", "torn"],
)
def test_a_hostile_picture_is_refused(picture: bytes) -> None:
    assert drawn(picture).verdict.rule == "figure-form"


def test_a_text_chunk_that_unpacks_to_gigabytes_is_refused() -> None:
    packed = zlib.compress(b"a" * 200_000_000, 9)
    text = chunk(b"zTXt", b"k\0\0" + packed)
    picture = png()
    assert drawn(picture[:33] + text + picture[33:]).verdict.rule == "figure-form"


def test_the_worker_draws_without_root_files_or_children() -> None:
    # What it draws under these limits it draws at all: confine() comes before reading.
    assert figure.redraw(png(2000, 1000), 2_000_000, 256).startswith(b"\x89PNG")


# Models


def tensors() -> bytes:
    return save(
        {"coef": np.array([1.5, -2.0]), "n": np.array([[3]], dtype=np.int32)},
        metadata={"note": "Jane Doe"},
    )


def test_a_model_leaves_with_a_header_of_our_own() -> None:
    one = passed("model", {".safetensors": tensors()})
    content = leaving(one.files["o.safetensors"])
    assert b"Jane" not in content
    loaded = load(content)
    assert loaded["coef"].tolist() == [1.5, -2.0]
    assert loaded["n"].tolist() == [[3]]


def framed(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def entry(**change: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **change}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04\x95pickle",
        (2**63).to_bytes(8, "little"),
        framed(b"[" * 1000),
        framed([]),
        framed({}),
        framed({"a": entry()}, b"\0" * 7),
        framed({"a": entry()}, b"\0" * 9),
        framed({"a": entry(dtype="OBJECT")}, b"\0" * 8),
        framed({"a": entry(dtype=["F32"])}, b"\0" * 8),
        framed({"a": entry(shape=[-2])}, b"\0" * 8),
        framed({"a": entry(shape=[2.0])}, b"\0" * 8),
        framed({"a": entry(shape=[2**39, 2**39])}, b"\0" * 8),
        framed({"a": entry(data_offsets=[8, 0])}, b"\0" * 8),
        framed({"a": entry(data_offsets=[4, 12])}, b"\0" * 12),
        framed({"a": entry(), "b": entry()}, b"\0" * 8),
        framed({"a": entry(extra=1)}, b"\0" * 8),
        framed({"../a": entry()}, b"\0" * 8),
        framed({"Jane Doe": entry()}, b"\0" * 8),
        framed(b'{"a": {}, "a": {}}'),
    ],
)
def test_a_hostile_model_is_refused(content: bytes) -> None:
    one = passed("model", {".safetensors": content})
    assert one.verdict.rule in ("model-form", "json")
    assert "Jane" not in one.verdict.sentence


@given(st.binary(max_size=200))
def test_no_bytes_make_the_model_reader_raise_anything_else(content: bytes) -> None:
    with pytest.raises(AirlockError):
        model.read_model(io.BytesIO(content))


# Files


def test_a_file_leaves_only_where_the_policy_lists_the_kind() -> None:
    files = passed("file", {".bin": b"x"}).files
    assert {name: leaving(content) for name, content in files.items()} == {"o.bin": b"x"}
    assert passed("file", {".bin": b"x"}, rules=AirlockRules()).verdict.rule == "kind"


# Errors


@pytest.mark.parametrize(
    ("kind", "leaves"),
    [
        ("KeyError", "KeyError"),
        ("numpy.linalg.LinAlgError", "LinAlgError"),
        ("CombineError", "CombineError"),
        ("JaneDoe1950Error", "Exception"),
        ("KeyError: 'Jane Doe'", "Exception"),
        ("\u202eKeyError", "Exception"),
        ("", "Exception"),
        (None, "Exception"),
        (["KeyError"], "Exception"),
        ("K" * 10_000, "Exception"),
    ],
)
def test_of_an_error_only_a_known_class_leaves(kind: object, leaves: str) -> None:
    assert redact(kind, 2, 1, {2: 3}) == CellError(type=leaves, cell=2, line=1)


@pytest.mark.parametrize(
    ("cell", "line", "expected"),
    [
        (2, 3, (2, 3)),
        (2, 4, (2, None)),
        (2, 0, (2, None)),
        (2, 19500131, (2, None)),
        (2, True, (2, None)),
        (19500131, 1, (None, None)),
        ("2", 1, (None, None)),
        (None, None, (None, None)),
    ],
)
def test_a_cell_or_line_that_the_train_does_not_have_stays(
    cell: object, line: object, expected: tuple[int | None, int | None]
) -> None:
    error = redact("KeyError", cell, line, {2: 3})
    assert (error.cell, error.line) == expected
