"""An environment of a peer's own, made from its lock file; a peer is no dependency of phtlab."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

UV = ROOT / ".ci" / "uv"
# What a side imports is compiled in its first run, which is not counted, and kept as bytecode.
BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}


def python_of(lock: Path) -> Path:
    """The interpreter of the environment of `lock`, made anew when the file has changed."""
    place = ROOT / ".cache" / f"bench-{lock.stem}"
    python, stamp = place / "bin" / "python", place / "made-of"
    if not stamp.exists() or stamp.read_text() != lock.read_text():
        shutil.rmtree(place, ignore_errors=True)
        install = [str(UV), "pip", "install", "-q", "--require-hashes"]
        install += ["--python", str(python), "-r", str(lock)]
        subprocess.run([UV, "venv", "-q", "--python", sys.executable, place], check=True)
        subprocess.run(install, check=True)
        stamp.write_text(lock.read_text())
    return python


def against(lock: Path) -> str:
    """What the lock file was made for, as `name 1.2.3`: the first line after the comment."""
    return lock.with_suffix(".in").read_text().splitlines()[1].replace("==", " ")
