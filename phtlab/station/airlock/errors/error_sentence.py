"""What leaves of an error's message: a sentence of ours with words that were known before.

The message was written inside the sandbox and may hold anything. So none of it leaves. If it reads
as one of the known ones does (`message_forms.py`), our own sentence leaves in its place, and in it
only words that stand in the signed train, that the station publishes of its data sets, or that
name types and libraries which everybody knows. One unknown word, and there is no message.

What this can still carry is which sentence the run chose. The train's author writes the words that
are known, so their number is bounded: with more than `MOST_TEXTS` quoted texts or `MOST_NAMES`
names in its cells there is no message, nor where a form could become more than `MOST_SENTENCES`
sentences. Several columns at once are told only if the station publishes them, in their own order.
So a run's message is one of fewer than 2**32: four bytes at most, beside class and line.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final, NamedTuple

from phtlab.station.airlock.errors.message_forms import FORMS, Form

LONGEST: Final = 2000  # characters of a message that is looked at
MOST_KEYS: Final = 5
MOST_TEXTS: Final = 500
MOST_NAMES: Final = 2000
MOST_SENTENCES: Final = 2**24
"""That one form can become with the words of one train."""
_LONGEST_WORD: Final = 80

# Their names say nothing but what Python, pandas and the like are made of.
_TYPES = """
bool bytes complex date datetime dict float frozenset function generator int list method module
NoneType object range set slice str tuple type builtin_function_or_method
Categorical DataFrame DataFrameGroupBy DatetimeIndex Index Interval MultiIndex NAType NaTType
RangeIndex Series SeriesGroupBy Timedelta Timestamp
ndarray bool_ float32 float64 int32 int64 str_ Axes Figure Tensor Table
"""
_LIBRARIES = """
Bio anndata arviz causalml duckdb fastparquet h5py joblib lifelines lightgbm matplotlib networkx
numpy openpyxl pandas patsy phtlab pingouin plotly polars pyarrow pydicom pymc pysam requests
safetensors scanpy scipy seaborn shap sklearn statsmodels sympy tables tabulate torch torchvision
tqdm transformers xarray xgboost xlrd yaml
"""
_SIGNS = "+ - * / // % ** @ & | ^ < <= > >= == != << >> += -= *= /="
TYPES: Final = frozenset(_TYPES.split())
LIBRARIES: Final = frozenset(_LIBRARIES.split())
SIGNS: Final = frozenset(_SIGNS.split())

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED: Final = re.compile(r"'([^'\\\n]{1,80})'|\"([^\"\\\n]{1,80})\"")
_IMPORT: Final = re.compile(r"^[ \t]*import[ \t]+([^#\n;]+)", re.MULTILINE)
_FROM: Final = re.compile(r"^[ \t]*from[ \t]+([\w.]+)[ \t]+import\b", re.MULTILINE)
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)


@dataclass(frozen=True)
class Vocabulary:
    """The words that a message may have, by what they are."""

    names: frozenset[str] = frozenset()
    """All words of the cells that travel."""
    texts: frozenset[str] = frozenset()
    """What stands there in quotes."""
    modules: frozenset[str] = frozenset()
    """What they import, with the packages around it."""
    columns: frozenset[str] = frozenset()
    """Of the data sets' published schemas."""
    datasets: frozenset[str] = frozenset()
    outputs: frozenset[str] = frozenset()
    _kinds: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        keys = self.names | self.texts | self.columns | self.datasets
        kinds = {
            "name": self.names,
            "call": self.names,
            "key": keys,
            "module": self.modules | LIBRARIES,
            "type": self.names | TYPES,
            "column": self.columns,
            "dataset": self.datasets,
            "output": self.outputs,
            "sign": SIGNS,
        }
        object.__setattr__(self, "_kinds", kinds)

    def knows(self, kind: str, word: str) -> bool:
        """Whether `word` may be told as one of this kind, a slot's name in `message_forms.py`."""
        return word in self._kinds[kind]

    def many(self, kind: str) -> int:
        """How many words may be told as one of this kind."""
        return len(self._kinds[kind])

    @property
    def bounded(self) -> bool:
        """Whether its words are few enough to be a notebook's own, and no alphabet."""
        return (
            len(self.texts) <= MOST_TEXTS
            and len(self.names) <= MOST_NAMES
            and len(self.modules) <= MOST_NAMES
        )


def vocabulary(
    sources: Iterable[str],
    *,
    datasets: Mapping[str, Iterable[str]],
    outputs: Iterable[str],
) -> Vocabulary:
    """The words of the cells `sources`, the `datasets` (name to columns) and the `outputs`."""
    source = "\n".join(sources)
    return Vocabulary(
        names=frozenset(_IDENTIFIER.findall(source)),
        texts=frozenset(one or other for one, other in _QUOTED.findall(source)),
        modules=frozenset(_modules(source)),
        columns=frozenset(name for columns in datasets.values() for name in columns),
        datasets=frozenset(datasets),
        outputs=frozenset(outputs),
    )


def message_of(kind: str, text: str, words: Vocabulary) -> str | None:
    """Our sentence for the message `text` of an error of class `kind`; None if there is none."""
    if len(text) > LONGEST or not words.bounded:
        return None
    for reading in _readings().get(kind, ()):
        found = reading.pattern.fullmatch(text)
        if found is None:
            continue
        slots = [*zip(reading.slots, found.groups(), strict=True)]
        if math.prod(_ways(slot, word, words) for slot, word in slots) > MOST_SENTENCES:
            continue
        told = [_told(slot, word, words) for slot, word in slots]
        if None not in told:
            return reading.leaves.format(*told)
    return None


class _Reading(NamedTuple):
    pattern: re.Pattern[str]
    slots: tuple[str, ...]
    leaves: str


@cache
def _readings() -> Mapping[str, tuple[_Reading, ...]]:
    readings: dict[str, tuple[_Reading, ...]] = {}
    for form in FORMS:
        for kind in form.classes:
            readings[kind] = (*readings.get(kind, ()), _reading(form))
    return readings


def _reading(form: Form) -> _Reading:
    pattern, slots = "", []
    for fixed, slot, _, _ in string.Formatter().parse(form.reading):
        pattern += ".*".join(map(re.escape, fixed.split("…")))
        if slot is not None:
            slots.append(slot)
            pattern += r"([^\n]{1,400}?)" if slot == "keys" else r"([^'\"\n]{1,80})"
    return _Reading(re.compile(pattern, re.DOTALL), tuple(slots), form.leaves)


def _keys(found: str) -> list[str]:
    """The different keys of a slot for several, sorted: their order would tell more."""
    return sorted(set(found.removeprefix("'").removesuffix("'").split("', '")))


def _ways(slot: str, found: str, words: Vocabulary) -> int:
    """How many things could be told in a slot of this kind, for as many keys as `found` has."""
    if slot != "keys":
        return words.many(slot)
    keys = len(_keys(found))
    return words.many("key") if keys == 1 else math.comb(words.many("column"), keys)


def _told(slot: str, found: str, words: Vocabulary) -> str | None:
    """What is told for `found` in a slot of this kind; None if it is not known."""
    if slot == "keys":
        keys = _keys(found)
        kind = "key" if len(keys) == 1 else "column"
        known = all(_is_plain(key) and words.knows(kind, key) for key in keys)
        return ", ".join(f"'{key}'" for key in keys) if known and len(keys) <= MOST_KEYS else None
    if slot == "call":  # Python says where a function was defined: Class.method
        found = found.rpartition(".")[2]
    if slot == "type":  # numpy.float64
        found = found.rpartition(".")[2]
    return found if _is_plain(found) and words.knows(slot, found) else None


def _is_plain(word: str) -> bool:
    return 0 < len(word) <= _LONGEST_WORD and word.isprintable()


def _modules(source: str) -> Iterable[str]:
    listed = [part for line in _IMPORT.findall(source) for part in line.split(",")]
    for part in (*listed, *_FROM.findall(source)):
        found = _DOTTED.match(part.strip())
        if found is None:
            continue
        names = found.group().split(".")
        yield from (".".join(names[:length]) for length in range(1, len(names) + 1))
