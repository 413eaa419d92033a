"""A researcher who lets the airlock speak: verdicts of outputs that are wrong at a chosen place.

The sentence of a verdict is in the record, also of a run that failed. So it may say which rule it
was and what the policy's numbers are, and nothing that the run has chosen.
"""

from __future__ import annotations

import ast
import json
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

import phtlab.station.airlock
from phtlab.station.airlock.capacity import VERDICTS
from phtlab.station.airlock.check_outputs import CheckedOutput, pass_outputs
from phtlab.station.airlock.formats import figure, model, strict_json
from phtlab.station.airlock.formats.significant_digits import MOST_PEOPLE
from phtlab.station.policy.airlock_actions import FigureActions, ScalarActions, TableActions
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output
from tests.evidence import Evidence
from tests.station.airlock.run_leftovers import LeftInMemory

RULES = AirlockRules(kinds=("table", "scalar", "figure", "model", "file"))
Files = Mapping[str, bytes]
SECRET = "Jane_Doe"
NUMBERS = {
    *(str(value) for value in RULES.model_dump().values() if isinstance(value, int | float)),
    *(f"{value:g}" for value in (RULES.dominance_k, RULES.p_percent)),
    *map(str, (model.MAX_TENSORS, model.PEOPLE_PER_NUMBER, MOST_PEOPLE)),
    *map(str, (strict_json.MAX_DIGITS, strict_json.MAX_DEPTH, 64, 8, 1, 3)),
}
"""Those of the policy and of the code: what a sentence may say."""


def table(columns: list[tuple[str, str, list[Any]]]) -> bytes:
    heads = [{"name": name, "type": kind} for name, kind, _ in columns]
    return json.dumps({"columns": heads, "data": [values for _, _, values in columns]}).encode()


def among(place: int, column: tuple[str, str, list[Any]]) -> dict[str, bytes]:
    """A table of sixty columns, one of them `column`."""
    columns = [(f"c{n}", "integer", [n] * len(column[2])) for n in range(60)]
    columns[place] = column
    return {".table.json": table([*columns, ("n", "integer", [20] * len(column[2]))])}


def counting(labels: list[str], counts: list[Any]) -> dict[str, bytes]:
    return {".table.json": table([("sex", "string", labels), ("n", "integer", counts)])}


def tensors(place: int, name: str, entry: Mapping[str, Any]) -> dict[str, bytes]:
    """A model of sixty arrays, of which one is not as it should be."""
    header = {f"l{n}": {"dtype": "U8", "shape": [1], "data_offsets": [n, n + 1]} for n in range(60)}
    good = header.pop(f"l{place}")
    header[name.format(place)] = {**good, **entry}
    text = json.dumps(dict(sorted(header.items()))).encode()
    return {".safetensors": struct.pack("<Q", len(text)) + text + bytes(60)}


def numbers(count: int, name: str = "w") -> dict[str, bytes]:
    return {".safetensors": save({name: np.zeros(count)})}


def scalar(value: Any, of: int | None = None) -> dict[str, bytes]:
    return {".scalar.json": json.dumps({"value": value} | ({"of": of} if of else {})).encode()}


def named(count: int) -> dict[str, bytes]:
    content = save({f"{SECRET}{n}": np.zeros(1) for n in range(count)} | {"w": np.zeros(1)})
    return {".safetensors": content}


COUNTS = {"counts": "n"}
MODEL = {"of": True, "tensors": ("w", "l*")}
# Of each fault what the run may choose: a place or a number, from 2 to 59.
FAULTS: tuple[tuple[str, str, dict[str, Any], Callable[[int], Files]], ...] = (
    ("name of a column", "table", COUNTS, lambda n: among(n, ("a\u202eb", "string", ["x"]))),
    ("type of a column", "table", COUNTS, lambda n: among(n, ("x", SECRET, ["x"]))),
    ("text of a column", "table", COUNTS, lambda n: among(n, ("x", "string", ["=1+1"]))),
    ("long text", "table", COUNTS, lambda n: among(n, ("x", "string", ["x" * (64 + n)]))),
    (
        "categories",
        "table",
        COUNTS,
        lambda n: among(n, ("x", "string", [f"{SECRET}{k}" for k in range(101 + n)])),
    ),
    ("integer", "table", COUNTS, lambda n: among(n, ("x", "integer", ["x"]))),
    ("number", "table", COUNTS, lambda n: among(n, ("x", "number", ["x"]))),
    ("truth", "table", COUNTS, lambda n: among(n, ("x", "boolean", ["x"]))),
    ("text", "table", COUNTS, lambda n: among(n, ("x", "string", [n]))),
    ("date", "table", COUNTS, lambda n: among(n, ("x", "date", [SECRET]))),
    ("rows", "table", COUNTS, lambda n: counting(["x"] * (10_000 + n), [20] * (10_000 + n))),
    ("depth", "table", COUNTS, lambda n: {".table.json": b"[" * (n + 10) + b"]" * (n + 10)}),
    ("digits", "table", COUNTS, lambda n: {".table.json": b'{"columns": 1%d}' % 10 ** (n + 20)}),
    ("no counts", "table", COUNTS, lambda n: counting(["f"], [-n])),
    ("many people", "table", COUNTS, lambda n: counting(["f", "m"], [2**53 + n, 20])),
    ("a small count", "table", COUNTS, lambda n: counting(["f", "m"], [n % 10, 1_000 + n])),
    ("all alike", "table", COUNTS, lambda n: counting(["f", "m"], [0, 1_000 + n])),
    ("data of a figure", "figure", COUNTS, lambda n: picture(among(n, ("x", "integer", ["x"])))),
    ("a bar", "figure", COUNTS, lambda n: picture(counting(["f"], [n % 10]))),
    ("a count", "scalar", COUNTS, lambda n: scalar(n % 10)),
    ("too large a count", "scalar", COUNTS, lambda n: scalar(2**53 + n)),
    ("a text", "scalar", {}, lambda n: scalar(f"{SECRET}{n}")),
    ("a share", "scalar", {"of": True}, lambda n: scalar(0.5, n % 10 or 1)),
    ("a maximum", "scalar", {"of": True, "statistic": "max"}, lambda n: scalar(1_000 + n, 300)),
    ("name of an array", "model", MODEL, lambda n: tensors(n, "l{} x", {})),
    ("type of an array", "model", MODEL, lambda n: tensors(n, "l{}", {"dtype": SECRET})),
    ("shape of an array", "model", MODEL, lambda n: tensors(n, "l{}", {"shape": [0]})),
    ("place of an array", "model", MODEL, lambda n: tensors(n, "l{}", {"data_offsets": []})),
    ("size of an array", "model", MODEL, lambda n: tensors(n, "l{}", {"shape": [n]})),
    ("keys of an array", "model", MODEL, lambda n: tensors(n, "l{}", {SECRET: n})),
    ("names of arrays", "model", MODEL, named),
    ("numbers of a model", "model", MODEL, lambda n: numbers(60 + n)),
    ("a large model", "model", MODEL, lambda n: numbers(10_000 + n)),
    ("a file", "file", {}, lambda n: {".bin": SECRET.encode() * n}),
    ("a file of no type", "file", {}, lambda n: {".bin": bytes([0xFF] * n)}),
)


def picture(files: Files) -> dict[str, bytes]:
    return {".data.json": files[".table.json"], ".png": b""}


def verdict(kind: str, declared: Mapping[str, Any], files: Files) -> CheckedOutput:
    output = Output.model_validate({"name": "out", "kind": kind, **declared})
    written = {f"out{suffix}": content for suffix, content in files.items()}
    written["out.json"] = json.dumps({"kind": kind, "of": 300, SECRET: SECRET}).encode()
    (passed,) = pass_outputs((output,), LeftInMemory(written.__getitem__), RULES)
    return passed


@pytest.mark.parametrize(("what", "kind", "declared", "files"), FAULTS, ids=[f[0] for f in FAULTS])
def test_the_sentence_of_a_verdict_says_nothing_that_the_run_chooses(
    what: str,
    kind: str,
    declared: dict[str, Any],
    files: Callable[[int], Files],
    monkeypatch: pytest.MonkeyPatch,
    evidence: Evidence,
) -> None:
    monkeypatch.setattr(figure, "redraw", lambda picture, pixels, colors: b"")
    said = set()
    for chosen in (2, 7, 12, 38, 59):
        one = verdict(kind, declared, files(chosen)).verdict
        assert one.verdict != "released"
        sentence = re.sub(r"^[0-9]+ rows? ", "", one.sentence)
        said.add((one.verdict, one.rule, sentence))
        assert set(re.findall(r"[0-9]+", sentence)) <= NUMBERS
        assert SECRET not in sentence
    assert len(said) == 1, said
    evidence(
        "attacks",
        attacker="hostile researcher",
        promise=f"cannot say a number of its choice by the verdict of an output: {what}",
        outcome=f"one sentence, whichever it chooses: `{next(iter(said))[1]}`",
    )


def written_in(value: ast.expr) -> Iterator[str]:
    """What the f-strings of an expression put in."""
    for node in ast.walk(value):
        if isinstance(node, ast.FormattedValue):
            yield ast.unparse(node.value)


CONSTANT = re.compile(r"rules\.\w+|(\w+\.)?[A-Z_]+|limit|depth|max_\w+|least")
# Of few values each, which the code or the train has written out.
FEW = {
    *("why", "what", "error", "expected", "needed", "output.kind", "draft.output.kind"),
    *("checked.type", "error"),
}


def sentences() -> Iterator[tuple[str, ast.expr]]:
    """Each sentence that the airlock writes for a verdict, and where."""
    folder = Path(phtlab.station.airlock.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        if path.parent.name in ("errors", "history"):
            continue  # of errors, which test_strings.py has, and for operators
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                if called in ("_refused", "AirlockError", "_type_refused"):
                    yield from ((f"{path.name}:{node.lineno}", one) for one in node.args)
                elif called == "draft.find":
                    yield f"{path.name}:{node.lineno}", node.args[2]
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "sentence":
                yield f"{path.name}:{node.lineno}", node.value


def test_sentences_are_made_of_constants_and_numbers_of_the_policy(evidence: Evidence) -> None:
    found = list(sentences())
    assert len(found) > 100
    chosen = {
        (where, put)
        for where, sentence in found
        for put in written_in(sentence)
        if not CONSTANT.fullmatch(put) and put not in FEW
    }
    assert chosen == set()
    # A refusal has one sentence; a hold or a suppression joins those of its rules, some of which
    # (`differencing`, `unchecked`) have a second and a third.
    rules = max(len(one.model_fields) for one in (TableActions, ScalarActions, FigureActions))
    assert len(found) + 3 * 2 ** (rules + 4) < VERDICTS
    evidence(
        "attacks",
        attacker="hostile researcher",
        promise="cannot choose a word or a number of any sentence of the airlock",
        outcome="all are constants, and numbers of the policy",
    )
