"""What the combine cells of a round decided, as the run left it: copied once, bounded, checked.

The run is hostile. What it sends to stations is as their round cells declare; what it reports, and
what it ends with, goes to the recipients, who may open the updates too.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from phtlab.errors import AirlockError
from phtlab.files.durable_file import replaced_whole, sync_folder
from phtlab.rounds.reports import may_be_reported
from phtlab.station.airlock.formats.content import Content, Joined
from phtlab.station.airlock.formats.model import read_model, require_readable
from phtlab.station.airlock.received_values import checked_value
from phtlab.station.executor.untrusted_files import copy_bounded, open_untrusted, read_untrusted
from phtlab.station.pipeline.rounds.values import as_output
from phtlab.station.stops.file_contents import StopFileContent
from phtlab.train.documents.manifest import MAX_RECEIVED, TrainManifest

DECISION: Final = "combined.json"
"""The file that says what the cells of a round decided; values lie beside it."""
_MAX_DECISION: Final = 256 * 1024
_BLOCK_BYTES: Final = 2**20
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Combined(StopFileContent):
    """`combined.json`: the names of the values that were sent, the numbers that were reported, and
    whether the cells ended the rounds. A number may be infinite, or none."""

    finished: bool
    sent: tuple[str, ...]
    reported: Mapping[str, float]


def value_file(name: str) -> str:
    """Return the name of the file of a value that is sent, in whatever folder."""
    return f"{name}.safetensors"


def take_combined(
    left: Path, number: int, manifest: TrainManifest, target: Path, limit: int
) -> None:
    """Keep what the run in `left` decided in round `number` in the new folder `target`.

    It has `combined.json` and a file for each value, their headers written anew. Values have
    `limit` bytes at most, each. Raises AirlockError for anything that is not as it should be: the
    folder is not there then.
    """
    draft = target.with_name(f"{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    folder = f"rounds/{number}/outputs"
    combined = _decision(read_untrusted(left, f"{folder}/{DECISION}", limit=_MAX_DECISION))
    received = {value.name: value for value in manifest.received}
    for name in combined.sent:
        if not combined.finished and name not in received:
            raise AirlockError("The combine cells sent a value that no round cell receives.")
        copy = draft / "copy"
        with (
            open_untrusted(left, f"{folder}/sent.{value_file(name)}", limit=limit) as source,
            copy.open("w+b") as file,
        ):
            copy_bounded(source, file, limit=limit)
            file.flush()
            with replaced_whole(draft / value_file(name)) as kept:
                if combined.finished:
                    model = read_model(file)
                    require_readable(model)
                    content: Content = model.content
                else:
                    value = received[name]
                    content = checked_value(as_output(value), value, file, copy.stat().st_size)
                shutil.copyfileobj(Joined([content]), kept, _BLOCK_BYTES)
        copy.unlink()
    with replaced_whole(draft / DECISION) as kept:
        # Not canonical JSON, which has no infinite numbers.
        kept.write(json.dumps(combined.model_dump()).encode())
    sync_folder(draft)
    draft.rename(target)


def read_combined(folder: Path) -> Combined:
    """Return the decision that `take_combined` kept in `folder`. Raises OSError or ValueError."""
    return Combined.model_validate(json.loads((folder / DECISION).read_bytes()))


def _decision(content: bytes) -> Combined:
    try:
        found = json.loads(content)
        combined = Combined(
            finished=found["finished"] is True,
            sent=tuple(map(str, found["sent"])),
            reported={str(name): float(value) for name, value in found["reported"].items()},
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError):
        raise AirlockError("What the combine cells decided cannot be read.") from None
    names = combined.sent
    if len(names) > MAX_RECEIVED or len(set(names)) < len(names):
        raise AirlockError("The combine cells sent too many values, or one of them twice.")
    if not all(map(_NAME.fullmatch, names)) or not may_be_reported(combined.reported):
        raise AirlockError("The combine cells sent or reported something under no name for it.")
    return combined
