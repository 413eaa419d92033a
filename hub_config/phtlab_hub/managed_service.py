"""Commands of services that the hub starts: each ends when the hub does, killed or not.

JupyterHub ends its services when it is asked to end. Of a hub that was killed they stay, and
their tokens stay valid: an idle culler would go on to stop servers by the settings of before.

    python -m phtlab_hub.managed_service PID COMMAND…

is COMMAND, which gets SIGTERM once its parent, the process PID, has ended.
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
    """The `command` of a service in JupyterHub's configuration, for the hub of this process."""
    return [sys.executable, "-m", "phtlab_hub.managed_service", str(os.getpid()), *command]


def main(arguments: Sequence[str]) -> None:
    """Become the command. Raises OSError if it cannot be run."""
    hub, *command = arguments
    # The request survives exec: the command itself need not know of it.
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != int(hub):
        return  # the hub ended before the kernel was asked
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
