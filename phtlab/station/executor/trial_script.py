"""Script that runs inside a trial of the sandbox: exceeds each limit and records the error.

The station puts this file into the trial's inputs: the kernel image's Python runs it. It imports
nothing of phtlab, and writes ``trial.json``. The expected answers are in sandbox_trial.py.
"""

# Plain calls, as an analysis would make them; /tmp is the sandbox's own.
# ruff: noqa: PTH101, PTH108, PTH123, S103, S108

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import platform
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

OUT = "/phtlab/out"
TMP = "/tmp"
MIB = 1024 * 1024
# The CPU quota of the run's own cgroup: version 2, and two paths of version 1.
QUOTAS = (
    "/sys/fs/cgroup/cpu.max",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us",
)
LIBC = ctypes.CDLL(None, use_errno=True)
# Numbers of system calls that the C library does not wrap (Linux, by machine).
NUMBERS = {
    "x86_64": {"io_uring_setup": 425, "keyctl": 250, "bpf": 321, "memfd_create": 319},
    "aarch64": {"io_uring_setup": 425, "keyctl": 219, "bpf": 280, "memfd_create": 279},
}


def named(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, str(error.errno))


def read(path: str) -> str:
    """Return the first word of a file; empty if the file cannot be read."""
    try:
        with open(path) as file:
            return file.read().split(" ")[0].strip()
    except OSError:
        return ""


def stopped(what: Callable[..., object], *arguments: Any) -> str:
    """Return the name of the error that `what` raises, or `allowed`."""
    try:
        what(*arguments)
    except OSError as error:
        return named(error)
    except ValueError:
        return "ValueError"
    return "allowed"


def refused(function: Callable[..., int], *arguments: Any) -> str:
    ctypes.set_errno(0)
    if function(*arguments) >= 0:
        return ""
    return errno.errorcode.get(ctypes.get_errno(), "?")


def write(path: str, size: int = 1) -> None:
    with open(path, "wb", buffering=0) as file:
        while size > 0:
            size -= file.write(bytes(min(size, 65536)))


def removed(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def connect() -> None:
    socket.create_connection(("192.0.2.1", 80), timeout=1).close()


def interfaces() -> str:
    return ",".join(sorted(name for _, name in socket.if_nameindex()))


def fill(folder: str, size: int) -> str:
    answer = stopped(write, f"{folder}/full", size)
    removed(f"{folder}/full")
    return answer


def many(folder: str, number: int) -> str:
    made, answer = 0, "allowed"
    try:
        for made in range(number):
            os.close(os.open(f"{folder}/many-{made}", os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        answer = named(error)
    for number in range(made + 1):
        removed(f"{folder}/many-{number}")
    return answer


def program(folder: str) -> str:
    path = f"{folder}/program"
    write(path)
    os.chmod(path, 0o755)
    answer = stopped(os.execv, path, [path])
    removed(path)
    return answer


def large_file() -> str:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    write(f"{OUT}/large", 0)
    answer = stopped(os.truncate, f"{OUT}/large", 1 << 40)
    removed(f"{OUT}/large")
    return answer


def open_files() -> str:
    held: list[int] = []
    answer = "allowed"
    try:
        for _ in range(300):
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as error:
        answer = named(error)
    for descriptor in held:
        os.close(descriptor)
    return answer


def processes() -> str:
    made: list[int] = []
    answer = "allowed"
    try:
        for _ in range(300):
            child = os.fork()
            if child == 0:
                signal.pause()
            made.append(child)
    except OSError as error:
        answer = named(error)
    for child in made:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return answer


def memory() -> str:
    """Let a child allocate twice the limit; the OOM killer should kill it first."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(OSError):
            write_text("/proc/self/oom_score_adj", "1000")
        try:
            hoard = [bytearray(b"x" * MIB) for _ in range(256)]
            os._exit(0 if hoard else 1)
        except MemoryError:
            os._exit(9)
    status = os.waitpid(child, 0)[1]
    return "allowed" if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0 else "killed"


def write_text(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def processors(before: float) -> int:
    """Measure the CPU share of two busy processes, in tenths of a CPU; 99 if there is no quota.

    On a busy machine the share is small even without a limit, so the cgroup's quota is read first.
    A quota applies to each tenth of a second, of which a short measurement may see only full parts:
    a high share is measured again, for longer.
    """
    if any(read(path) in ("-1", "max") for path in QUOTAS):
        return 99
    share = busy(before, 0.25)
    if share <= 7:
        return share
    used = os.times()
    return busy(used.user + used.system + used.children_user + used.children_system, 1.0)


def busy(before: float, seconds: float) -> int:
    begin = time.monotonic()
    child = os.fork()
    while time.monotonic() < begin + seconds:
        pass
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    used = os.times()
    whole = used.user + used.system + used.children_user + used.children_system - before
    return round(10 * whole / (time.monotonic() - begin))


def calls() -> str:
    """Return the open system calls that the filter should refuse, tried in a child process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, open_calls().encode())
        os._exit(0)
    os.close(writer)
    answer = os.read(reader, 4096).decode()
    os.close(reader)
    return answer if os.waitpid(child, 0)[1] == 0 else "one that ended the trial"


def open_calls() -> str:
    numbers = NUMBERS.get(platform.machine(), {})
    answers = {
        name: refused(LIBC.syscall, number, *arguments)
        for name, number, arguments in (
            (name, numbers.get(name), arguments)
            for name, arguments in (
                ("memfd_create", (b"x", 0)),
                ("io_uring_setup", (1, ctypes.create_string_buffer(120))),
                ("keyctl", (0, -3, 0)),
                ("bpf", (0, 0, 0)),
            )
        )
        if number is not None
    }
    answers["shmget"] = refused(LIBC.shmget, 0, 4096, 0o1600)
    answers["ptrace"] = refused(LIBC.ptrace, 0, 0, 0, 0)  # TRACEME
    answers["unshare"] = refused(LIBC.unshare, 0x10000000)
    answers["mount"] = refused(LIBC.mount, b"none", b"/tmp", b"tmpfs", 0, 0)
    for name, family in (("AF_VSOCK", 40), ("AF_ALG", 38), ("AF_PACKET", 17)):
        answers[name] = stopped(socket.socket, family, socket.SOCK_RAW).replace("allowed", "")
    # A runtime without such a call answers ENOSYS, or EAFNOSUPPORT for a socket family: as good as
    # refused.
    none = ("EPERM", "EACCES", "ENOSYS", "EAFNOSUPPORT", "ESOCKTNOSUPPORT", "EPROTONOSUPPORT")
    return ", ".join(sorted(name for name, answer in answers.items() if answer not in none))


def status(*names: str) -> str:
    with open("/proc/self/status") as file:
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    # gVisor has no field for ambient capabilities.
    return ",".join(sorted({fields[name].strip() for name in names if name in fields}))


def main() -> None:
    used = os.times()
    found: dict[str, object] = {"processors": processors(used.user + used.system)}
    found.update(
        {
            "network": stopped(connect),
            "interfaces": interfaces(),
            "root": stopped(write, "/trial"),
            "inputs": stopped(write, "/phtlab/in/trial"),
            "user": ",".join(sorted({str(n) for n in (*os.getresuid(), *os.getresgid())})),
            "capabilities": status("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"),
            "privileges": str(LIBC.prctl(39, 0, 0, 0, 0)),  # PR_GET_NO_NEW_PRIVS
            "calls": calls(),
            "open files": open_files(),
            "file size": large_file(),
            "core": str(resource.getrlimit(resource.RLIMIT_CORE)),
            "tmp": fill(TMP, 4 * MIB),
            "tmp files": many(TMP, 300),
            "tmp programs": program(TMP),
            "output quota": fill(OUT, 6 * MIB),
            "output files": many(OUT, 300),
            "output programs": program(OUT),
        }
    )
    # Last, because a runtime that does not enforce these may crash with the trial.
    for name, attempt in (("memory", memory), ("processes", processes)):
        write_text(f"{OUT}/trial.json", json.dumps({**found, "trying": name}))
        found[name] = attempt()
    write_text(f"{OUT}/trial.json", json.dumps(found))
    sys.stdout.write("x" * 200_000 + "\n")  # the log is capped


if __name__ == "__main__":
    main()
