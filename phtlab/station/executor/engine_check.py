"""Checks that an engine can enforce the sandbox's limits, from what it reports about itself.

Pure: from the answers of ``GET /version`` and ``GET /info`` to sentences for operators.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from phtlab.station.executor.contract import CheckResult

OLDEST_API = (1, 41)
"""Docker 20.10, the first with private cgroup namespaces and errno in seccomp profiles."""

_LIMITS = {
    "MemoryLimit": "memory",
    "SwapLimit": "swap",
    "CpuCfsQuota": "processor time",
    "PidsLimit": "number of processes",
}


def engine_checks(
    version: Mapping[str, Any], info: Mapping[str, Any], *, runtime: str, address: str
) -> tuple[CheckResult, ...]:
    """Check the engine's version, address, limits, system call filter and container runtime."""
    return (
        _version(version),
        _check_address(address),
        _limits(info),
        _seccomp(info),
        _runtime(info, runtime),
    )


def _version(version: Mapping[str, Any]) -> CheckResult:
    api = tuple(int(part) for part in version["ApiVersion"].split("."))
    name = f"Docker Engine {version['Version']}"
    if api >= OLDEST_API:
        return CheckResult("container engine", True, f"{name} answers.")
    return CheckResult(
        "container engine", False, f"{name} is too old.", "Install Docker Engine 20.10 or newer."
    )


def _check_address(address: str) -> CheckResult:
    if address.startswith("unix://"):
        return CheckResult("engine's place", True, "The engine runs on this machine.")
    return CheckResult(
        "engine's place",
        False,
        f"The engine at {address} may run elsewhere, where this station's folders are not.",
        "Run the station on the engine's machine and use its unix socket.",
    )


def _limits(info: Mapping[str, Any]) -> CheckResult:
    missing = [words for key, words in _LIMITS.items() if not info.get(key)]
    if not missing:
        return CheckResult(
            "limits", True, "Memory, swap, processor time and number of processes are limited."
        )
    return CheckResult(
        "limits",
        False,
        f"The engine cannot limit: {', '.join(missing)}.",
        "Use cgroup v2, or boot with cgroup_enable=memory swapaccount=1.",
    )


def _seccomp(info: Mapping[str, Any]) -> CheckResult:
    options = info.get("SecurityOptions") or []
    if any(option.startswith("name=seccomp") for option in options):
        return CheckResult("system calls", True, "The engine filters system calls (seccomp).")
    return CheckResult(
        "system calls",
        False,
        "The engine does not filter system calls.",
        "Use a kernel and an engine built with seccomp.",
    )


def _runtime(info: Mapping[str, Any], runtime: str) -> CheckResult:
    known = sorted(info.get("Runtimes") or {})
    if runtime in known:
        return CheckResult("container runtime", True, f"Runs use the runtime {runtime}.")
    return CheckResult(
        "container runtime",
        False,
        f"The engine knows no runtime {runtime}, only {', '.join(known)}.",
        "Add it to the engine's daemon.json, or set another runtime.",
    )
