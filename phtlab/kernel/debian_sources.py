"""Debian archive for builds: this machine's own apt sources, else mmdebstrap's default mirror."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

from phtlab.errors import KernelError

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_FORMAT = "$(ORIGIN)\t$(CODENAME)\t$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)\t$(FILENAME)"


@dataclass(frozen=True)
class Archive:
    """Lines of a sources.list for one suite, and the state of its Release files on this machine.

    Without lines, it stands for mmdebstrap's default mirror, whose state is unknown.
    """

    suite: str
    lines: tuple[str, ...]
    state: str


def find_archive(suite: str) -> Archive:
    """Find the Debian archive of `suite` in this machine's apt sources.

    An Ubuntu machine, or one of another Debian release, has no source of `suite`: the archive is
    then mmdebstrap's default mirror. Raises KernelError if there is no apt.
    """
    try:
        found = subprocess.run(
            ["apt-get", "indextargets", "--format", _FORMAT, "Created-By: Packages"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        raise KernelError(
            "A kernel image is built from Debian's archive, and this machine has no apt.",
            "Build it on a Debian machine, or use the recipe's Dockerfile.",
            code="kernel-no-archive",
        ) from None
    return archive_of(suite, found, keyring=_KEYRING if _KEYRING.exists() else None)


def archive_of(suite: str, targets: str, *, keyring: Path | None) -> Archive:
    """Parse `targets`, the output of `apt-get indextargets`, for `suite`, component main."""
    option = f" [signed-by={keyring}]" if keyring else ""
    lines: set[str] = set()
    releases: set[Path] = set()
    for row in targets.splitlines():
        origin, codename, uri, release, component, filename = row.split("\t")
        if origin != "Debian" or component != "main":
            continue
        if codename.split("-", 1)[0] != suite:
            continue
        lines.add(f"deb{option} {uri} {release} main")
        releases.add(_release_file(filename))
    # The order of apt's configuration must not change a digest.
    state = hashlib.sha256()
    for file in sorted(releases):
        state.update(file.read_bytes() if file.exists() else b"unknown")
    return Archive(suite, tuple(sorted(lines)), state.hexdigest())


def _release_file(index: str) -> Path:
    """Return apt's copy of the InRelease file for the Packages file `index`."""
    stem = index.split("_main_binary-", 1)[0]
    return Path(f"{stem}_InRelease")
