"""Separate Python environments of peers, made from lock files; phtlab depends on no peer."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

UV = ROOT / ".ci" / "uv"
# Stores bytecode: what a side imports is compiled in its first run only.
BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}


def python_of(lock: Path) -> Path:
    """Return the interpreter of the environment of `lock`; remake it if the file has changed."""
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
    """Return the peer of the lock file as `name 1.2.3`: the line after the comment."""
    return lock.with_suffix(".in").read_text().splitlines()[1].replace("==", " ")
