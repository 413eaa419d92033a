"""Decode one PNG and write it anew, in a process with few rights.

Run as ``python -I -m phtlab.station.airlock.formats.redraw_worker MAX_PIXELS MAX_COLORS``: PNG on
standard input and output. It limits itself and gives up root before it reads a byte.
"""

from __future__ import annotations

import io
import sys

from PIL import Image

from phtlab.station.confinement import confine

MEMORY = 512 * 2**20
SECONDS = 10
FILES = 16


def redraw(content: bytes, max_pixels: int, max_colors: int) -> bytes:
    """Redraw the visible part of the picture in `content` on white paper.

    Drops text, profiles and trailing bytes, and any colour that a transparent pixel hides. At most
    `max_colors` colours (2 to 256) leave, the nearest of a palette made of the picture's own.
    """
    with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
        if picture.width * picture.height > max_pixels:
            raise ValueError("too many pixels")
        picture.load()
        drawn = picture.convert("RGBA")
    paper = Image.new("RGBA", drawn.size, "white")
    seen = Image.alpha_composite(paper, drawn).convert("RGB")
    reduced = seen.quantize(max_colors, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    target = io.BytesIO()
    _clean(reduced).save(target, "PNG", optimize=False, compress_level=4)
    return target.getvalue()


def _clean(reduced: Image.Image) -> Image.Image:
    """Return `reduced` with a palette of only the colours that it uses."""
    palette = reduced.getpalette("RGB") or []
    used = sorted(color for _, color in reduced.getcolors(256) or () if isinstance(color, int))
    order = bytearray(256)
    for place, color in enumerate(used):
        order[color] = place
    clean = Image.frombytes("P", reduced.size, reduced.tobytes().translate(bytes(order)))
    clean.putpalette([part for color in used for part in palette[3 * color : 3 * color + 3]])
    return clean


def main() -> int:
    max_pixels, max_colors = map(int, sys.argv[1:])
    Image.preinit()  # loads the PNG decoder before `confine` limits files
    confine(memory=MEMORY, seconds=SECONDS, files=FILES)
    try:
        drawn = redraw(sys.stdin.buffer.read(), max_pixels, max_colors)
    except Exception:
        return 3
    sys.stdout.buffer.write(drawn)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
