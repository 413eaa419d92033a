"""A line to a real service that is as bad as a test wants it: slow, late, lossy, cut, or silent.

Debian and PyPI have no toxiproxy; this is what is needed of it, on loopback.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from dataclasses import dataclass

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close sends RST
_PIECE = 2048


@dataclass(eq=False)
class _Line:
    """One connection through the wire, both of its halves."""

    halves: tuple[socket.socket, socket.socket]
    silent: bool = False
    ended: int = 0
    """How many of its two directions."""

    def reset(self) -> None:
        """End it at once, without a goodbye."""
        for half in self.halves:
            with contextlib.suppress(OSError):
                half.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                half.shutdown(socket.SHUT_RD)
            half.close()


class Wire:
    """Listens on the free loopback port `port` and forwards to `target`; good until told."""

    def __init__(self, target: int, seed: int = 0) -> None:
        self._target = target
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._lines: set[_Line] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.faults = 0
        """How many connections the wire has broken or silenced."""
        self.carried = 0
        """How many bytes went to the service."""
        self.mend()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def mend(self) -> None:
        """Good again, for new connections; what was broken or silenced stays so."""
        self.latency = 0.0
        self.bytes_a_second: float | None = None
        self._loss = 0.0
        self._refusing = self._silent = False
        self._drop: int | None = None

    def slow(self, bytes_a_second: float) -> None:
        self.bytes_a_second = bytes_a_second

    def late(self, seconds: float) -> None:
        """Each piece arrives so much later."""
        self.latency = seconds

    def lossy(self, part: float) -> None:
        """This part of all pieces is lost with its connection."""
        self._loss = part

    def drop_after(self, sent: int) -> None:
        """Once so many more bytes have gone to the service, their connection breaks; once."""
        self._drop = sent

    def reset(self) -> None:
        """Break every connection; new ones are made."""
        for line in self._all():
            self._break(line)

    def cut(self) -> None:
        """Break every connection, and refuse new ones until it is mended."""
        self._refusing = True
        self.reset()

    def silence(self) -> None:
        """Half-open: connections stay and are made, and nothing comes through any more."""
        self._silent = True
        for line in self._all():
            line.silent = True
            self.faults += 1

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._threads[0].join(10)
        for line in self._all():
            line.reset()
        for thread in self._threads:
            thread.join(10)

    def _all(self) -> list[_Line]:
        with self._lock:
            return list(self._lines)

    def _break(self, line: _Line) -> None:
        self.faults += 1
        line.reset()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            try:
                if self._refusing:
                    raise ConnectionError
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                client.close()
                continue
            line = _Line((client, server), silent=self._silent)
            self.faults += self._silent
            with self._lock:
                self._lines.add(line)
            pumps = [
                threading.Thread(target=self._pump, args=(line, *halves), daemon=True)
                for halves in (line.halves, line.halves[::-1])
            ]
            self._threads = [t for t in self._threads if t.is_alive()] + pumps
            for pump in pumps:
                pump.start()

    def _pump(self, line: _Line, source: socket.socket, target: socket.socket) -> None:
        up = source is line.halves[0]
        try:
            while content := source.recv(_PIECE):
                if line.silent:
                    continue
                if wait := self.latency + len(content) / (self.bytes_a_second or float("inf")):
                    time.sleep(wait)
                kept = self._kept(content, up)
                target.sendall(content[:kept])
                if kept < len(content):
                    self._break(line)
                    return
            if not line.silent:
                target.shutdown(socket.SHUT_WR)
        except OSError:
            line.reset()
        with self._lock:
            line.ended += 1
            if line.ended == len(line.halves):
                self._lines.discard(line)
                for half in line.halves:
                    half.close()

    def _kept(self, content: bytes, up: bool) -> int:
        """How much of a piece gets through before its connection breaks."""
        with self._lock:
            if self._random.random() < self._loss:
                return self._random.randrange(len(content))
            if not up:
                return len(content)
            if self._drop is not None and self._drop < len(content):
                kept, self._drop = self._drop, None
                return kept
            if self._drop is not None:
                self._drop -= len(content)
            self.carried += len(content)
            return len(content)
