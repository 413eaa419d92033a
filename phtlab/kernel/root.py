"""Lowest layer: a Debian root file system without anything that differs between two builds."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

from phtlab.errors import KernelError
from phtlab.kernel.chroot import ImagePython
from phtlab.kernel.debian_sources import Archive
from phtlab.kernel.layer import EPOCH

# The user that notebooks run as; distroless images use this number for "nonroot".
USER = 65532

# Documentation is left out, except licences, which must stay with the software.
_DPKG = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/lintian/*",
    "force-unsafe-io",
)

# Files that name the builder's machine or its mirror, or hold times and caches.
_LEFTOVERS = (
    "dev/*",
    "etc/*-",
    "etc/apt/sources.list",
    "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
    "etc/hostname",
    "etc/machine-id",
    "etc/resolv.conf",
    "proc/*",
    "run/*",
    "sys/*",
    "tmp/*",
    "var/cache/apt/*",
    "var/cache/debconf/*",
    "var/cache/ldconfig/*",
    "var/lib/apt/lists/*",
    "var/lib/dbus/machine-id",
    "var/lib/dpkg/*-old",
    "var/lib/dpkg/lock*",
    "var/log/*",
    "var/tmp/*",
)

# Mount points for inputs and outputs at a station, and the folder of a train's layer.
_PLACES = ("data", "phtlab/in", "phtlab/out", "train")


def builder_version() -> str:
    """Return mmdebstrap's version. Raises KernelError if it is missing, or without root rights."""
    if os.geteuid() != 0:
        raise KernelError(
            "Building a kernel image unpacks a Debian root file system, which needs root: run it "
            "with sudo, or build it on another machine and push it with --push.",
            code="kernel-needs-root",
        )
    try:
        done = subprocess.run(
            ["mmdebstrap", "--version"], check=True, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise KernelError(
            "Building a kernel image needs mmdebstrap: 'apt-get install mmdebstrap'.",
            code="kernel-no-mmdebstrap",
        ) from None
    return done.stdout.strip()


def make_root(archive: Archive, packages: tuple[str, ...], root: Path) -> dict[str, str]:
    """Make a root file system of Debian's essential packages and `packages` at `root`.

    Returns the version of each package in it. Raises KernelError with mmdebstrap's last lines.
    """
    command = [
        "mmdebstrap",
        "--mode=root",
        "--variant=essential",
        "--format=directory",
        f"--include={','.join(sorted(packages))}",
        *(f"--dpkgopt={option}" for option in _DPKG),
        archive.suite,
        str(root),
        *(["-"] if archive.lines else []),
    ]
    done = subprocess.run(
        command,
        input="".join(f"{line}\n" for line in archive.lines),
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH), "LC_ALL": "C", "TZ": "UTC"},
    )
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-4:])
        raise KernelError(f"mmdebstrap could not make the root file system:\n{last}")
    _clean(root)
    _furnish(root)
    ImagePython.of(root).compile("usr")
    return installed(root)


def installed(root: Path) -> dict[str, str]:
    """Map each package to its version, as in dpkg's status file in `root`."""
    packages: dict[str, str] = {}
    name = ""
    for line in (root / "var/lib/dpkg/status").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(": ")
        if key == "Package":
            name = value
        elif key == "Version":
            packages[name] = value
    return dict(sorted(packages.items()))


def _clean(root: Path) -> None:
    for pattern in _LEFTOVERS:
        for path in root.glob(pattern):
            _remove(path)
    for cache in list(root.rglob("__pycache__")):
        _remove(cache)
    # A station allows no new privileges, so a set-id bit would be useless.
    for path in root.rglob("*"):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
            path.chmod(stat.S_IMODE(mode) & ~(stat.S_ISUID | stat.S_ISGID))


def _furnish(root: Path) -> None:
    for place in _PLACES:
        (root / place).mkdir(parents=True)
        (root / place).chmod(0o755)
    with (root / "etc/passwd").open("a", encoding="utf-8") as file:
        file.write(f"phtlab:x:{USER}:{USER}:phtlab:/tmp:/usr/sbin/nologin\n")
    with (root / "etc/group").open("a", encoding="utf-8") as file:
        file.write(f"phtlab:x:{USER}:\n")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
