"""One kernel's folder on this machine: its sockets, and the files that it may read.

    FOLDER (0700)      accessible to the user only
    ├── s/ (0777)      bound in, writable until the kernel listens: its unix sockets and its
    │                  connection file; a new folder for each start
    └── in/ (0755)     bound in, read-only: datasets.json, and copies of files that only the user
                       may read

The kernel runs as another user. It reaches what is bound in, whatever the mode of FOLDER.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from phtlab.errors import DataSetError, SandboxError
from phtlab.runtime.errors import JobError
from phtlab.runtime.job import DeclaredDataset, datasets_of
from phtlab.runtime.kernel_process import PORTS
from phtlab.station.executor.sandbox import IN, OUT, data_target

SOCKETS: Final = f"{OUT}/k"
CONNECTION_FILE: Final = f"{OUT}/connection.json"
DATASETS_FILE: Final = f"{IN}/datasets.json"
# A unix socket's path has at most 107 bytes.
_LONGEST: Final = 107 - len("/phtlab-kernel-12345678/s/k-5")


@dataclass(frozen=True)
class KernelFolder:
    """The folder of one kernel, kept across its restarts."""

    path: Path

    @classmethod
    def make(cls, parent: str = "") -> KernelFolder:
        """Make a folder in `parent`, by default in this machine's temporary folder."""
        place = parent or tempfile.gettempdir()
        if len(os.fsencode(place)) > _LONGEST:
            raise SandboxError(
                f"The kernel's sockets cannot be below {place}: that path is too long.",
                "Name a shorter one with SandboxProvisioner.folder or TMPDIR.",
                code="kernel-sockets",
            )
        path = Path(tempfile.mkdtemp(prefix="phtlab-kernel-", dir=place))
        folder = cls(path)
        folder.inputs.mkdir()
        folder.inputs.chmod(0o755)
        return folder

    @property
    def sockets(self) -> Path:
        return self.path / "s"

    @property
    def inputs(self) -> Path:
        return self.path / "in"

    @property
    def address(self) -> str:
        """The `ip` of an ipc kernel in Jupyter: the sockets' path without `-1` to `-5`."""
        return str(self.sockets / "k")

    def connect(self, key: str, signature_scheme: str) -> None:
        """Write the kernel's connection file; remove sockets of an earlier kernel.

        Whatever the earlier kernel could write to is moved out of its reach and removed, without
        following links.
        """
        if self.sockets.exists():
            # A kernel that still runs can access the folder that it was given, under any name.
            before = tempfile.mkdtemp(prefix="before-", dir=self.path)
            self.sockets.replace(before)
            shutil.rmtree(before, ignore_errors=True)
        self.sockets.mkdir(mode=0o700)
        content = {f"{name}_port": port for name, port in PORTS.items()} | {
            "ip": SOCKETS,
            "transport": "ipc",
            "key": key,
            "signature_scheme": signature_scheme,
            "kernel_name": "",
        }
        with _new_file(self.sockets / "connection.json") as file:
            file.write(json.dumps(content))
        # Last, when nothing more is written there.
        self.sockets.chmod(0o777)

    def listening(self) -> bool:
        """Whether all five sockets exist."""
        return all(Path(f"{self.address}-{port}").is_socket() for port in PORTS.values())

    def seal(self) -> None:
        """Make the folder read-only to the kernel; its sockets stay usable.

        Whatever the kernel writes from now on is removed with its container.
        """
        self.sockets.chmod(0o755)

    def data(self, declared: str) -> Mapping[str, Path]:
        """Return the mounts, by name, for the data sets that the file `declared` names.

        Writes the file that the kernel reads instead. Raises DataSetError.
        """
        entries = _declared(Path(declared)) if declared else {}
        mounts = {name: self._reachable(entry) for name, entry in entries.items()}
        written = {
            name: {
                "path": data_target(name, mounts[name]),
                "format": entry.format,
                "columns": entry.columns,
            }
            for name, entry in entries.items()
        }
        file = self.inputs / "datasets.json"
        file.write_text(json.dumps(written))
        file.chmod(0o644)
        return mounts

    def remove(self) -> None:
        # Files that the kernel made in folders of its own stay if only its user may remove them.
        shutil.rmtree(self.path, ignore_errors=True)

    def _reachable(self, entry: DeclaredDataset) -> Path:
        """Return the data itself if anyone may read it, else a copy that the kernel may read."""
        path = Path(entry.path)
        try:
            mode = path.stat().st_mode
            if path.is_dir():
                if mode & 0o5 == 0o5:
                    return path
                raise PermissionError
            if mode & 0o4:
                return path
            copy = self.inputs / f"{entry.name}-{path.name}"
            shutil.copyfile(path, copy)
            copy.chmod(0o644)
        except PermissionError:
            raise DataSetError(
                f"The data set {entry.name} at {path} cannot be read by the sandbox's user.",
                "Let others read it (chmod o+rX), or leave it out of the declared data sets.",
                code="data-set-unreadable",
            ) from None
        except OSError as error:
            raise DataSetError(
                f"The data set {entry.name} is not at {path} ({error.strerror}).",
                "Put it there, or correct its path.",
                code="data-set-missing",
            ) from None
        return copy


def _new_file(path: Path) -> TextIO:
    """Create a file that anyone may read; follows no link and replaces no file."""
    made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    os.fchmod(made, 0o644)
    return os.fdopen(made, "w")


def _declared(file: Path) -> dict[str, DeclaredDataset]:
    try:
        entries = datasets_of(json.loads(file.read_bytes()), str(file))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, JobError) as error:
        reason = error if isinstance(error, JobError) else "it is not a JSON file that can be read"
        raise DataSetError(
            f"The data sets declared in {file} (PHTLAB_DATASETS) cannot be used: {reason}",
            code="data-set-missing",
        ) from None
    return {name: e._replace(path=str(file.parent / e.path)) for name, e in entries.items()}
