"""Models as named numeric arrays in the safetensors format: numbers, and no code.

The format (https://github.com/huggingface/safetensors, "Format"): 8 bytes little-endian
length of a JSON header, the header, the arrays' bytes. It is written here in its twenty
lines, so that a kernel image needs nothing for it.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from typing import Any

from phtlab.runtime.errors import PublishError

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-/]{0,127}")
_TYPES = {
    "b1": "BOOL",
    "u1": "U8",
    "i1": "I8",
    "u2": "U16",
    "i2": "I16",
    "u4": "U32",
    "i4": "I32",
    "u8": "U64",
    "i8": "I64",
    "f2": "F16",
    "f4": "F32",
    "f8": "F64",
}
NUMPY_TYPES = {name: code for code, name in _TYPES.items()}
"""Types of arrays that numpy has, by their names in safetensors."""
# What a fitted scikit-learn estimator may carry out: parameters, whose size does not grow
# with the rows. Others keep training data (support_vectors_, X_train_, labels_).
FITTED = (
    "coef_",
    "intercept_",
    "classes_",
    "mean_",
    "scale_",
    "var_",
    "components_",
    "explained_variance_",
    "explained_variance_ratio_",
    "singular_values_",
    "cluster_centers_",
    "theta_",
    "class_prior_",
    "class_count_",
    "class_log_prior_",
    "feature_log_prob_",
    "n_features_in_",
    "n_samples_seen_",
    "n_iter_",
)
# At least one of these makes a model; without them an estimator keeps rows, not parameters.
_ESSENTIAL = {
    "coef_",
    "mean_",
    "components_",
    "cluster_centers_",
    "theta_",
    "feature_log_prob_",
}


def tensors_of(name: str, value: Any) -> dict[str, Any]:
    """The model's arrays by name: of a dict of arrays and numbers, or of an estimator.

    Raises:
        PublishError: neither of them, or with a value that is not numeric.
    """
    if isinstance(value, Mapping):
        if not value:
            raise PublishError("model-empty", output=name)
        for key in value:
            if not isinstance(key, str) or not _PLAIN.fullmatch(key):
                raise PublishError("model-name", output=name, key=key)
        return {key: _array(name, key, item) for key, item in value.items()}
    if hasattr(value, "get_params") and hasattr(value, "fit"):
        return _fitted(name, value)
    raise PublishError("model-type", output=name, type=type(value).__name__)


def encode_tensors(tensors: Mapping[str, Any]) -> bytes:
    """`tensors` as a safetensors file; the same arrays give the same bytes."""
    header: dict[str, Any] = {}
    parts = []
    offset = 0
    for key in sorted(tensors):
        array = tensors[key]
        code = f"{array.dtype.kind}{array.dtype.itemsize}"
        content = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False).tobytes()
        header[key] = {
            "dtype": _TYPES[code],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + len(content)],
        }
        offset += len(content)
        parts.append(content)
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    return b"".join([struct.pack("<Q", len(encoded)), encoded, *parts])


def decode_tensors(content: bytes) -> dict[str, Any]:
    """The arrays in a safetensors file, by name; they may be written to.

    Raises ValueError for a type that numpy does not have (bfloat16).
    """
    import numpy as np

    (length,) = struct.unpack("<Q", content[:8])
    arrays = {}
    for name, entry in json.loads(content[8 : 8 + length]).items():
        if entry["dtype"] not in NUMPY_TYPES:
            raise ValueError(f"the array '{name}' is of type {entry['dtype']}, which numpy lacks")
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        values = np.frombuffer(content[begin:end], dtype=f"<{NUMPY_TYPES[entry['dtype']]}")
        arrays[name] = values.reshape(entry["shape"]).copy()
    return arrays


def tensor_names(content: bytes) -> list[str]:
    """The names of the arrays in a safetensors file that `encode_tensors` has written."""
    (length,) = struct.unpack("<Q", content[:8])
    return list(json.loads(content[8 : 8 + length]))


def is_named_by(pattern: str, name: str) -> bool:
    """Whether `pattern` names the array `name`: ``*`` is a whole number below 1,000."""
    return named_by(pattern).fullmatch(name) is not None


def named_by(pattern: str) -> re.Pattern[str]:
    """What matches the names that `pattern` stands for.

    Where no ``*`` is beside a digit or another ``*``, in time that grows with the name's length.
    """
    parts = map(re.escape, pattern.split("*"))
    return re.compile("(?:0|[1-9][0-9]{0,2})".join(parts))


def _array(name: str, key: str, value: Any) -> Any:
    import numpy as np

    detach = getattr(value, "detach", None)
    if callable(detach):
        value = detach().cpu().numpy()
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if key == "__metadata__" or f"{array.dtype.kind}{array.dtype.itemsize}" not in _TYPES:
        of_type = type(value).__name__
        raise PublishError("model-values", output=name, key=key, of_type=of_type, dtype=array.dtype)
    return array


def _fitted(name: str, estimator: Any) -> dict[str, Any]:
    tensors = {}
    for attribute in FITTED:
        try:
            value = getattr(estimator, attribute, None)
        except Exception:  # noqa: S112  (a property of an estimator may raise anything)
            continue
        if value is not None:
            tensors[attribute] = _array(name, attribute, value)
    if not _ESSENTIAL & set(tensors):
        kind = type(estimator).__name__
        advice = (
            "Publish the parameters of its steps, e.g. pipeline[-1]."
            if hasattr(estimator, "steps")
            else "Fit it first, or publish its parameters as a dict of arrays."
        )
        raise PublishError("model-unfitted", output=name, of_type=kind, advice=advice)
    return tensors
