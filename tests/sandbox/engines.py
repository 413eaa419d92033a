"""Container engines of the tests' own, beside the machine's: another runtime, user namespaces.

Each has its data, its socket and its processes below one folder, no network for its containers,
and is ended by the process id of who started it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from phtlab.wire.engine_socket import check_socket
from tests.limits import LIMIT

PATHS = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/libexec/podman"


def require(*programs: str) -> None:
    """Fail, and say what to install: a runtime class that is not here is no reason to skip."""
    missing = [program for program in programs if shutil.which(program, path=PATHS) is None]
    assert not missing, (
        f"{', '.join(missing)} cannot be found. .ci/prepare test-long installs what the long "
        "tests need."
    )


@contextmanager
def docker_engine(*options: str, runtimes: Mapping[str, object] | None = None) -> Iterator[str]:
    """A Docker engine with `options` and further `runtimes`; yields its address."""
    require("dockerd")
    # A short path: a unix socket's name has 108 bytes.
    with _folder("dockerd-") as place:
        (place / "daemon.json").write_text(json.dumps({"runtimes": runtimes or {}}))
        command = [
            *("dockerd", "--config-file", f"{place}/daemon.json"),
            *("--host", f"unix://{place}/docker.sock", "--pidfile", f"{place}/pid"),
            *("--data-root", f"{place}/data", "--exec-root", f"{place}/exec"),
            *("--bridge", "none", "--iptables=false", "--ip6tables=false"),
            *options,
        ]
        with _running(command, place) as address:
            yield address


@contextmanager
def podman_service(registry: str, runtime: str) -> Iterator[str]:
    """Podman's service, which speaks the engine's API; yields its address.

    It may pull from `registry` (host:port) by plain HTTP.
    """
    require("podman", "catatonit", runtime)
    with _folder("podman-") as place:
        (place / "registries.conf").write_text(
            f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n'
        )
        environment = {
            "CONTAINERS_REGISTRIES_CONF": str(place / "registries.conf"),
            "XDG_RUNTIME_DIR": str(place),
            "HOME": str(place),
        }
        command = [
            *("podman", "--runtime", runtime, "--storage-driver", "overlay"),
            *("--root", f"{place}/data", "--runroot", f"{place}/run"),
            *("system", "service", "--time", "0", f"unix://{place}/docker.sock"),
        ]
        with _running(command, place, environment) as address:
            yield address


@contextmanager
def _folder(prefix: str) -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix=prefix, dir="/var/tmp"))
    place.chmod(0o711)
    try:
        yield place
    finally:
        for process in _processes_of(place):  # what the engine itself lost sight of
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        for mount in reversed(_mounts_below(place)):
            subprocess.run(["umount", "-l", mount], check=False, timeout=LIMIT)
        # A kernel that still lets go of a file system: what is left is in a temporary folder.
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _running(
    command: Sequence[str], place: Path, environment: dict[str, str] | None = None
) -> Iterator[str]:
    address = f"unix://{place}/docker.sock"
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env={"PATH": PATHS, **(environment or {})},
            start_new_session=True,
            cwd="/",
        )
    try:
        _await(address, process, place / "log")
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=LIMIT)


def _await(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text("utf-8", "replace")[-2000:]
        with suppress(ConnectionError):
            check_socket(address)
            return
        time.sleep(0.2)
    raise AssertionError(log.read_text("utf-8", "replace")[-2000:])


def processes() -> list[Path]:
    """The folders of this machine's processes; one may end at any moment.

    Not by a pattern: `glob` looks at each path again, and raises if it is no longer there.
    """
    return [folder for folder in Path("/proc").iterdir() if folder.name.isdecimal()]


def _processes_of(place: Path) -> list[int]:
    """Processes whose command names this engine's own folder: its shims and sandboxes."""
    found = []
    for process in processes():
        with suppress(OSError):
            if str(place).encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


def _mounts_below(place: Path) -> list[str]:
    with Path("/proc/self/mountinfo").open(encoding="utf-8", errors="replace") as table:
        places = [line.split(" ")[4] for line in table]
    return [mount for mount in places if mount.startswith(f"{place}/")]
