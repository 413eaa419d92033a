"""The demonstration's kernel image, built in a process of its own while keys are made."""

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
    """Build the image's layers into the cache meanwhile; what is not done on leaving is given up.

    Whoever needs the image builds it: the cache's lock makes them wait for this one, and what it
    could not do fails there again, with its message.
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
