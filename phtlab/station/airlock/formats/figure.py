"""Figures: the picture, redrawn, and the table of its data."""

from __future__ import annotations

import subprocess
import sys

from phtlab.errors import AirlockError
from phtlab.station.airlock.formats.table import Table, parse_table, require_distinct_few
from phtlab.station.policy.airlock_rules import AirlockRules

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_WORKER = "phtlab.station.airlock.formats.redraw_worker"
_SECONDS = 30
_PLACES = frozenset({"axes", "x", "y", "low", "high"})


def read_data(data: bytes, rules: AirlockRules) -> Table:
    """Read the numbers that a figure is drawn from. Raises AirlockError."""
    table = parse_table(data, rules, max_rows=rules.max_points)
    require_distinct_few(table, rules)
    return table


def places(table: Table) -> set[str]:
    """Return the columns that locate marks and hold no values, by the runtime's names for them."""
    names = {column.name for column in table.columns}
    return names & _PLACES if {"artist", "series"} <= names else set()


def pixels_in(picture: bytes, max_pixels: int) -> int:
    """Return the number of pixels in the header of `picture`.

    Raises AirlockError if it is no PNG, has no pixel, or has more than `max_pixels`.
    """
    if not picture.startswith(_SIGNATURE):
        raise _refused("it is no PNG")
    width, height = (int.from_bytes(picture[at : at + 4], "big") for at in (16, 20))
    if width * height > max_pixels or not width * height:
        raise _refused(f"it has no pixel, or more than {max_pixels}")
    return width * height


def redraw(picture: bytes, max_pixels: int, max_colors: int) -> bytes:
    """Redraw `picture` on white paper in a separate process.

    In at most `max_colors` colours (2 to 256): so a pixel holds no more than 8 bits.

    Raises AirlockError if it is no PNG, has more than `max_pixels`, or breaks the decoder.
    """
    pixels_in(picture, max_pixels)
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-m", _WORKER, str(max_pixels), str(max_colors)],
            input=picture,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            cwd="/",
            env={},
        )
    except subprocess.TimeoutExpired:
        raise _refused("it takes too long to draw") from None
    if done.returncode != 0 or not done.stdout.startswith(_SIGNATURE):
        raise _refused("it cannot be drawn")
    return done.stdout


def _refused(why: str) -> AirlockError:
    return AirlockError(f"The figure may not leave: {why}.", code="figure-form")
