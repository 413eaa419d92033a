"""Screenshots of the story: looked at by people, and shown in docs/.

They go to `.state/pictures`, or where `PHTLAB_PICTURES` says: `make pictures` writes those of docs.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("PHTLAB_PICTURES") or ROOT / ".state" / "pictures")


def picture(page: Page, name: str) -> Path:
    """Keep what the browser shows as `name`.png, in few colours: it is looked at, not measured."""
    page.wait_for_timeout(300)  # the end of what moves: a menu, a hover, a progress bar
    shown = Image.open(io.BytesIO(page.screenshot(animations="disabled", caret="hide")))
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.png"
    shown.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    return path
