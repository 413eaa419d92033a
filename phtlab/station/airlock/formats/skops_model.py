"""Strict reader of skops models: scikit-learn estimators as a zip of a schema and arrays.

Source: skops-dev/skops, "Persistence", and its `skops/io/_general.py`, `_numpy.py`: schema.json is
a tree of nodes, each with `__class__`, `__module__` and `__loader__`. Opening a model builds what
the schema names, so the reader checks the names: plain values, and estimators of scikit-learn that
keep parameters and not rows. Arrays are .npy files of numbers, not of Python objects; no file is a
pickle.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from math import prod
from typing import Any, Final

from phtlab.errors import AirlockError
from phtlab.station.airlock.formats import strict_json

SCHEMA: Final = "schema.json"
_SCHEMA_BYTES: Final = 4 * 2**20
_DEPTH: Final = 48
_WORD: Final = re.compile(r"[A-Za-z0-9_.\-]{0,64}")
# A JsonNode holds JSON: a number, a boolean, null or a word such as "lbfgs".
_SCALAR: Final = re.compile(r'true|false|null|-?[0-9][0-9.eE+\-]{0,31}|"[A-Za-z0-9_.\-]{0,32}"')
# Estimators with parameters whose number does not grow with the rows (see `runtime/model.py`).
ESTIMATORS: Final = frozenset(
    [
        *("LinearRegression", "LogisticRegression", "Ridge", "RidgeClassifier", "Lasso"),
        *("ElasticNet", "SGDClassifier", "SGDRegressor", "PoissonRegressor", "GammaRegressor"),
        *("TweedieRegressor", "LinearSVC", "LinearSVR", "Perceptron", "GaussianNB"),
        *("MultinomialNB", "BernoulliNB", "StandardScaler", "MinMaxScaler", "PCA", "Pipeline"),
    ]
)
_PLAIN: Final = frozenset(
    [
        *("builtins.dict", "builtins.list", "builtins.tuple", "builtins.str", "builtins.int"),
        *("builtins.float", "builtins.bool", "builtins.NoneType", "numpy.ndarray"),
        *("numpy.float64", "numpy.float32", "numpy.int64", "numpy.int32", "numpy.dtype"),
        *("builtins.slice", "json.NoneType", "numpy.bool", "numpy.bool_"),
    ]
)
_LOADERS: Final = frozenset(
    [
        *("DictNode", "ListNode", "TupleNode", "JsonNode", "NdArrayNode", "ObjectNode"),
        *("DTypeNode", "TypeNode"),
    ]
)
_ARRAY: Final = re.compile(r"[0-9]{1,40}\.npy")
_NUMERIC: Final = re.compile(r"[<>|=]?[biuf](?:1|2|4|8)")
_MAGIC: Final = b"\x93NUMPY"


def numbers_in(files: Mapping[str, bytes]) -> int:
    """Return how many numbers the model's arrays hold. Raises AirlockError (``model-form``)."""
    if SCHEMA not in files:
        raise _refused("it has no schema")
    schema = strict_json.parse(files[SCHEMA], limit=_SCHEMA_BYTES, depth=_DEPTH, names=50_000)
    named: set[str] = set()
    _walk(schema, named)
    arrays = set(files) - {SCHEMA}
    if arrays != named:
        raise _refused("its files are not those that its schema names")
    return sum(_numbers_of(files[name]) for name in arrays)


def _walk(node: Any, named: set[str]) -> None:
    if isinstance(node, list):
        for part in node:
            _walk(part, named)
    elif isinstance(node, dict):
        if "__class__" in node or "__module__" in node or "__loader__" in node:
            _require_known(node)
        for key, value in node.items():
            _require_plain_name(key)
            if key == "content" and node.get("__loader__") == "JsonNode":
                if not isinstance(value, str) or not _SCALAR.fullmatch(value):
                    raise _refused("a value in it is no number, truth or plain word")
            elif key == "file":
                if not isinstance(value, str) or not _ARRAY.fullmatch(value):
                    raise _refused("it names a file that is no array")
                named.add(value)
            else:
                _walk(value, named)
    elif isinstance(node, str):
        _require_plain_name(node)


def _require_known(node: Mapping[str, Any]) -> None:
    kind, module, loader = (node.get(k) for k in ("__class__", "__module__", "__loader__"))
    if not all(isinstance(name, str) for name in (kind, module, loader)):
        raise _refused("its schema is none")
    known = f"{module}.{kind}" in _PLAIN or (
        str(module).split(".")[0] == "sklearn" and kind in ESTIMATORS
    )
    if not known or loader not in _LOADERS:
        raise _refused("it holds something else than linear models, scalers and plain values")


def _numbers_of(array: bytes) -> int:
    """Return how many numbers a .npy file holds (numpy.lib.format, versions 1 and 2)."""
    version = array[6:8]
    width = {b"\x01\x00": 2, b"\x02\x00": 4}.get(version)
    if not array.startswith(_MAGIC) or width is None:
        raise _refused("an array of it is none")
    length = int.from_bytes(array[8 : 8 + width], "little")
    body = 8 + width + length
    if length > 4096 or body > len(array):
        raise _refused("an array of it is none")
    try:
        head = ast.literal_eval(array[8 + width : body].decode("latin-1").strip())
        kind, order, shape = head["descr"], head["fortran_order"], head["shape"]
    except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError):
        raise _refused("an array of it is none") from None
    sizes = isinstance(shape, tuple) and all(type(n) is int and 0 <= n < 2**40 for n in shape)
    if not isinstance(kind, str) or not _NUMERIC.fullmatch(kind) or not sizes:
        raise _refused("an array of it is not numeric")
    if not isinstance(order, bool) or len(array) - body != prod(shape) * int(kind[-1]):
        raise _refused("an array of it is not as large as its shape")
    return int(prod(shape))


def _require_plain_name(text: str) -> None:
    if not _WORD.fullmatch(text):
        raise _refused("it holds text that is no plain word")


def _refused(why: str) -> AirlockError:
    return AirlockError(f"The skops model may not leave: {why}.", code="model-form")
