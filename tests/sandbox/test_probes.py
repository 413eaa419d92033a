"""What a hostile notebook tries, and what stops it: the probes of the sandbox.

All run in one stop of a real station, from inside/probes.py, by runc with our seccomp profile.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.evidence import Evidence
from tests.sandbox.conftest import Open
from tests.sandbox.probe_run import probed
from tests.sandbox.probe_table import BESIDE, PROBES, STOPPED, USABLE, held, outcome, title

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def results(open_world: Open) -> dict[str, Any]:
    with open_world() as world:
        return probed(world)


@pytest.mark.parametrize("number", STOPPED, ids=title)
def test_probe_is_stopped(results: dict[str, Any], evidence: Evidence, number: int) -> None:
    for name, expected in STOPPED[number].items():
        assert held(results[name], expected), (name, results[name])
    evidence("probes", probe=title(number), runtime_class="runc", outcome=outcome(number, results))


@pytest.mark.parametrize("name", BESIDE)
def test_what_is_not_on_the_list_is_stopped_too(results: dict[str, Any], name: str) -> None:
    assert held(results[name], BESIDE[name]), results[name]


@pytest.mark.parametrize("name", USABLE)
def test_what_an_analysis_needs_is_there(results: dict[str, Any], name: str) -> None:
    assert results[name] == "allowed"


def test_four_busy_processes_get_no_more_than_one_processor(results: dict[str, Any]) -> None:
    """One is the limit; what they got before the first period's end comes on top."""
    assert results["processors"] < 1.4


def test_the_environment_holds_nothing_of_the_station(
    results: dict[str, Any], evidence: Evidence
) -> None:
    """PATH and what else the kernel image and the kernel itself set; nothing that was not said."""
    names = set(results["environment"])
    assert {"HOME", "HOSTNAME", "PATH"} <= names
    secrets = ("STATION", "DOCKER", "TOKEN", "SECRET", "PASS", "KEY", "PROXY", "SSH")
    assert not [name for name in names if any(word in name.upper() for word in secrets)]
    evidence("probes", probe=title(51), runtime_class="runc", outcome="none is there")


def test_only_the_runs_own_processes_are_seen(results: dict[str, Any]) -> None:
    """They are one user's: what the run's own record says is a claim (docs/sandbox.md)."""
    processes = results["processes"]
    assert processes["1"] == "docker-init"
    assert set(processes.values()) <= {"docker-init", "python3"}
    assert len(processes) <= 4
    assert results["memory of init"] in {"allowed", "EACCES"}


def test_facts_of_the_host_are_read_but_none_that_is_masked(
    results: dict[str, Any], evidence: Evidence
) -> None:
    """Not prevented by runc: the size of the machine and its load may be known to a run."""
    facts = results["host facts"]
    assert facts["not masked"] == []
    evidence(
        "probes",
        probe=title(52),
        runtime_class="runc",
        outcome=f"not contained: {', '.join(facts['told'])} are read; the engine's masks hold",
    )


def test_every_result_of_the_notebook_is_judged(results: dict[str, Any]) -> None:
    judged = {name for expected in STOPPED.values() for name in expected}
    elsewhere = {"environment", "processes", "memory of init", "host facts", "processors"}
    assert set(results) == judged | set(BESIDE) | set(USABLE) | elsewhere


def test_the_list_is_whole() -> None:
    assert list(PROBES) == list(range(1, 53))
