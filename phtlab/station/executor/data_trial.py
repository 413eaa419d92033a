"""Trial of reading the data sets: a container with the sandbox's restrictions opens the real data.

The trial opens each file and reads one byte, which it discards; it prints the name of the first
unreadable file of each data set. File modes alone do not decide readability: access lists, groups,
user namespaces, network file systems and security modules of the host matter too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import docker

from phtlab.station.executor.contract import MIB, Job, Limits
from phtlab.station.executor.sandbox import LABEL_JOB, LABEL_STATION, container_body, container_name
from phtlab.station.executor.sandbox_trial import (
    one_at_a_time,
    remove_container,
    unfinished,
    wait_for_trial,
)

NAME = ".reading"
"""Not a job id, so leftovers of a trial are never taken for a run."""
MOST_FILES = 10_000
_LIMITS = Limits(memory_bytes=128 * MIB, pids=32, seconds=60, grace_seconds=1, log_bytes=MIB)
_SCRIPT = f"""
import json, os
found, looked = {{}}, 0
for name in sorted(os.listdir("/data")):
    def failed(error):
        found.setdefault(name, error.filename)
    for place, folders, files in os.walk("/data/" + name, onerror=failed):
        for file in sorted(files):
            looked += 1
            path = os.path.join(place, file)
            if name in found or looked > {MOST_FILES}:
                continue
            try:
                with open(path, "rb") as opened:
                    opened.read(1)
            except OSError:
                found[name] = path
print(json.dumps(found))
"""


def try_reading(
    engine: docker.APIClient,
    image: str,
    root: Path,
    data: Mapping[str, Path],
    *,
    station: str,
    runtime: str,
    groups: Sequence[int],
) -> dict[str, str]:
    """Return the first unreadable file of each data set that has one, as the run would see it.

    Raises TrialUnfinishedError if the trial gives no answer, and the SDK's errors.
    """
    name, place = container_name(station, NAME), root / NAME
    job = Job("reading", image, place, data=data, limits=_LIMITS)
    body = container_body(
        job,
        place,
        station=station,
        runtime=runtime,
        groups=groups,
        entrypoint=("python3", "-I", "-S", "-c", _SCRIPT),
    )
    body["Labels"] = {LABEL_STATION: station, LABEL_JOB: NAME}
    with one_at_a_time(root):
        place.mkdir(mode=0o700, exist_ok=True)
        try:
            remove_container(engine, name)  # left by a station that was killed during a trial
            created = engine.create_container_from_config(body, name)  # type: ignore[no-untyped-call]
            engine.start(created["Id"])
            exit_code, printed = wait_for_trial(engine, created["Id"], _LIMITS.seconds)
        finally:
            remove_container(engine, name)
            place.rmdir()
    try:
        found = json.loads(printed)
        return {str(key): str(path).removeprefix("/data/") for key, path in found.items()}
    except (ValueError, AttributeError):
        raise unfinished(exit_code, b"") from None  # the printed text may name patients
