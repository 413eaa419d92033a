"""A line to a service that keeps all that passes, both ways."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable


class RecordingProxy:
    """Listens on a free loopback port and forwards to the port that `target` tells by then."""

    def __init__(self, target: Callable[[], int]) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self._lines: list[tuple[str, bytearray]] = []
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def passed(self) -> list[tuple[str, bytes]]:
        """What was said so far, a connection's way at a time."""
        return [(way, bytes(content)) for way, content in list(self._lines)]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target()))
            except OSError:  # as if the service itself did not listen
                client.close()
                continue
            for source, target, way in ((client, server, "asked"), (server, client, "answered")):
                kept = bytearray()
                self._lines.append((f"{way} on connection {len(self._lines) // 2}", kept))
                arguments = (source, target, kept)
                threading.Thread(target=self._pump, args=arguments, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, kept: bytearray) -> None:
        with contextlib.suppress(OSError):
            while content := source.recv(65536):
                kept += content
                target.sendall(content)
        for line in (source, target):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        source.close()  # the other way's thread closes its own
