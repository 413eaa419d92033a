"""The kernel as a child process: found by its kernelspec, started, interrupted, killed.

Only what the start needs is imported here, because the kernel is started before
everything else: it is what takes the time.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from typing import IO, Any, NamedTuple

from phtlab.runtime.errors import JobError

PORTS = {"shell": 1, "iopub": 2, "stdin": 3, "control": 4, "hb": 5}
# A unix socket's path has 107 bytes; the rest of the name is "/k-5".
_LONGEST_FOLDER = 96
_STDERR_TAIL = 4096


class Connection(NamedTuple):
    """Where a kernel listens: unix sockets in `folder`, messages signed with `key`."""

    folder: str
    key: bytes

    def endpoint(self, channel: str) -> str:
        return f"ipc://{self.folder}/k-{PORTS[channel]}"


class KernelSpec(NamedTuple):
    """How a kernel is started (argv with {connection_file}) and interrupted."""

    argv: list[str]
    interrupt_mode: str
    env: dict[str, str]


def find_kernelspec(name: str) -> KernelSpec:
    """The installed kernelspec `name`; `python3` needs none if ipykernel is installed.

    Raises:
        JobError: there is no such kernel.
    """
    if not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise JobError(f"'{name}' is not the name of a kernel.")
    for folder in _data_folders():
        file = f"{folder}/kernels/{name}/kernel.json"
        if not os.path.isfile(file):  # noqa: PTH113
            continue
        return _read_kernelspec(file)
    if name == "python3":
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(_ours_if_python(argv), "signal", {})
    raise JobError(
        f"this image has no Jupyter kernel '{name}'. Choose the kernel image of the notebook's "
        "language, or install the kernelspec in the image."
    )


class KernelProcess:
    """A running kernel in a session of its own, so that its whole group can be signalled."""

    def __init__(
        self, spec: KernelSpec, *, env: dict[str, str] | None = None, cwd: str | None = None
    ) -> None:
        """Start the kernel. `cwd` None is a fresh folder that goes with the kernel."""
        self.spec = spec
        self.returncode: int | None = None
        self._adopts = False
        folder = _fresh_folder()
        self._folder = folder
        self.connection = Connection(folder, os.urandom(32).hex().encode())
        file = f"{folder}/connection.json"
        content: dict[str, Any] = {f"{name}_port": port for name, port in PORTS.items()}
        content |= {
            "ip": f"{folder}/k",
            "transport": "ipc",
            "key": self.connection.key.decode(),
            "signature_scheme": "hmac-sha256",
            "kernel_name": "",
        }
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as target:
            json.dump(content, target)
        if cwd is None:
            cwd = f"{folder}/work"
            os.mkdir(cwd, 0o700)  # noqa: PTH102
        environment = os.environ | spec.env | {"IPYTHONDIR": f"{folder}/ipython"} | (env or {})
        self._stderr: IO[bytes] = open(f"{folder}/stderr", "w+b")  # noqa: PTH123, SIM115
        try:
            self._process = subprocess.Popen(
                [part.replace("{connection_file}", file) for part in spec.argv],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                env=environment,
                cwd=cwd,
                start_new_session=True,
            )
        except OSError as error:
            self.close()
            raise JobError(
                f"the kernel's command '{spec.argv[0]}' cannot be started: {error.strerror}."
            ) from None
        # When memory runs out, the kernel goes and the runtime stays to tell of it.
        with (
            contextlib.suppress(OSError),
            open(  # noqa: PTH123
                f"/proc/{self._process.pid}/oom_score_adj", "w"
            ) as score,
        ):
            score.write("1000")

    @property
    def pid(self) -> int:
        return self._process.pid

    def adopt_orphans(self) -> None:
        """Become the parent of whatever the kernel's children leave behind.

        Without it, a process that forks twice would outlive the kernel unseen and could
        write into the output volume after the record.
        """
        import ctypes

        pr_set_child_subreaper, pr_set_dumpable = 36, 4
        libc = ctypes.CDLL(None, use_errno=True)
        self._adopts = libc.prctl(pr_set_child_subreaper, 1, 0, 0, 0) == 0
        # The kernel runs as the same user: it shall not write into this process's memory.
        libc.prctl(pr_set_dumpable, 0, 0, 0, 0)

    def alive(self) -> bool:
        """Whether the kernel runs; after its death `returncode` is set (-9: killed)."""
        if self.returncode is None:
            if self._adopts:
                self._reap()
            else:
                self.returncode = self._process.poll()
        return self.returncode is None

    def interrupt(self) -> None:
        """Interrupt the running cell, and its children, by a signal."""
        self._signal_group(signal.SIGINT)

    def kill(self) -> None:
        """Kill the kernel, its group, and all of its descendants that were adopted."""
        self._signal_group(signal.SIGKILL)
        if self.returncode is None:
            if self._adopts:
                while self.alive():
                    self._reap(block=True)
            else:
                self.returncode = self._process.wait()
        if self._adopts:
            # A fork bomb may outrun one pass; the container's end is the last resort.
            for _ in range(200):
                victims = _descendants(os.getpid())
                if not victims:
                    break
                for pid in victims:
                    with contextlib.suppress(OSError):
                        os.kill(pid, signal.SIGKILL)
                self._reap()
                os.sched_yield()

    def last_output(self) -> str:
        """The end of what the kernel wrote to its standard error outside of cells."""
        try:
            size = self._stderr.seek(0, os.SEEK_END)
            self._stderr.seek(max(0, size - _STDERR_TAIL))
            return self._stderr.read().decode("utf-8", "replace").strip()
        except (OSError, ValueError):
            return ""

    def close(self) -> None:
        """Remove the kernel's folder. Call after `kill`."""
        import shutil

        self._stderr.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _signal_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _reap(self, *, block: bool = False) -> None:
        """Collect every ended child, the kernel's status among them."""
        while True:
            try:
                pid, status = os.waitpid(-1, 0 if block else os.WNOHANG)
            except ChildProcessError:
                if self.returncode is None:
                    self.returncode = self._process.returncode = -signal.SIGKILL
                return
            if pid == 0:
                return
            if pid == self._process.pid:
                self.returncode = self._process.returncode = os.waitstatus_to_exitcode(status)
                return


def _read_kernelspec(file: str) -> KernelSpec:
    try:
        with open(file, "rb") as content:  # noqa: PTH123
            spec = json.loads(content.read())
        argv = [part for part in spec["argv"] if isinstance(part, str)]
        mode, env = spec.get("interrupt_mode", "signal"), dict(spec.get("env", {}))
        if not argv or argv != spec["argv"]:
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        raise JobError(f"{file} is not a kernelspec. Install the kernel again.") from None
    return KernelSpec(_ours_if_python(argv), mode, env)


def _ours_if_python(argv: list[str]) -> list[str]:
    """ipykernel with history off, and without its debugger where this Python runs it."""
    if "ipykernel_launcher" not in argv and "ipykernel" not in argv:
        return argv
    if not any("HistoryManager.enabled" in part for part in argv):
        argv = [*argv, "--HistoryManager.enabled=False"]
    if os.path.basename(argv[0]).startswith("python") and (  # noqa: PTH119
        "/" not in argv[0] or argv[0] == sys.executable
    ):
        argv[0] = sys.executable
        argv = [
            "phtlab.runtime.python_kernel" if part.startswith("ipykernel") else part
            for part in argv
        ]
    return argv


def _data_folders() -> list[str]:
    """Jupyter's data folders, in its own order of precedence (jupyter_core.paths)."""
    folders = [part for part in os.environ.get("JUPYTER_PATH", "").split(os.pathsep) if part]
    home = os.environ.get("HOME", "/")
    folders += [
        f"{sys.prefix}/share/jupyter",
        os.environ.get("JUPYTER_DATA_DIR") or f"{home}/.local/share/jupyter",
        "/usr/local/share/jupyter",
        "/usr/share/jupyter",
    ]
    return folders


def _fresh_folder() -> str:
    for parent in (os.environ.get("TMPDIR", "/tmp"), "/tmp"):  # noqa: S108
        folder = f"{parent}/phtlab-{os.urandom(6).hex()}"
        if len(folder) <= _LONGEST_FOLDER:
            break
    os.mkdir(folder, 0o700)  # noqa: PTH102
    return folder


def _descendants(ancestor: int) -> list[int]:
    """Every living process below `ancestor`, read from /proc."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:  # noqa: PTH123
                # The name in parentheses may hold anything; what counts comes after the last.
                state, parent = file.read().rpartition(b")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        if state != b"Z":
            children.setdefault(int(parent), []).append(int(entry))
    found: list[int] = []
    frontier = [ancestor]
    while frontier:
        below = children.get(frontier.pop(), [])
        found += below
        frontier += below
    return found
