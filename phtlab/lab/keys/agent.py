"""Key agent: give the unlocked key to kernels of the server that holds it, and to nobody else.

It also reports which notebook a kernel runs: the kernel itself knows only the name that the
notebook had when the kernel started.

The agent listens on a Unix socket in a folder that only its owner may enter, and checks the user
of the peer process (unix(7), SO_PEERCRED). `PHTLAB_AGENT` names the socket. Request and answer are
one line of JSON each: the answer is what was requested, or why it was refused.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import struct
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from phtlab.errors import KeyFileError, PhtlabError
from phtlab.files.key_file import identity_text, parse_identity
from phtlab.lab.keys.key_files import WorkspaceKeys
from phtlab.train.crypto.identity import Identity

VARIABLE: Final = "PHTLAB_AGENT"
MAX_LINE_BYTES: Final = 64 * 1024
SECONDS: Final = 5.0
_KERNEL: Final = re.compile(r"kernel-([0-9a-f-]{36})\.json")


class KeyAgent:
    """Serve the unlocked key of `keys`, from `start` until `stop`.

    `notebook_of` returns the notebook of a kernel's id, if it is known; `is_open` whether a page of
    the server, a notebook's or a console's, is open for the kernel.
    """

    def __init__(
        self,
        keys: WorkspaceKeys,
        notebook_of: Callable[[str], Path | None] = lambda kernel: None,
        is_open: Callable[[str], bool] = lambda kernel: False,
    ) -> None:
        self._keys = keys
        self._is_open = is_open
        self._notebook_of = notebook_of
        self._folder: Path | None = None
        self._socket: socket.socket | None = None

    @property
    def path(self) -> Path | None:
        """The socket's path while the agent listens, else None."""
        return self._folder / "agent" if self._folder else None

    def start(self) -> None:
        """Listen, and set `PHTLAB_AGENT` for child processes. Raises OSError."""
        # A short path: that of a Unix socket has at most 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="phtlab-"))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(self.path))
        self._socket.listen()
        os.environ[VARIABLE] = str(self.path)
        threading.Thread(
            target=self._serve, args=(self._socket,), name="phtlab-agent", daemon=True
        ).start()

    def stop(self) -> None:
        listening, self._socket = self._socket, None
        if listening is None or self._folder is None:
            return
        if os.environ.get(VARIABLE) == str(self.path):
            del os.environ[VARIABLE]
        with contextlib.suppress(OSError):  # wakes the thread that accepts
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = None

    def _serve(self, listening: socket.socket) -> None:
        while self._socket is listening:
            try:
                peer, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(peer,), daemon=True).start()

    def _answer(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            peer.settimeout(SECONDS)
            if _user_of(peer) != os.getuid():
                return
            peer.sendall(json.dumps(self._reply(_line(peer))).encode() + b"\n")

    def _reply(self, request_line: bytes) -> dict[str, str]:
        try:
            question = json.loads(request_line)
            if "page" in question:
                return {"page": "open" if self._is_open(str(question["page"])) else "none"}
            if "kernel" in question:
                return self._notebook(str(question["kernel"]))
            key_path = Path(question["key"])
        except (ValueError, LookupError, TypeError, RecursionError):
            return {"code": "request", "message": "This is no question to a key agent."}
        return self._key(key_path)

    def _notebook(self, kernel: str) -> dict[str, str]:
        found = self._notebook_of(kernel)
        if found is None:
            return {"code": "notebook-unknown", "message": "No notebook is open for this kernel."}
        return {"notebook": str(found)}

    def _key(self, key_path: Path) -> dict[str, str]:
        try:
            held = self._keys.path
            if held is None or held.resolve() != key_path.resolve():
                return {"code": "other-key", "message": "The workspace has another key."}
            identity = self._keys.identity
        except PhtlabError as error:
            return {"code": error.code, "message": str(error)}
        if identity is None:
            return {"code": "key-locked", "message": " ".join(_LOCKED)}
        return {"identity": identity_text(identity)}


def identity_of_agent(key: Path) -> Identity | None:
    """Return the identity of the key file `key`, from the agent of this process's server.

    The server is the one that started this process. None if there is no agent, it does not answer,
    or it holds another key. Raises KeyFileError (`key-locked`) if the key is locked there.
    """
    answer = _ask_agent({"key": str(key.absolute())})
    if isinstance(text := answer.get("identity"), str):
        return parse_identity(text.encode())
    if answer.get("code") == "key-locked":
        raise KeyFileError(*_LOCKED, code="key-locked")
    return None


def notebook_of_agent(connection_file: str) -> Path | None:
    """Return the notebook that the server knows for the kernel with that connection file.

    None if there is no agent, or no notebook is open for the kernel.
    """
    kernel = _KERNEL.fullmatch(Path(connection_file).name)
    notebook = _ask_agent({"kernel": kernel[1]}).get("notebook") if kernel else None
    return Path(notebook) if isinstance(notebook, str) else None


def page_of_agent(connection_file: str) -> bool:
    """Whether a page of the server is open for the kernel with that connection file.

    False if there is no agent; True if there is one that does not answer.
    """
    kernel = _KERNEL.fullmatch(Path(connection_file).name)
    if kernel is None or not os.environ.get(VARIABLE):
        return False
    return _ask_agent({"page": kernel[1]}).get("page") != "none"


def _ask_agent(question: dict[str, str]) -> dict[str, Any]:
    """Return the agent's answer, empty if there is none."""
    path = os.environ.get(VARIABLE)
    if not path:
        return {}
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as agent:
            agent.settimeout(SECONDS)
            agent.connect(path)
            agent.sendall(json.dumps(question).encode() + b"\n")
            answer = json.loads(_line(agent))
    except (OSError, ValueError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _line(peer: socket.socket) -> bytes:
    """Read to the end of the line, or until MAX_LINE_BYTES are exceeded."""
    line = bytearray()
    while not line.endswith(b"\n") and len(line) < MAX_LINE_BYTES:
        piece = peer.recv(4096)
        if not piece:
            break
        line += piece
    return bytes(line)


def _user_of(peer: socket.socket) -> int | None:
    """Return the peer's user id, or our own without SO_PEERCRED: the folder's mode protects too."""
    if not hasattr(socket, "SO_PEERCRED"):
        return os.getuid()
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


_LOCKED: Final = (
    "Your key is locked, so this notebook cannot speak for you.",
    "Unlock it in the Keys panel (the key in the status bar), then run this cell again.",
)
