"""What leaves of an error's cause: a sentence of ours, of words that were known before."""

from __future__ import annotations

import ast
import json
import math
import string
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phtlab.runtime.error_cause import MOST_WORDS, Cause, cause_of, read_cause
from phtlab.runtime.error_sentences import SENTENCES, SLOTS, slots_of
from phtlab.station.airlock.errors.error_sentence import (
    ARGUMENTS,
    KINDS,
    LIBRARIES,
    MOST_NAMES,
    MOST_SENTENCES,
    MOST_TEXTS,
    SIGNS,
    TYPES,
    Vocabulary,
    sentence_of,
    vocabulary,
)
from phtlab.station.executor.contract import JobStatus
from phtlab.station.stops.run_verdict import judge
from tests.station.station_world import COUNTS, FakeRun, World, make_world

# Each is run, and its error told: what a station's analyst would read of it.
MISTAKES: dict[str, str] = {
    "import numpyroo": "There is no module 'numpyroo' in the kernel image.",
    "from math import sine": "There is no 'sine' in 'math'.",
    "colums": "The name 'colums' is not defined.",
    "def f():\n    total += 1\nf()": "The name 'total' has no value yet where it is used.",
    "heart['agee']": "There is no key or column 'agee'.",
    "pd.DataFrame()[['sex', 'age']]": "There is no column 'age', 'sex'.",
    "heart[['age', 'sexx']]": "There is no column 'sexx'.",
    "heart.drop(columns='sexx')": "There is no column 'sexx'.",
    "heart.groupby('sexx')": "There is no key or column 'sexx'.",
    "heart.grouby('sex')": "An object of type DataFrame has no attribute 'grouby'.",
    "pd.read_cvs('x')": "The module 'pandas' has no 'read_cvs'.",
    "open('codebook.txt')": "There is no file 'codebook.txt' in the sandbox.",
    "1 + 'a'": "+ is not possible between int and str.",
    "1 < 'a'": "< is not possible between int and str.",
    "'a' + 1": "str and int cannot be put together with +.",
    "heart()": "An object of type DataFrame cannot be called.",
    "list(1)": "An object of type int cannot be gone through.",
    "nothing = None\nnothing['a']": "An object of type NoneType cannot be indexed.",
    "len(3)": "An object of type int has no length.",
    "def f(x, y): pass\nf(1)": "The call of f() lacks the argument 'y'.",
    "def f(x): pass\nf(z=1)": "f() knows no argument 'z'.",
    "def f(x): pass\nf(1, 2)": "f() is called with too many or too few arguments.",
    "float('Muster')": "A text cannot be read as a number.",
    "int('Muster')": "A text cannot be read as a whole number.",
    "if heart.age: pass": "A whole Series is neither true nor false: use .any() or .all().",
    "publish('Counts', heart)": "'Counts' cannot name an output. Use lower-case letters, digits",
    "publish('counts', 3)": "Table 'counts': a table is a DataFrame, a Series or a dict of",
    "publish('counts', heart.groupby('sex').size())": "Table 'counts': its index would be lost.",
    "publish('counts', heart.set_index('sex'))": "Table 'counts': its index … would be lost. Add",
    "publish('counts', {'a': [1], 'b': [1, 2]})": "Table 'counts': the columns of the dict have",
    "publish('counts', {'a': 1})": "Table 'counts': column 'a' is a …: write a list, even of one",
    "publish('counts', {1: [1]})": "Table 'counts': a column is named … (…), and names are text.",
    "publish('counts', heart[[]])": "Table 'counts' has no columns.",
    "publish('counts', {'a': [1, 'x']})": "Table 'counts': column 'a' holds values of type …. A",
    "publish('counts', {'a': [float('inf')]})": "Table 'counts': column 'a' holds an infinite",
    "publish('counts', {'a': [1j]})": "Table 'counts': column 'a' is of type ….",
    "publish('counts', {'a': [1]}, counts='m')": "Table 'counts': counts='m' names no column of",
    "publish('counts', {'a': [-1]}, counts='a')": "Table 'counts': the counts column 'a' must hold",
    "publish('counts', pd.concat([heart, heart], axis=1))": "Table 'counts' has two columns named",
    "publish('counts', 'x', kind='scalar')": "Output 'counts': a scalar is one bool, int or float,",
    "publish('counts', float('inf'), kind='scalar')": "Output 'counts' is infinite, which a scalar",
    "publish('counts', 2**70, kind='scalar')": "Output 'counts' is an integer that 64 bits do not",
    "publish('counts', -1, kind='scalar', counts='x')": "Output 'counts' is declared as a count,",
    "publish('counts', 3, kind='file')": "Output 'counts': a file is a path or bytes, and this is",
    "publish('counts', 'no.bin', kind='file')": "Output 'counts': there is no file …. Write it,",
    "publish('counts', {}, kind='model')": "Model 'counts' is an empty dict.",
    "publish('counts', {'a b': [1]}, kind='model')": "Model 'counts': 'a b' cannot name an array.",
    "publish('counts', {'a': ['x']}, kind='model')": "Model 'counts': 'a' is not numeric (… of …).",
    "publish('counts', 3, kind='model')": "Model 'counts': a model is a dict of numeric arrays or",
    "publish('counts', 3, kind='figure')": "Figure 'counts': a figure is one of matplotlib, and",
    "publish('counts', 3, kind='pie')": "Output 'counts': there is no kind ….",
    "publish('counts', b'', kind='file', counts='n')": "Output 'counts': counts= names the column",
    "publish('counts', 3, kind='scalar', by='sex')": "Output 'counts': by=, total= and largest=",
    "publish('counts', heart, counts='age', total='age')": "Output 'counts': give total= and",
    "publish('counts', heart, counts='age', by=3)": "Output 'counts': by= names a column, or",
    "publish('counts', heart, counts='age', by='sexx')": "Output 'counts': it has no column",
    "publish('counts', heart, counts='age', total='sex', largest='age')": "Output 'counts':"
    " column 'sex' holds no numbers.",
    "publish('counts', 3, kind='scalar', of=-1)": "Output 'counts': of= is a whole number of",
    "publish('counts', heart, of=3)": "Output 'counts': of= is about a scalar that is no count",
    "phtlab.dataset('hart')": "There is no data set 'hart' here.",
}
BEFORE = """\
import pandas as pd
import phtlab
from phtlab import publish
heart = pd.DataFrame({'age': [50], 'sex': ['male']})
"""


def raised(source: str, monkeypatch: pytest.MonkeyPatch, place: Path) -> Cause | None:
    """What the runtime says of the error that `source` raises."""
    (place / "datasets.json").write_text("{}")
    monkeypatch.setenv("PHTLAB_DATASETS", str(place / "datasets.json"))
    monkeypatch.chdir(place)
    with pytest.raises(Exception) as error:
        exec(compile(BEFORE + source, "cell", "exec"), {"__name__": "__main__"})
    return cause_of(error.value)


@pytest.mark.parametrize("source", MISTAKES)
def test_a_mistake_is_explained(
    source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cause = raised(source, monkeypatch, tmp_path)
    assert cause is not None
    words = vocabulary([BEFORE, source], datasets={"heart": ["age", "sex"]}, outputs=["counts"])
    sentence = sentence_of(cause, words)
    assert sentence is not None, cause
    assert sentence.startswith(MISTAKES[source])


def test_a_module_that_pandas_lacks_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "xlrd", None)
    cause = raised("pd.ExcelFile(b'x', engine='xlrd')", monkeypatch, tmp_path)
    assert cause == ("no-module", {"module": "xlrd"})


@pytest.mark.parametrize(
    "source",
    [
        "raise KeyError",
        "raise KeyError(1931)",
        "raise KeyError('a' * 3000)",
        "raise FileNotFoundError",
        "raise ValueError('Muster, born 1931')",
        "raise Exception('name 'age' is not defined')",
        "raise AttributeError",
        "class Hidden(KeyError):\n    args = property(lambda self: 1 / 0)\nraise Hidden",
        "class Mute(ValueError):\n    def __str__(self): 1 / 0\nraise Mute",
        "heart[[f'column {number}' for number in range(9)]]",
    ],
)
def test_an_error_that_is_none_of_the_known_ones_has_no_cause(
    source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert raised(source, monkeypatch, tmp_path) is None


@pytest.mark.parametrize(
    "said",
    [
        None,
        "no-key",
        [],
        {},
        {"code": "no-key"},
        {"code": ["no-key"], "words": {"key": "age"}},
        {"code": "no-key", "words": ["age"]},
        {"code": "no-key", "words": {"key": 7}},
        {"code": "no-key", "words": {"key": ""}},
        {"code": "no-key", "words": {"key": {"key": "age"}}},
        {"code": "no-key", "words": {"key": "a" * 81}},
        {"code": "no-key", "words": {"key": "\u202eage"}},
        {"code": "no-columns", "words": {"columns": []}},
        {"code": "no-columns", "words": {"columns": [["age"]]}},
        {"code": "no-columns", "words": {"columns": ["age"] * (MOST_WORDS + 1)}},
        {"code": "no-key", "words": {f"key{number}": "age" for number in range(MOST_WORDS + 1)}},
    ],
)
def test_what_is_no_cause_is_read_as_none(said: object) -> None:
    assert read_cause(said) is None


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("no-key", {"key": "Muster"}),
        ("no-key", {"key": "age", "name": "age"}),
        ("no-key", {"name": "age"}),
        ("no-key", {"key": ["age"]}),
        ("no-key", {}),
        ("no-columns", {"columns": ["age", "Muster"]}),
        ("no-columns", {"columns": ["heart", "pandas"]}),  # two words, and no columns
        ("no-columns", {"columns": "age"}),
        ("undefined-name", {"name": "Muster"}),
        ("no-module", {"module": "muster"}),
        ("no-attribute", {"type": "DataFrame", "name": "Muster"}),
        ("no-attribute", {"type": "Muster", "name": "age"}),
        ("no-file", {"key": "/data/muster.csv"}),
        ("operands", {"sign": "Muster", "type": "int", "other": "str"}),
        ("table-empty", {"output": "muster"}),
        ("table-column-type", {"output": "counts", "key": "Muster"}),
        ("table-column-type", {"output": "counts", "key": "age", "dtype": "Muster"}),
        ("counts-column", {"kind": "Muster", "output": "counts", "key": "age"}),
        ("output-names", {"output": "counts", "argument": "Muster"}),
        ("Muster", {}),
        ("", {}),
    ],
)
def test_a_word_that_is_not_known_leaves_no_sentence(code: str, said: dict[str, Any]) -> None:
    words = vocabulary([BEFORE], datasets={"heart": ["age", "sex"]}, outputs=["counts"])
    assert sentence_of(Cause(code, said), words) is None


@pytest.mark.parametrize(
    "source",
    [
        f"words = {[f'word {number}' for number in range(MOST_TEXTS + 1)]}",
        " + ".join(f"word{number}" for number in range(MOST_NAMES + 1)),
        "import " + ", ".join(f"a.b{number}" for number in range(MOST_NAMES)),
    ],
)
def test_cells_with_an_alphabet_of_words_have_no_sentences(source: str) -> None:
    words = vocabulary([BEFORE, source], datasets={"heart": ["age", "sex"]}, outputs=["counts"])
    for cause in (
        Cause("no-key", {"key": "word 3"}),
        Cause("no-columns", {"columns": ["age", "sex"]}),
        Cause("undefined-name", {"name": "heart"}),
    ):
        assert sentence_of(cause, words) is None


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, MOST_TEXTS),
    st.integers(0, MOST_NAMES),
    st.integers(0, 20_000),
    st.integers(1, MOST_WORDS + 1),
)
def test_a_sentence_is_one_of_so_few_that_it_carries_four_bytes_at_most(
    texts: int, names: int, columns: int, several: int
) -> None:
    """Each code that says anything with such words has few sentences, and codes are few."""
    source = f"{[f't{n}' for n in range(texts)]}" + " + ".join(f"n{n}" for n in range(names))
    words = vocabulary(
        [source],
        datasets={"heart": [f"c{n}" for n in range(columns)]},
        outputs=[f"o{n}" for n in range(64)],
    )
    some: dict[str, str | list[str]] = {
        **dict.fromkeys(("key", "column"), "c0"),
        **dict.fromkeys(("name", "call"), "n0"),
        **dict.fromkeys(("type", "other"), "int"),
        "module": "numpy",
        "dataset": "heart",
        "output": "o0",
        "kind": "table",
        "argument": "by",
        "sign": "+",
        "columns": [f"c{n}" for n in range(several)],
    }
    types = len(words.names | TYPES)
    sizes = {
        "key": len(words.names | words.texts | words.columns) + 1,
        "column": columns,
        "columns": math.comb(columns, several),
        "name": len(words.names),
        "call": len(words.names),
        "module": len(LIBRARIES),
        "type": types,
        "other": types,
        "dataset": 1,
        "output": 64,
        "kind": len(KINDS),
        "argument": len(ARGUMENTS),
        "sign": len(SIGNS),
    }
    assert some.keys() == sizes.keys() == SLOTS
    for code in SENTENCES:
        slots = slots_of(code)
        sentence = sentence_of(Cause(code, {slot: some[slot] for slot in slots}), words)
        assert sentence is None or math.prod(sizes[slot] for slot in slots) <= MOST_SENTENCES
    listing = sum("columns" in slots_of(code) for code in SENTENCES)
    assert (len(SENTENCES) + listing * (MOST_WORDS - 1)) * MOST_SENTENCES < 2**32


def test_several_columns_are_named_in_their_own_order() -> None:
    words = vocabulary([], datasets={"heart": ["age", "sex"]}, outputs=[])
    for said in (["sex", "age"], ["age", "sex"], ["sex", "age", "sex"]):
        sentence = sentence_of(Cause("no-columns", {"columns": said}), words)
        assert sentence == "There is no column 'age', 'sex'."


def test_what_the_run_knows_alone_is_left_out() -> None:
    words = vocabulary([BEFORE], datasets={}, outputs=["counts"])
    sentence = sentence_of(Cause("table-long", {"output": "counts"}), words)
    assert sentence is not None
    assert sentence.startswith("Table 'counts' has … rows; at most … can be published. Aggregate")


words_of_people = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


def filled(values: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """A code and its words, all of them `values`."""
    return st.sampled_from(sorted(SENTENCES)).flatmap(
        lambda code: st.tuples(
            st.just(code),
            st.fixed_dictionaries(
                {
                    slot: st.lists(values, min_size=1, max_size=4) if slot == "columns" else values
                    for slot in slots_of(code)
                }
            ),
        )
    )


def known_to(words: Vocabulary) -> set[str]:
    return {
        *(words.names | words.texts | words.modules | words.columns | words.outputs),
        *(words.datasets | TYPES | LIBRARIES | SIGNS | KINDS | ARGUMENTS),
    }


@settings(deadline=None)
@given(st.data(), st.lists(words_of_people, max_size=4), st.lists(words_of_people, max_size=4))
def test_no_word_leaves_that_is_only_in_the_exception(
    data: st.DataObject, source: list[str], columns: list[str]
) -> None:
    cells = [f"{word} = '{word}'" for word in source]
    words = vocabulary(cells, datasets={"heart": columns}, outputs=["counts"])
    known = known_to(words)
    said = words_of_people | st.sampled_from(sorted(known))
    code, parts = data.draw(filled(said))
    more = data.draw(st.dictionaries(words_of_people, words_of_people, max_size=1))
    sentence = sentence_of(Cause(code, {**more, **parts}), words)
    if sentence is None:
        return
    told = [word for part in parts.values() for word in (part if type(part) is list else [part])]
    assert set(told) <= known
    assert not more.keys() - parts.keys()
    # Nothing else leaves: the sentence is the code's own, and filled with these words.
    whole = ""
    for fixed, slot, _, conversion in string.Formatter().parse(SENTENCES[code]):
        part = parts.get(slot or "", "…" if slot else "")
        listed = ", ".join(map(repr, sorted(set(part)))) if type(part) is list else part
        whole += fixed + (repr(listed) if conversion == "r" and slot in parts else listed)
    whole = whole.rstrip(" …")
    assert sentence in (whole, whole[:1].upper() + whole[1:])


@settings(deadline=None)
@given(
    words_of_people.filter(lambda word: len(word) > 3 and word not in {*TYPES, *LIBRARIES}),
    st.sampled_from(sorted(SENTENCES)),
)
def test_a_value_in_any_slot_of_any_sentence_does_not_leave(value: str, code: str) -> None:
    words = vocabulary([BEFORE], datasets={"heart": ["age"]}, outputs=["counts"])
    some: dict[str, Any] = dict.fromkeys(SLOTS, value) | {"columns": [value]}
    said = {slot: some[slot] for slot in slots_of(code)}
    for cause in (Cause(code, said), Cause(code, said | {"value": value})):
        sentence = sentence_of(cause, words)
        if sentence is not None:
            assert value not in sentence or value in f"{SENTENCES[code]}{BEFORE}"


EXITED = JobStatus("exited", exit_code=0)
UNDEFINED = {"code": "undefined-name", "words": {"name": "age"}}


def record(kind: str, **more: Any) -> bytes:
    error: Mapping[str, Any] = {"type": kind, "cell": 4, "line": 2, **more}
    return json.dumps({"version": 1, "outcome": "cell-failed", "error": error}).encode()


@pytest.mark.parametrize(
    ("said", "type_", "message"),
    [
        (record("NameError", message="x", cause=UNDEFINED), "NameError", "The name 'age' is not"),
        # A class that is not known has no sentence either.
        (record("NameErrorOfMuster", message="x", cause=UNDEFINED), "Exception", ""),
        # An older runtime, in an image that is pinned by its digest, gives no cause.
        (record("NameError", message="name 'age' is not defined"), "NameError", ""),
        (record("NameError", message="name 'age' is not defined", cause=None), "NameError", ""),
        (record("NameError", cause="name 'age' is not defined"), "NameError", ""),
        (record("NameError", cause={**UNDEFINED, "words": {"name": "Muster"}}), "NameError", ""),
    ],
)
def test_class_cell_and_line_leave_and_a_sentence_if_there_is_a_cause(
    said: bytes, type_: str, message: str
) -> None:
    words = vocabulary(["Muster_ = age"], datasets={}, outputs=[])
    judged = judge(said, EXITED, out_of_time=False, lines={4: 3}, words=words)
    assert judged.error is not None
    assert (judged.error.type, judged.error.cell, judged.error.line) == (type_, 4, 2)
    assert (judged.error.message or "").startswith(message)
    assert bool(judged.error.message) == bool(message)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    made.add_hearts()
    return made


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("agee", "There is no key or column 'agee'."),
        ("sex", "There is no key or column 'sex'."),  # published, not in the notebook
        ("Jane Doe", None),
    ],
)
def test_the_researcher_reads_it_in_the_signed_record(
    world: World, key: str, message: str | None
) -> None:
    source = COUNTS.replace("heart.age", 'heart["agee"]').replace('groupby("sex")', "sum()")
    cause = {"code": "no-key", "words": {"key": key}}
    error = {"type": "KeyError", "cell": 2, "line": 3, "message": repr(key), "cause": cause}
    world.scripted.script = FakeRun("cell-failed", error=error)
    record = world.travel(world.offer(world.train(source)))
    assert record.error is not None
    assert record.error.message == message


RUNTIME = Path(__file__).parents[3] / "phtlab" / "runtime"
RAISED = [
    node
    for path in sorted(RUNTIME.rglob("*.py"))
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.Call)
    and isinstance(node.func, ast.Name)
    and node.func.id in ("PublishError", "DatasetError", "ReceiveError", "KeepError")
]


def code_of(call: ast.Call) -> str:
    (code,) = call.args
    assert isinstance(code, ast.Constant)
    return str(code.value)


@pytest.mark.parametrize("call", RAISED, ids=code_of)
def test_each_refusal_fills_its_sentence_in_whole(call: ast.Call) -> None:
    fields = {name for _, name, *_ in string.Formatter().parse(SENTENCES[code_of(call)])}
    assert {keyword.arg for keyword in call.keywords} == fields - {None}


def test_no_sentence_is_unused() -> None:
    source = (RUNTIME / "error_cause.py").read_text()
    for code in SENTENCES.keys() - set(map(code_of, RAISED)):
        assert f'"{code}"' in source
