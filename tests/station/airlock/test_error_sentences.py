"""What leaves of an error's message: a sentence of ours, of words that were known before."""

from __future__ import annotations

import ast
import json
import math
import re
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phtlab.station.airlock.errors.error_sentence import (
    LIBRARIES,
    MOST_KEYS,
    MOST_NAMES,
    MOST_SENTENCES,
    MOST_TEXTS,
    SIGNS,
    TYPES,
    message_of,
    vocabulary,
)
from phtlab.station.airlock.errors.message_forms import FORMS
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
    "publish('Counts', heart)": "'Counts' cannot name an output: use",
    "publish('counts', 3)": "The output 'counts' is declared as a table, and this is a int.",
    "publish('counts', heart.groupby('sex').size())": "The index of the table 'counts' would",
    "publish('counts', heart.set_index('sex'))": "The index of the table 'counts' would be",
    "publish('counts', {'a': [1], 'b': [1, 2]})": "The columns of the table 'counts' have",
    "publish('counts', {'a': 1})": "The table 'counts' has in the column 'a' a single value",
    "publish('counts', {1: [1]})": "A column of the table 'counts' is not named by text",
    "publish('counts', heart[[]])": "The table 'counts' has no columns.",
    "publish('counts', {'a': [1, 'x']})": "The table 'counts' has in the column 'a' values of",
    "publish('counts', {'a': [float('inf')]})": "The table 'counts' has in the column 'a' an",
    "publish('counts', {'a': [1j]})": "The table 'counts' has in the column 'a' a type that",
    "publish('counts', {'a': [1]}, counts='m')": "The table 'counts' has no column 'm', which",
    "publish('counts', {'a': [-1]}, counts='a')": "The table 'counts' has in its counts",
    "publish('counts', pd.concat([heart, heart], axis=1))": "The table 'counts' has two col",
    "publish('counts', 'x', kind='scalar')": "The output 'counts' is declared as a scalar, and",
    "publish('counts', float('inf'), kind='scalar')": "The scalar 'counts' is infinite.",
    "publish('counts', 2**70, kind='scalar')": "The scalar 'counts' is too large.",
    "publish('counts', -1, kind='scalar', counts='x')": "The scalar 'counts' is declared as a",
    "publish('counts', 3, kind='file')": "The output 'counts' is declared as a file, and",
    "publish('counts', 'no.bin', kind='file')": "The file of the output 'counts' is not there",
    "publish('counts', {}, kind='model')": "The model 'counts' is an empty dict.",
    "publish('counts', {'a b': [1]}, kind='model')": "The model 'counts' names an array 'a b'",
    "publish('counts', {'a': ['x']}, kind='model')": "The model 'counts' has in 'a' something",
    "publish('counts', 3, kind='model')": "The output 'counts' is declared as a model, and th",
    "publish('counts', 3, kind='figure')": "The output 'counts' is declared as a figure, and",
    "publish('counts', 3, kind='pie')": "The output 'counts' has a kind that is none.",
    "publish('counts', b'', kind='file', counts='n')": "The output 'counts' has counts= for a",
    "publish('counts', 3, kind='scalar', by='sex')": "The output 'counts' has by=, total= or",
    "publish('counts', heart, counts='age', total='age')": "The output 'counts' has one of total=",
    "publish('counts', heart, counts='age', by=3)": "The output 'counts' has a by= that names no",
    "publish('counts', heart, counts='age', by='sexx')": "The output 'counts' has no column 'sexx",
    "publish('counts', heart, counts='age', total='sex', largest='age')": "The output 'counts' has "
    "in the column 'sex' something",
    "publish('counts', 3, kind='scalar', of=-1)": "The output 'counts' has an of= that is no whole",
    "publish('counts', heart, of=3)": "The output 'counts' has of=, which is about a model",
    "phtlab.dataset('hart')": "There is no data set 'hart'.",
}
BEFORE = """\
import pandas as pd
import phtlab
from phtlab import publish
heart = pd.DataFrame({'age': [50], 'sex': ['male']})
"""


def raised(source: str, monkeypatch: pytest.MonkeyPatch, place: Path) -> tuple[str, str]:
    """The class and the text of the error that `source` raises, as a kernel tells them."""
    (place / "datasets.json").write_text("{}")
    monkeypatch.setenv("PHTLAB_DATASETS", str(place / "datasets.json"))
    monkeypatch.chdir(place)
    with pytest.raises(Exception) as error:
        exec(compile(BEFORE + source, "cell", "exec"), {"__name__": "__main__"})
    return type(error.value).__name__, str(error.value)


@pytest.mark.parametrize("source", MISTAKES)
def test_a_mistake_is_told(source: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kind, text = raised(source, monkeypatch, tmp_path)
    words = vocabulary([BEFORE, source], datasets={"heart": ["age", "sex"]}, outputs=["counts"])
    told = message_of(kind, text, words)
    assert told is not None, (kind, text)
    assert told.startswith(MISTAKES[source])


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("KeyError", "'Muster'"),
        ("KeyError", "1931"),
        ("KeyError", "\"['age', 'Muster'] not in index\""),
        ("KeyError", "\"['heart', 'pandas'] not in index\""),  # two words, and no columns
        ("NameError", "name 'Muster' is not defined"),
        ("ModuleNotFoundError", "No module named 'muster'"),
        ("AttributeError", "'DataFrame' object has no attribute 'Muster'"),
        ("AttributeError", "'Muster' object has no attribute 'age'"),
        ("FileNotFoundError", "[Errno 2] No such file or directory: '/data/muster.csv'"),
        ("PublishError", "table 'muster' has no columns."),
        ("PublishError", "table 'counts': column 'Muster' is of type object. Make"),
        ("ValueError", "Muster, born 1931"),
        ("KeyError", '"it\'s"'),  # a quote in a key: it could be the key's end
        ("Exception", "name 'age' is not defined"),
        ("ValueError", "name 'age' is not defined"),
        ("NameError", "name 'age' is not defined".replace("age", "a" * 3000)),
    ],
)
def test_a_word_that_is_not_known_leaves_no_message(kind: str, text: str) -> None:
    words = vocabulary([BEFORE], datasets={"heart": ["age", "sex"]}, outputs=["counts"])
    assert message_of(kind, text, words) is None


@pytest.mark.parametrize(
    "source",
    [
        f"words = {[f'word {number}' for number in range(MOST_TEXTS + 1)]}",
        " + ".join(f"word{number}" for number in range(MOST_NAMES + 1)),
        "import " + ", ".join(f"a.b{number}" for number in range(MOST_NAMES)),
    ],
)
def test_cells_with_an_alphabet_of_words_have_no_messages(source: str) -> None:
    words = vocabulary([BEFORE, source], datasets={"heart": ["age", "sex"]}, outputs=["counts"])
    for kind, text in (
        ("KeyError", "'word 3'"),
        ("KeyError", "\"['age', 'sex'] not in index\""),
        ("NameError", "name 'heart' is not defined"),
    ):
        assert message_of(kind, text, words) is None


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, MOST_TEXTS),
    st.integers(0, MOST_NAMES),
    st.integers(0, 20_000),
    st.integers(1, MOST_KEYS + 1),
)
def test_a_message_is_one_of_so_few_that_it_carries_four_bytes_at_most(
    texts: int, names: int, columns: int, keys: int
) -> None:
    """Each form that says anything with such words has few sentences, and forms are few."""
    source = f"{[f't{n}' for n in range(texts)]}" + " + ".join(f"n{n}" for n in range(names))
    words = vocabulary(
        [source],
        datasets={"heart": [f"c{n}" for n in range(columns)]},
        outputs=[f"o{n}" for n in range(64)],
    )
    some = {
        **dict.fromkeys(("key", "column"), "c0"),
        **dict.fromkeys(("name", "call"), "n0"),
        "module": "numpy",
        "type": "int",
        "dataset": "heart",
        "output": "o0",
        "sign": "+",
        "keys": ", ".join(f"'c{n}'" for n in range(keys)),
    }
    sizes = {
        "key": len(words.names | words.texts | words.columns) + 1,
        "column": columns,
        "name": len(words.names),
        "call": len(words.names),
        "module": len(LIBRARIES),
        "type": len(words.names | TYPES),
        "dataset": 1,
        "output": 64,
        "sign": len(SIGNS),
    }
    sizes["keys"] = sizes["key"] if keys == 1 else math.comb(columns, keys)
    for form in FORMS:
        slots = re.findall(r"\{(\w+)\}", form.reading)
        said = re.sub(r"\{(\w+)\}", lambda slot: some[slot[1]], form.reading)
        told = message_of(form.classes[0], said.replace("…", ""), words)
        ways = math.prod(sizes[slot] for slot in slots)
        assert told is None or ways <= MOST_SENTENCES
    several = sum("{keys}" in form.reading for form in FORMS)
    assert (len(FORMS) + several * (MOST_KEYS - 1)) * MOST_SENTENCES < 2**32


def test_what_stays_of_a_known_message_stays() -> None:
    words = vocabulary([BEFORE], datasets={}, outputs=["counts"])
    told = message_of("ValueError", "could not convert string to float: 'Muster'", words)
    assert told == "A text cannot be read as a number."
    told = message_of("PublishError", "table 'counts' has 1,931 rows; at most 100,000 can", words)
    assert told == "The table 'counts' has too many rows: aggregate."


def sentence(leaves: str) -> re.Pattern[str]:
    """What leaves for a form, whatever its words are."""
    fixed = [part for part, *_ in string.Formatter().parse(leaves)]
    fields = sum(name is not None for _, name, *_ in string.Formatter().parse(leaves))
    pattern = "(.+?)".join(map(re.escape, fixed[: fields + 1]))
    return re.compile(pattern if len(fixed) > fields else f"{pattern}(.+?)")


SENTENCES = [sentence(form.leaves) for form in FORMS]
words_of_people = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
filled = st.builds(
    lambda form, words: (form.classes[0], _fill(form.reading, words)),
    st.sampled_from(FORMS),
    st.lists(words_of_people, min_size=6, max_size=6),
)


def _fill(reading: str, words: list[str]) -> str:
    """A message that reads so, with `words` in all of its gaps."""
    gaps = iter(words * 3)
    text = re.sub(r"\{\w+\}|…", lambda _: next(gaps), reading)
    return text[:2000]


@settings(deadline=None)
@given(
    st.one_of(filled, st.tuples(st.sampled_from([f.classes[0] for f in FORMS]), st.text())),
    st.lists(words_of_people, max_size=4),
    st.lists(words_of_people, max_size=4),
)
def test_no_word_leaves_that_is_only_in_the_exception(
    message: tuple[str, str], source: list[str], columns: list[str]
) -> None:
    cells = [f"{word} = '{word}'" for word in source]
    words = vocabulary(cells, datasets={"heart": columns}, outputs=["counts"])
    told = message_of(*message, words)
    if told is None:
        return
    known = {
        *(words.names | words.texts | words.modules | words.columns | words.outputs),
        *(words.datasets | TYPES | LIBRARIES | SIGNS),
    }
    ways = [
        [word for group in found.groups() for word in group.strip("'").split("', '")]
        for found in (pattern.fullmatch(told) for pattern in SENTENCES)
        if found is not None
    ]
    assert any(set(way) <= known for way in ways), (told, ways)


@settings(deadline=None)
@given(
    words_of_people.filter(lambda word: len(word) > 3 and word not in {*TYPES, *LIBRARIES}),
    st.sampled_from(FORMS),
)
def test_a_value_in_any_gap_of_any_message_does_not_leave(value: str, form: Any) -> None:
    words = vocabulary([BEFORE], datasets={"heart": ["age"]}, outputs=["counts"])
    for kind in form.classes:
        told = message_of(kind, _fill(form.reading, [value] * 6), words)
        assert told is None or value not in told or value in f"{form.leaves}{BEFORE}"


def record(kind: str, message: str) -> bytes:
    error: Mapping[str, Any] = {"type": kind, "cell": 4, "line": 2, "message": message}
    return json.dumps({"version": 1, "outcome": "cell-failed", "error": error}).encode()


def test_a_class_that_is_not_known_has_no_message_either() -> None:
    words = vocabulary(["Muster = age"], datasets={}, outputs=[])
    said = record("NameErrorOfMuster", "name 'age' is not defined")
    exited = JobStatus("exited", exit_code=0)
    judged = judge(said, exited, out_of_time=False, lines={4: 3}, words=words)
    assert judged.error is not None
    assert (judged.error.type, judged.error.message) == ("Exception", None)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    made.add_hearts()
    return made


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("'agee'", "There is no key or column 'agee'."),
        ("'sex'", "There is no key or column 'sex'."),  # published, not in the notebook
        ("'Jane Doe'", None),
    ],
)
def test_the_researcher_reads_it_in_the_signed_record(
    world: World, message: str, told: str | None
) -> None:
    source = COUNTS.replace("heart.age", 'heart["agee"]').replace('groupby("sex")', "sum()")
    world.scripted.script = FakeRun(
        "cell-failed", error={"type": "KeyError", "cell": 2, "line": 3, "message": message}
    )
    record = world.travel(world.offer(world.train(source)))
    assert record.error is not None
    assert record.error.message == told


FIXED = {"what": "table 'x'", "word": "by"}  # of check_counts, and of an argument


def written(call: ast.Call) -> str:
    """The message of `PublishError(…)` in the runtime's source, with x for what is filled in."""

    def text(part: ast.expr) -> str:
        if isinstance(part, ast.JoinedStr):
            return "".join(map(text, part.values))
        if isinstance(part, ast.Constant):
            return str(part.value)
        assert isinstance(part, ast.FormattedValue)
        if isinstance(part.value, ast.Name) and part.value.id in FIXED:
            return FIXED[part.value.id]
        return "'x'" if part.conversion == ord("r") else "x"

    return text(call.args[0])


RUNTIME = Path(__file__).parents[3] / "phtlab" / "runtime"
PUBLISH_ERRORS = [
    written(node)
    for path in sorted(RUNTIME.glob("*.py"))
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.Call)
    and isinstance(node.func, ast.Name)
    and node.func.id == "PublishError"
]


@pytest.mark.parametrize("text", PUBLISH_ERRORS)
def test_each_refusal_of_publish_is_known(text: str) -> None:
    """One that is not has no sentence at a station: add it to `message_forms.py`."""
    words = vocabulary(["x = 'x'"], datasets={}, outputs=["x"])
    assert message_of("PublishError", text, words) is not None
