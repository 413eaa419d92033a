"""Rounds on the real parts: a regression that two hospitals compute together, and goes on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import docker
import nbformat
import numpy as np
import pytest
from docker.models.containers import Container

from phtlab.demo.pooled import patients
from phtlab.demo.showcase import DATA
from phtlab.demo.world import World
from phtlab.lab import Journey, Lab
from phtlab.lab.client.train import Train
from phtlab.processes.services import phtlab_command
from phtlab.share import share
from tests.e2e.parts import PATIENCE, bring_back, job_of, kill, service, until
from tests.limits import LIMIT

pytestmark = pytest.mark.engine

STATIONS = ("cleveland", "hungary")
PARAMETERS = "import numpy as np\nimport phtlab\n"
LOAD = """\
heart = phtlab.dataset("heart")
x = np.column_stack([np.ones(len(heart)), (heart.age - 50) / 10, heart.sex == "Male"])
x = x.astype(float)
y = (heart.num > 0).to_numpy().astype(float)
"""
STEP = """\
beta = phtlab.receive("beta", default=np.zeros(3), arrays={"beta": (3,)}, lowest=-50, highest=50)
p = 1 / (1 + np.exp(-x @ beta))
gradient, hessian = x.T @ (y - p), (x.T * (p * (1 - p))) @ x
phtlab.publish(
    "update", {"g": gradient, "h": hessian}, kind="model", of=len(y), tensors=["g", "h"]
)
"""
COMBINE = """\
updates = phtlab.updates("update")
step = np.linalg.solve(updates.sum("h"), updates.sum("g"))
beta = beta + step
phtlab.report(step=float(np.abs(step).max()))
phtlab.send(beta=beta)
if np.abs(step).max() < 1e-10:
    phtlab.finish(beta=beta)
"""


DESCENT = """\
import time
time.sleep(1)
beta = phtlab.receive("beta", default=np.zeros(3), arrays={"beta": (3,)}, lowest=-50, highest=50)
momentum = phtlab.kept("momentum", default=np.zeros(3))
seed = phtlab.kept("seed", default=20)
random = np.random.default_rng(seed)
rows = random.choice(len(y), size=100, replace=False)
p = 1 / (1 + np.exp(-x[rows] @ beta))
momentum = 0.9 * momentum + x[rows].T @ (y[rows] - p) / 1000
phtlab.keep("momentum", momentum)
phtlab.keep("seed", random.integers(2**62))
phtlab.publish("update", {"m": momentum}, kind="model", of=len(y), tensors="m")
"""
DESCENT_COMBINE = """\
beta = beta + phtlab.updates("update").sum("m")
phtlab.report(size=float(np.abs(beta).sum()))
phtlab.send(beta=beta)
"""


def regression(path: Path, *, pause: float = 0.0) -> Path:
    """A notebook that fits a logistic regression by iteratively reweighted least squares.

    Each round takes at least `pause` seconds.
    """
    return written(path, f"import time\ntime.sleep({pause})\n{STEP}" if pause else STEP, COMBINE)


def written(path: Path, step: str, combine: str) -> Path:
    new = nbformat.v4.new_code_cell
    cells = (("parameters", PARAMETERS), ("station", LOAD), ("round", step), ("combine", combine))
    made = nbformat.v4.new_notebook(
        cells=[new(source, metadata={"tags": [role]}) for role, source in cells],
        metadata={
            "kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"},
            "language_info": {"name": "python"},
        },
    )
    nbformat.write(made, path)
    return path


@pytest.fixture(autouse=True)
def folder_of_the_researcher(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the key of a journey is kept: the commands of the world's researcher look there too."""
    monkeypatch.setenv("PHTLAB_CONFIG", small.environment["PHTLAB_CONFIG"])


@pytest.fixture
def train(small_lab: Lab, tmp_path: Path) -> Train:
    return small_lab.train(regression(tmp_path / "regression.ipynb"))


def pooled() -> np.ndarray:
    """The same regression on the rows of both hospitals."""
    rows = patients(share(DATA))
    rows = rows[rows.station.isin(STATIONS)]
    x = np.column_stack([np.ones(len(rows)), (rows.age - 50) / 10, rows.sex == "Male"]).astype(
        float
    )
    y = (rows.num > 0).to_numpy().astype(float)
    beta = np.zeros(3)
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ beta))
        beta += np.linalg.solve((x.T * (p * (1 - p))) @ x, x.T @ (y - p))
    return beta


def require_fit(journey: Journey) -> None:
    assert [stop.state for stop in journey.stops] == ["departed", "departed"]
    found = journey.results().combined["beta"]
    np.testing.assert_allclose(np.asarray(found), pooled(), rtol=0, atol=1e-8)


def test_a_regression_by_rounds_equals_the_pooled_one(small_lab: Lab, train: Train) -> None:
    journey = small_lab.dispatch(train, stations=STATIONS, rounds=20).wait(PATIENCE)
    require_fit(journey)
    reports = journey.reports
    assert reports["step"].iloc[-1] < 1e-10
    assert len(reports) < 20


def at_round(journey: Journey, number: int) -> bool:
    rounds = journey.refresh().view.rounds
    assert rounds is not None
    return rounds.number >= number


def test_each_part_killed_in_a_round_changes_nothing(
    small: World, small_lab: Lab, tmp_path: Path, engine: docker.DockerClient
) -> None:
    """A station, central, the registry, a run's container, and the researcher's kernel."""
    train = small_lab.train(regression(tmp_path / "slow.ipynb", pause=1.0))
    undisturbed = small_lab.dispatch(train, stations=STATIONS, rounds=20).wait(PATIENCE)
    journey = small_lab.dispatch(train, stations=STATIONS, rounds=20)
    driven = subprocess.Popen(
        phtlab_command("journey", "wait", journey.id.removeprefix("sha256:")[:12]),
        env={**os.environ, **small.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for number, part in enumerate(("cleveland", "central", "registry"), 1):
        until(lambda number=number: at_round(journey, number))
        kill(service(small, part))
        bring_back(small, part)
    until(lambda: at_round(journey, 4))
    (container, *_) = containers_of(journey, engine)
    container.kill()
    until(lambda: at_round(journey, 5))
    driven.kill()
    driven.wait(LIMIT)
    journey.wait(PATIENCE)
    require_fit(journey)
    of_rounds = journey.results().of_rounds
    assert of_rounds is not None
    assert of_rounds.rounds == {s: tuple(range(1, of_rounds.count + 1)) for s in STATIONS}
    for name, value in undisturbed.results().combined.items():
        np.testing.assert_array_equal(journey.results().combined[name], value)


def test_a_container_killed_in_a_round_changes_nothing_that_depends_on_what_was_kept(
    small: World, small_lab: Lab, tmp_path: Path, engine: docker.DockerClient
) -> None:
    """Momentum and random rows: without what was kept, the rounds after the loss would differ."""
    train = small_lab.train(written(tmp_path / "descent.ipynb", DESCENT, DESCENT_COMBINE))
    undisturbed = small_lab.dispatch(train, stations=STATIONS, rounds=6).wait(PATIENCE)
    journey = small_lab.dispatch(train, stations=STATIONS, rounds=6)
    driven = subprocess.Popen(
        phtlab_command("journey", "wait", journey.id.removeprefix("sha256:")[:12]),
        env={**os.environ, **small.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: at_round(journey, 3))
    lost = {c.id for c in containers_of(journey, engine)}
    for container in containers_of(journey, engine):
        container.kill()
    until(lambda: at_round(journey, 5))
    assert not lost & {c.id for c in containers_of(journey, engine)}
    driven.wait(LIMIT)
    journey.wait(PATIENCE)
    expected, found = undisturbed.results(), journey.results()
    assert expected.of_rounds is not None
    assert found.of_rounds is not None
    assert [stop.state for stop in journey.stops] == ["departed", "departed"]
    for number in range(1, 7):
        one, other = expected.of_rounds.updates(number), found.of_rounds.updates(number)
        for station in STATIONS:
            np.testing.assert_array_equal(
                one[station]["update"]["m"], other[station]["update"]["m"]
            )
    np.testing.assert_array_equal(expected.combined["beta"], found.combined["beta"])


def containers_of(journey: Journey, engine: docker.DockerClient) -> list[Container]:
    return engine.containers.list(filters={"label": f"phtlab.job={job_of(journey.id)}"})
