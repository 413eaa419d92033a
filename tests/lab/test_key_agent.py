"""The key agent: a kernel of the server gets its unlocked key, nobody else gets anything."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from phtlab.errors import KeyFileError
from phtlab.lab.client.lab import connect
from phtlab.lab.keys import agent as key_agent
from phtlab.lab.keys.agent import (
    VARIABLE,
    KeyAgent,
    identity_of_agent,
    notebook_of_agent,
    page_of_agent,
)
from phtlab.lab.keys.key_files import WorkspaceKeys
from phtlab.user_settings import UserSettings
from tests.limits import LIMIT
from tests.raising import raises_code

PASSPHRASE = "correct horse battery"


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorkspaceKeys:
    """Unlocked keys of ada's."""
    monkeypatch.setenv("PHTLAB_CONFIG", str(tmp_path / "config"))
    keys = WorkspaceKeys(log_n=4, sleep=lambda _: None)
    keys.create("ada", "Ulm", PASSPHRASE)
    return keys


@pytest.fixture
def agent(keys: WorkspaceKeys, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyAgent]:
    monkeypatch.setenv(VARIABLE, "")
    agent = KeyAgent(keys)
    agent.start()
    yield agent
    agent.stop()


def key_of(keys: WorkspaceKeys) -> Path:
    assert keys.path is not None
    return keys.path


def test_an_unlocked_key_is_handed_out(keys: WorkspaceKeys, agent: KeyAgent):
    identity = identity_of_agent(key_of(keys))
    assert identity is not None
    assert (identity.name, identity.public) == ("ada", keys.require().public)


def test_a_process_that_the_server_starts_gets_it(keys: WorkspaceKeys, agent: KeyAgent):
    program = (
        "import sys; from pathlib import Path; "
        "from phtlab.lab.keys.agent import identity_of_agent; "
        "print(identity_of_agent(Path(sys.argv[1])).public.fingerprint)"
    )
    command = [sys.executable, "-c", program, str(key_of(keys))]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LIMIT)
    assert told.stdout.strip() == keys.require().public.fingerprint


def test_connect_asks_for_no_passphrase(
    keys: WorkspaceKeys, agent: KeyAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def never(_: str) -> str:
        raise AssertionError("somebody was asked")

    monkeypatch.setattr("getpass.getpass", never)
    monkeypatch.delenv("PHTLAB_PASSPHRASE", raising=False)
    profile = UserSettings("http://127.0.0.1:9", key_of(keys), tmp_path / "trust")
    assert connect(profile).name == "ada"


def test_a_locked_key_is_said_in_a_sentence(keys: WorkspaceKeys, agent: KeyAgent, tmp_path: Path):
    keys.lock()
    profile = UserSettings("http://127.0.0.1:10", key_of(keys), tmp_path / "trust")
    with raises_code(KeyFileError, "key-locked"):
        connect(profile)
    keys.unlock(PASSPHRASE)
    assert connect(profile).name == "ada"


def test_another_key_is_not_handed_out(keys: WorkspaceKeys, agent: KeyAgent, tmp_path: Path):
    assert identity_of_agent(tmp_path / "bob.key.age") is None


def test_without_an_agent_there_is_none(
    keys: WorkspaceKeys, agent: KeyAgent, monkeypatch: pytest.MonkeyPatch
):
    path = os.environ[VARIABLE]
    agent.stop()
    assert VARIABLE not in os.environ
    assert not Path(path).parent.exists()
    monkeypatch.setenv(VARIABLE, path)
    assert identity_of_agent(key_of(keys)) is None


def test_only_its_owner_gets_to_the_socket(agent: KeyAgent):
    assert agent.path is not None
    folder = agent.path.parent.stat()
    assert stat.S_IMODE(folder.st_mode) == 0o700
    assert folder.st_uid == os.getuid()


def test_a_process_of_another_user_gets_nothing(
    keys: WorkspaceKeys, agent: KeyAgent, monkeypatch: pytest.MonkeyPatch
):
    """Even if it could enter the folder: the system says whose process it is."""
    monkeypatch.setattr(key_agent, "_user_of", lambda peer: os.getuid() + 1)
    assert identity_of_agent(key_of(keys)) is None
    assert _said(agent, b'{"key": "x"}\n') == b""


@pytest.mark.parametrize(
    "asked", [b"\n", b"{}\n", b"[]\n", b'{"key": 1}\n', b"\xff\n", b"[" * 60_000 + b"\n"]
)
def test_what_is_no_question_gets_no_key(keys: WorkspaceKeys, agent: KeyAgent, asked: bytes):
    told = json.loads(_said(agent, asked))
    assert set(told) == {"code", "message"}
    assert told["code"] == "request"


def test_a_question_without_an_end_is_left(
    keys: WorkspaceKeys, agent: KeyAgent, monkeypatch: pytest.MonkeyPatch
):
    """And another one is answered meanwhile."""
    assert agent.path is not None
    with socket.socket(socket.AF_UNIX) as slow:
        slow.connect(str(agent.path))
        slow.sendall(b'{"key"')
        assert identity_of_agent(key_of(keys)) is not None


def _said(agent: KeyAgent, asked: bytes) -> bytes:
    assert agent.path is not None
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(10)
        peer.connect(str(agent.path))
        try:
            peer.sendall(asked)
            return peer.recv(65536)
        except (BrokenPipeError, ConnectionResetError):
            return b""


KERNEL = "0f1e2d3c-0f1e-2d3c-4b5a-0f1e2d3c4b5a"


@pytest.mark.parametrize(
    ("connection_file", "notebook"),
    [
        (f"/run/user/1000/kernel-{KERNEL}.json", "/home/ada/heart.ipynb"),
        (f"kernel-{KERNEL.replace('0f', 'ff')}.json", None),
        ("kernel-4711.json", None),
        ("", None),
    ],
)
def test_a_kernel_is_told_its_notebook(
    keys: WorkspaceKeys,
    monkeypatch: pytest.MonkeyPatch,
    connection_file: str,
    notebook: str | None,
):
    monkeypatch.setenv(VARIABLE, "")
    known = {KERNEL: Path("/home/ada/heart.ipynb")}
    agent = KeyAgent(keys, known.get)
    agent.start()
    try:
        found = notebook_of_agent(connection_file)
    finally:
        agent.stop()
    assert found == (Path(notebook) if notebook else None)


OPEN = "kernel-00000000-0000-0000-0000-00000000000a.json"


def test_whether_a_page_is_open_for_a_kernel(
    keys: WorkspaceKeys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv(VARIABLE, "")
    assert not page_of_agent(OPEN), "there is no agent: no server of phtlab's started this"
    agent = KeyAgent(keys, is_open=lambda kernel: kernel.endswith("a"))
    agent.start()
    try:
        assert page_of_agent(OPEN)
        assert not page_of_agent(OPEN.replace("a.json", "b.json"))
        assert not page_of_agent("my-connection.json")
    finally:
        agent.stop()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gone"))
    assert page_of_agent(OPEN), "an agent that should answer and does not costs a question"
