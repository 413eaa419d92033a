"""Jupyter's messages (protocol 5) over unix sockets: signed, sent, received.

Spoken here directly on ZeroMQ, because importing jupyter_client takes as long as the
rest of the start together (docs/decisions/0007-a-thin-runtime.md).
Source: https://jupyter-client.readthedocs.io/en/stable/messaging.html, "The Wire Protocol".
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from datetime import datetime, timezone
from typing import Any, NamedTuple

import zmq

from phtlab.runtime.kernel_process import Connection

_DELIMITER = b"<IDS|MSG>"
# An output larger than this is not even parsed; the transcript notes that it was left out.
LARGEST_MESSAGE = 16 * 1024 * 1024


class Message(NamedTuple):
    """A received message. `size` is that of its content in bytes; if `content` is None,
    it was larger than `LARGEST_MESSAGE` and was not parsed."""

    type: str
    parent: str
    content: dict[str, Any] | None
    size: int


class Channels:
    """The client's end of a kernel's shell, iopub and control channels."""

    def __init__(self, connection: Connection) -> None:
        self._key = connection.key
        self._session = os.urandom(16).hex()
        self._context = zmq.Context()
        self._poller = zmq.Poller()
        self.shell = self._open(zmq.DEALER, connection.endpoint("shell"))
        self.control = self._open(zmq.DEALER, connection.endpoint("control"))
        self.iopub = self._open(zmq.SUB, connection.endpoint("iopub"))
        self.iopub.setsockopt(zmq.SUBSCRIBE, b"")
        self._poller.register(self.shell, zmq.POLLIN)
        self._poller.register(self.iopub, zmq.POLLIN)

    def send(self, channel: zmq.Socket[bytes], kind: str, content: dict[str, Any]) -> str:
        """Send a request; its id is what answers name as their parent."""
        identifier, frames = encode(self._key, self._session, kind, content)
        channel.send_multipart(frames)
        return identifier

    def poll(self, seconds: float) -> list[zmq.Socket[bytes]]:
        """The channels among shell and iopub that hold messages, after at most `seconds`."""
        return [channel for channel, _ in self._poller.poll(max(0, int(seconds * 1000)))]

    def receive(self, channel: zmq.Socket[bytes]) -> Message | None:
        """The next message that waits, or None if it is not a message signed with our key.

        Raises:
            zmq.Again: none waits.
        """
        return decode(self._key, channel.recv_multipart(zmq.NOBLOCK))

    def close(self) -> None:
        """Drop everything that is still to be sent or received."""
        self._context.destroy(linger=0)

    def _open(self, kind: int, endpoint: str) -> zmq.Socket[bytes]:
        channel: zmq.Socket[bytes] = self._context.socket(kind)
        # The kernel binds some 0.3 s after its start; ZeroMQ's 100 ms would be waited out.
        channel.setsockopt(zmq.RECONNECT_IVL, 5)
        channel.setsockopt(zmq.LINGER, 0)
        channel.connect(endpoint)
        return channel


def encode(key: bytes, session: str, kind: str, content: dict[str, Any]) -> tuple[str, list[bytes]]:
    """A signed message of type `kind`: its id and its frames."""
    identifier = os.urandom(16).hex()
    header = {
        "msg_id": identifier,
        "session": session,
        "username": "phtlab",
        "date": datetime.now(timezone.utc).isoformat(),  # noqa: UP017
        "msg_type": kind,
        "version": "5.3",
    }
    parts = [json.dumps(part).encode() for part in (header, {}, {}, content)]
    return identifier, [_DELIMITER, _sign(key, parts), *parts]


def decode(key: bytes, frames: list[bytes]) -> Message | None:
    """The message in `frames`, or None if it is malformed or not signed with `key`."""
    try:
        start = frames.index(_DELIMITER)
        signature, *parts = frames[start + 1 : start + 6]
        if len(parts) != 4 or not hmac.compare_digest(signature, _sign(key, parts)):
            return None
        kind, parent = json.loads(parts[0])["msg_type"], json.loads(parts[1]).get("msg_id", "")
        size = len(parts[3])
        content = json.loads(parts[3]) if size <= LARGEST_MESSAGE else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if not isinstance(kind, str) or not isinstance(parent, str):
        return None
    if content is not None and not isinstance(content, dict):
        return None
    return Message(kind, parent, content, size)


def _sign(key: bytes, parts: list[bytes]) -> bytes:
    digest = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        digest.update(part)
    return digest.hexdigest().encode()
