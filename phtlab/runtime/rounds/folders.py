"""Rounds: how a kernel that stays learns of the next one, and leaves what it computed.

The station puts a round's values into ``in/rounds/NUMBER/`` and then ``in/rounds/next.json``, by a
rename. The runtime leaves ``out/rounds/NUMBER/run.json`` last, by a rename, beside the round's
``outputs/``. ``out/round.json`` tells the kernel which round it computes. A folder of a round goes
once the next one begins: the station has taken what it holds.
"""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from phtlab.runtime.record import remove, write_atomic


class NextRound(NamedTuple):
    """What the station asks for: to compute round `number`, or with `ends` to stop."""

    number: int
    ends: bool


def current_round() -> int | None:
    """The round that this kernel computes; None outside of rounds."""
    folder = os.environ.get("PHTLAB_OUT", "/phtlab/out")
    try:
        with open(f"{folder}/round.json", "rb") as file:  # noqa: PTH123
            number = json.loads(file.read())["number"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return number if isinstance(number, int) else None


def round_folder(folder: str, number: int) -> str:
    """The folder of round `number` in the input or output `folder`."""
    return f"{folder}/rounds/{number}"


class RoundFolders:
    """The two folders in which station and runtime leave each other files."""

    def __init__(self, inputs: str, outputs: str) -> None:
        self._inputs = inputs
        self._outputs = outputs
        self._seen: tuple[int, int] | None = None

    def begin(self, number: int, before: int | None) -> None:
        """Tell the kernel that round `number` begins, and drop what round `before` left."""
        if before is not None:
            remove(self._outputs, f"rounds/{before}")
        os.makedirs(round_folder(self._outputs, number), mode=0o755, exist_ok=True)  # noqa: PTH103
        write_atomic(self._outputs, "round.json", json.dumps({"number": number}).encode())

    def finish(self, number: int, content: dict[str, Any]) -> None:
        """Say that round `number` is computed. Raises OSError if the volume is full."""
        encoded = json.dumps(content, sort_keys=True).encode()
        write_atomic(round_folder(self._outputs, number), "run.json", encoded)

    def following(self, number: int) -> NextRound | None:
        """What the station asks for after round `number`; None if nothing new is there."""
        path = f"{self._inputs}/rounds/next.json"
        try:
            status = os.stat(path)  # noqa: PTH116
            if (status.st_ino, status.st_mtime_ns) == self._seen:
                return None
            with open(path, "rb") as file:  # noqa: PTH123
                content = json.loads(file.read())
            self._seen = (status.st_ino, status.st_mtime_ns)
            found = NextRound(int(content["number"]), bool(content["ends"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found if found.ends or found.number > number else None
