"""Middle layer: wheels, each checked against its hash, unpacked for the image's Python."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from phtlab.errors import KernelError
from phtlab.kernel.chroot import ImagePython

# The oldest C library (minor version) that the tags of wheels in use name (manylinux1's).
_OLDEST_LIBC = 5


def download_wheels(lock: Path, python: ImagePython, folder: Path) -> list[Path]:
    """Download the wheels that `lock` names, for `python` (not the running one), by file name.

    `folder` caches them. pip takes them from this machine's configured index, and checks each
    against the lock file's hashes. Raises KernelError with pip's last lines.
    """
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / f"{lock.name}.log"
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"),
        *("--only-binary", ":all:", "--dest", str(folder), "--requirement", str(lock)),
        *("--disable-pip-version-check", "--no-input", "--progress-bar", "off"),
        *("--log", str(report)),
        *("--python-version", python.version, "--implementation", "cp"),
        *(argument for abi in _abis(python) for argument in ("--abi", abi)),
        *(argument for platform in _platforms(python) for argument in ("--platform", platform)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-4:])
        raise KernelError(
            f"pip could not get the wheels of {lock} for Python {python.version}:\n{last}",
            code="kernel-wheels",
        )
    return _named(lock, folder)


def unpack_wheels(wheels: list[Path], prefix: Path, site: str, drop: tuple[str, ...]) -> None:
    """Unpack all `wheels` below `prefix`, their packages in `site`.

    Scripts are left out, as only the runtime starts programs at a station; so are files that match
    `drop`. Modes are 755 and 644, whatever the wheel says. (Wheels are specified at
    packaging.python.org, "Binary distribution format".)
    """
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
                if entry.is_dir():
                    continue
                place = _path_in_image(wheel.name, entry.filename, site)
                if place is not None and not _dropped(place, site, drop):
                    _write(prefix, place, archive.read(entry))


def _path_in_image(wheel: str, name: str, site: str) -> PurePosixPath | None:
    """Return the path, from the root, of a wheel's file; None if it is left out."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise KernelError(
            f"The wheel {wheel} holds the path '{name}', which leaves its folder.",
            code="kernel-wheel-path",
        )
    if not path.parts[0].endswith(".data"):
        return PurePosixPath(site) / path
    match path.parts[1]:
        case "purelib" | "platlib":
            return PurePosixPath(site).joinpath(*path.parts[2:])
        case "data":
            return PurePosixPath("usr/local").joinpath(*path.parts[2:])
        case _:
            return None


def _dropped(place: PurePosixPath, site: str, drop: tuple[str, ...]) -> bool:
    name = str(place.relative_to(site)) if place.is_relative_to(site) else str(place)
    return any(fnmatchcase(name, pattern) for pattern in drop)


def _write(prefix: Path, place: PurePosixPath, content: bytes) -> None:
    file = prefix / place
    for folder in reversed(file.relative_to(prefix).parents[:-1]):
        made = prefix / folder
        if not made.exists():
            made.mkdir()
            made.chmod(0o755)
    file.write_bytes(content)
    file.chmod(0o644)


def _abis(python: ImagePython) -> tuple[str, ...]:
    return f"cp{python.version.replace('.', '')}", "abi3", "none"


def _platforms(python: ImagePython) -> list[str]:
    """List all platform tags (PEP 600) that the image's C library satisfies, newest first."""
    newest = int(python.libc.split(".")[1])
    return [
        f"manylinux_2_{minor}_{python.machine}" for minor in range(newest, _OLDEST_LIBC - 1, -1)
    ]


def _named(lock: Path, folder: Path) -> list[Path]:
    """Return the wheels in `folder` of the projects and versions that `lock` names, sorted."""
    pinned = {
        (_project(name), version.replace("!", "_"))
        for name, version in re.findall(
            r"^([A-Za-z0-9._-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    found = {
        (_project(parts[0]), parts[1]): wheel
        for wheel in sorted(folder.glob("*.whl"))
        if len(parts := wheel.name.split("-")) >= 5
    }
    missing = sorted(name for name, version in pinned - found.keys())
    if missing:
        raise KernelError(f"pip left no wheel for: {', '.join(missing)}.", code="kernel-wheels")
    return [found[key] for key in sorted(pinned)]


def _project(name: str) -> str:
    """Return the normalised name (PEP 503), as wheel file names spell it."""
    return re.sub(r"[-_.]+", "_", name).lower()
