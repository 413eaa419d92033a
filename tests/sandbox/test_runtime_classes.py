"""Other runtime classes than runc on the machine's engine: what holds, and what is refused.

The probes run on each class whose trial holds here. A class that does not hold a limit on this
machine is refused by the station, which names the limit and says what to do; that is shown, too.
Engines of the tests' own are started and ended for it (engines.py), and each takes the image in
anew, so that these are the long form of test_probes.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from phtlab.station.executor.contract import CheckResult
from phtlab.station.executor.docker_executor import DockerExecutor
from phtlab.station.executor.engine_answers import first_user
from tests.evidence import Evidence
from tests.sandbox.conftest import Open
from tests.sandbox.engines import docker_engine, podman_service, require
from tests.sandbox.probe_run import probed
from tests.sandbox.probe_table import PROBES, STOPPED, held, outcome, title
from tests.station.real_world import travel
from tests.station.station_world import World

pytestmark = pytest.mark.engine

GVISOR = {"path": "/usr/bin/runsc", "runtimeArgs": ["--platform=ptrace", "--network=none"]}


def tried(world: World) -> list[CheckResult]:
    """What a station's check says is not held, after an order has been refused or has departed."""
    executor = world.executor
    assert isinstance(executor, DockerExecutor)
    return [result for result in executor.check() if not result.ok]


def refused(world: World) -> list[CheckResult]:
    """The stop fails before any run begins, and the check says why and how to repair it."""
    record = travel(world, world.offer())
    assert (record.outcome, record.code) == ("failed", "sandbox")
    assert world.executor.jobs() == frozenset()
    broken = tried(world)
    assert broken
    assert all(result.sentence and result.advice for result in broken)
    return broken


def tell_refusal(evidence: Evidence, runtime_class: str, broken: list[CheckResult]) -> None:
    limits = ", ".join(sorted(result.name.removeprefix("limit: ") for result in broken))
    what = "it cannot be started" if limits == "sandbox" else f"not held: {limits}"
    evidence(
        "probes",
        probe="all",
        runtime_class=runtime_class,
        outcome=f"the station refuses this class on the machine of these tests; {what}",
    )


@pytest.fixture(scope="module")
def remapped(open_world: Open) -> Iterator[dict[str, Any]]:
    with docker_engine("--userns-remap=default") as engine, open_world(engine=engine) as world:
        results = probed(world)
        results["broken"] = tried(world)
        yield results


@pytest.mark.long
def test_a_trial_holds_in_user_namespaces(remapped: dict[str, Any]) -> None:
    assert remapped["broken"] == []


@pytest.mark.long
@pytest.mark.parametrize("number", STOPPED, ids=title)
def test_probe_is_stopped_in_user_namespaces(
    remapped: dict[str, Any], evidence: Evidence, number: int
) -> None:
    for name, expected in STOPPED[number].items():
        assert held(remapped[name], expected), (name, remapped[name])
    evidence(
        "probes",
        probe=title(number),
        runtime_class="runc, user namespaces",
        outcome=outcome(number, remapped),
    )


@pytest.mark.long
def test_gvisor_is_refused_with_the_limits_that_it_does_not_hold(
    open_world: Open, evidence: Evidence
) -> None:
    """It keeps the host's kernel out of reach, and lets inside what our filter refuses."""
    require("runsc")
    with (
        docker_engine(runtimes={"runsc": GVISOR}) as engine,
        open_world(engine=engine, runtime="runsc") as world,
    ):
        broken = refused(world)
    names = {result.name.removeprefix("limit: ") for result in broken}
    # How much of a processor a run got is not exact by gVisor's own clock of it.
    assert names - {"processors"} == {"calls", "tmp files", "output programs", "memory"}, broken
    tell_refusal(evidence, "gVisor (runsc, ptrace)", broken)


@pytest.mark.long
def test_crun_is_refused_on_hybrid_control_groups(open_world: Open, evidence: Evidence) -> None:
    require("crun")
    with (
        docker_engine(runtimes={"crun": {"path": "/usr/bin/crun"}}) as engine,
        open_world(engine=engine, runtime="crun") as world,
    ):
        (broken,) = refused(world)
    assert broken.name == "sandbox"
    assert "cgroups in hybrid mode not supported" in broken.sentence
    tell_refusal(evidence, "crun", [broken])


@pytest.mark.long
def test_podman_is_refused_because_it_takes_no_filter_with_a_request(
    open_world: Open, open_registry: str, evidence: Evidence
) -> None:
    """Its service reads the profile as the path of a file; so no run begins there."""
    registry = open_registry.removeprefix("http://")
    with (
        podman_service(registry, "runc") as engine,
        open_world(engine=engine, runtime="runc") as world,
    ):
        (broken,) = refused(world)
    assert "opening seccomp profile failed" in broken.sentence
    assert len(broken.sentence) < 500
    tell_refusal(evidence, "Podman (runc)", [broken])


@pytest.mark.parametrize(
    ("info", "first"),
    [
        ({"SecurityOptions": ["name=seccomp,profile=default"], "DockerRootDir": "/x/1.1"}, 0),
        ({"SecurityOptions": None, "DockerRootDir": "/var/lib/docker"}, 0),
        ({"SecurityOptions": ["name=userns"], "DockerRootDir": "/d/100000.200000"}, 100000),
    ],
)
def test_which_user_of_the_machine_a_run_is(info: dict[str, Any], first: int) -> None:
    assert first_user(info) == first


def test_every_probe_is_of_the_list(tmp_path: Path) -> None:
    assert set(STOPPED) <= set(PROBES)
