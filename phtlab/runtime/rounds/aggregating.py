"""What an aggregator's kernel does around the combine cells of a round.

The station puts the opened updates of round N into ``in/rounds/N/``, as flat files:

    combination.json                    the stations, their outputs, and the names that are received
    update.STATION.OUTPUT.safetensors   a model; update.STATION.OUTPUT.json a scalar
    received.NAME.safetensors           what stations received in this round

What combine cells decide is left in ``out/rounds/N/outputs/``: ``sent.NAME.safetensors`` of each
value, and then ``combined.json``. The runtime runs `prepare` once, `begin` before the cells of each
round and `end` after them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from phtlab.runtime.errors import CombineError, JobError
from phtlab.runtime.job import Job, read_job, read_notebook, source_of
from phtlab.runtime.record import write_atomic
from phtlab.runtime.rounds.combine_names import (
    CombineNames,
    bind_names,
    decoded_value,
    import_missing,
    read_names,
)
from phtlab.runtime.rounds.combining import Combination, sent_arrays, set_combination
from phtlab.runtime.rounds.folders import current_round, round_folder
from phtlab.runtime.rounds.local_rounds import shell
from phtlab.runtime.rounds.receiving import RECEIVED_ENDINGS, read_scalar

COMBINATION: Final = "combination.json"
COMBINED: Final = "combined.json"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")

_combination: Combination | None = None


class _CombinationFile(NamedTuple):
    """The content of combination.json: `outputs` by name with their kinds."""

    stations: tuple[str, ...]
    outputs: Mapping[str, str]
    received: frozenset[str]


def prepare() -> None:
    """Import what the first round needs, while its updates are awaited.

    Raises JobError, and what an import of the train raises but ImportError.
    """
    with suppress(ImportError):  # rounds of scalars may do without
        import numpy  # noqa: F401 (takes the most of a first round)

    import_missing(_cell_names().imports, _user_names())


def begin() -> None:
    """Bind the names of the combine cells of the present round, and set its combination.

    Raises:
        CombineError: a default that a combine cell reads cannot be computed here.
        JobError: what the station put into the round cannot be read.
    """
    global _combination
    number = _present_round()
    folder = Path(round_folder(os.environ.get("PHTLAB_IN", "/phtlab/in"), number))
    described = _read_combination(folder / COMBINATION)
    received = {
        name: decoded_value(name, content)
        for name in sorted(described.received)
        if (content := _content(folder / f"received.{name}.safetensors")) is not None
    }
    contents = {name: _values(folder, described, name) for name in described.outputs}
    names = _user_names()
    parameters = _job().parameters
    errors = bind_names(names, _cell_names(), parameters, received, "<defaults of received values>")
    for name, error in errors.items():
        raise CombineError(
            "combine-default",
            f"the default of '{name}' cannot be computed where rounds are combined: "
            f"{type(error).__name__}: {error}. Write it without names that only station cells "
            "have.",
        ) from error
    _combination = Combination(number, described.stations, contents, received=described.received)
    set_combination(_combination)


def end() -> None:
    """Leave what the combine cells of the present round decided.

    Raises:
        CombineError: a value that the rounds end with has a name of another form, or a value is
            without a number.
        OSError: the output volume is full.
    """
    global _combination
    if _combination is None:
        raise JobError("no round has begun.")
    combination, _combination = _combination, None
    set_combination(None)
    encoded = {name: _encoded(name, value) for name, value in combination.sent.items()}
    outputs = os.environ.get("PHTLAB_OUT", "/phtlab/out")
    folder = f"{round_folder(outputs, combination.number)}/outputs"
    os.makedirs(folder, mode=0o755, exist_ok=True)  # noqa: PTH103
    for name, content in encoded.items():
        write_atomic(folder, f"sent.{name}.safetensors", content)
    decided = {
        "finished": combination.finished,
        "reported": combination.reported,
        "sent": sorted(encoded),
    }
    write_atomic(folder, COMBINED, json.dumps(decided, sort_keys=True).encode())


def _values(folder: Path, described: _CombinationFile, output: str) -> dict[str, Any]:
    """Return the output's values by station; a station need not have published it."""
    from phtlab.runtime.model import decode_tensors

    kind = described.outputs[output]
    read = decode_tensors if kind == "model" else read_scalar
    ending = RECEIVED_ENDINGS[kind]
    return {
        station: read(content)
        for station in described.stations
        if (content := _content(folder / f"update.{station}.{output}.{ending}")) is not None
    }


def _encoded(name: str, value: Any) -> bytes:
    from phtlab.runtime.model import encode_tensors

    if not _NAME.fullmatch(name):
        raise CombineError(
            "combine-name",
            f"{name!r} is no name for a result. Use lower-case letters, digits and underscores "
            "in phtlab.finish().",
        )
    arrays = sent_arrays(name, value)
    if any(array.size == 0 for array in arrays.values()):
        raise CombineError(
            "combine-empty", f"'{name}' cannot be sent: it has an array without a number."
        )
    return encode_tensors(arrays)


def _read_combination(path: Path) -> _CombinationFile:
    try:
        content = json.loads(path.read_bytes())
        stations, received = content["stations"], content["received"]
        outputs = dict(content["outputs"])
    except (OSError, ValueError, LookupError, TypeError):
        raise JobError(f"{path} cannot be read as a round's combination.") from None
    names = [*stations, *received, *outputs]
    if not all(isinstance(name, str) for name in names) or not all(
        kind in RECEIVED_ENDINGS for kind in outputs.values()
    ):
        raise JobError(f"{path} names stations, outputs or received values of another form.")
    return _CombinationFile(tuple(stations), outputs, frozenset(received))


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _present_round() -> int:
    number = current_round()
    if number is None:
        raise JobError("no round has begun.")
    return number


@cache
def _job() -> Job:
    return read_job(os.environ["PHTLAB_JOB"])


@cache
def _cell_names() -> CombineNames:
    """Return the names of the train's cells, all of which lie in the sandbox."""
    inputs = os.environ.get("PHTLAB_IN", "/phtlab/in")
    sources = {}
    for cell in read_notebook(f"{inputs}/notebook.ipynb")["cells"]:
        metadata = cell.get("metadata", {})
        number = metadata.get("phtlab", {}).get("cell")
        injected = "injected-parameters" in metadata.get("tags", [])
        if isinstance(number, int) and cell["cell_type"] == "code" and not injected:
            sources[number] = source_of(cell)
    rounds = _job().rounds
    combine = rounds.cells if rounds else frozenset[int]()
    return read_names(
        sources.values(), (source for number, source in sources.items() if number in combine)
    )


def _user_names() -> dict[str, Any]:
    names: dict[str, Any] = shell().user_ns
    return names
