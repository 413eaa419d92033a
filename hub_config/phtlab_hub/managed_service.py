"""Commands of services that the hub starts: each ends when the hub ends, also when it is killed.

JupyterHub stops its services on a regular end. If the hub is killed they keep running, and their
tokens stay valid: an idle culler would go on to stop servers by outdated settings.

    python -m phtlab_hub.managed_service PID COMMAND…

runs COMMAND, which gets SIGTERM once its parent, the process PID, has ended.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)


def managed_command(*command: str) -> list[str]:
    """Return the configured `command` of a service, tied to the hub of this process."""
    return [sys.executable, "-m", "phtlab_hub.managed_service", str(os.getpid()), *command]


def main(arguments: Sequence[str]) -> None:
    """Execute the command in this process. Raises OSError if it cannot be run."""
    hub, *command = arguments
    # The setting survives exec: the command itself need not know of it.
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != int(hub):
        return  # the hub ended before prctl was called
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
