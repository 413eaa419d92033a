"""Trial of the sandbox: one short container that exceeds every limit, and the results.

What an engine reports about itself is not always what it does: a runtime may accept a limit and not
enforce it (docs/sandbox.md names those observed). So no run starts on an engine before a trial with
the same flags, the same runtime and the same kind of output volume has passed.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import docker
import requests
from docker.errors import APIError, ImageNotFound, NotFound

from phtlab.errors import AirlockError, TrialUnfinishedError
from phtlab.station.executor.contract import MIB, CheckResult, Job, Limits
from phtlab.station.executor.image_pull import engine_message
from phtlab.station.executor.output_volume import OutputVolumes
from phtlab.station.executor.sandbox import (
    LABEL_JOB,
    LABEL_STATION,
    USER,
    container_body,
    container_name,
)
from phtlab.station.executor.untrusted_files import read_untrusted

NAME = ".trial"
"""Not a job id, so leftovers of a trial are never taken for a run."""
LIMITS = Limits(
    memory_bytes=128 * MIB,
    cpus=0.5,
    pids=100,  # gVisor itself needs a few dozen
    seconds=60,
    grace_seconds=1,
    output_bytes=2 * MIB,
    output_inodes=64,
    tmp_bytes=MIB,
    tmp_inodes=64,
    file_bytes=16 * MIB,
    open_files=64,
    log_bytes=20_000,
)
_COMMAND = ("python3", "-I", "-S", "/phtlab/in/trial.py")
_MAX_BYTES = 64 * 1024
_LONGEST = 300
_REMOVAL_SECONDS = 30
_UNFINISHED = "A trial of the sandbox was cut off"
_AGAIN = "That says nothing of the engine. Try again: phtlab station check"
_RUNC = "Use the runtime runc, or another host for this one: docs/sandbox.md says what each needs."
_CGROUPS = (
    "Use the runtime runc, or boot the host with control groups of version 2 alone "
    "(systemd.unified_cgroup_hierarchy=1)."
)


class Limit(NamedTuple):
    """The expected answer of the trial, and the sentence and advice for any other."""

    held: Callable[[Any], bool]
    broken: str
    advice: str = _RUNC


def _any_of(*answers: str) -> Callable[[Any], bool]:
    return lambda found: found in answers


_NOT_WRITTEN = _any_of("EROFS", "EACCES", "EPERM")

TRIED: Mapping[str, Limit] = {
    "network": Limit(
        _any_of("ENETUNREACH", "EADDRNOTAVAIL", "EHOSTUNREACH"), "A run reaches a network."
    ),
    "interfaces": Limit(_any_of("lo", ""), "A run sees network interfaces of the host."),
    "root": Limit(_NOT_WRITTEN, "A run can write to its root file system."),
    "inputs": Limit(_NOT_WRITTEN, "A run can write to its inputs and data."),
    "user": Limit(_any_of(str(USER)), f"A run is another user than {USER}."),
    "capabilities": Limit(_any_of("0" * 16), "A run has capabilities."),
    "privileges": Limit(_any_of("1"), "A run can gain privileges by a set-id program."),
    "calls": Limit(_any_of(""), "System calls are open that the filter (seccomp) refuses: {}."),
    "open files": Limit(_any_of("EMFILE"), "The number of open files is not limited."),
    "file size": Limit(_any_of("EFBIG"), "The size of a file is not limited."),
    "core": Limit(_any_of("(0, 0)"), "A run can dump its memory into a file (core)."),
    "tmp": Limit(_any_of("ENOSPC", "ENOMEM"), "The size of /tmp is not limited."),
    "tmp files": Limit(_any_of("ENOSPC"), "The number of files in /tmp is not limited."),
    "tmp programs": Limit(_any_of("EACCES", "EPERM"), "Programs can be run from /tmp."),
    "output quota": Limit(_any_of("ENOSPC"), "The size of the outputs is not limited."),
    "output files": Limit(_any_of("ENOSPC"), "The number of output files is not limited."),
    "output programs": Limit(_any_of("EACCES", "EPERM"), "Programs can be run from the outputs."),
    "processes": Limit(_any_of("EAGAIN"), "The number of processes is not limited.", _CGROUPS),
    "memory": Limit(
        _any_of("killed"),
        f"Memory is not limited: a run got 256 MiB where {LIMITS.memory_bytes // MIB} MiB "
        "were allowed.",
        _CGROUPS,
    ),
    "processors": Limit(
        lambda tenths: type(tenths) is int and tenths <= 9,
        "Processor time is not limited: two busy processes got more than the half processor "
        "that they were allowed.",
        _CGROUPS,
    ),
    "log": Limit(
        lambda size: type(size) is int and 0 < size <= LIMITS.log_bytes,
        "The log of a run is not capped.",
        "Use the engine's log driver json-file.",
    ),
}


def judge_trial(
    found: Mapping[str, Any], given_up: Collection[str] = ()
) -> tuple[CheckResult, ...]:
    """One result per limit that was not enforced, or one for all if all were. Pure.

    `given_up` are limits that the station's settings do without, which another check reports.
    """
    if isinstance(trying := found.get("trying"), str) and trying in TRIED:
        went = f"The runtime went down when the trial went past this limit: {trying}."
        # The limits before it have answers; those after it were not reached.
        missing = {"log", *(name for name in TRIED if name not in found)}
        return (
            *(r for r in judge_trial({**found, "trying": None}, {*given_up, *missing}) if not r.ok),
            CheckResult(f"limit: {trying}", False, went, TRIED[trying].advice),
        )
    limits = {name: limit for name, limit in TRIED.items() if name not in given_up}
    broken = [
        CheckResult(f"limit: {name}", False, limit.broken.format(found.get(name, "")), limit.advice)
        for name, limit in limits.items()
        if not limit.held(found.get(name))
    ]
    if broken:
        return tuple(broken)
    return (CheckResult("sandbox", True, f"A trial ran against {len(limits)} limits; all held."),)


def try_sandbox(
    engine: docker.APIClient,
    image: str,
    root: Path,
    *,
    station: str,
    runtime: str,
    volumes: OutputVolumes,
    groups: Sequence[int] = (),
    owner: int = USER,
) -> tuple[CheckResult, ...]:
    """Run a trial in `image`, which the engine has and which has python3. Takes about a second.

    Leaves nothing behind. Raises TrialUnfinishedError if the trial gave no answer: it was killed,
    removed or did not end, or `image` was removed from the engine. Raises OSError, and the SDK's
    errors except for the engine's refusal to start.
    """
    with one_at_a_time(root):
        place = root / NAME
        name = container_name(station, NAME)
        _remove(engine, name, volumes, place)  # left by a station that was killed during a trial
        try:
            inputs = place / "in"
            inputs.mkdir(mode=0o755, parents=True)
            script = inputs / "trial.py"
            script.write_bytes(
                files("phtlab.station.executor").joinpath("trial_script.py").read_bytes()
            )
            script.chmod(0o644)
            output = volumes.create(place / "run", LIMITS, owner)
            job = Job("trial", image, inputs, limits=LIMITS)
            body = container_body(
                job,
                output,
                station=station,
                runtime=runtime,
                groups=groups,
                entrypoint=_COMMAND,
            )
            body["Labels"] = {LABEL_STATION: station, LABEL_JOB: NAME}
            return _run(engine, name, body, output, runtime, volumes.given_up)
        finally:
            _remove(engine, name, volumes, place)


def _run(
    engine: docker.APIClient,
    name: str,
    body: dict[str, Any],
    output: Path,
    runtime: str,
    given_up: Collection[str],
) -> tuple[CheckResult, ...]:
    try:
        created = engine.create_container_from_config(body, name)  # type: ignore[no-untyped-call]
        engine.start(created["Id"])
    except ImageNotFound:
        raise TrialUnfinishedError(
            f"{_UNFINISHED}: its image was removed from the engine.", _AGAIN
        ) from None
    except APIError as error:
        why = engine_message(error)[:_LONGEST]  # Podman quotes the whole profile
        refused = f"The engine cannot start the sandbox with the runtime {runtime}: {why}."
        return (CheckResult("sandbox", False, refused, _RUNC),)
    exit_code, log = wait_for_trial(engine, created["Id"], LIMITS.seconds)
    try:
        found = json.loads(read_untrusted(output, "trial.json", limit=_MAX_BYTES))
    except (AirlockError, ValueError):
        raise unfinished(exit_code, log) from None
    answers = {**found, "log": len(log)}
    if exit_code != 0 and answers.get("trying") is None:
        answers["trying"] = "log"  # the log is filled last
    limit = answers.get("trying")
    if isinstance(limit, str) and limit in TRIED:
        *broken, _ = judge_trial(answers, given_up)
        if not broken:
            # Killed by chance, or by the runtime each time: one trial cannot tell.
            raise unfinished(exit_code, log, limit=limit)
    return judge_trial(answers, given_up)


def wait_for_trial(engine: docker.APIClient, container: str, seconds: int) -> tuple[int, bytes]:
    """Return the exit code and the log of a trial's container, once it has ended.

    Raises TrialUnfinishedError if it does not end in time or somebody else removes it.
    """
    try:
        ended = engine.wait(container, timeout=seconds)
        return int(ended["StatusCode"]), engine.logs(container)
    except requests.exceptions.ReadTimeout:
        why = f"it did not end within {seconds} seconds"
    except APIError as error:
        if error.status_code not in (404, 409):
            raise
        why = "its container was removed from outside"
    raise TrialUnfinishedError(f"{_UNFINISHED}: {why}.", _AGAIN)


def unfinished(exit_code: int, log: bytes, *, limit: str = "") -> TrialUnfinishedError:
    """Return the error for a trial that ended without an answer."""
    last = log[-300:].decode(errors="replace").strip()
    words = f": {last!a}" if last else ""
    going = f" while it went past this limit: {limit}" if limit else ""
    return TrialUnfinishedError(
        f"{_UNFINISHED}: it ended with {exit_code}{going}{words}.", _AGAIN, limit=limit
    )


def trial_crashed(limit: str) -> tuple[CheckResult, ...]:
    """Return the verdict on a runtime that crashes in each trial when it exceeds `limit`."""
    return judge_trial({"trying": limit}, TRIED)


def remove_container(engine: docker.APIClient, name: str) -> None:
    """Remove a container, or wait until a removal in progress is done."""
    deadline = time.monotonic() + _REMOVAL_SECONDS
    while True:
        try:
            engine.remove_container(name, force=True, v=True)
            return
        except NotFound:
            return
        except APIError as error:
            # 409: a removal is in progress.
            if error.status_code != 409 or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _remove(engine: docker.APIClient, name: str, volumes: OutputVolumes, place: Path) -> None:
    remove_container(engine, name)
    volumes.remove(place / "run")
    volumes.remove(place)


@contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Lock that allows one trial at a time per station folder, across processes."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (root.parent / f"{root.name}.trial").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def refusal(results: Sequence[CheckResult]) -> str:
    """Return why no run may start, for the station's log; empty if no result is broken."""
    return " ".join(f"{result.sentence} {result.advice}" for result in results if not result.ok)
