"""A run of NVFLARE's POC mode: a server and a client per station, each a process.

`python nvflare_peer.py STATIONS ROUNDS` runs in the environment of `nvflare.lock`; it prints the
seconds since the epoch when it submitted the job, as JSON. `irls_peer` is what it computes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

CLIENT = """\
import nvflare.client as flare
import numpy as np

from irls_peer import update

flare.init()
station = int(flare.get_site_name().removeprefix("site-")) - 1
while flare.is_running():
    model = flare.receive()
    if model is None:
        break
    g, h = update(station, np.asarray(model.params["beta"]))
    flare.send(flare.FLModel(params={"g": g, "h": h}))
"""
CONTROLLER = """\
from irls_peer import Combining
from nvflare.app_common.abstract.fl_model import FLModel
from nvflare.app_common.workflows.model_controller import ModelController


class Rounds(ModelController):
    def __init__(self, rounds: int) -> None:
        super().__init__()
        self.rounds = rounds

    def run(self) -> None:
        combining = Combining()
        for number in range(self.rounds):
            model = FLModel(params={"beta": combining.beta}, current_round=number)
            answers = self.send_model_and_wait(targets=None, data=model)
            combining.combine([(a.params["g"], a.params["h"]) for a in answers])
"""
PATIENCE = 300.0


def main(stations: int, rounds: int) -> None:
    folder = Path(os.environ["PHTLAB_BENCH"])
    code, workspace = folder / "code", folder / "poc"
    code.mkdir()
    (code / "client.py").write_text(CLIENT)
    (code / "controller.py").write_text(CONTROLLER)
    shutil.copy(Path(__file__).with_name("irls_peer.py"), code)
    sys.path.insert(0, str(code))
    os.environ |= {
        "NVFLARE_POC_WORKSPACE": str(workspace),
        "HOME": str(folder),
        "PYTHONPATH": str(code),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    job = _job(code, stations, rounds, folder / "job")
    _command(folder, "prepare", "-n", str(stations))
    log = (folder / "start.log").open("ab")
    start = subprocess.Popen(
        ["nvflare", "poc", "start", "-ex", "admin@nvidia.com"],
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        print(json.dumps({"began": _run(workspace, job, stations)}))
    finally:
        _command(folder, "stop")
        with suppress(subprocess.TimeoutExpired):
            start.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(start.pid, 9)
        start.wait()


def _job(code: Path, stations: int, rounds: int, target: Path) -> Path:
    from controller import Rounds
    from nvflare.job_config.api import FedJob
    from nvflare.job_config.script_runner import ScriptRunner

    job = FedJob(name="irls", min_clients=stations)
    job.to_server(Rounds(rounds))
    runner = ScriptRunner(script=str(code / "client.py"), framework="numpy")
    job.to_clients(runner)
    job.export_job(str(target))
    return target / "irls"


def _run(workspace: Path, job: Path, stations: int) -> float:
    from nvflare.fuel.flare_api.flare_api import new_secure_session

    (admin,) = workspace.glob("*/prod_00/admin@nvidia.com")
    until = time.monotonic() + PATIENCE
    while True:
        try:
            session = new_secure_session("admin@nvidia.com", str(admin))
            if len(session.get_system_info().client_info) == stations:
                break
            session.close()
        except Exception:  # of any kind: the server is not up yet
            if time.monotonic() > until:
                raise
        time.sleep(0.5)
    began = time.time()
    session.monitor_job(session.submit_job(str(job)), timeout=PATIENCE)
    session.close()
    return began


def _command(folder: Path, *arguments: str) -> None:
    with (folder / "poc.log").open("ab") as log:
        subprocess.run(
            ["nvflare", "poc", *arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
