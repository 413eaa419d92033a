"""Decode one PNG and write it anew, in a process with few rights.

Run by path, `python -I redraw_worker.py MAX_PIXELS MAX_COLORS`: PNG on standard input and output.
The process limits itself and gives up root before it reads a byte.
"""

from __future__ import annotations

import io
import os
import resource
import sys

from PIL import Image

MEMORY = 512 * 2**20
SECONDS = 10
NOBODY = 65534


def confine() -> None:
    """Limit memory, time, files and processes to what the process needs, and give up root."""
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        hard = resource.getrlimit(limit)[1]
        lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (lowered, lowered))
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


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
    confine()
    try:
        drawn = redraw(sys.stdin.buffer.read(), max_pixels, max_colors)
    except Exception:
        return 3
    sys.stdout.buffer.write(drawn)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
