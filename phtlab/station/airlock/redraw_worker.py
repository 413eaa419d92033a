"""Decodes one PNG and writes it anew, alone in a process with little to lose.

Run by path, `python -I redraw_worker.py MAX_PIXELS`: PNG on standard input and
output. It limits itself and gives up root before it reads a byte.
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
    """No more memory, time, files or processes than this needs, and no root."""
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


def redraw(content: bytes, max_pixels: int) -> bytes:
    """The picture in `content` and nothing else of the file: no text, profile or trailing bytes."""
    with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
        if picture.width * picture.height > max_pixels:
            raise ValueError("too many pixels")
        picture.load()
        drawn = picture.convert("RGBA" if "A" in picture.getbands() else "RGB")
    clean = Image.frombytes(drawn.mode, drawn.size, drawn.tobytes())
    target = io.BytesIO()
    clean.save(target, "PNG", optimize=False, compress_level=4)
    return target.getvalue()


def main() -> int:
    max_pixels = int(sys.argv[1])
    Image.preinit()  # loads the PNG decoder before files are out of reach
    confine()
    try:
        drawn = redraw(sys.stdin.buffer.read(), max_pixels)
    except Exception:
        return 3
    sys.stdout.buffer.write(drawn)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
