"""How a run ended, and the words that say so. Pure: judged from what was seen.

The outcomes are the contract with the station; docs/runtime.md lists them for people.
"""

from __future__ import annotations

import errno
import re
from typing import Any, Literal, NamedTuple

from phtlab.runtime.error_cause import Cause, read_cause

Outcome = Literal[
    "completed",
    "cell-failed",
    "kernel-died",
    "out-of-memory",
    "out-of-time",
    "quota",
    "output-error",
    "cancelled",
]

_LONGEST_MESSAGE = 2_000
_LONGEST_TRACEBACK = 12_000
_TERMINAL_CODES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
# Terminal controls, and the marks that make text run the other way.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_TYPE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_WORDS = ("No space left on device", "Disk quota exceeded", "File too large")


class Failure(NamedTuple):
    """What went wrong, where. `cell` and `line` count from 1, in the author's notebook.

    `message` and `traceback` may hold data: they stay at the station. `cause` is what the kernel
    says of it, if it says anything.
    """

    type: str
    cell: int | None
    line: int | None
    message: str
    traceback: str
    cause: Cause | None = None


class Verdict(NamedTuple):
    """How a run ended; `failure` is None exactly if it completed.

    `cells` holds the number and the seconds of each cell that was run.
    """

    outcome: Outcome
    failure: Failure | None
    cells: tuple[tuple[int, float], ...]


def failed_cell(reply: dict[str, Any], cell: int | None, source: str) -> tuple[Outcome, Failure]:
    """The verdict on a cell whose reply's status was anything but `ok`; None for other code."""
    name = str(reply.get("ename") or "")
    value = str(reply.get("evalue") or "")
    lines = reply.get("traceback")
    traceback = "\n".join(str(line) for line in lines) if isinstance(lines, list) else ""
    if not name:
        name, value = "Aborted", "the kernel did not run the cell to its end"
    failure = Failure(
        type=name if _TYPE_NAME.fullmatch(name) else "Error",
        cell=cell,
        line=line_of(traceback, reply.get("execution_count"), source),
        message=printable(value, _LONGEST_MESSAGE),
        traceback=printable(traceback, _LONGEST_TRACEBACK),
        cause=read_cause(reply.get("phtlab")),
    )
    if is_full(value):
        return "quota", failure
    if name == "PublishError":
        return "output-error", failure
    return "cell-failed", failure


def dead_kernel(
    returncode: int | None, oom_kills: int, cell: int | None, last_output: str
) -> tuple[Outcome, Failure]:
    """The verdict on a kernel that ended by itself. `oom_kills` is the counter's rise."""
    if returncode == -9 and oom_kills > 0:
        return "out-of-memory", Failure(
            "OutOfMemory", cell, None, "the kernel was killed because memory ran out", ""
        )
    how = (
        f"by signal {-returncode}"
        if returncode is not None and returncode < 0
        else (f"with exit code {returncode}")
    )
    return "kernel-died", Failure(
        "KernelDied",
        cell,
        None,
        f"the kernel ended {how}",
        printable(last_output, _LONGEST_TRACEBACK),
    )


def is_full(message: str) -> bool:
    """Whether an error's message says that a volume, a quota or a file's size is used up."""
    return any(f"[Errno {number}]" in message for number in _FULL) or any(
        words in message for words in _FULL_WORDS
    )


def line_of(traceback: str, execution_count: object, source: str) -> int | None:
    """The line of the running cell in an IPython traceback, or None.

    The innermost frame of the cell itself counts, not one in a function that an
    earlier cell defined: cell and line shall point to the same place.
    """
    if not isinstance(execution_count, int):
        return None
    plain = _TERMINAL_CODES.sub("", traceback)
    found = re.findall(rf"^ *Cell In ?\[{execution_count}\], line (\d{{1,7}})\b", plain, re.M)
    if not found:
        return None
    # IPython drops a cell's empty first lines before it counts.
    line = int(found[-1]) + source[: len(source) - len(source.lstrip())].count("\n")
    return line if 1 <= line <= source.count("\n") + 1 else None


def printable(text: str, longest: int) -> str:
    """`text` without terminal controls, cut in its middle to `longest` characters."""
    plain = _UNPRINTABLE.sub("\ufffd", _TERMINAL_CODES.sub("", text))
    if len(plain) <= longest:
        return plain
    half = (longest - 5) // 2
    return f"{plain[:half]}\n...\n{plain[-half:]}"
