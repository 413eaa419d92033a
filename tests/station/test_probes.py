"""What a hostile notebook tries, and what stops it: the probes of the sandbox.

All run in one container, from probe_script.py, with every flag of a real run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from phtlab.station.docker_executor import DockerExecutor
from phtlab.station.executor import Job, Limits
from tests.station.executor_contract import SCRIPT, anyone, ended

pytestmark = pytest.mark.engine

PROBE_SCRIPT = Path(__file__).with_name("probe_script.py")
NO_NETWORK = {"ENETUNREACH", "EADDRNOTAVAIL"}
READ_ONLY = {"EROFS"}
REFUSED = {"EPERM"}

STOPPED: dict[str, set[str]] = {
    "tcp": NO_NETWORK,
    "tcp6": NO_NETWORK,
    "metadata": NO_NETWORK,
    "dns": {"EAI_AGAIN"},
    "raw": REFUSED,
    "packet": REFUSED,
    "vsock": REFUSED,
    "alg": REFUSED,
    "netfilter": REFUSED,
    "delete data": READ_ONLY,
    "inputs": READ_ONLY,
    "sysctl": READ_ONLY,
    "sysrq": {"EROFS", "EACCES", "ENOENT"},
    "kcore": {"ENOENT", "EACCES", "EPERM"},
    "sys": {"EROFS", "EACCES", "ENOENT"},
    "block device": REFUSED,
    "character device": REFUSED,
    "run from /tmp": {"EACCES"},
    "run from outputs": {"EACCES"},
    "library from /tmp": {"OSError"},  # failed to map segment: the mount is noexec
    "chroot": REFUSED,
    "clone new user": REFUSED,
    "clone3": {"ENOSYS"},
    "clock_settime": REFUSED,
    "sethostname": REFUSED,
    "kernel log": REFUSED,
    "32-bit calls": {"SIGSYS", "ENOSYS", "EPERM", "SIGSEGV"},
    "setuid": REFUSED,
    "setgroups": REFUSED,
    "oom score": {"EACCES"},
    "nice": {"EACCES", "EPERM"},
    "real time": REFUSED,
    "raise a limit": {"ValueError"},
    "open files": {"EMFILE"},
    "sparse": {"EFBIG"},
    "fill /tmp": {"ENOSPC"},
    "many files in /tmp": {"ENOSPC"},
    "fill outputs": {"ENOSPC"},
    "many files in outputs": {"ENOSPC"},
    **dict.fromkeys(
        (
            "mount", "pivot_root", "fsopen", "open_tree", "open_by_handle_at", "unshare", "setns",
            "ptrace", "process_vm_readv", "pidfd_getfd", "keyctl", "add_key", "bpf",
            "perf_event_open", "userfaultfd", "io_uring_setup", "memfd_create", "memfd_secret",
            "execveat", "shmget", "msgget", "mq_open", "init_module", "kexec_load", "reboot",
            "swapon",
        ),
        REFUSED,
    ),
}  # fmt: skip

SEEN: dict[str, Any] = {
    "interfaces": ["lo"],
    "abstract": [],
    "engine socket": ["ENOENT", "ENOENT"],
    "data": ["EROFS", "EROFS"],
    "root": ["EROFS"] * 5,
    "writable": ["/phtlab/out", "/tmp"],
    "mounts": {
        "/": ["ro"],
        "/tmp": ["nodev", "noexec", "nosuid", "rw"],
        "/phtlab/out": ["nodev", "noexec", "nosuid", "rw"],
        "/phtlab/in": ["ro"],
        "/data/heart": ["ro"],
    },
    "seen": {"/data": ["heart"], "/phtlab": ["in", "out"]},
    "disks": [],
    "status": {
        **dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), "0" * 16),
        "NoNewPrivs": "1",
        "Seccomp": "2",
    },
    "ids": [65532] * 7,
    "hostname": "sandbox",
    "cgroup path": ["/"],
    "core": [0, 0],
    "processes": 2,  # the init and the run itself
}

USABLE = (
    "use loopback",
    "use unix sockets",
    "use threads",
    "use processes",
    "use a named pipe",
    "use /tmp",
    "use outputs",
)


@pytest.fixture(scope="module")
def results(kernel_image: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("probes")
    inputs, heart = folder / "in", folder / "heart"
    for place in (inputs, heart):
        place.mkdir()
        place.chmod(0o777)  # writable for all, were it not for the mount
    (inputs / "script.py").write_bytes(PROBE_SCRIPT.read_bytes())
    for file in (inputs / "job.json", heart / "heart.csv"):
        file.touch()
        file.chmod(0o666)
    limits = Limits(
        tmp_bytes=16 << 20, tmp_inodes=1000, output_bytes=8 << 20, output_inodes=500, seconds=60
    )
    executor = DockerExecutor(folder / "runs", station="probes", entrypoint=SCRIPT)
    try:
        executor.start(Job("stop-1", kernel_image, inputs, {"heart": heart}, limits), anyone)
        status = ended(executor, "stop-1")
        assert status.exit_code == 0, executor.logs("stop-1").decode(errors="replace")
        found = json.loads((executor.outputs("stop-1") / "probes.json").read_bytes())
    finally:
        executor.remove("stop-1")
        executor.close()
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("probe", STOPPED)
def test_probe_is_stopped(results: dict[str, Any], probe: str) -> None:
    assert results[probe] in STOPPED[probe]


@pytest.mark.parametrize("probe", SEEN)
def test_probe_sees_only_this(results: dict[str, Any], probe: str) -> None:
    assert results[probe] == SEEN[probe]


def test_the_environment_holds_nothing_of_the_station(results: dict[str, Any]) -> None:
    """PATH and what else the signed kernel image sets; HOME and HOSTNAME of the sandbox."""
    names = set(results["environment"])
    assert {"HOME", "HOSTNAME", "PATH"} <= names
    assert not [name for name in names if "STATION" in name or "DOCKER" in name]


@pytest.mark.parametrize("probe", USABLE)
def test_what_an_analysis_needs_is_there(results: dict[str, Any], probe: str) -> None:
    assert results[probe] == "allowed"


def test_every_probe_is_judged(results: dict[str, Any]) -> None:
    judged = {*STOPPED, *SEEN, *USABLE, "environment", "cgroup", "set-id programs"}
    assert set(results) == judged


def test_no_control_group_is_writable(results: dict[str, Any]) -> None:
    """EACCES is of the folder that holds them in version 1, EROFS of each group."""
    assert set(results["cgroup"]) <= {"EROFS", "EACCES"}


def test_set_id_programs_are_not_in_the_kernel_image(results: dict[str, Any]) -> None:
    """They would run as nobody all the same, for want of new privileges."""
    assert results["set-id programs"] == []
