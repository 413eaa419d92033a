"""A real hub with users in real containers behind a real reverse proxy; one for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import docker
import pytest

from phtlab.demo.world import World, running
from phtlab.kernel.workspace import BuiltWorkspace
from phtlab.kernel.workspace_load import push_workspace
from phtlab.wire.registry.client import Registry
from phtlab_spawner.network import WorkspaceNetwork
from phtlab_spawner.reverse_proxy import ReverseProxy
from tests.conftest import CACHE
from tests.real_registry import free_port
from tests.spawner.another_layer import with_another_layer
from tests.spawner.container_hub import ContainerHub, hub_environment

MARK = os.getpid() % 100_000


@pytest.fixture(scope="session")
def network(engine: docker.DockerClient) -> Iterator[WorkspaceNetwork]:
    """A network of this session's own; `ensure` has made it."""
    made = WorkspaceNetwork(f"phtlab-test-{MARK}", bridge=f"phtt{MARK}", port=8787)
    made.ensure()
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="session")
def behind(
    tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient
) -> Iterator[World]:
    """Central and a registry without stations, central told of `hub`'s users."""
    place = tmp_path_factory.mktemp("behind")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHTLAB_CACHE", str(CACHE))
        world = World(
            place / "demo", log_n=12, stations=(), central_environment=hub_environment(free_port())
        )
        with running(world, lambda doing: None) as up:
            yield up


@pytest.fixture(scope="session")
def reverse_proxy(
    tmp_path_factory: pytest.TempPathFactory, network: WorkspaceNetwork, behind: World
) -> Iterator[ReverseProxy]:
    _, gateway = network.ensure()
    hub = behind.central_environment["JUPYTERHUB_API_URL"].removesuffix("/hub/api")
    made = ReverseProxy(
        tmp_path_factory.mktemp("reverse_proxy"),
        gateway,
        network.port,
        hub=hub,
        central=behind.central_url,
        registry=behind.registry_url,
    )
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def proxy_host(reverse_proxy: ReverseProxy) -> str:
    return reverse_proxy.gateway


@pytest.fixture(scope="session")
def pushed_workspace(
    open_registry: str, built_workspace: BuiltWorkspace, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """In a registry, by digest: the workspace image with a layer that no engine has yet."""
    another = with_another_layer(built_workspace, tmp_path_factory.mktemp("layer"))
    with Registry(open_registry) as registry:
        return push_workspace(registry, another)


@pytest.fixture(scope="session")
def hub(
    tmp_path_factory: pytest.TempPathFactory,
    engine: docker.DockerClient,
    workspace_image: str,
    pushed_workspace: str,
    kernel_image: str,
    network: WorkspaceNetwork,
    behind: World,
    reverse_proxy: ReverseProxy,
) -> Iterator[ContainerHub]:
    place = tmp_path_factory.mktemp("hub")
    root = place / "root.json"
    root.write_bytes(behind.consortium.root)
    made = ContainerHub(
        place,
        engine,
        reverse_proxy,
        network.name,
        root,
        workspace_image,
        behind,
        prefix=f"phtlab-test-{MARK}",
        images={"{kernel}": kernel_image, "{registry}": pushed_workspace},
    )
    try:
        made.start()
        yield made
    finally:
        made.stop()
