"""Check that a process listens on a container engine's socket."""

from __future__ import annotations

import socket


def check_socket(address: str) -> None:
    """Raise ConnectionError if no process listens: the SDK reports that late and leaks a socket.

    Does nothing for an `address` that is not `unix://…`.
    """
    if not address.startswith("unix://"):
        return
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(address.removeprefix("unix://"))
        except OSError as error:
            raise ConnectionError(str(error)) from error
