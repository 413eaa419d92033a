"""The self-test finds what is broken at a station, says how to repair it, and is content then.

Central and registry are real, and so is the engine. The trial of the sandbox runs where limits are
in question; else it would be the same container twenty times.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import docker
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from structlog.testing import capture_logs

from phtlab.central.founding import registry_settings
from phtlab.central.registry.token import certificate
from phtlab.files.key_file import read_key, write_key
from phtlab.station.context.self_test_result import (
    STOPPING,
    Found,
    last_report,
    request_test,
    self_test_requested,
)
from phtlab.station.context.station_context import StationContext
from phtlab.station.executor import sandbox_trial
from phtlab.station.executor.contract import CheckResult, Executor
from phtlab.station.executor.docker_executor import DEFAULT_ENGINE, DockerExecutor
from phtlab.station.health import images as checked_images
from phtlab.station.health.checks import check_station
from phtlab.station.health.clock import judge_clock
from phtlab.station.health.self_test import run_self_test
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import load_settings
from phtlab.train.crypto.identity import Identity
from phtlab.wire.api.journeys import RosterBundle
from phtlab.wire.central.client import CentralClient
from tests.crash.consortium import OFFICERS, Light, light
from tests.crash.small_disk import small_disk
from tests.e2e.parts import until
from tests.evidence import Evidence
from tests.real_registry import free_port, registry_of
from tests.sandbox.engines import docker_engine
from tests.station.station_world import KERNEL, make_world

PASSPHRASE = "correct horse battery staple"
LYING = """#!/usr/bin/env python3
import json, os, sys
if "create" in sys.argv and "--bundle" in sys.argv:
    path = os.path.join(sys.argv[sys.argv.index("--bundle") + 1], "config.json")
    config = json.load(open(path))
    config["linux"]["resources"].pop("memory", None)
    json.dump(config, open(path, "w"))
os.execvp("runc", ["runc", *sys.argv[1:]])
"""
STATION = "cleveland"


@dataclass
class Patient:
    """The station `cleveland` of a consortium, as a fault leaves it."""

    light: Light
    folder: StationFolder
    identity: Identity
    changed: dict[str, Any] = field(default_factory=dict)
    ahead: timedelta = timedelta(0)
    trial: bool = False

    def results(self) -> dict[str, CheckResult]:
        """By name; each name comes once."""
        settings = load_settings(self.folder).model_copy(update=self.changed)
        with pytest.MonkeyPatch.context() as patch:
            if not self.trial:
                patch.setattr(DockerExecutor, "_tried", lambda self: ())
                patch.setattr(DockerExecutor, "unreadable", Executor.unreadable)
            found = list(check_station(self.folder, settings, self.key, self.now))
        assert len({result.name for result in found}) == len(found)
        return {result.name: result for result in found}

    def key(self) -> Identity:
        return read_key(self.folder.key, PASSPHRASE)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    with light(tmp_path_factory.mktemp("self-test")) as made:
        folder = made.folder(STATION)
        identity = made.identities[STATION]
        write_key(folder.key, identity, PASSPHRASE, log_n=8)
        yield Patient(made, folder, identity)


@pytest.fixture
def station(consortium: Patient, kernel_image: str) -> Patient:
    return replace(consortium, changed={})


# The ten. Each goes on twice: first the station is broken, then it is mended.

Fault = Callable[[Patient, Path], Generator[None]]


def engine_off(station: Patient, place: Path) -> Generator[None]:
    socket = place / "docker.sock"
    station.changed["executor_options"] = {"engine": f"unix://{socket}"}
    yield
    socket.symlink_to(DEFAULT_ENGINE.removeprefix("unix://"))
    yield


def limits_not_enforced(station: Patient, place: Path) -> Generator[None]:
    """As by a runtime that is asked to limit memory and does not."""
    station.trial = True
    whole = sandbox_trial.container_body

    def body(*arguments: Any, **keywords: Any) -> dict[str, Any]:
        made = whole(*arguments, **keywords)
        made["HostConfig"].update(Memory=0, MemorySwap=0)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox_trial, "container_body", body)
        yield
    yield


def clock_wrong(station: Patient, place: Path) -> Generator[None]:
    station.ahead = timedelta(hours=3)
    yield
    station.ahead = timedelta(0)
    yield


def disk_full(station: Patient, place: Path) -> Generator[None]:
    """The station lies on a disk of its own, which something else fills."""
    with small_disk(place / "disk", "48m") as disk:
        folder = StationFolder(disk.path / STATION)
        shutil.copytree(station.folder.path, folder.path)
        folder.policy.write_text('mode = "auto"\n\n[limits]\noutput = "1 MiB"\n')
        station.folder = folder
        with disk.full():
            yield
        yield


def data_set_gone(station: Patient, place: Path) -> Generator[None]:
    data = station.light.place / f"{STATION}.csv"
    away = data.rename(place / "elsewhere.csv")
    try:
        yield
    finally:
        away.rename(data)
    yield


def wrong_key(station: Patient, place: Path) -> Generator[None]:
    """A key of the right name, made anew, that nobody has told the officers of."""
    right = station.folder.key.read_bytes()
    station.folder.key.unlink()
    write_key(station.folder.key, Identity.generate(STATION), PASSPHRASE, log_n=8)
    try:
        yield
    finally:
        station.folder.key.write_bytes(right)
    yield


def registry_refused(station: Patient, place: Path) -> Generator[None]:
    """A registry that believes another central's tokens."""
    port, bundle = free_port(), place / "other.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    bundle.write_bytes(certificate(key, "another", datetime.now(UTC)))
    central = station.light.central
    text = registry_settings(central).replace(str(central.registry_certificate_file), str(bundle))
    own = urlsplit(central.registry_url).netloc
    text = text.replace(own, f"127.0.0.1:{port}")
    text = text.replace(f'"{central.directory / "registry"}"', f'"{place / "storage"}"')
    with registry_of(text, port, place) as url:
        station.changed["registry"] = url
        yield
    del station.changed["registry"]
    yield


def policy_unreadable(station: Patient, place: Path) -> Generator[None]:
    right = station.folder.policy.read_text()
    station.folder.policy.write_text(right.replace("mode =", "mode"))
    try:
        yield
    finally:
        station.folder.policy.write_text(right)
    yield


def roster_stale(station: Patient, place: Path) -> Generator[None]:
    """The officers have not signed for so long that their last roster expires."""
    consortium = station.light.consortium
    lately = datetime.now(UTC) - consortium.lifetimes.targets + timedelta(seconds=5)
    publish(station, lately)
    try:
        until(lambda: not station.results()["roster"].ok)
        yield
    finally:
        publish(station, datetime.now(UTC))
    yield


def publish(station: Patient, now: datetime) -> None:
    consortium = station.light.consortium
    consortium.sign(OFFICERS, now=now)
    with CentralClient(station.light.lab.central.url) as client:
        client.publish_roster(RosterBundle.model_validate(consortium.bundle()))


def twin_missing(station: Patient, place: Path) -> Generator[None]:
    (twin,) = station.folder.twins.iterdir()
    content = twin.read_bytes()
    twin.unlink()
    try:
        yield
    finally:
        twin.write_bytes(content)
    yield


TEN: dict[str, tuple[Fault, str, str, str]] = {
    "engine off": (
        engine_off,
        "container engine",
        "does not answer",
        "systemctl start docker",
    ),
    "limits not enforced": (
        limits_not_enforced,
        "limit: memory",
        "Memory is not limited: a run got 256 MiB where 128 MiB were allowed.",
        "Use the runtime runc, or boot the host with control groups of version 2",
    ),
    "clock wrong": (
        clock_wrong,
        "clock",
        "The clock is 3 hours ahead of central's",
        "timedatectl set-ntp true",
    ),
    "disk full": (disk_full, "disk", "free, and", "Free space there"),
    "data set gone": (
        data_set_gone,
        "data set heart",
        "is not there",
        "phtlab station dataset add heart PATH",
    ),
    "wrong key": (
        wrong_key,
        "key on the roster",
        "The roster has other keys for cleveland",
        "phtlab station request",
    ),
    "registry refused": (
        registry_refused,
        "registry",
        "did not take anything in self-test/cleveland: 401",
        "central's operator",
    ),
    "policy unreadable": (policy_unreadable, "policy", "is not valid TOML", "Mend it"),
    "roster stale": (
        roster_stale,
        "roster",
        "The consortium's roster has expired.",
        "phtlab consortium sign",
    ),
    "twin missing": (
        twin_missing,
        "twin heart",
        "The twin of 'heart' is missing",
        "phtlab station dataset twin heart",
    ),
}


@pytest.mark.engine
@pytest.mark.parametrize("name", TEN)
def test_the_self_test_finds_a_broken_station_and_says_how_to_repair_it(
    station: Patient, tmp_path: Path, evidence: Evidence, name: str
) -> None:
    fault, what, sentence, mend = TEN[name]
    states = fault(station, tmp_path)
    try:
        next(states)
        found = station.results()
        assert found[what].state == "broken", found
        assert sentence in found[what].sentence
        assert mend in found[what].advice
        evidence(
            "self-test",
            broken=name,
            found=told(found[what].sentence, station, tmp_path),
            how_to_repair_it=told(found[what].advice, station, tmp_path),
        )
        next(states)
        assert [result for result in station.results().values() if not result.ok] == []
    finally:
        states.close()


def told(sentence: str, station: Patient, place: Path) -> str:
    """Without what is of this run only."""
    for path in (place, station.light.place):
        sentence = sentence.replace(str(path), "…")
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:5000", sentence)


# What modes do not tell


@pytest.mark.engine
def test_what_a_run_cannot_read_of_the_data_is_found_by_a_run(
    kernel_image: str, tmp_path: Path
) -> None:
    """A folder that looks open, with a file below that is not; and one that its group may read."""
    group = 4711
    inside, shared, open_file = tmp_path / "images", tmp_path / "shared.csv", tmp_path / "open.csv"
    (inside / "deep").mkdir(parents=True)
    (inside / "deep" / "scan.dcm").write_bytes(b"x")
    (inside / "deep" / "scan.dcm").chmod(0o600)
    for path, mode in ((shared, 0o640), (open_file, 0o644)):
        path.write_text("age\n40\n")
        path.chmod(mode)
    os.chown(shared, 0, group)
    data = {"images": inside, "shared": shared, "open": open_file}
    found = {}
    for groups in ((), (group,)):
        executor = DockerExecutor(
            tmp_path / "runs", station=f"reading-{secrets.token_hex(4)}", groups=groups
        )
        try:
            found[groups] = executor.unreadable(data)
            assert executor.jobs() == frozenset()
        finally:
            executor.close()
    assert found[()] == {"images": "images/deep/scan.dcm", "shared": "shared/shared.csv"}
    assert found[(group,)] == {"images": "images/deep/scan.dcm"}
    assert list((tmp_path / "runs").iterdir()) == []


# Its parts, as functions of what they are told

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("off", "state"),
    [
        (timedelta(0), "ok"),
        (timedelta(seconds=9), "ok"),
        (timedelta(seconds=30), "warning"),
        (timedelta(seconds=-30), "warning"),
        (timedelta(seconds=61), "broken"),
        (timedelta(days=-400), "broken"),
    ],
)
def test_a_clock_is_held_against_central_s(off: timedelta, state: str) -> None:
    result = judge_clock(NOW + off, NOW, [])
    assert (result.state, bool(result.advice)) == (state, state != "ok")


def test_a_difference_is_rounded_and_what_it_is_at_least_is_rounded_down() -> None:
    # The answer takes a moment to come: three hours are a little less.
    off = timedelta(hours=3) - timedelta(milliseconds=40)
    assert "3 hours ahead of" in judge_clock(NOW + off, NOW, []).sentence
    signed = [("the roster's timestamp", NOW + timedelta(hours=2, minutes=50))]
    assert "at least 2 hours behind" in judge_clock(NOW, NOW, signed).sentence


def test_what_was_signed_later_than_now_says_that_the_clock_is_behind_whatever_central_says() -> (
    None
):
    signed = [("the roster's timestamp", NOW + timedelta(hours=5))]
    result = judge_clock(NOW, NOW, signed)
    assert result.sentence.startswith("The clock is at least 5 hours behind")
    assert judge_clock(NOW, None, []).state == "warning"


@pytest.mark.parametrize("name", ["limits", "limit: memory", "clock", "audit log"])
def test_what_stops_new_runs_is_named_with_the_reason(name: str) -> None:
    found = Found(name=name, state="broken", sentence="", advice="")
    assert found.stops
    assert STOPPING[name.partition(":")[0]]
    assert not found.model_copy(update={"state": "warning"}).stops


def test_the_page_says_what_stops_new_runs() -> None:
    page = (Path(__file__).parents[3] / "docs" / "station-life.md").read_text()
    table = page[page.index("What stops new runs") : page.index("## Pause")]
    assert [name for name in STOPPING if f"`{name}" not in table] == []


@pytest.mark.engine
@pytest.mark.long
def test_a_runtime_that_takes_a_limit_and_does_not_hold_it_is_found_by_name(
    station: Patient, tmp_path: Path
) -> None:
    """A runtime of the tests' own engine that forgets the limit on memory on the way to runc."""
    lying = tmp_path / "lying-runc"
    lying.write_text(LYING)
    lying.chmod(0o755)
    tmp_path.chmod(0o711)
    with docker_engine(runtimes={"lying": {"path": str(lying)}}) as engine:
        client = docker.DockerClient(base_url=engine)
        try:
            (reference, *_) = [
                name
                for image in docker.from_env().api.images()
                for name in image.get("RepoDigests") or ()
                if "/kernels/" in name
            ]
            client.images.pull(reference)
        finally:
            client.close()
        station.changed["executor_options"] = {"engine": engine, "runtime": "lying"}
        station.trial = True
        found = station.results()
    assert found["container runtime"].ok
    assert found["limit: memory"].state == "broken"


@pytest.mark.engine
def test_a_running_station_tests_itself_when_it_is_asked_to_and_keeps_what_it_found(
    station: Patient,
) -> None:
    desk = StationContext(station.folder, load_settings(station.folder))
    request_test(desk, by="grace")
    until(lambda: last_report(station.folder) is not None)
    report = last_report(station.folder)
    assert report is not None
    assert (report.station, report.broken) == (STATION, ())
    assert {"sandbox", "registry", "clock", "disk", "twin heart", "self-test train"} <= {
        result.name for result in report.results
    }
    assert not self_test_requested(station.folder)


@pytest.mark.engine
def test_what_is_broken_is_told_to_the_operator_s_log_with_what_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DockerExecutor, "_tried", lambda self: ())
    world = make_world(tmp_path)  # which has joined nothing, and declared no data
    with capture_logs() as logs:
        report = run_self_test(world.station())
    broken = {line["what"]: line for line in logs if line["event"] == "self-test: broken"}
    assert broken["data sets"]["advice"].startswith("phtlab station dataset add")
    assert "phtlab station join" in broken["central"]["advice"]
    assert not broken["central"]["stops_new_runs"]
    assert set(broken) == {found.name for found in report.broken}
    assert last_report(world.folder) == report


@pytest.mark.parametrize("ahead", [True, False])
def test_the_kernel_images_that_the_engine_has_and_how_the_others_come(
    station: Patient, ahead: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    station.changed = {"fetch_images_ahead": ahead}
    images = (KERNEL, KERNEL.model_copy(update={"name": "r", "digest": f"sha256:{'3' * 64}"}))
    monkeypatch.setattr(checked_images, "allowed_images", lambda policy, known: images)
    monkeypatch.setattr(DockerExecutor, "has_image", lambda self, name: KERNEL.digest in name)
    found = station.results()["kernel images"]
    assert found.state == "ok"
    assert f"has {KERNEL.name} of" in found.sentence
    assert ("fetches r ahead" if ahead else "needs r waits") in found.sentence
