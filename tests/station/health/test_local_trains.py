"""A local train takes every step of a journey here, and nothing of it leaves the station."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from safetensors.numpy import load_file
from typer.testing import CliRunner

from phtlab.cli.station.commands import app
from phtlab.errors import DataSetError, RunError
from phtlab.files.key_file import write_key
from phtlab.station.context.self_test_result import (
    AIRLOCK,
    TRAIN,
    keep_report,
    last_report,
    report_of,
)
from phtlab.station.context.station_context import StationContext
from phtlab.station.executor.contract import CheckResult, InstalledKernel
from phtlab.station.executor.docker_executor import DockerExecutor
from phtlab.station.health import local_train, self_test_train
from phtlab.station.health.self_test import find_problems
from phtlab.station.health.self_test_train import train_check
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import write_settings
from tests.e2e.written_notebook import LOAD, PUBLISH, write_notebook
from tests.station.station_world import World, identity, make_world

pytestmark = pytest.mark.engine
PASSPHRASE = "correct horse battery staple"


@pytest.fixture(autouse=True)
def this_kernel_alone(kernel_image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the kernel images on the engine, one of an older runtime may be listed first."""
    every = DockerExecutor.kernels

    def kernels(executor: DockerExecutor) -> tuple[InstalledKernel, ...]:
        return tuple(kernel for kernel in every(executor) if kernel.reference == kernel_image)

    monkeypatch.setattr(DockerExecutor, "kernels", kernels)


@pytest.fixture
def world(tmp_path: Path, kernel_image: str) -> World:
    world = make_world(tmp_path)
    tmp_path.chmod(0o755)
    world.add_hearts(women=25, men=5).chmod(0o644)
    write_settings(world.folder, world.settings)
    write_key(world.folder.key, identity("cleveland"), PASSPHRASE, log_n=8)
    return world


def test_the_self_test_s_train_takes_every_step_and_leaves_nothing(world: World) -> None:
    desk = StationContext(world.folder, world.settings)
    before = sorted(world.folder.path.iterdir())
    result = train_check(
        world.folder, world.settings, identity("cleveland"), desk.audit, by="grace"
    )
    assert (result.name, result.ok) == (TRAIN, True), result.sentence
    assert sorted(world.folder.path.iterdir()) == sorted([*before, world.folder.audit])
    assert [entry.action for entry in desk.audit.entries()] == [
        "local-train-started",
        "local-train-ended",
    ]


def test_a_local_train_runs_on_the_data_and_its_results_stay(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHTLAB_PASSPHRASE", PASSPHRASE)
    notebook = write_notebook(tmp_path / "own.ipynb", LOAD, PUBLISH)
    place = ["-C", str(world.folder.path)]
    result = CliRunner().invoke(
        app, ["local", str(notebook), "--dataset", "heart", "--by", "grace", *place, "--json"]
    )
    assert result.exit_code == 0, (result.output, result.exception)
    shown = json.loads(result.stdout)
    assert (shown["local"], shown["outcome"]) == (True, "departed")
    results = Path(shown["results"])
    assert results.is_relative_to(world.folder.path / "local")
    assert (results / "counts.parquet").exists()
    (started, ended) = StationContext(world.folder, world.settings).audit.entries()
    assert (started.actor, started.subject) == ("grace", shown["journey"])
    assert ended.details["outcome"] == "departed"
    assert list(world.station().stops) == []  # no journey of the consortium's
    assert world.central.records == []


SEQUENTIAL = """\
model = phtlab.receive("model", default={"w": 1.5})
phtlab.publish("model", model, kind="model", of=len(heart), tensors="w", to="next")
"""


def test_a_local_train_of_a_sequential_notebook_receives_its_default(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHTLAB_PASSPHRASE", PASSPHRASE)
    notebook = write_notebook(tmp_path / "own.ipynb", LOAD, SEQUENTIAL)
    place = ["-C", str(world.folder.path)]
    result = CliRunner().invoke(app, ["local", str(notebook), "--by", "grace", *place, "--json"])
    assert result.exit_code == 0, (result.output, result.exception)
    model = Path(json.loads(result.stdout)["results"]) / "model.safetensors"
    assert load_file(model)["w"] == 1.5


ROUND = """\
beta = phtlab.receive("beta", default=1.0)
phtlab.keep("beta", beta)
phtlab.publish("update", {"g": beta * np.ones(LENGTH)}, kind="model", of=len(heart), tensors="g")
"""
COMBINE = """\
import phtlab
raise SystemError("a combine cell runs at a station")
phtlab.send(beta=phtlab.updates("update").sum("g"))
"""


@pytest.mark.parametrize("length", [1, 50_000], ids=["inline", "large"])
def test_a_local_train_of_rounds_computes_the_first(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    monkeypatch.setenv("PHTLAB_PASSPHRASE", PASSPHRASE)
    notebook = write_notebook(tmp_path / "own.ipynb", f"import numpy as np\n{LOAD}")
    content = nbformat.read(notebook, 4)
    for role, source in (("round", ROUND.replace("LENGTH", str(length))), ("combine", COMBINE)):
        content.cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": [role]}))
    nbformat.write(content, notebook)
    place = ["-C", str(world.folder.path)]
    passes = '[airlock.models]\nmembership = "pass"\nuncounted = "pass"\n'
    world.folder.policy.write_text(f"{passes}[rounds]\nwithout_membership = 50_000\n")
    result = CliRunner().invoke(app, ["local", str(notebook), "--by", "grace", *place, "--json"])
    assert result.exit_code == 0, (result.output, result.exception)
    shown = json.loads(result.stdout)
    assert (shown["outcome"], shown["rounds"]) == ("departed", 1)
    model = Path(shown["results"]) / "update.safetensors"
    assert load_file(model)["g"].tolist() == length * [1.0]


def test_a_local_train_reads_no_other_data_set_than_was_named(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHTLAB_PASSPHRASE", PASSPHRASE)
    notebook = write_notebook(tmp_path / "own.ipynb", LOAD, PUBLISH)
    place = ["-C", str(world.folder.path)]
    result = CliRunner().invoke(app, ["local", str(notebook), "--dataset", "lungs", *place])
    assert isinstance(result.exception, DataSetError)
    assert "also reads heart" in str(result.exception)


def test_a_local_train_that_fails_says_where_its_operator_sees_why(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHTLAB_PASSPHRASE", PASSPHRASE)
    notebook = write_notebook(tmp_path / "own.ipynb", LOAD, PUBLISH, "1 / 0")
    result = CliRunner().invoke(app, ["local", str(notebook), "-C", str(world.folder.path)])
    assert isinstance(result.exception, RunError)
    (stop,) = (world.folder.path / "local" / "stops").glob("*/operator")
    assert str(stop) in str(result.exception)
    assert b"ZeroDivisionError" in (stop / "executed.ipynb").read_bytes()


def test_without_a_kernel_image_it_says_how_to_get_one(world: World) -> None:
    run = train_check(
        world.folder,
        world.settings.model_copy(update={"executor_options": {"engine": "unix:///no.sock"}}),
        identity("cleveland"),
        StationContext(world.folder, world.settings).audit,
        by="grace",
    )
    assert (run.ok, run.advice) == (False, "Start it: systemctl start docker")


def test_what_a_local_train_left_that_was_killed_goes_with_the_next(world: World) -> None:
    """Its container and its mount; and two at once do not take each other's away."""
    desk, key = StationContext(world.folder, world.settings), identity("cleveland")
    place = StationFolder(world.folder.path / "self-test")
    with pytest.MonkeyPatch.context() as patch:

        def killed(*arguments: object) -> None:
            raise SystemExit

        patch.setattr(local_train.held_outputs, "decide", killed)
        patch.setattr(local_train.shutil, "copyfile", killed)
        patch.setattr(self_test_train.shutil, "rmtree", lambda *a, **k: None)
        patch.setattr(DockerExecutor, "remove", lambda self, job: None)
        with pytest.raises(SystemExit):
            train_check(world.folder, world.settings, key, desk.audit, by="grace")
    assert list((place.path / "runs").iterdir())
    with place.occupied():
        result = train_check(world.folder, world.settings, key, desk.audit, by="grace")
        assert (result.state, "Another local train" in result.sentence) == ("warning", True)
        assert list((place.path / "runs").iterdir())
    assert train_check(world.folder, world.settings, key, desk.audit, by="grace").ok
    assert not place.path.exists()


def test_an_airlock_that_lets_a_small_group_through_is_broken_until_a_train_finds_it_well(
    world: World,
) -> None:
    settings = world.settings
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(self_test_train, "GROUPS", {"few": 12, "many": 25, "more": 31})
        (found,) = _of_train(look_at(world))
        assert (found.name, found.state) == (AIRLOCK, "broken")
    report = report_of(settings, [found], world.now())
    assert report.stopping
    keep_report(world.folder, report)
    # A check without a train says nothing of the airlock.
    assert report_of(settings, [], world.now(), last_report(world.folder)).stopping
    (found,) = _of_train(look_at(world))
    assert (found.name, found.state) == (TRAIN, "ok")


def look_at(world: World) -> list[CheckResult]:
    log = StationContext(world.folder, world.settings).audit
    key = identity("cleveland")
    return [
        *find_problems(world.folder, world.settings, lambda: key, log, by="grace", now=world.now)
    ]


def _of_train(results: list[CheckResult]) -> list[CheckResult]:
    return [result for result in results if result.name in (TRAIN, AIRLOCK)]
