"""JupyterLab's server with the sandboxed kernel: all that the Lab in a browser asks of it."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websocket import WebSocket, create_connection

from phtlab.provisioner.kernelspec import NAME
from tests.provisioner.sandboxed import SECONDS, Configure, Left, until
from tests.ui.lab_server import LabServer, lab_running

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("twin")]


@pytest.fixture
def server(jupyter: Path, left: Left, tmp_path: Path) -> Iterator[LabServer]:
    known = ("PHTLAB_DATASETS", "TMPDIR")
    environment = {name: os.environ[name] for name in known} | {"JUPYTER_PATH": str(jupyter)}
    with lab_running(tmp_path / "lab", environment) as server:
        yield server


@pytest.fixture
def api(server: LabServer) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=f"{server.url}api/",
        headers={"Authorization": f"token {server.token}"},
        timeout=SECONDS,
    ) as client:
        yield client


def _open(api: httpx.Client) -> httpx.Response:
    """Open a notebook with the sandboxed kernel, as Lab does."""
    asked = {"path": "a.ipynb", "name": "a.ipynb", "type": "notebook", "kernel": {"name": NAME}}
    return api.post("sessions", json=asked)


@contextmanager
def _channels(server: LabServer, kernel: str) -> Iterator[WebSocket]:
    address = server.url.replace("http", "ws", 1)
    line = create_connection(
        f"{address}api/kernels/{kernel}/channels?token={server.token}", timeout=SECONDS
    )
    try:
        yield line
    finally:
        line.close()


def _execute(line: WebSocket, code: str) -> str:
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "username": "",
        "session": "a",
        "version": "5.4",
        "date": "",
    }
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    line.send(json.dumps({**message, "channel": "shell", "buffers": []}))
    return str(header["msg_id"])


def _told(line: WebSocket, message: str) -> str:
    """What the cell of `message` prints, or the name of its error."""
    told = ""
    while True:
        heard: dict[str, Any] = json.loads(line.recv())
        if heard["parent_header"].get("msg_id") != message:
            continue
        content = heard["content"]
        if heard["msg_type"] == "stream":
            told += content["text"]
        elif heard["msg_type"] == "error":
            told += content["ename"]
        elif heard["msg_type"] == "status" and content["execution_state"] == "idle":
            return told.strip()


def test_a_notebook_from_opening_to_shutting_down(
    server: LabServer, api: httpx.Client, left: Left
) -> None:
    specs = api.get("kernelspecs").json()["kernelspecs"]
    assert specs[NAME]["spec"]["display_name"] == "Python 3 (phtlab sandbox)"
    opened = _open(api)
    assert opened.status_code == 201, opened.text
    kernel = opened.json()["kernel"]["id"]

    def told(code: str) -> str:
        with _channels(server, kernel) as line:
            return _told(line, _execute(line, code))

    assert told("import phtlab; print(len(phtlab.dataset('heart')))") == "3"
    assert told("kept = 1; print(__import__('os').listdir('/sys/class/net'))") == "['lo']"

    with _channels(server, kernel) as line:
        asleep = _execute(line, "print('begun', flush=True); import time; time.sleep(600)")
        while json.loads(line.recv())["msg_type"] != "stream":
            pass
        assert api.post(f"kernels/{kernel}/interrupt").status_code == 204
        assert _told(line, asleep) == "KeyboardInterrupt"
    assert told("print(kept)") == "1"

    assert api.post(f"kernels/{kernel}/restart").status_code == 200
    assert told("kept") == "NameError"

    assert api.delete(f"sessions/{opened.json()['id']}").status_code == 204
    until(left.nothing)


def test_a_kernel_that_dies_is_started_again(
    server: LabServer, api: httpx.Client, left: Left
) -> None:
    kernel = _open(api).json()["kernel"]["id"]
    (first,) = left.containers()
    with _channels(server, kernel) as line:
        _execute(line, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
        until(lambda: [c.id for c in left.containers()] not in ([], [first.id]))
    with _channels(server, kernel) as line:
        assert _told(line, _execute(line, "print(1 + 1)")) == "2"


def test_a_stopped_lab_takes_its_kernels_along(
    server: LabServer, api: httpx.Client, left: Left
) -> None:
    assert _open(api).status_code == 201
    assert len(left.containers()) == 1
    server.stop()
    assert left.nothing()


def test_lab_shows_why_a_kernel_cannot_start(api: httpx.Client, configured: Configure) -> None:
    configured(image=f"127.0.0.1:1/kernels/python@sha256:{'0' * 64}")
    refused = _open(api)
    assert refused.status_code == 500
    assert "Get it with 'phtlab kernel install'" in refused.json()["message"]
