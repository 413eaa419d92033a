"""A line to a real service that can be cut after so many bytes, as a bad network does."""

from __future__ import annotations

import contextlib
import socket
import threading


class CuttingProxy:
    """Listens on a free loopback port and forwards to `port`.

    `cut_upload(n)` and `cut_download(n)` cut the connection once, after n more bytes.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._budget: dict[str, int | None] = {"up": None, "down": None}
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.cuts = 0
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def cut_upload(self, after: int) -> None:
        self._budget["up"] = after

    def cut_download(self, after: int) -> None:
        self._budget["down"] = after

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for line in self._open:
            _shut(line)
        for thread in self._threads:
            thread.join(5)
        for line in self._open:
            line.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._open += [client, server]
            for source, target, way in ((client, server, "up"), (server, client, "down")):
                thread = threading.Thread(target=self._pump, args=(source, target, way))
                thread.daemon = True
                self._threads.append(thread)
                thread.start()

    def _pump(self, source: socket.socket, target: socket.socket, way: str) -> None:
        try:
            while content := source.recv(65536):
                with self._lock:
                    left = self._budget[way]
                    cut = left is not None and left < len(content)
                    if cut:
                        content = content[:left]
                        self._budget[way] = None
                        self.cuts += 1
                    elif left is not None:
                        self._budget[way] = left - len(content)
                target.sendall(content)
                if cut:
                    break
        except OSError:
            pass
        _shut(source)
        _shut(target)


def _shut(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
