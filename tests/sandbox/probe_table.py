"""The 52 probes of the sandbox by number, and for those of the probe notebook what must come of it.

The numbers and names are those of the project's list of probes. What a notebook in one run can try
is in `inside/probes.py`; what ends or floods a run has runs of its own (test_endings.py), and
what lies in the output volume afterwards is the airlock's (test_hostile_outputs.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

PROBES: Final[Mapping[int, str]] = {
    1: "TCP to an outside address",
    2: "DNS lookup",
    3: "cloud metadata address",
    4: "other interfaces",
    5: "raw or packet socket",
    6: "AF_VSOCK socket",
    7: "abstract unix sockets of the host",
    8: "write to the root file system",
    9: "write to the input data",
    10: "read host files and other trains' volumes",
    11: "the engine's socket",
    12: "/proc/sys, sysrq, kcore",
    13: "write to /sys/fs/cgroup",
    14: "mount, pivot_root, setns",
    15: "new user namespace, clone3",
    16: "ptrace, process_vm_readv of others",
    17: "keyctl, add_key",
    18: "bpf, perf, userfaultfd",
    19: "io_uring",
    20: "modules, kexec, reboot, swapon",
    21: "set the clock",
    22: "mknod of a block or character device",
    23: "set-id file, program from /tmp",
    24: "memfd and exec",
    25: "fork bomb",
    26: "open 3000 files",
    27: "memory bomb",
    28: "fill /tmp or outputs",
    29: "inode bomb",
    30: "flood of prints",
    31: "one huge sparse file",
    32: "endless loop",
    33: "ignore SIGTERM, child in its own session",
    34: "zombies, double fork, staying after the notebook's end",
    35: "TRACEME, and an end of the runtime or of pid 1",
    36: "core dump",
    37: "symlink or hard link in outputs",
    38: "pipe, socket, device in outputs",
    39: "names with ../, /, control or bidi characters",
    40: "zip, tar, xz bomb",
    41: "huge notebook, deep nesting, NaN, integer of a million digits",
    42: "HTML, JavaScript, SVG, widgets",
    43: "terminal escapes in logs and errors",
    44: "pickle, joblib, npy of objects",
    45: "formulas in CSV cells",
    46: "rows in exception text or traceback",
    47: "rows in cell metadata, counts, file names, times",
    48: "rows in parameter names, image digest, labels of the next train",
    49: "data in row counts, low bits, order of cells",
    50: "run time, memory, exit code as a channel",
    51: "secrets in the environment",
    52: "facts of the host in /proc",
}

NO_NETWORK: Final = {"ENETUNREACH", "EADDRNOTAVAIL"}
REFUSED: Final = {"EPERM"}
READ_ONLY: Final = {"EROFS"}


def _refused(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, REFUSED)


# A set: any of these. Anything else: exactly this.
STOPPED: Final[Mapping[int, Mapping[str, Any]]] = {
    1: {"tcp": NO_NETWORK, "tcp6": NO_NETWORK, "routes": 0},
    2: {"dns": {"EAI_AGAIN"}},
    3: {"metadata": NO_NETWORK},
    4: {"interfaces": ["lo"]},
    5: _refused("raw", "packet", "alg", "netfilter"),
    6: _refused("vsock"),
    7: {"abstract": []},
    8: {"root": ["EROFS"] * 5, "inputs": READ_ONLY, "writable": ["/phtlab/out", "/tmp"]},
    9: {"data": ["EROFS", "EROFS"], "delete data": READ_ONLY},
    10: {
        "host files": ["ENOENT"],
        "seen": {"/data": ["heart"], "/phtlab": ["in", "out"]},
        "disks": [],
    },
    11: {"engine socket": ["ENOENT", "ENOENT"]},
    12: {
        "sysctl": READ_ONLY,
        "sysrq": {"EROFS", "EACCES", "ENOENT"},
        "kcore": {"ENOENT", "EACCES", "EPERM"},
        "sys": {"EROFS", "EACCES", "ENOENT"},
        "kernel log": REFUSED,
        "sethostname": REFUSED,
    },
    # EACCES is of the folder that holds them in version 1, EROFS of each group.
    13: {"cgroup": [{"EACCES", "EROFS"}], "cgroup path": ["/"]},
    14: _refused(
        *("mount", "umount2", "pivot_root", "chroot", "fsopen", "open_tree"),
        *("open_by_handle_at", "setns"),
    ),
    15: {**_refused("unshare", "clone new user"), "clone3": {"ENOSYS"}},
    16: _refused("ptrace of init", "process_vm_readv", "pidfd_getfd"),
    17: _refused("keyctl", "add_key", "request_key"),
    18: _refused("bpf", "perf_event_open", "userfaultfd"),
    19: _refused("io_uring_setup", "io_uring_enter", "io_uring_register"),
    20: _refused(
        *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load"),
        *("reboot", "swapon"),
    ),
    21: _refused("clock_settime", "settimeofday"),
    22: _refused("block device", "character device"),
    23: {
        "run from /tmp": {"EACCES"},
        "run from outputs": {"EACCES"},
        "set user id": {"EACCES"},
        "library from /tmp": {"OSError"},  # failed to map segment: the mount is noexec
        # They would run as nobody all the same, for want of new privileges.
        "set-id programs": [],
        "setuid": REFUSED,
        "setgroups": REFUSED,
        "ids": [65532] * 7,
        "status": {
            **dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), "0" * 16),
            "NoNewPrivs": "1",
            "Seccomp": "2",
        },
        "mounts": {
            "/": ["ro"],
            "/tmp": ["nodev", "noexec", "nosuid", "rw"],
            "/phtlab/out": ["nodev", "noexec", "nosuid", "rw"],
            "/phtlab/in": ["ro"],
            "/data/heart/heart.csv": ["ro"],
        },
    },
    24: _refused("memfd_create", "memfd_secret", "execveat"),
    25: {"fork bomb": {"EAGAIN"}},
    26: {"open files": {"EMFILE"}, "raise a limit": {"ValueError"}},
    28: {"fill /tmp": {"ENOSPC"}, "fill outputs": {"ENOSPC"}},
    29: {"many files in /tmp": {"ENOSPC"}, "many files in outputs": {"ENOSPC"}},
    31: {"sparse": {"EFBIG"}},
    35: {"ptrace": REFUSED},
    36: {"core dump": {"SIGABRT"}, "core": [0, 0]},
}

# Beside the list: what reaches rare kernel code, or takes more than its share.
BESIDE: Final[Mapping[str, Any]] = {
    **_refused("shmget", "semget", "msgget", "mq_open", "real time"),
    # A filter cannot look into the arguments of the 32-bit set.
    "32-bit calls": {"SIGSYS", "ENOSYS", "EPERM", "SIGSEGV"},
    "oom score": {"EACCES"},
    "nice": {"EACCES", "EPERM"},
    "hostname": "sandbox",
}

USABLE: Final = (
    "use loopback",
    "use unix sockets",
    "use threads",
    "use processes",
    "use a named pipe",
    "use /tmp",
    "use outputs",
)


def title(number: int) -> str:
    """How a row of evidence names the probe."""
    return f"{number} {PROBES[number]}"


def held(found: Any, expected: Any) -> bool:
    """Whether a probe's result is among those that are expected."""
    if isinstance(expected, set):
        return found in expected
    if isinstance(expected, list) and expected and isinstance(expected[0], set):
        return bool(found) and set(found) <= expected[0]
    return bool(found == expected)


def outcome(number: int, results: Mapping[str, Any]) -> str:
    """The errors that stopped the probe, or that nothing was there."""
    found: set[str] = set()
    for name in STOPPED[number]:
        result = results[name]
        many = result if isinstance(result, list) else [result]
        found |= {one for one in many if isinstance(one, str) and one.isupper()}
    # A signal that ended the probe's own child says nothing: what it left does.
    return ", ".join(sorted(found - {"SIGABRT"})) or "nothing of it is there"
