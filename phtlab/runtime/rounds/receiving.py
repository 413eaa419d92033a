"""`receive`: what the station before handed on, or what combine cells sent to a round cell.

At a station it is read from what the station has checked and put into the sandbox. At the first
station of a route, in the first round, and on an analyst's machine until its combine cells sent
something, there is nothing yet: the default is taken.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from phtlab.runtime.errors import ReceiveError
from phtlab.runtime.job import ReceivedValue, read_job
from phtlab.runtime.rounds.folders import current_round, round_folder
from phtlab.runtime.rounds.local_rounds import local_rounds

RECEIVED_ENDINGS: Final = {"model": "safetensors", "scalar": "json"}
"""The ending of a value's file by the value's kind."""
_MISSING: Final = object()


Shape = tuple[int | None, ...]


def receive(
    name: str,
    default: Any = _MISSING,
    arrays: Mapping[str, Sequence[int | None]] | None = None,
    lowest: float | None = None,
    highest: float | None = None,
) -> Any:
    """Return the value `name` that the station before handed on with ``publish(…, to="next")``.

    In a round cell: what combine cells sent last with ``send(name=…)``.

    A station compares the value with `arrays`, `lowest` and `highest` before any cell sees it, and
    so does the station before, which hands on nothing else.

    Args:
        name: the name of the output, written out in the cell, so that the train's manifest knows
            it before anything runs.
        default: what is taken where nothing was handed on: at the first station of the route, in
            the first round, and outside of a station until combine cells sent the value.
        arrays: the shape of each array of a model by its name, written out in the cell; None for a
            length that is not fixed.
        lowest, highest: bounds of every number, written out in the cell.

    Returns:
        A model as a dict of its arrays by name, whatever it was published from; a scalar as a
        bool, int or float. If the default is no dict, and the model has one array alone, named as
        the value: this array; a bool, int or float if the default is one too.

    Raises:
        ReceiveError: the train does not declare the name; nothing was handed on and there is no
            default; or the default, or what combine cells sent here, is not as declared.
    """
    job = os.environ.get("PHTLAB_JOB")
    if job:
        declared = read_job(job).received
        if name not in declared:
            known = ", ".join(f"'{other}'" for other in sorted(declared)) or "none"
            raise ReceiveError("receive-undeclared", key=name, known=f" There is: {known}.")
        content = _content_of(declared[name])
        if content is not None:
            return in_form_of(default, name, _read(declared[name], content))
    else:
        sent = _sent_here(name)
        if sent is not None:
            try:
                _check_default(name, sent, arrays, lowest, highest)
            except ReceiveError:
                raise ReceiveError("receive-sent", key=name) from None
            return in_form_of(default, name, sent)
    if default is _MISSING:
        raise ReceiveError("receive-default", key=name)
    _check_default(name, default, arrays, lowest, highest)
    return default


def _sent_here(name: str) -> dict[str, Any] | None:
    """Return what combine cells that were run by hand sent last; None if they did not."""
    rounds = local_rounds()
    rounds.at_station()
    sent = rounds.sent.get(name)
    return None if sent is None else {array: value.copy() for array, value in sent.items()}


def in_form_of(default: Any, name: str, value: Any) -> Any:
    """Return the one array of a model if the default has that form too, else the value."""
    if not isinstance(value, dict) or set(value) != {name}:
        return value
    if default is _MISSING or isinstance(default, Mapping):
        return value
    array = value[name]
    return array.item() if isinstance(default, int | float) and array.ndim == 0 else array


def _check_default(
    name: str,
    default: Any,
    arrays: Mapping[str, Sequence[int | None]] | None,
    lowest: float | None,
    highest: float | None,
) -> None:
    """Refuse a default that no station could hand on, so that its author hears of it first."""
    import numpy as np

    if default is None:
        return
    values = default if isinstance(default, Mapping) else {name: default}
    if arrays is not None and (isinstance(default, Mapping) or name in arrays):
        if set(values) != set(arrays):
            raise ReceiveError("receive-default-arrays", key=name)
        for array, shape in arrays.items():
            found = np.shape(values[array])
            if len(found) != len(shape) or any(
                length not in (None, actual) for length, actual in zip(shape, found, strict=True)
            ):
                raise ReceiveError("receive-default-shape", key=name, array=array)
    for array, value in values.items():
        numbers = np.asarray(value)
        low = lowest is None or bool((numbers >= lowest).all())
        if not (low and (highest is None or bool((numbers <= highest).all()))):
            raise ReceiveError("receive-default-bounds", key=name, array=array)


def _content_of(value: ReceivedValue) -> bytes | None:
    """What the station put into the sandbox, or into this round; None if it did not."""
    number = current_round()
    if number is None:
        return None if value.path is None else Path(value.path).read_bytes()
    folder = round_folder(os.environ.get("PHTLAB_IN", "/phtlab/in"), number)
    try:
        return Path(f"{folder}/{value.name}.{RECEIVED_ENDINGS[value.kind]}").read_bytes()
    except FileNotFoundError:
        return None


def _read(value: ReceivedValue, content: bytes) -> Any:
    if value.kind == "model":
        from phtlab.runtime.model import decode_tensors

        return decode_tensors(content)
    return read_scalar(content)


def read_scalar(content: bytes) -> bool | int | float:
    """Return the scalar in the file that `publish` wrote; a missing number as NaN."""
    value: bool | int | float | None = json.loads(content)["value"]
    return math.nan if value is None else value
