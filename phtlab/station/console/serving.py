"""The console's listening socket, on this machine's loopback only, and its published address."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from phtlab.errors import SettingsError, StationError
from phtlab.files.durable_file import write_durably
from phtlab.station.settings.folder import StationFolder


@contextmanager
def listen(address: str, port: int) -> Iterator[socket.socket]:
    """Open a listening socket at `address`, and close it at the end.

    Raises SettingsError (``console-loopback``) for an address that is not a loopback address,
    StationError (``console-port``) if the port is in use.
    """
    try:
        loopback = ipaddress.IPv4Address(address).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise SettingsError(
            f"The console listens on this machine's loopback only, and '{address[:64]}' is no "
            "address of it.",
            "Mend 'address' of [console] in people.toml: 127.0.0.1. From another machine, reach "
            "it through a tunnel: see docs/console.md.",
            code="console-loopback",
        )
    # The protocol is named, so that asyncio sets TCP_NODELAY: see `phtlab.central.server`.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((address, port))
            listening.listen(64)
        except OSError:
            raise StationError(
                f"Something listens on {address}:{port} already; a console of this station, "
                "perhaps.",
                "'phtlab station people link NAME' makes a link for one that runs. Else choose "
                "another with --port.",
                code="console-port",
            ) from None
        yield listening


@contextmanager
def address_published(folder: StationFolder, home: str) -> Iterator[None]:
    """Publish to other commands, while the console runs, that it is at `home`."""
    path = folder.path / "console" / "address"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    write_durably(path, home.encode())
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def running_address(folder: StationFolder, otherwise: str) -> str:
    """Return the address of the running console, or of one that ended without removing it."""
    try:
        return (folder.path / "console" / "address").read_text("utf-8")
    except FileNotFoundError:
        return otherwise
