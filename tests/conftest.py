"""The real parts that tests share, started once a session and ended by whoever started them.

`engine` the container engine; `open_registry` a registry without authentication; `built_kernel`
the kernel image, built from `kernels/python` or taken from the machine's cache; `kernel_image` its
reference in that registry. `world` a whole consortium: central, registry, engine, four hospitals
and a twin; `lab` its researcher's connection; `small` and `small_lab` the same with two hospitals.
`hub_world` a JupyterHub for `world`; `workspace_hub` one of its own, with Labs in containers.
A part that is missing is a failure that says what to install.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import docker.errors
import pytest
import structlog
import typer.main

from phtlab.kernel.build import BuiltKernel, build_kernel
from phtlab.kernel.push import push_kernel
from phtlab.kernel.workspace import BuiltWorkspace, build_workspace
from phtlab.kernel.workspace_load import load_workspace
from phtlab.user_settings import cache_directory
from phtlab.wire.registry.client import Registry
from tests.evidence import Evidence
from tests.limits import LIMIT
from tests.real_registry import answers, free_port, registry_of
from tests.stages.files import BROWSER_FOLDERS, may_have
from tests.stages.stage import LONG, STAGES

if TYPE_CHECKING:  # imported where they are used: a test of a few functions waits for none of it
    from phtlab.demo.hub import HubWorld
    from phtlab.demo.world import World
    from phtlab.lab import Lab

ROOT = Path(__file__).parents[1]
# Kernel images are built once a machine, not once a checkout.
CACHE = cache_directory()
KERNEL_CACHE = CACHE / "kernel-images"

_EVIDENCE = pytest.StashKey[Evidence]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--evidence", type=Path, metavar="DIR", help="write what tests have shown to this folder"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent in BROWSER_FOLDERS:
            item.add_marker("browser")
    _require_stage_to_find(items)
    _sort_longest_first(items)


def _require_stage_to_find(items: list[pytest.Item]) -> None:
    """A test that is marked where its stage does not look would never run."""
    markers = [stage.marker for stage in (*STAGES, LONG) if stage.marker]
    for item in items:
        for marker in markers:
            if item.get_closest_marker(marker) and not may_have(item.path, marker):
                raise pytest.UsageError(
                    f"{item.nodeid} is marked {marker}, and neither its file nor a conftest.py "
                    f"above it says pytest.mark.{marker}: tests/stages/files.py"
                )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    if config.getvalue("dist") != "loadfile":
        return None
    from tests.stages.scheduling import FolderScheduling

    return FolderScheduling(config, log)


def _sort_longest_first(items: list[pytest.Item]) -> None:
    """Files in the order in which workers should begin them, so that none is left with a long one.

    First those with a test that has a longer limit than others, then those with many tests.
    """
    limits: Counter[Path] = Counter()
    tests: Counter[Path] = Counter()
    for item in items:
        own = item.get_closest_marker("timeout")
        limits[item.path] = max(limits[item.path], int(own.args[0]) if own else 0)
        tests[item.path] += 1
    items.sort(key=lambda item: (-limits[item.path], -tests[item.path], item.path))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    folder = item.config.getoption("--evidence")
    if folder and report.when == "call" and report.passed and _EVIDENCE in item.stash:
        item.stash[_EVIDENCE].write(folder)
    return report


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> Evidence:
    """Tells a row of a table of docs/reference; kept if the test passes: tests/evidence."""
    told = Evidence(request.node.nodeid.split("[")[0])
    request.node.stash[_EVIDENCE] = told
    return told


@pytest.fixture(scope="session", autouse=True)
def _no_profile_of_this_machine(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests see no person's configuration, and leave none behind."""
    for name in [n for n in os.environ if n.startswith("PHTLAB_")]:
        if not name.startswith("PHTLAB_TEST_"):  # for tests, such as a seed
            del os.environ[name]
    place = tmp_path_factory.mktemp("home")
    os.environ["PHTLAB_CONFIG"] = str(place / "config")
    os.environ["PHTLAB_CACHE"] = str(place / "cache")


@pytest.fixture(autouse=True)
def _warnings_are_logged() -> Iterator[None]:
    """Each test finds warnings logged, wherever one before it had logs go: that is closed now."""
    _log_warnings()
    yield
    _log_warnings()


def _log_warnings() -> None:
    structlog.reset_defaults()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


@pytest.fixture(scope="session", autouse=True)
def _commands_are_put_together_once() -> Iterator[None]:
    """Typer's runner of tests builds all of an application's commands anew for each call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", functools.cache(typer.main.get_command))
        yield


_RUNNING: list[World] = []


@pytest.fixture(autouse=True, scope="module")
def _nothing_has_left() -> None:
    """What one module's journeys brought out of a shared world is not held against another's."""
    for world in _RUNNING:
        for released in world.directory.glob("stations/*/released"):
            shutil.rmtree(released)


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    client.ping()
    before = _references(client)
    yield client
    for reference in _references(client) - before:
        # Trains that stations of this session pulled; one that something still uses stays, and so
        # does what came from a registry that is still there: another session's, at the same time.
        if answers(int(reference.split("/")[0].split(":")[1])):
            continue
        with contextlib.suppress(docker.errors.APIError):
            client.images.remove(reference)
    client.close()


def _references(client: docker.DockerClient) -> set[str]:
    """All images that came from a registry on this machine, by reference."""
    # Not by the SDK's models: they look at each image again, and others remove some meanwhile.
    digests = (image.get("RepoDigests") or [] for image in client.api.images())
    return {name for names in digests for name in names if name.startswith("127.0.0.1:")}


@pytest.fixture(scope="session")
def open_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real registry without authentication, on a free loopback port."""
    folder = tmp_path_factory.mktemp("registry")
    port = free_port()
    settings = (
        f"version: 0.1\nlog: {{level: warn}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}', secret: a-secret-of-the-tests}}\n"
    )
    with registry_of(settings, port, folder) as url:
        yield url


@pytest.fixture(scope="session")
def built_kernel() -> BuiltKernel:
    return build_kernel(ROOT / "kernels" / "python", KERNEL_CACHE)


@pytest.fixture(scope="session")
def built_workspace(built_kernel: BuiltKernel) -> BuiltWorkspace:
    return build_workspace(ROOT / "spawner" / "workspace", built_kernel, KERNEL_CACHE)


@pytest.fixture(scope="session")
def workspace_image(built_workspace: BuiltWorkspace, engine: docker.DockerClient) -> str:
    """The workspace image's reference; loaded. It stays, as the next session wants it too.

    Those of other checkouts stay for a day after they were last wanted: a session of one of them
    may run now.
    """
    reference = load_workspace(built_workspace, engine)
    repository, _, name = reference.rpartition(":")
    engine.images.get(reference).tag(repository, name)  # the engine notes when
    for image in engine.api.images("phtlab/workspace-python"):
        # What something still uses stays; another worker may have been quicker.
        with contextlib.suppress(docker.errors.APIError):
            tagged = engine.api.inspect_image(image["Id"])["Metadata"]["LastTagTime"]
            when = datetime.fromisoformat(tagged[:19]).replace(tzinfo=UTC)
            if when < datetime.now(UTC) - timedelta(days=1):
                for other in image.get("RepoTags") or []:
                    engine.images.remove(other)
    return reference


@pytest.fixture(scope="session")
def kernel_image(
    open_registry: str, built_kernel: BuiltKernel, engine: docker.DockerClient
) -> Iterator[str]:
    """The kernel image's reference, as the engine takes it; pulled."""
    with Registry(open_registry) as registry:
        image = push_kernel(registry, built_kernel)
        reference = registry.reference(image.repository, image.digest)
    engine.images.pull(reference)
    yield reference
    # One that a container of a failed test still has stays, with the container.
    with contextlib.suppress(docker.errors.APIError):
        engine.images.remove(reference)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[World]:
    from phtlab.demo.world import World, running

    # Loopback file systems are mounted below: not in pytest's folder, which it may delete.
    place = tmp_path_factory.mktemp("world") / "demo"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHTLAB_CACHE", str(CACHE))
        with running(World(place, log_n=12), lambda doing: None) as up:
            _RUNNING.append(up)
            yield up


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[World]:
    """Two hospitals of their own, for tests that kill processes and change what they keep.

    And an aggregator, which combines the rounds of journeys that name it.
    """
    from phtlab.demo.world import AGGREGATOR, World, running

    place = tmp_path_factory.mktemp("small") / "demo"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHTLAB_CACHE", str(CACHE))
        made = World(place, log_n=12, stations=("cleveland", "hungary", AGGREGATOR))
        with running(made, lambda doing: None) as up:
            _RUNNING.append(up)
            yield up


@pytest.fixture(scope="session")
def lab(world: World) -> Lab:
    from phtlab.demo.showcase import connected

    return connected(world)


@pytest.fixture(scope="session")
def small_lab(small: World) -> Lab:
    from phtlab.demo.showcase import connected

    return connected(small)


@pytest.fixture(scope="session")
def hub_world(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubWorld]:
    """JupyterHub for `world`, with its people; central is its service from here on."""
    from phtlab.demo.hub import HubWorld

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHTLAB_CACHE", str(CACHE))
        place = tmp_path_factory.mktemp("hub") / "hub"
        hub = HubWorld(place, world, configuration="local", port=free_port())
        hub.found(lambda doing: None)
        _, central, *_ = world.services()
        central.stop()  # It begins anew, as the hub's service.
        try:
            hub.start(lambda doing: None)
            yield hub
        finally:
            hub.stop_hub()


@pytest.fixture(scope="session")
def workspace_hub(
    tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient, workspace_image: str
) -> Iterator[HubWorld]:
    """A hub whose users work in containers, as the command `phtlab hub` brings it up.

    Founded beforehand with keys that open faster than real ones; all else is the command's work.
    """
    from phtlab.demo.hub import HubWorld
    from phtlab.demo.world import World

    place = tmp_path_factory.mktemp("workspaces") / "hub"
    hub = HubWorld(place, World(place / "consortium", log_n=12), port=free_port())
    command = [sys.executable, "-m", "phtlab", "hub", "--directory", str(place)]
    environment = {**os.environ, "PHTLAB_CACHE": str(CACHE)}
    try:
        hub.found(lambda doing: None)
        subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True, timeout=LIMIT
        )
        _RUNNING.append(hub.consortium)
        yield hub
    finally:
        hub.forget()
