"""Run a command as a unit of systemd does that has `SystemCallFilter=` and MemoryDenyWriteExecute.

    python -m tests.docs.system_call_filter '@system-service @mount ~chroot' COMMAND …

systemd itself does not have to run; its sets of system calls are asked for.
"""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
import sys
from typing import Final

_ALLOW: Final = 0x7FFF0000  # SCMP_ACT_ALLOW
_REFUSE: Final = 0x00050000 | errno.EPERM  # SCMP_ACT_ERRNO
_MASKED_EQUAL: Final = 7  # SCMP_CMP_MASKED_EQ
_UNKNOWN: Final = -1  # __NR_SCMP_ERROR
_WRITE, _EXECUTE = 0x2, 0x4  # PROT_WRITE, PROT_EXEC
# Of these calls, the argument (from 0) with the protection, and what it may not have at once.
_NOT_AT_ONCE: Final = {
    "mmap": (2, _WRITE | _EXECUTE),
    "mprotect": (2, _EXECUTE),
    "pkey_mprotect": (2, _EXECUTE),
}


class Comparison(ctypes.Structure):
    """`struct scmp_arg_cmp` of seccomp.h."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("mask", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
    )


def calls(filters: str) -> set[str]:
    """The system calls that `filters` allow: names and sets, those after a `~` taken out."""
    allowed: set[str] = set()
    for entry in filters.split():
        if entry.startswith("~"):
            allowed -= _calls_of(entry[1:])
        else:
            allowed |= _calls_of(entry)
    return allowed


def _calls_of(entry: str) -> set[str]:
    if not entry.startswith("@"):
        return {entry}
    shown = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter", entry],
        check=True,
        capture_output=True,
        text=True,
        timeout=240,
    ).stdout.splitlines()
    lines = [line.strip() for line in shown[1:]]  # the set's own name is the first
    return {call for line in lines if line and not line.startswith("#") for call in _calls_of(line)}


def apply(allowed: set[str]) -> None:
    """Refuse every other call of this process, and memory that is writable and executable."""
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_REFUSE)))
    for name in sorted(allowed):
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number == _UNKNOWN or number < 0:  # of another architecture
            continue
        argument, together = _NOT_AT_ONCE.get(name, (0, 0))
        bits = [bit for bit in (_WRITE, _EXECUTE) if together & bit]
        # Allowed if one of the bits is missing; each rule is one such case.
        rules = [(Comparison(argument, _MASKED_EQUAL, bit, 0),) for bit in bits] or [()]
        for rule in rules:
            code = library.seccomp_rule_add_array(
                context,
                ctypes.c_uint32(_ALLOW),
                number,
                len(rule),
                (Comparison * max(1, len(rule)))(*rule),
            )
            assert code == 0, f"{name}: {os.strerror(-code)}"
    assert library.seccomp_load(context) == 0, "the filter was not taken"


if __name__ == "__main__":
    apply(calls(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
