"""What the station's check says of an engine that cannot hold a limit."""

from __future__ import annotations

from typing import Any

import pytest

from phtlab.station.executor.engine_check import engine_checks

VERSION = {"Version": "27.0.0", "ApiVersion": "1.46"}
INFO: dict[str, Any] = {
    "MemoryLimit": True,
    "SwapLimit": True,
    "CpuCfsQuota": True,
    "PidsLimit": True,
    "SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns"],
    "Runtimes": {"runc": {}, "io.containerd.runc.v2": {}},
}


def failures(
    version: dict[str, Any] = VERSION,
    info: dict[str, Any] = INFO,
    runtime: str = "runc",
    address: str = "unix:///var/run/docker.sock",
) -> list[tuple[str, str, str]]:
    results = engine_checks(version, info, runtime=runtime, address=address)
    assert all(result.advice for result in results if not result.ok)
    return [(r.name, r.sentence, r.advice) for r in results if not r.ok]


def test_a_sound_engine_has_nothing_to_mend() -> None:
    assert failures() == []


@pytest.mark.parametrize(
    ("key", "word"),
    [("MemoryLimit", "memory"), ("SwapLimit", "swap"), ("PidsLimit", "number of processes")],
)
def test_a_limit_that_the_kernel_does_not_hold_is_named(key: str, word: str) -> None:
    assert failures(info={**INFO, key: False}) == [
        (
            "limits",
            f"The engine cannot limit: {word}.",
            "Use cgroup v2, or boot with cgroup_enable=memory swapaccount=1.",
        )
    ]


def test_an_engine_without_seccomp() -> None:
    [(name, sentence, _)] = failures(info={**INFO, "SecurityOptions": None})
    assert (name, sentence) == ("system calls", "The engine does not filter system calls.")


def test_an_engine_that_is_too_old() -> None:
    [(_, sentence, mend)] = failures(version={"Version": "19.03.1", "ApiVersion": "1.40"})
    assert sentence == "Docker Engine 19.03.1 is too old."
    assert mend == "Install Docker Engine 20.10 or newer."


def test_a_runtime_that_the_engine_lacks() -> None:
    [(_, sentence, _)] = failures(runtime="runsc")
    assert sentence == "The engine knows no runtime runsc, only io.containerd.runc.v2, runc."


def test_an_engine_elsewhere() -> None:
    [(name, sentence, _)] = failures(address="tcp://10.0.0.1:2376")
    assert name == "engine's place"
    assert sentence.startswith("The engine at tcp://10.0.0.1:2376 may run elsewhere")
