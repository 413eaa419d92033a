"""The network of workspaces, in the real engine: made once, checked, and gone afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import docker
import docker.errors
import pytest

from phtlab.errors import EngineMissingError, SettingsError
from phtlab_spawner import WorkspaceNetwork
from tests.raising import raises_code

pytestmark = pytest.mark.engine

MARK = os.getpid() % 100_000


@pytest.fixture
def made(engine: docker.DockerClient) -> Iterator[WorkspaceNetwork]:
    network = WorkspaceNetwork(f"phtlab-test-net-{MARK}", bridge=f"phtn{MARK}")
    yield network
    network.remove()
    assert not engine.networks.list(names=[network.name])


def inspected(engine: docker.DockerClient, network: WorkspaceNetwork) -> dict[str, Any]:
    found: dict[str, Any] = engine.api.inspect_network(network.name)
    return found


def test_it_has_no_outside_and_no_way_from_one_to_another(
    engine: docker.DockerClient, made: WorkspaceNetwork
) -> None:
    name, gateway = made.ensure()
    found = inspected(engine, made)
    assert (name, gateway) == (made.name, found["IPAM"]["Config"][0]["Gateway"])
    assert found["Internal"] is True
    assert found["EnableIPv6"] is False
    assert found["Options"]["com.docker.network.bridge.enable_icc"] == "false"
    assert found["Options"]["com.docker.network.bridge.name"] == made.bridge


def test_making_it_again_finds_it(engine: docker.DockerClient, made: WorkspaceNetwork) -> None:
    first = made.ensure()
    identity = inspected(engine, made)["Id"]
    assert made.ensure() == first
    assert inspected(engine, made)["Id"] == identity


def test_a_site_may_name_its_addresses(made: WorkspaceNetwork) -> None:
    _, gateway = replace(made, subnet="10.207.33.0/28").ensure()
    assert gateway == "10.207.33.1"


def test_a_network_that_lets_out_more_is_refused_with_what_is_wrong(
    engine: docker.DockerClient, made: WorkspaceNetwork
) -> None:
    engine.networks.create(made.name, driver="bridge")
    with pytest.raises(SettingsError) as wrong:
        made.ensure()
    told = str(wrong.value)
    assert "it has an outside" in told
    assert "its containers reach each other" in told
    assert f"its bridge is not {made.bridge}" in told
    assert f"docker network rm {made.name}" in told
    assert wrong.value.code == "workspace-network"


def test_while_a_workspace_is_on_it_it_stays(
    engine: docker.DockerClient, made: WorkspaceNetwork, workspace_image: str
) -> None:
    made.ensure()
    busy = engine.containers.create(workspace_image, ["sleep", "60"], network=made.name)
    try:
        busy.start()
        with raises_code(SettingsError, "workspace-network-used"):
            made.remove()
        assert inspected(engine, made)
    finally:
        busy.remove(force=True)


def test_addresses_that_are_taken_are_the_engines_to_refuse(made: WorkspaceNetwork) -> None:
    replace(made, subnet="10.207.33.0/28").ensure()
    other = WorkspaceNetwork(f"{made.name}-b", bridge=f"{made.bridge}b", subnet="10.207.33.0/28")
    with raises_code(SettingsError, "workspace-network-refused"):
        other.ensure()


@pytest.mark.parametrize("subnet", ["10.207.33.0/99", "10.207.33.5/28", "here"])
def test_a_range_that_is_none_says_how_to_write_one(made: WorkspaceNetwork, subnet: str) -> None:
    with raises_code(SettingsError, "workspace-subnet"):
        replace(made, subnet=subnet).ensure()


def test_without_an_engine_it_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with raises_code(EngineMissingError, "engine-missing"):
        WorkspaceNetwork("phtlab-nowhere").ensure()
