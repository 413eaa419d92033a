"""Every string that a run can write into what might leave, and what becomes of it.

Numbers have digits to round; a name is free. So each place where a run can put one is tried.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest
from PIL import Image, PngImagePlugin
from safetensors.numpy import save

from phtlab.station.airlock.check_outputs import pass_outputs
from phtlab.station.airlock.errors.error import redact
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output
from tests.evidence import Evidence
from tests.station.airlock.run_leftovers import LeftInMemory, leaving

SECRET = "Jane_Doe_1950"
KINDS = ("table", "scalar", "figure", "model", "file")
RULES = AirlockRules(kinds=KINDS)

Files = Mapping[str, bytes]


def table(columns: list[dict[str, Any]], data: list[list[Any]], **more: Any) -> bytes:
    return json.dumps({"columns": columns, "data": data, **more}).encode()


COUNT = {"name": "n", "type": "integer"}
GOOD = table([{"name": "sex", "type": "string"}, COUNT], [["f", "m"], [20, 30]])


def picture(**more: Any) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (4, 4)).save(target, "PNG", **more)
    return target.getvalue()


def described() -> bytes:
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", SECRET)
    words.add_itxt("Author", SECRET)
    return picture(pnginfo=words, icc_profile=SECRET.encode() * 8)


def model(**more: Any) -> bytes:
    import numpy as np

    return save({"w": np.ones(3)}, **more)


def with_key() -> bytes:
    content = model()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["w"][SECRET] = SECRET
    fresh = json.dumps(header).encode()
    return len(fresh).to_bytes(8, "little") + fresh + content[8 + length :]


def named(name: str) -> bytes:
    import numpy as np

    return save({name: np.ones(3)})


def archive() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        made.comment = SECRET.encode()
        made.writestr("a.txt", "nothing")
    return target.getvalue()


def scalar(**more: Any) -> bytes:
    return json.dumps({"value": 25, **more}).encode()


Place = tuple[str, str, Files, str, bool]
LABELS = table([{"name": "sex", "type": "string"}, COUNT], [["f", SECRET], [20, 30]])
NAMED_COLUMN = table([{"name": SECRET, "type": "string"}, COUNT], [["f", "m"], [20, 30]])
PLACES: tuple[Place, ...] = (
    ("name of a column", "table", {".table.json": NAMED_COLUMN}, "", True),
    ("label in a column of text", "table", {".table.json": LABELS}, "", True),
    (
        "text in a column of dates",
        "table",
        {".table.json": table([{"name": "d", "type": "date"}, COUNT], [[SECRET], [20]])},
        "cell-type",
        False,
    ),
    (
        "text in a column of numbers",
        "table",
        {".table.json": table([{"name": "x", "type": "number"}, COUNT], [[SECRET], [20]])},
        "cell-type",
        False,
    ),
    (
        "type of a column",
        "table",
        {".table.json": table([{"name": "x", "type": SECRET}, COUNT], [["f"], [20]])},
        "columns",
        False,
    ),
    (
        "another key of a column",
        "table",
        {".table.json": table([COUNT | {SECRET: SECRET}], [[20]])},
        "table-form",
        False,
    ),
    (
        "another key beside columns and data",
        "table",
        {".table.json": table([COUNT], [[20]], **{SECRET: SECRET})},
        "table-form",
        False,
    ),
    ("a scalar's value", "scalar", {".scalar.json": scalar(value=SECRET)}, "scalar-form", False),
    ("another key", "scalar", {".scalar.json": scalar(**{SECRET: 1})}, "scalar-form", False),
    (
        "the value's type, as the run says",
        "scalar",
        {".scalar.json": scalar(type=SECRET)},
        "",
        False,
    ),
    (
        "label in the data of a figure",
        "figure",
        {".png": picture(), ".data.json": LABELS},
        "",
        True,
    ),
    (
        "comment, author and colour profile of a picture",
        "figure",
        {".png": described(), ".data.json": GOOD},
        "",
        False,
    ),
    ("name of an array", "model", {".safetensors": named(SECRET)}, "model-names", False),
    ("name for a wildcard", "model", {".safetensors": named(f"l{SECRET}")}, "model-names", False),
    ("number for a wildcard", "model", {".safetensors": named("l1000")}, "model-names", False),
    (
        "metadata of a model",
        "model",
        {".safetensors": model(metadata={"by": SECRET})},
        "",
        False,
    ),
    ("another key of an array", "model", {".safetensors": with_key()}, "model-form", False),
    ("text of a file", "file", {".bin": SECRET.encode()}, "unchecked", True),
    ("comment of an archive", "file", {".bin": archive()}, "unchecked", False),
    (
        "another file beside the output",
        "table",
        {".table.json": GOOD, ".txt": SECRET.encode()},
        "",
        False,
    ),
)


@pytest.mark.parametrize(("where", "kind", "files", "rule", "leaves"), PLACES)
def test_a_string_leaves_only_where_a_rule_sees_it(
    where: str, kind: str, files: Files, rule: str, leaves: bool, evidence: Evidence
) -> None:
    output = Output.model_validate(
        {
            "name": "out",
            "kind": kind,
            "counts": "n" if kind in ("table", "figure", "scalar") else None,
            "of": kind == "model",
            "tensors": ("w", "l*") if kind == "model" else (),
        }
    )
    index = {"kind": kind, "of": 200, SECRET: SECRET}
    written = {f"out{suffix}": content for suffix, content in files.items()}
    written["out.json"] = json.dumps(index).encode()
    (passed,) = pass_outputs((output,), LeftInMemory(written.__getitem__), RULES)
    assert passed.verdict.rule == rule
    leaving_bytes = b"".join(leaving(content) for content in passed.files.values())
    names = " ".join(passed.files)
    assert (SECRET.encode() in leaving_bytes) == leaves
    assert SECRET not in names + passed.verdict.model_dump_json()
    if not rule and leaves:
        sees = "`columns`, `free-text`: a short, visible category; counted in `max_numbers`"
    elif rule == "unchecked":
        sees = "`unchecked`: a person looks at the file" if leaves else "`unchecked`; written anew"
    else:
        sees = f"refused: `{rule}`" if rule else "left behind: the file is written anew"
    evidence("strings", output=kind, where=where, outcome=sees)
    evidence(
        "attacks",
        attacker="hostile researcher",
        promise=f"cannot send unseen text as {where} ({kind})",
        outcome="seen by a rule, or left behind",
    )


def test_a_text_that_is_no_short_visible_category_does_not_leave(evidence: Evidence) -> None:
    for text, rule in (("x" * 65, "free-text"), ("=1+1", "free-text"), ("a\u202eb", "free-text")):
        content = table([{"name": "t", "type": "string"}, COUNT], [[text], [20]])
        output = Output(name="out", counts="n")
        files = {"out.json": b'{"kind": "table"}', "out.table.json": content}
        (passed,) = pass_outputs((output,), LeftInMemory(files.__getitem__), RULES)
        assert (passed.verdict.verdict, passed.verdict.rule) == ("refused", rule), text
    evidence(
        "strings",
        output="table",
        where="label that is long, a formula or not visible",
        outcome="refused: `free-text`",
    )
    evidence(
        "attacks",
        attacker="hostile researcher",
        promise="cannot send a label that is long, a formula or not visible",
        outcome="refused: free-text",
    )


def test_the_class_of_an_error_is_a_known_one(evidence: Evidence) -> None:
    found = redact(f"__main__.{SECRET}", 1, 3, {1: 10})
    assert (found.type, found.cell, found.line) == ("Exception", 1, 3)
    assert SECRET not in found.model_dump_json()
    evidence(
        "strings",
        output="error",
        where="class of an error",
        outcome="`Exception`, if it is none of Python's or a known library's",
    )
    evidence(
        "attacks",
        attacker="hostile researcher",
        promise="cannot send text as the class of an error",
        outcome="Exception, if it is none of Python's or a known library's",
    )
