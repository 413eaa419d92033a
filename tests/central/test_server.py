"""Central as a process: it starts, ends when told, and lets nobody wait for its end."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phtlab.central.context import CentralContext, read_online_key
from phtlab.central.founding import init_central, pin
from phtlab.central.server import serving
from phtlab.central.settings import CentralSettings
from phtlab.consortium.consortium import Consortium
from phtlab.errors import CentralUnreachableError, SettingsError
from phtlab.train.crypto.identity import Identity, Member
from phtlab.trust_store.repository import online_public_key
from phtlab.wire.api.journeys import RosterBundle
from phtlab.wire.central.client import CentralClient
from tests.central.world import OFFICERS, Clock, Founding, World
from tests.limits import LIMIT, join
from tests.raising import raises_code
from tests.real_registry import free_port


@contextmanager
def _process(directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "phtlab", "central", "run", str(directory)],
        stderr=subprocess.PIPE,
        env={**os.environ},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=LIMIT)
        assert process.stderr is not None
        process.stderr.close()


def _until_answering(url: str, process: subprocess.Popen[bytes]) -> None:
    with CentralClient(url, sleep=lambda seconds: time.sleep(0.05)) as client:
        while process.poll() is None:
            try:
                client.info()
            except CentralUnreachableError:
                continue
            return
    raise AssertionError("central ended at once")


def test_sigterm_ends_the_process_and_releases_who_waits(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    made = init_central(tmp_path / "c", name="pht", listen=url.removeprefix("http://"))
    key = online_public_key(read_online_key(made.settings.online_key_file))
    consortium = Consortium.found(tmp_path / "k", "pht", OFFICERS, online_key=key, log_n=4)
    pin(made.directory, consortium.root)
    ulm = Identity.generate("ulm")
    consortium.add_member(Member(name="ulm", roles=("station",), keys=ulm.public))
    consortium.sign(OFFICERS)
    answered: list[int] = []
    with _process(made.directory) as process:
        _until_answering(url, process)
        with CentralClient(url, ulm) as client:
            client.publish_roster(RosterBundle.model_validate(consortium.bundle()))
            waiting = threading.Thread(target=lambda: answered.append(client.inbox(wait=50).cursor))
            waiting.start()
            with CentralClient(url) as other:
                while not _waits(other):
                    time.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            join(waiting)
        assert process.wait(timeout=LIMIT) in (0, -signal.SIGTERM)
        assert process.stderr is not None
        lines = [json.loads(line) for line in process.stderr.read().splitlines()]
    assert answered == [0]
    assert any(line["event"] == "request" and line.get("member") == "ulm" for line in lines)


def test_a_taken_address_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        made = init_central(tmp_path / "c", name="pht", listen=listen)
        with (
            raises_code(SettingsError, "central-listen"),
            serving(made.settings),
        ):
            pass


def test_what_a_killed_central_was_writing_is_removed_when_it_starts(tmp_path: Path) -> None:
    made = init_central(tmp_path / "c", name="pht", listen=f"127.0.0.1:{free_port()}")
    draft = made.directory / ".root.json.0123456789abcdef.part"
    draft.write_bytes(b"half")
    before = {path.name for path in made.directory.iterdir()}
    with serving(made.settings):
        assert before - {path.name for path in made.directory.iterdir()} == {draft.name}


def test_what_central_holds_survives_its_restart(tmp_path: Path, founding: Founding) -> None:
    settings = founding.central.settings.model_copy(
        update={"database": f"sqlite:///{tmp_path / 'c.sqlite'}"}
    )
    first = _run(settings, founding, publish=True)
    world = next(first)
    journey = world.journey("ulm")
    first.close()
    second = _run(settings, founding, publish=False)
    world = next(second)
    assert world.client("ada").journey(journey.id) == journey
    assert len(world.client("ulm").inbox().offers) == 1
    second.close()


def test_the_body_of_an_answer_does_not_wait_for_an_acknowledgement(tmp_path: Path) -> None:
    made = init_central(tmp_path / "c", name="pht", listen="127.0.0.1:0")
    with serving(made.settings) as url:
        port = int(url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: central\r\n\r\n")
            assert client.recv(1)
            mine = client.getsockname()
            (accepted,) = (
                found
                for found in gc.get_objects()
                if isinstance(found, socket.socket) and _peer(found) == mine
            )
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def _peer(found: socket.socket) -> object:
    try:
        return found.getpeername()
    except OSError:
        return None


def _run(settings: CentralSettings, founding: Founding, *, publish: bool) -> Iterator[World]:
    services = CentralContext.of(settings)
    with serving(settings, services) as url:
        world = World(url, settings, services, founding, Clock())
        try:
            if publish:
                world.client(None).publish_roster(founding.bundle())
            yield world
        finally:
            world.close()


def _waits(client: CentralClient) -> bool:
    import httpx

    text = httpx.get(f"{client.url}/metrics", trust_env=False, timeout=LIMIT).text
    return "phtlab_central_waiting 1.0" in text
