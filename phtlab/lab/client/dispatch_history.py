"""Remember which notebook each journey was dispatched from, so that errors can point to it.

One small file per journey in this machine's cache; a missing file is harmless.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Final

from phtlab.user_settings import cache_directory

MOST: Final = 1000
_ID: Final = re.compile(r"sha256:[0-9a-f]{64}")


def remember_notebook(journey: str, notebook: Path) -> None:
    """Remember that `journey` was dispatched from `notebook`; ignore a read-only cache."""
    place = _history_file(journey)
    if place is None:
        return
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(str(notebook.absolute()), "utf-8")
        kept = sorted(place.parent.iterdir(), key=lambda path: path.stat().st_mtime)
        for old in kept[:-MOST]:
            old.unlink(missing_ok=True)


def notebook_of(journey: str) -> Path | None:
    """Return the notebook that `journey` was dispatched from on this machine; None if unknown."""
    place = _history_file(journey)
    try:
        return None if place is None else Path(place.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _history_file(journey: str) -> Path | None:
    if not _ID.fullmatch(journey):
        return None
    return cache_directory() / "sent" / journey.removeprefix("sha256:")
