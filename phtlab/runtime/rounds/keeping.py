"""`keep` and `kept`: what a round cell names, so that it outlives the run's container.

In a train of rounds the kernel stays, and its variables with it. If its container is lost, the
station starts another one and computes the present round again: what was kept until the round
before is there. At a station all of it is one file of the round's folder, which the station copies,
checks, and puts into the next round. It never leaves the station. On an analyst's machine it is
kept in memory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from phtlab.runtime.errors import KeepError, PublishError
from phtlab.runtime.rounds.folders import current_round, round_folder
from phtlab.runtime.rounds.local_rounds import in_sandbox, local_rounds
from phtlab.runtime.rounds.receiving import in_form_of

KEPT: Final = "kept-values.safetensors"
"""The file of a round's folder that holds all that is kept; its arrays are named NAME/ARRAY. No
received value can have its name."""
_MISSING: Final = object()
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_LONGEST_KEY: Final = 128

_Kept = dict[str, Mapping[str, Any]]
_of_round: tuple[int, _Kept] | None = None


def keep(name: str, value: Any) -> None:
    """Keep `value` as `name` at this station, for this round and those after it.

    It never leaves the station. Name what must survive a container that is lost: an optimizer's
    momentum, the seed of the next random numbers, which rows are set aside. What is not kept again
    stays as it was kept last. What a round keeps counts for the next one once this round is
    finished: a round that is computed again starts with what the round before kept.

    Args:
        name: lower-case letters, digits and underscores.
        value: a number, a numeric array, or a dict of them; none of them empty.

    Raises:
        KeepError: no round cell runs; the name is none; or the value is not numeric.
        OSError: the output volume is full.
    """
    kept_now = _present("keep")
    kept_now[name] = _arrays(name, value)
    number = current_round() if in_sandbox() else None
    if number is not None:
        from phtlab.runtime.model import encode_tensors
        from phtlab.runtime.record import write_atomic

        arrays = {
            f"{name}/{array}": content
            for name, model in kept_now.items()
            for array, content in model.items()
        }
        folder = round_folder(os.environ.get("PHTLAB_OUT", "/phtlab/out"), number)
        write_atomic(folder, KEPT, encode_tensors(arrays))


def kept(name: str, default: Any = _MISSING) -> Any:
    """Return what was kept last as `name`, in this round or in those before.

    Args:
        name: the name that `keep` was given.
        default: what is taken where nothing was kept yet, as in the first round.

    Returns:
        A dict of arrays by name; of a single array or number this array, unless the default is a
        dict. A bool, int or float if the default is one too.

    Raises:
        KeepError: no round cell runs; or nothing was kept, and there is no default.
    """
    found = _present("kept").get(name)
    if found is None:
        if default is _MISSING:
            raise KeepError("kept-default", key=name)
        return default
    copied = {array: content.copy() for array, content in found.items()}
    return in_form_of(default, name, copied)


def _present(word: str) -> _Kept:
    """Return what is kept now, by name."""
    global _of_round
    if not in_sandbox():
        rounds = local_rounds()
        rounds.at_station()
        return rounds.kept
    number = current_round()
    if number is None:
        raise KeepError("keep-outside", call=f"phtlab.{word}")
    if _of_round is None or _of_round[0] != number:
        _of_round = number, _given(number)
    return _of_round[1]


def _given(number: int) -> _Kept:
    """Return what the station put into the round: what the rounds before kept."""
    from phtlab.runtime.model import decode_tensors

    folder = round_folder(os.environ.get("PHTLAB_IN", "/phtlab/in"), number)
    try:
        content = Path(f"{folder}/{KEPT}").read_bytes()
    except FileNotFoundError:
        return {}
    found: dict[str, dict[str, Any]] = {}
    for key, array in decode_tensors(content).items():
        name, _, inner = key.partition("/")
        found.setdefault(name, {})[inner] = array
    return dict(found)


def _arrays(name: str, value: Any) -> Mapping[str, Any]:
    from phtlab.runtime.rounds.combining import sent_arrays

    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise KeepError("keep-name", key=name)
    try:
        arrays = sent_arrays(name, value)
    except PublishError:
        raise KeepError("keep-value", key=name, type=type(value).__name__) from None
    for array, content in arrays.items():
        if not content.size or len(f"{name}/{array}") > _LONGEST_KEY:
            raise KeepError("keep-array", key=name, array=array)
    return {array: content.copy() for array, content in arrays.items()}
