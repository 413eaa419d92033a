"""What leaves of an error's cause: a sentence of ours with words that were known before.

The run sends a code of `phtlab.runtime.error_sentences` with a few words, and may lie in all of it.
Of the message that it wrote none leaves. The sentence is this station's own, whatever the run's
copy says, and in it stand only words of the signed train, words that the station publishes of its
data sets, and those that name types and libraries which everybody knows. With one unknown word
there is no sentence.

What this can still carry is which sentence the run chose. The train's author writes the words that
are known, so their number is bounded: with more than `MOST_TEXTS` quoted texts or `MOST_NAMES`
names in its cells there is no sentence, nor where a code could become more than `MOST_SENTENCES`
of them. Several columns at once are named only if the station publishes them, in their own order.
So a run's sentence is one of fewer than 2**32: four bytes at most, beside class and line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, get_args

from phtlab.runtime.error_cause import Cause
from phtlab.runtime.error_sentences import OURS, SENTENCES, compose, slots_of
from phtlab.train.documents.manifest import OutputKind

MOST_TEXTS: Final = 500
MOST_NAMES: Final = 2000
MOST_SENTENCES: Final = 2**24
"""That one code can become with the words of one train."""

# Their names say nothing but what Python, pandas and the like are made of.
_TYPES = """
bool bytes complex date datetime dict float frozenset function generator int list method module
NoneType object range set slice str tuple type builtin_function_or_method
Categorical DataFrame DataFrameGroupBy DatetimeIndex Index Interval MultiIndex NAType NaTType
RangeIndex Series SeriesGroupBy Timedelta Timestamp
array ndarray bool_ float32 float64 int32 int64 str_ Axes Figure Tensor Table
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
KINDS: Final[frozenset[str]] = frozenset(get_args(OutputKind))
ARGUMENTS: Final = frozenset({"by", "largest", "tensors"})

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED: Final = re.compile(r"'([^'\\\n]{1,80})'|\"([^\"\\\n]{1,80})\"")
_IMPORT: Final = re.compile(r"^[ \t]*import[ \t]+([^#\n;]+)", re.MULTILINE)
_FROM: Final = re.compile(r"^[ \t]*from[ \t]+([\w.]+)[ \t]+import\b", re.MULTILINE)
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)


@dataclass(frozen=True)
class Vocabulary:
    """The words that a sentence may have, by what they are."""

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
        types = self.names | TYPES
        kinds = {
            "name": self.names,
            "call": self.names,
            "key": self.names | self.texts | self.columns | self.datasets,
            "module": self.modules | LIBRARIES,
            "type": types,
            "other": types,
            "column": self.columns,
            "columns": self.columns,
            "dataset": self.datasets,
            "output": self.outputs,
            "kind": KINDS,
            "argument": ARGUMENTS,
            "sign": SIGNS,
        }
        object.__setattr__(self, "_kinds", kinds)

    def knows(self, slot: str, word: str | list[str]) -> bool:
        """Whether `word` may stand in this slot of `phtlab.runtime.error_sentences`."""
        if slot == "columns":
            return isinstance(word, list) and self._kinds[slot].issuperset(word)
        return isinstance(word, str) and word in self._kinds[slot]

    def ways(self, slot: str, word: str | list[str]) -> int:
        """How many words could stand in this slot, or how many choices of as many columns."""
        return math.comb(len(self._kinds[slot]), len(word) if isinstance(word, list) else 1)

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
        texts=frozenset(single or other for single, other in _QUOTED.findall(source)),
        modules=frozenset(_modules(source)),
        columns=frozenset(name for columns in datasets.values() for name in columns),
        datasets=frozenset(datasets),
        outputs=frozenset(outputs),
    )


def sentence_of(cause: Cause, words: Vocabulary) -> str | None:
    """Our sentence for what the run says that the cause of its error is; None if there is none."""
    if cause.code not in SENTENCES or cause.words.keys() != slots_of(cause.code):
        return None
    # Several columns sorted and without repetition: their order would tell more.
    arguments = {
        slot: sorted(set(word)) if isinstance(word, list) else word
        for slot, word in cause.words.items()
    }
    if not words.bounded or not all(words.knows(slot, word) for slot, word in arguments.items()):
        return None
    if math.prod(words.ways(slot, word) for slot, word in arguments.items()) > MOST_SENTENCES:
        return None
    sentence = compose(cause.code, arguments).rstrip(" …")
    return sentence[:1].upper() + sentence[1:] if cause.code in OURS else sentence


def _modules(source: str) -> Iterable[str]:
    listed = [part for line in _IMPORT.findall(source) for part in line.split(",")]
    for part in (*listed, *_FROM.findall(source)):
        found = _DOTTED.match(part.strip())
        if found is None:
            continue
        names = found.group().split(".")
        yield from (".".join(names[:length]) for length in range(1, len(names) + 1))
