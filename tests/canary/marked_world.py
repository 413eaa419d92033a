"""A consortium in which every secret and every row is a canary, and what is done in it.

A full run with failures: a journey that departs, tables held back and refused, a failing cell that
cries out what it saw, errors that hide a value in a known message, outputs that a person keeps or
releases in part, a log let go, a refused train, a killed run, a killed station, wrong passphrases,
checks.
"""

from __future__ import annotations

import csv
import json
import secrets
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import docker
import docker.errors
import httpx
import nbformat
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from phtlab.demo.world import ASKING_POLICY, OFFICERS, POLICY, RESEARCHER, World
from phtlab.files.key_file import read_key
from phtlab.lab import Journey, Lab
from phtlab.station.data.datasets import add_dataset
from phtlab.station.settings.folder import StationFolder
from phtlab.station.stops.marker import Marker
from tests.canary.canaries import Canary, marked
from tests.canary.watched_runs import WatchedRuns
from tests.e2e.parts import (
    PATIENCE,
    at_cell,
    bring_back,
    command,
    job_of,
    kill,
    service,
    stop_of,
    until,
)
from tests.e2e.written_notebook import write_notebook
from tests.limits import LIMIT
from tests.ui.lab_server import lab_running

STATIONS = ("cleveland", "hungary")
ROWS = 40
SMALL = 3  # patients of a ward that is too small to be told

SCHEMA = b"""
title = "Marked"
[[columns]]
name = "patient"
type = "string"
[[columns]]
name = "ward"
type = "string"
[[columns]]
name = "code"
type = "integer"
[[columns]]
name = "dose"
type = "number"
"""

LOAD = 'import phtlab\nmarked = phtlab.dataset("marked")\n'
COUNTS = """\
counts = marked.groupby("ward").size().rename("n").reset_index()
phtlab.publish("counts", counts, counts="n")
"""
# Cells that go wrong at a station, by what they try. What they cry out is of the data.
CRY = """\
import os, sys
print(marked.to_string())
os.write(1, marked.to_string().encode())
os.write(2, marked.to_string().encode())
print(marked.patient[0], file=sys.stderr)
raise type(marked.patient[1][:11].replace("<", ""), (ValueError,), {})(
    f"{marked.patient[2]} {marked.code.tolist()} {marked.dose.tolist()} {marked.to_dict()}"
)
"""
ROWS_AS_TABLE = """\
rows = marked.assign(n=1)
phtlab.publish("rows", rows, counts="n")
"""
TEXT_TOO_LONG = """\
told = marked.groupby("ward").size().rename("n").reset_index()
told["ward"] = told["ward"] + " ".join(marked.patient)
phtlab.publish("told", told, counts="n")
"""
HIDDEN_FILE = """\
from pathlib import Path
Path("/phtlab/out/outputs").mkdir(exist_ok=True)
marked.to_csv(f"/phtlab/out/outputs/{marked.patient[0]}.csv")
"""
# Messages that read as known ones do, each with a word that only the data have.
LIES = {
    "lies of a key": "raise KeyError(marked.ward[0])\n",
    "lies of an output": 'phtlab.publish("other", {marked.ward[0]: [1j]})\n',
}
STAY = """\
import time
print(marked.to_string(), flush=True)
while True:
    time.sleep(0.1)
"""

# How each journey has to end.
ENDS = {
    "departs": ("departed", ""),
    "cries out": ("failed", "cell-failed"),
    "rows as a table": ("departed", ""),
    "text": ("failed", "airlock-refused"),
    "hidden file": ("failed", "output-undeclared"),
    "is killed": ("failed", "run-record"),
    "is refused": ("refused", "researcher-not-allowed"),
    "lies of a key": ("failed", "cell-failed"),
    "lies of an output": ("failed", "output-error"),
    "is withheld": ("failed", "airlock-refused"),
    "is released in part": ("departed", ""),
}
HOLDER = "hungary"  # whose airlock asks a person, at the end
HOLD = """
[airlock.tables]
small_count = "hold"
"""


@dataclass(frozen=True)
class RecordedWorld(World):
    """Everybody in it speaks to central through a proxy that keeps what is said."""

    proxy_port: int = 0

    @property
    def central_url(self) -> str:
        return f"http://127.0.0.1:{self.proxy_port}"

    @property
    def central_port(self) -> int:
        return self._ports()["central"]


@dataclass
class Marks:
    """The canaries, by where they may be."""

    data: dict[str, list[Canary]] = field(default_factory=dict)  # by station
    author: list[Canary] = field(default_factory=list)  # in the notebook, not in the train
    reasons: list[Canary] = field(default_factory=list)  # why a person decided so at a station
    passphrases: list[Canary] = field(default_factory=list)
    wrong_passphrases: list[Canary] = field(default_factory=list)
    keys: list[Canary] = field(default_factory=list)  # members' and officers'
    central_keys: list[Canary] = field(default_factory=list)

    @property
    def secrets(self) -> list[Canary]:
        """What nobody but its owner may have."""
        return [*self.passphrases, *self.wrong_passphrases, *self.keys, *self.central_keys]

    @property
    def all(self) -> list[Canary]:
        of_stations = [canary for canaries in self.data.values() for canary in canaries]
        return [*of_stations, *self.author, *self.reasons, *self.secrets]


def found(world: RecordedWorld) -> Marks:
    """Found `world`, give each station marked rows, and know every secret of it."""
    world.found(lambda doing: None)
    marks = Marks()
    for station in world.stations:
        marks.data[station] = _marked_rows(world, station)
    marks.passphrases = [Canary("the passphrase", world.passphrase)]
    marks.wrong_passphrases = [marked("a wrong passphrase")]
    marks.reasons = [marked("a reason")]
    marks.author = [marked("a note of the author"), marked("an output in the author's notebook")]
    keys = {
        RESEARCHER: world.profile.key,
        **{name: world.station_folder(name) / "key.age" for name in world.stations},
        **{name: world.directory / "consortium" / "keys" / f"{name}.key.age" for name in OFFICERS},
    }
    for name, path in keys.items():
        identity = read_key(path, world.passphrase)
        ed25519, ml_dsa_65 = identity.seeds()
        marks.keys += [
            Canary(f"the Ed25519 key of {name}", ed25519),
            Canary(f"the ML-DSA key of {name}", ml_dsa_65),
            Canary(f"the age key of {name}", identity.age.seed),
            Canary(f"the age key of {name} as text", str(identity.age).split("-1")[1]),
        ]
    for name in ("online-key.pem", "registry-key.pem"):
        pem = (world.directory / "central" / name).read_bytes()
        raw = load_pem_private_key(pem, None).private_bytes(  # type: ignore[call-arg]
            Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
        )
        marks.central_keys.append(Canary(f"central's {name}", raw[-64:]))
    return marks


def _marked_rows(world: World, station: str) -> list[Canary]:
    """Write the station's data set `marked` and declare it; what is common to its rows."""
    name = f"Kanarie<{secrets.token_hex(6)}>é"
    ward = f"Ward{secrets.token_hex(6)}"
    code = secrets.randbelow(8 * 10**9) + 10**9  # 10 digits, and 5 more a row: below 2^53
    path = world.directory / "patients" / station / "marked.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["patient", "ward", "code", "dose"])
        for number in range(ROWS):
            where = ward if number < SMALL else "A" if number % 2 else "B"
            value = code * 10**5 + number
            rows.writerow([f"{name}{number}", where, value, f"0.{code}{number:05}"])
    add_dataset(StationFolder(world.station_folder(station)), "marked", path, SCHEMA)
    return [
        Canary(f"a patient of {station}", name),
        Canary(f"a small ward of {station}", ward),
        Canary(f"codes of {station}", str(code)),
        Canary(f"the first code of {station}", code * 10**5),
        Canary(f"the sum of codes of {station}", sum(code * 10**5 + n for n in range(ROWS))),
        Canary(f"a dose of {station}", float(f"0.{code}00007")),
    ]


@dataclass
class Aftermath:
    """What is left to be searched when all is over."""

    world: RecordedWorld
    marks: Marks
    journeys: dict[str, Journey]
    notebooks: Path
    exports: Path
    lab: Path  # the folders of a Jupyter server
    said: dict[str, str] = field(default_factory=dict)  # what commands printed
    answered: dict[str, str] = field(default_factory=dict)  # what central and the lab answered
    core_limits: dict[str, str] = field(default_factory=dict)  # of each station's process


def do_everything(
    aftermath: Aftermath, lab: Lab, engine: docker.DockerClient, runs: WatchedRuns
) -> None:
    """The run. Every failure is one that was asked for; each journey's end is asserted."""
    world, sent = aftermath.world, aftermath.journeys
    notebooks = _notebooks(aftermath)
    for what in ("departs", "cries out", "rows as a table", "text", "hidden file", *LIES):
        stations = STATIONS if what == "departs" else "cleveland"
        sent[what] = lab.dispatch(notebooks[what], stations=stations)
    sent["is killed"] = lab.dispatch(notebooks["stays"], stations="hungary")
    _kill_run(world, lab, sent["is killed"], engine, runs)
    _refuse(aftermath, lab, notebooks["departs again"])
    for journey in sent.values():
        journey.wait(PATIENCE, on_change=lambda view: None)
    _ask_a_person(aftermath, lab, notebooks)
    ends = {what: {(s.state, s.code) for s in one.stops} for what, one in sent.items()}
    assert ends == {what: {end} for what, end in ENDS.items()}, ends
    for station in world.stations:
        limits = Path(f"/proc/{service(world, station).pid()}/limits").read_text()
        (line,) = (line for line in limits.splitlines() if line.startswith("Max core file size"))
        aftermath.core_limits[station] = " ".join(line.split()[4:6])
    _look(aftermath, lab)
    _look_in_jupyter(aftermath)


def _notebooks(aftermath: Aftermath) -> dict[str, Path]:
    cells = {
        "departs": (COUNTS,),
        "departs again": (COUNTS, "again = 1"),
        "cries out": (CRY, COUNTS),
        "rows as a table": (ROWS_AS_TABLE,),
        "text": (TEXT_TOO_LONG,),
        "hidden file": (COUNTS, HIDDEN_FILE),
        "stays": (STAY, COUNTS),
        "is withheld": (COUNTS, "withheld = 1"),
        "is released in part": (COUNTS, "released = 1"),
        **{what: (source, COUNTS) for what, source in LIES.items()},
    }
    note, output = aftermath.marks.author
    made = {}
    for what, sources in cells.items():
        path = aftermath.notebooks / f"{what.replace(' ', '_')}.ipynb"
        made[what] = write_notebook(path, LOAD, *sources)
        notebook = nbformat.read(path, as_version=4)
        notebook.cells[2].source = f"here = {note.value!r}"
        shown = nbformat.v4.new_output("stream", text=str(output.value))
        for cell in notebook.cells[2:]:
            cell.outputs = [shown]
        nbformat.write(notebook, path)
    return made


def _kill_run(
    world: World, lab: Lab, journey: Journey, engine: docker.DockerClient, runs: WatchedRuns
) -> None:
    """Kill the station while its run prints rows, bring it back, then kill the run."""
    until(lambda: stop_of(world, "hungary", journey.id).has(Marker.STARTED))
    label = {"label": f"phtlab.job={job_of(journey.id)}"}
    (container,) = engine.containers.list(filters=label, ignore_removed=True)
    # Parameters, load, and now the one that prints, and stays.
    until(lambda: at_cell(world, "hungary", journey.id) == 3)
    runs.look()  # it stays, so that this one is seen for certain
    kill(service(world, "hungary"))
    bring_back(world, "hungary")
    container.kill()


def _ask_a_person(aftermath: Aftermath, lab: Lab, notebooks: Mapping[str, Path]) -> None:
    """Outputs that wait for a person, who keeps one and lets the other go without the small ward;
    a log that is let go. What that person looks at is theirs, and in no search."""
    world, sent, said = aftermath.world, aftermath.journeys, aftermath.said
    (reason,) = aftermath.marks.reasons
    folder = world.station_folder(HOLDER)
    at = ("-C", str(folder))
    by = ("--by", "anna", *at)
    why = ("--reason", str(reason.value), *by)
    policy = folder / "policy.toml"
    policy.write_text(ASKING_POLICY + HOLD)
    try:
        for what in ("is withheld", "is released in part"):
            sent[what] = lab.dispatch(notebooks[what], stations=HOLDER)
        held = {what: sent[what] for what in ("is withheld", "is released in part")}
        for journey in held.values():
            stop = stop_of(world, HOLDER, journey.id)
            until(lambda stop=stop: stop.waits_for == "release")  # type: ignore[misc]
        withheld, released = (journey.id[7:19] for journey in held.values())
        looked = command(world, "station", "output", "show", released, "--json", *by)
        rows = json.loads(looked.stdout)["rows"]
        (small,) = (number for number, row in enumerate(rows, start=1) if row[1] == SMALL)
        acts: dict[str, tuple[str, ...]] = {
            "station output list": ("output", "list", "--json", *at),
            "station output withhold": ("output", "withhold", withheld, *why),
            "station output release": (
                "output",
                "release",
                released,
                "--without-row",
                str(small),
                *why,
            ),
            "a word too late": ("output", "release", withheld, *why),
        }
        for what, arguments in acts.items():
            done = command(world, "station", *arguments)
            said[what] = f"{done.returncode}\n{done.stdout}\n{done.stderr}"
            assert done.returncode == (8 if what == "a word too late" else 0), said[what]
        for journey in held.values():
            journey.wait(PATIENCE, on_change=lambda view: None)
    finally:
        policy.write_text(POLICY)
    departed = sent["departs"]
    assert command(world, "station", "log", departed.id[7:19], *by).returncode == 0
    done = command(world, "station", "release-log", departed.id[7:19], *why)
    said["station release-log"] = f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    until(lambda: stop_of(world, HOLDER, departed.id).has(Marker.LOG_SENT))
    aftermath.answered["the log that was let go"] = departed.log(HOLDER)
    done = command(world, "journey", "log", HOLDER, departed.id[7:19])
    said["journey log"] = f"{done.returncode}\n{done.stdout}\n{done.stderr}"


def forget_runs(world: World, engine: docker.DockerClient) -> None:
    """Remove the runs that a failed test leaves: nobody else would."""
    # Not by the SDK's models: they look at each container again, and others remove some meanwhile.
    for container in engine.api.containers(all=True):
        if any(str(world.directory) in mount.get("Source", "") for mount in container["Mounts"]):
            with suppress(docker.errors.NotFound):
                engine.api.remove_container(container["Id"], force=True)
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if (place := line.split()[4]).startswith(f"{world.directory}/"):
            subprocess.run(["umount", place], check=True, timeout=LIMIT)


def _refuse(aftermath: Aftermath, lab: Lab, notebook: Path) -> None:
    policy = aftermath.world.station_folder("hungary") / "policy.toml"
    policy.write_text(POLICY.replace("[allow]\n", "[allow]\nresearchers = []\n"))
    try:
        journey = aftermath.journeys["is refused"] = lab.dispatch(notebook, stations="hungary")
        until(lambda: lab.central.journey(journey.id).done)
    finally:
        policy.write_text(POLICY)


def _look(aftermath: Aftermath, lab: Lab) -> None:
    """Every command and every page that tells of what happened."""
    world, said = aftermath.world, aftermath.said
    (wrong,) = aftermath.marks.wrong_passphrases
    opened = aftermath.journeys["departs"].results()
    opened.export(aftermath.exports / "departs")
    aftermath.journeys["rows as a table"].results().export(aftermath.exports / "rows")
    aftermath.journeys["is released in part"].results().export(aftermath.exports / "part")
    for what in (*LIES, "is withheld", "is released in part"):
        for station, record in aftermath.journeys[what].verified()[2].items():
            aftermath.answered[f"the record of {station} on '{what}'"] = record.model_dump_json()
    aftermath.answered["results as HTML"] = opened._repr_html_()
    aftermath.answered["results as text"] = repr(opened)
    for station, record in aftermath.journeys["departs"].verified()[2].items():
        aftermath.answered[f"the record of {station}"] = record.model_dump_json()
    cried = aftermath.journeys["cries out"].id[7:19]
    at_station = ("-C", str(world.station_folder("cleveland")))
    asked: dict[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
        "journey list": (("journey", "list", "--json"), {}),
        "journey show": (("journey", "show", cried, "--json"), {}),
        "journey results": (("journey", "results", cried), {}),
        "station status": (("station", "status", "--json", *at_station), {}),
        "station show": (("station", "show", cried, *at_station), {}),
        "station check": (("station", "check", *at_station), {}),
        "a wrong passphrase": (("journey", "list"), {"PHTLAB_PASSPHRASE": str(wrong.value)}),
        "a station's wrong passphrase": (
            ("station", "run", *at_station),
            {"PHTLAB_PASSPHRASE": str(wrong.value)},
        ),
        "a check with a wrong passphrase": (
            ("station", "check", *at_station),
            {"PHTLAB_PASSPHRASE": str(wrong.value)},
        ),
    }
    for what, (arguments, environment) in asked.items():
        done = command(world, *arguments, env=environment)
        said[what] = f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    with httpx.Client(base_url=world.central_url, trust_env=False, timeout=LIMIT) as browser:
        for path in ("/metrics", "/health", "/ready", "/api/v1", "/openapi.json", "/nothing"):
            aftermath.answered[path] = browser.get(path).text
        aftermath.answered["nonsense"] = browser.post("/api/v1/journeys", json={"no": 1}).text
    for journey in aftermath.journeys.values():
        aftermath.answered[f"journey {journey.id}"] = lab.central.journey(
            journey.id
        ).model_dump_json()
        aftermath.answered[f"page of {journey.id}"] = repr(journey)
    aftermath.answered["stations"] = repr(lab.central.stations())


def _look_in_jupyter(aftermath: Aftermath) -> None:
    """The same by JupyterLab's server: a wrong passphrase, the right one, results, a kernel."""
    world, answered = aftermath.world, aftermath.answered
    (wrong,) = aftermath.marks.wrong_passphrases
    with (
        lab_running(aftermath.lab, {"PHTLAB_CONFIG": str(world.researcher)}) as server,
        httpx.Client(
            base_url=server.url,
            headers={"Authorization": f"token {server.token}"},
            timeout=PATIENCE,
            trust_env=False,
        ) as browser,
    ):
        for what, passphrase in (("wrong", str(wrong.value)), ("right", world.passphrase)):
            answer = browser.post("phtlab/keys/unlock", json={"passphrase": passphrase})
            answered[f"Jupyter on the {what} passphrase"] = answer.text
        kernel = browser.post("api/kernels", json={"name": "python3"}).raise_for_status().json()
        for what, journey in aftermath.journeys.items():
            answer = browser.get(f"phtlab/journeys/{journey.id}/results")
            answered[f"Jupyter on the results of '{what}'"] = answer.text
        for path in ("status", "stations", "journeys", "members", "keys"):
            answered[f"Jupyter on {path}"] = browser.get(f"phtlab/{path}").text
        browser.delete(f"api/kernels/{kernel['id']}").raise_for_status()
