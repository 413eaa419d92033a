"""How long tests wait for what should come at once.

Generous, as a busy machine is slow: only what hangs reaches it. Less than the limit of a test, so
that the error names what was waited for.
"""

from __future__ import annotations

from subprocess import Popen
from threading import Thread, Timer
from typing import IO, AnyStr, Final

LIMIT: Final = 240.0  # seconds


def join(*threads: Thread) -> None:
    """Wait for the end of `threads`. AssertionError if one goes on."""
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive(), f"{thread.name} has not ended in {LIMIT:.0f} seconds"


def read_line(process: Popen[AnyStr], stream: IO[AnyStr] | None) -> AnyStr:
    """The next line of `stream`, a pipe of `process`, which is killed if none comes."""
    assert stream is not None
    watch = Timer(LIMIT, process.kill)
    watch.start()
    try:
        return stream.readline()
    finally:
        watch.cancel()
