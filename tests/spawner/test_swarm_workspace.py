"""A workspace as a service, in a real swarm of this one machine, which is left afterwards."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import docker
import docker.errors
import pytest
from docker.models.containers import Container
from jupyterhub.spawner import SpawnException

from phtlab_spawner import SwarmWorkspaceSpawner
from tests.limits import LIMIT
from tests.real_registry import free_port
from tests.spawner.container_hub import run

pytestmark = pytest.mark.engine

MARK = os.getpid() % 100_000
REVERSE_PROXY = "http://reverse-proxy:8787"
ROOT = b'{"the root": "of a consortium"}'


@pytest.fixture(scope="module")
def swarm(engine: docker.DockerClient) -> Iterator[docker.DockerClient]:
    """The engine as the one node of a swarm; what is there already is used and left as it is."""
    if engine.info()["Swarm"]["LocalNodeState"] == "active":
        yield engine
        return
    before = {network.name for network in engine.networks.list()}
    port = free_port()
    engine.swarm.init(advertise_addr="127.0.0.1", listen_addr=f"127.0.0.1:{port}")
    try:
        yield engine
    finally:
        engine.swarm.leave(force=True)
        for network in engine.networks.list(names=["docker_gwbridge"]):
            if network.name not in before:
                network.remove()


@pytest.fixture(scope="module")
def overlay(swarm: docker.DockerClient) -> Iterator[str]:
    network = swarm.networks.create(
        f"phtlab-test-overlay-{MARK}", driver="overlay", internal=True, attachable=False
    )
    yield str(network.name)
    _removed(network.remove)


@pytest.fixture(scope="module")
def root_config(swarm: docker.DockerClient) -> Iterator[str]:
    name = f"phtlab-test-root-{MARK}"
    made = swarm.configs.create(name=name, data=ROOT)
    yield name
    _removed(made.remove)


def _removed(remove: Callable[[], Any]) -> None:
    """Remove what a service may still hold for a moment after it went."""
    until = time.monotonic() + LIMIT
    while True:
        try:
            remove()
            return
        except docker.errors.APIError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def spawner_of(image: str, name: str = "ada", **options: Any) -> SwarmWorkspaceSpawner:
    """What a hub would make for someone; where it lives is told as a hub tells it."""
    user = SimpleNamespace(
        name=name, escaped_name=name, url=f"/user/{name}/", groups=[SimpleNamespace(name="small")]
    )
    hub = SimpleNamespace(
        api_url="http://127.0.0.1:8081/hub/api",
        base_url="/hub/",
        public_host="",
        public_url="",
        url="http://127.0.0.1:8081/hub/",
    )
    return SwarmWorkspaceSpawner(
        user=user,
        hub=hub,
        api_token="a-token-of-the-tests",
        cookie_options={},
        image=image,
        prefix=f"phtlab-test-swarm-{MARK}",
        reverse_proxy=REVERSE_PROXY,
        workspaces={"small": {"memory": "512M", "cpu": 0.5, "pids": 99, "scratch": "32M"}},
        use_internal_ip=True,
        **options,
    )


@pytest.fixture
def in_loop() -> Callable[[Awaitable[Any]], Any]:
    def wait(what: Awaitable[Any]) -> Any:
        async def until_done() -> Any:
            return await asyncio.wait_for(what, 90)

        return asyncio.run(until_done())

    return wait


@pytest.fixture(scope="module")
def started(
    swarm: docker.DockerClient, overlay: str, root_config: str, workspace_image: str
) -> Iterator[SwarmWorkspaceSpawner]:
    spawner = spawner_of(workspace_image, network_name=overlay, root_config=root_config)
    try:
        place = asyncio.run(spawner.start())
        assert place == (spawner.service_name, 8888)
        yield spawner
    finally:
        asyncio.run(spawner.stop())
        assert not swarm.services.list(filters={"name": spawner.service_name})
        _forgotten(swarm, spawner)


def _forgotten(swarm: docker.DockerClient, spawner: SwarmWorkspaceSpawner) -> None:
    """Nothing is left of it."""
    for service in swarm.services.list(filters={"name": spawner.service_name}):
        service.remove()
    for container in _containers(swarm, spawner):
        _removed(lambda container=container: container.remove(force=True))
    for volume in swarm.volumes.list(
        filters={"name": f"{spawner.prefix}-home-{spawner.user.name}"}
    ):
        _removed(volume.remove)


def _containers(swarm: docker.DockerClient, spawner: SwarmWorkspaceSpawner) -> list[Container]:
    name = f"com.docker.swarm.service.name={spawner.service_name}"
    return swarm.containers.list(all=True, filters={"label": name}, ignore_removed=True)


@pytest.fixture(scope="module")
def container(swarm: docker.DockerClient, started: SwarmWorkspaceSpawner) -> Container:
    (one,) = _containers(swarm, started)
    return one


def test_its_service_has_one_task_that_runs(
    swarm: docker.DockerClient,
    started: SwarmWorkspaceSpawner,
    in_loop: Callable[[Awaitable[Any]], Any],
) -> None:
    (service,) = swarm.services.list(filters={"name": started.service_name})
    assert service.attrs["Spec"]["Labels"] == {"org.phtlab.user": "ada"}
    assert not service.attrs["Endpoint"].get("Ports"), "no node opens a port for it"
    assert in_loop(started.poll()) is None


def test_its_container_has_no_rights(container: Container) -> None:
    host, config = container.attrs["HostConfig"], container.attrs["Config"]
    assert host["CapDrop"] == ["ALL"]
    assert host["ReadonlyRootfs"] is True
    assert host["Privileged"] is False
    assert config["User"] == "65532:65532"
    assert config["Hostname"] == "workspace"
    status = str(run(container, "import json; print(json.dumps(open('/proc/1/status').read()))"))
    assert "CapEff:\t0000000000000000" in status
    assert "CapBnd:\t0000000000000000" in status


def test_its_size_is_its_groups(container: Container) -> None:
    host = container.attrs["HostConfig"]
    assert host["Memory"] == 512 << 20
    assert host["NanoCpus"] == 500_000_000
    assert host["PidsLimit"] == 99
    size = run(
        container,
        "import json, os; at = os.statvfs('/tmp'); print(json.dumps(at.f_blocks * at.f_frsize))",
    )
    assert size == 32 << 20


def test_home_and_root_are_there_and_no_folder_of_the_node(container: Container) -> None:
    kinds = {mount["Destination"]: mount["Type"] for mount in container.attrs["Mounts"]}
    assert kinds.pop("/home/analyst") == "volume"
    assert set(kinds.values()) <= {"tmpfs", "bind"}, kinds
    assert {path for path, kind in kinds.items() if kind == "bind"} <= {"/etc/phtlab/root.json"}
    told = run(
        container,
        "import json, os, pathlib\n"
        "root = pathlib.Path(os.environ['PHTLAB_ROOT'])\n"
        "pathlib.Path.home().joinpath('x').write_text('x')\n"
        "try:\n"
        "    root.write_text(''); could = True\n"
        "except OSError: could = False\n"
        "print(json.dumps([str(root), root.read_text(), could,\n"
        "    {n: os.environ[n] for n in ('PHTLAB_CENTRAL', 'PHTLAB_REGISTRY', 'HOME',\n"
        "        'JUPYTERHUB_API_URL')}]))",
    )
    assert told == [
        "/etc/phtlab/root.json",
        ROOT.decode(),
        False,
        {
            "PHTLAB_CENTRAL": f"{REVERSE_PROXY}/services/central",
            "PHTLAB_REGISTRY": REVERSE_PROXY,
            "HOME": "/home/analyst",
            "JUPYTERHUB_API_URL": f"{REVERSE_PROXY}/hub/api",
        },
    ]


def test_a_root_that_the_swarm_does_not_have(
    swarm: docker.DockerClient,
    workspace_image: str,
    overlay: str,
    in_loop: Callable[[Awaitable[Any]], Any],
) -> None:
    spawner = spawner_of(workspace_image, network_name=overlay, root_config="absent")
    with pytest.raises(SpawnException) as refused:
        in_loop(spawner.start())
    assert "the swarm's config that its setting root_config names" in refused.value.message
    assert "docker config create absent root.json" in refused.value.log_message


@pytest.mark.parametrize(
    ("image", "set_", "told"),
    [
        ("127.0.0.1:1/absent:1", {}, "is not on this machine and could not be fetched"),
        (None, {"cmd": ["false"]}, "does not start the workspace: "),
        (
            None,
            {"extra_placement_spec": {"constraints": ["node.labels.absent == 1"]}},
            "No node of the swarm has taken the workspace yet",
        ),
    ],
)
def test_why_a_service_does_not_run(
    swarm: docker.DockerClient,
    workspace_image: str,
    overlay: str,
    root_config: str,
    in_loop: Callable[[Awaitable[Any]], Any],
    image: str | None,
    set_: dict[str, Any],
    told: str,
) -> None:
    spawner = spawner_of(
        image or workspace_image,
        name="grace",
        network_name=overlay,
        root_config=root_config,
        start_timeout=12,
        **set_,
    )
    try:
        with pytest.raises(SpawnException) as refused:
            in_loop(_started_and_asked(spawner))
        assert told in refused.value.message
    finally:
        _forgotten(swarm, spawner)


async def _started_and_asked(spawner: SwarmWorkspaceSpawner) -> None:
    """Start it; one that ran for a moment has ended by the time it is asked."""
    await spawner.start()
    while await spawner.poll() is None:
        await asyncio.sleep(0.1)
    await spawner.start_object()


def test_an_engine_that_does_not_answer_says_so(
    workspace_image: str,
    monkeypatch: pytest.MonkeyPatch,
    in_loop: Callable[[Awaitable[Any]], Any],
) -> None:
    # (All Spawners of a hub share one client, which reads this when it is made.)
    monkeypatch.setattr(SwarmWorkspaceSpawner, "_client", None)
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{free_port()}")
    with pytest.raises(SpawnException) as refused:
        in_loop(spawner_of(workspace_image).start())
    assert refused.value.message.startswith("The container engine of this hub does not answer")
