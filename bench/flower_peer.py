"""A run of Flower's deployment engine: SuperLink, a SuperNode per station, and a ServerApp.

`python -m bench.flower_peer STATIONS ROUNDS` runs in the environment of `flower.lock`; it prints
the seconds since the epoch when it submitted the run, as JSON. `irls_peer` is what it computes.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

PROJECT = """\
[project]
name = "irls"
version = "1.0.0"
license = "Apache-2.0"
dependencies = []

[tool.flwr.app]
publisher = "bench"

[tool.flwr.app.components]
serverapp = "app:server"
clientapp = "app:client"

[tool.flwr.app.config]
rounds = {rounds}
"""
APP = """\
import numpy as np
from flwr.app import ArrayRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp

from irls_peer import Combining, update

client = ClientApp()
server = ServerApp()


@client.train()
def train(message: Message, context: Context) -> Message:
    (beta,) = message.content["beta"].to_numpy_ndarrays()
    g, h = update(int(context.node_config["station"]), beta)
    content = RecordDict({"update": ArrayRecord([g, h])})
    return Message(content=content, reply_to=message)


@server.main()
def main(grid: Grid, context: Context) -> None:
    nodes, combining = list(grid.get_node_ids()), Combining()
    for number in range(int(context.run_config["rounds"])):
        content = RecordDict({"beta": ArrayRecord([combining.beta])})
        replies = grid.send_and_receive(
            [Message(content, dst_node_id=node, message_type="train") for node in nodes]
        )
        combining.combine([reply.content["update"].to_numpy_ndarrays() for reply in replies])
"""
CONNECTION = """\
[superlink]
default = "bench"

[superlink.bench]
address = "127.0.0.1:{link}"
insecure = true
"""
PATIENCE = 300.0


def main(stations: int, rounds: int) -> None:
    folder = Path(os.environ["PHTLAB_BENCH"])
    app, home = folder / "app", folder / "home"
    app.mkdir()
    home.mkdir()
    (app / "pyproject.toml").write_text(PROJECT.format(rounds=rounds))
    (app / "app.py").write_text(APP)
    shutil.copy(Path(__file__).with_name("irls_peer.py"), app)
    link, *clients = (_port() for _ in range(1 + stations))
    (home / "config.toml").write_text(CONNECTION.format(link=link))
    environment = os.environ | {
        "FLWR_HOME": str(home),
        "FLWR_TELEMETRY_ENABLED": "0",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": "",
    }
    with ExitStack() as stack:

        def start(*command: str) -> None:
            log = stack.enter_context((folder / f"{command[0]}.log").open("ab"))
            process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            )
            stack.callback(_end, process)

        start("flower-superlink", "--insecure", "--host=127.0.0.1", f"--port={link}")
        _wait_for(link)
        for number, port in enumerate(clients):
            node = [f"--superlink=127.0.0.1:{link}", f"--node-config=station={number}"]
            start("flower-supernode", "--insecure", *node, "--host=127.0.0.1", f"--port={port}")
        for port in clients:
            _wait_for(port)
        time.sleep(2)  # until all are registered: the ServerApp asks once who is there
        began = time.time()
        done = subprocess.run(
            ["flwr", "run", str(app), "bench", "--stream"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        if not (folder / "moments.json").exists():
            logs = "".join(path.read_text()[-1500:] for path in folder.glob("*.log"))
            sys.exit(f"{done.stdout[-2000:]}{done.stderr[-2000:]}{logs}")
    print(json.dumps({"began": began}))


def _port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


def _end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, 15)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
