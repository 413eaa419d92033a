"""An environment of a peer's own, made from its lock file; a peer is no dependency of phtlab."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import CACHE, ROOT


def python_of(lock: Path) -> Path:
    """The interpreter of the environment of `lock`, made anew when the file has changed."""
    place = CACHE / f"bench-{lock.stem}"
    python, stamp = place / "bin" / "python", place / "made-of"
    if not stamp.exists() or stamp.read_text() != lock.read_text():
        uv = str(ROOT / ".ci" / "uv")
        make = [uv, "venv", "-q", "--clear", "--python", sys.executable, str(place)]
        subprocess.run(make, check=True)
        install = [uv, "pip", "install", "-q", "--python", str(python)]
        subprocess.run([*install, "--require-hashes", "-r", str(lock)], check=True)
        stamp.write_text(lock.read_text())
    return python


def against(lock: Path) -> str:
    """What the lock file was made for, as `name 1.2.3`: the first line after the comment."""
    return lock.with_suffix(".in").read_text().splitlines()[1].replace("==", " ")
