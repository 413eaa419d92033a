"""What a run keeps from round to round: copied once, checked, and given back to it alone.

The run wrote it and is hostile, and the station holds it for as long as the rounds last: so it is
bounded, and has one form. No rule of the airlock applies, since it does not leave.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from phtlab.files.durable_file import replaced_durably
from phtlab.station.airlock.formats.content import Joined
from phtlab.station.airlock.formats.model import read_model, require_readable
from phtlab.station.executor.untrusted_files import copy_bounded, open_untrusted
from phtlab.station.pipeline.rounds.round_files import RoundFolder, RoundMarker

_BLOCK_BYTES: Final = 2**20


def copy_kept(left: Path, folder: RoundFolder, limit: int) -> None:
    """Copy what the run in `left` kept in the round into its `folder`, if it kept anything.

    A run may change its file meanwhile, so a copy of at most `limit` bytes is checked, and its
    header written anew. Raises AirlockError for another file than one of numeric arrays within
    `limit` (``output-too-large``, ``output-not-a-file``, ``model-form``).
    """
    folder.path_of(RoundMarker.KEPT).unlink(missing_ok=True)  # of a run that was lost since
    name = f"rounds/{folder.number}/{RoundMarker.KEPT}"
    if not os.path.lexists(left / name):
        return
    draft = folder.path / "keeping"
    with open_untrusted(left, name, limit=limit) as source, draft.open("w+b") as copy:
        copy_bounded(source, copy, limit=limit)
        copy.flush()
        found = read_model(copy)
        require_readable(found)
        with replaced_durably(folder.path_of(RoundMarker.KEPT)) as target:
            shutil.copyfileobj(Joined([found.content]), target, _BLOCK_BYTES)
    draft.unlink()
