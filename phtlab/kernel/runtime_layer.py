"""Top layer: phtlab's own runtime, and the recipe's files. It is small and changes most often."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import phtlab


def runtime_sources() -> dict[str, Path]:
    """Return phtlab's files in a kernel image: path from the package's folder to the local file."""
    package = Path(phtlab.__file__).parent
    files = [
        *(package / name for name in ("__init__.py", "py.typed", "version.py")),
        *(package / "runtime").rglob("*"),
    ]
    return {
        file.relative_to(package).as_posix(): file
        for file in sorted(files)
        if file.is_file() and "__pycache__" not in file.parts
    }


def overlay_files(overlay: Path | None) -> dict[str, Path]:
    """Return the recipe's own files: path from the image's root to the local file."""
    if overlay is None:
        return {}
    return {
        file.relative_to(overlay).as_posix(): file
        for file in sorted(overlay.rglob("*"))
        if file.is_file()
    }


def fingerprint(files: dict[str, Path]) -> list[tuple[str, str]]:
    """Return each path with the SHA-256 of its content."""
    return [(name, hashlib.sha256(file.read_bytes()).hexdigest()) for name, file in files.items()]


def lay_out(tree: Path, site: str, overlay: Path | None) -> None:
    """Copy the layer's content below `tree`, with phtlab in `site`."""
    files = {f"{site}/phtlab/{name}": file for name, file in runtime_sources().items()}
    for name, file in _together(files, overlay_files(overlay)):
        target = tree / name
        for folder in reversed(target.relative_to(tree).parents[:-1]):
            (tree / folder).mkdir(exist_ok=True)
            (tree / folder).chmod(0o755)
        shutil.copyfile(file, target)
        target.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)


def _together(*files: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    for some in files:
        yield from some.items()
