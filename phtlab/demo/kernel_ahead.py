"""Build the demonstration's kernel image in a process of its own while keys are made."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from phtlab.processes.services import phtlab_command
from phtlab.share import share

KERNEL_RECIPE = "kernels/python"


@contextmanager
def kernel_ahead() -> Iterator[None]:
    """Build the image's layers into the cache during the block; stop the build at its end.

    A later build waits for this one at the cache's lock, and reports again any error of this one.
    """
    process = subprocess.Popen(
        phtlab_command("kernel", "build", str(share(KERNEL_RECIPE))),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()
