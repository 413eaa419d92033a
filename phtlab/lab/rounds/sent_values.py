"""Values that combine cells send to stations: their form, and whether they are as declared.

A value is a model, as named arrays; a single array or number is one under the value's own name. A
station checks again what it receives (`station/airlock/received_values.py`), from a file that it
does not trust; here are arrays in this process, and errors that name what to mend.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from phtlab.errors import JourneyError
from phtlab.runtime.errors import PublishError
from phtlab.runtime.model import encode_tensors, is_named_by
from phtlab.runtime.rounds.combining import sent_arrays
from phtlab.train.documents.manifest import Received

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")


def encoded_values(values: Mapping[str, Any], declared: Iterable[Received]) -> dict[str, bytes]:
    """Return each of `values` as a safetensors file.

    Raises JourneyError: ``sent-undeclared`` for a name that no cell receives, ``sent-form`` for
    what is neither arrays nor numbers, ``sent-arrays``, ``sent-bounds`` or ``sent-size`` for a
    value that differs from the declaration of its `receive`.
    """
    by_name = {received.name: received for received in declared}
    encoded = {}
    for name, value in values.items():
        if name not in by_name:
            known = ", ".join(by_name) or "nothing"
            raise JourneyError(
                f"No round cell receives '{name}'.",
                f"They receive: {known}. Name one of them in phtlab.send().",
                code="sent-undeclared",
            )
        encoded[name] = _encoded(name, value, by_name[name])
    return encoded


def encoded_results(values: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the values that rounds finish with, each as a safetensors file.

    No station gets them, so any name will do that an output may have. Raises JourneyError
    (``sent-form``).
    """
    for name in values:
        if not _NAME.fullmatch(name):
            raise JourneyError(
                f"'{name}' is no name for a result.",
                "Use lower-case letters, digits and underscores in phtlab.finish().",
                code="sent-form",
            )
    return {name: _encoded(name, value, Received(name=name)) for name, value in values.items()}


def _encoded(name: str, value: Any, received: Received) -> bytes:
    try:
        arrays = sent_arrays(name, value)
    except PublishError:
        raise JourneyError(
            f"'{name}' cannot be sent: it is a {type(value).__name__}, not numbers.",
            "Send a number, an array, or a dict of arrays by name.",
            code="sent-form",
        ) from None
    if any(array.size == 0 for array in arrays.values()):
        raise JourneyError(
            f"'{name}' cannot be sent: it has an array without a number.", code="sent-form"
        )
    if received.arrays:
        _require_arrays(name, arrays, received)
    _require_bounds(name, arrays, received)
    content = encode_tensors(arrays)
    if received.size is not None and len(content) > received.size:
        raise JourneyError(
            f"'{name}' has {len(content)} bytes; its round cells receive {received.size} at most.",
            code="sent-size",
        )
    return content


def _require_arrays(name: str, arrays: Mapping[str, Any], received: Received) -> None:
    for array, content in arrays.items():
        declared = [d for d in received.arrays if is_named_by(d.name, array)]
        if not declared:
            raise _arrays(name, f"no round cell receives its array '{array}'")
        for expected in declared:
            if len(expected.shape) != content.ndim or any(
                length not in (None, found)
                for length, found in zip(expected.shape, content.shape, strict=True)
            ):
                shape = ", ".join("any" if n is None else str(n) for n in expected.shape)
                raise _arrays(
                    name,
                    f"its array '{array}' is of shape {tuple(content.shape)}, not ({shape})",
                )
    for expected in received.arrays:
        if "*" not in expected.name and expected.name not in arrays:
            raise _arrays(name, f"it lacks the array '{expected.name}'")


def _require_bounds(name: str, arrays: Mapping[str, Any], received: Received) -> None:
    import numpy as np

    if received.lowest is None and received.highest is None:
        return
    bounds = (
        -math.inf if received.lowest is None else received.lowest,
        math.inf if received.highest is None else received.highest,
    )
    for array, content in arrays.items():
        lowest, highest = (_as_stored(bound, content.dtype) for bound in bounds)
        numbers = content.astype(np.float64)
        if not ((numbers >= lowest) & (numbers <= highest)).all():  # NaN is in no bounds
            raise JourneyError(
                f"'{name}' cannot be sent: a number of '{array}' is not within "
                f"{bounds[0]:g} and {bounds[1]:g}, as its round cells declare.",
                "Bound it in the combine cell, or declare other bounds and dispatch again.",
                code="sent-bounds",
            )


def _as_stored(bound: float, dtype: Any) -> float:
    """Return `bound` as an array of `dtype` holds it, or as it is where that would be infinite."""
    import numpy as np

    if dtype.kind != "f":
        return bound
    with np.errstate(over="ignore"):
        stored = float(np.float64(bound).astype(dtype))
    return stored if math.isfinite(stored) else bound


def _arrays(name: str, why: str) -> JourneyError:
    return JourneyError(
        f"'{name}' cannot be sent: {why}.",
        f"phtlab.receive('{name}', arrays=…) in a round cell says which arrays it has.",
        code="sent-arrays",
    )
