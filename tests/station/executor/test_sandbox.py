"""Every flag of the sandbox, held in place without an engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from phtlab.errors import SandboxError
from phtlab.station.executor.contract import Job, Limits, RegistryAuth
from phtlab.station.executor.sandbox import container_body, container_name, seccomp_profile
from tests.raising import raises_code

IMAGE = "127.0.0.1:5000/trains/ada@sha256:" + "a" * 64


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "heart.csv").touch()
    (tmp_path / "scans").mkdir()
    return Job(
        "stop-1",
        IMAGE,
        tmp_path,
        {"heart": tmp_path / "heart.csv", "scans": tmp_path / "scans"},
        Limits(memory_bytes=2**30, cpus=1.5, pids=100, log_bytes=1000, tmp_bytes=5000),
        {"PHTLAB_ROUND": "1"},
    )


@pytest.fixture
def body(job: Job, tmp_path: Path) -> dict[str, Any]:
    return container_body(job, tmp_path / "out", station="charite")


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("NetworkMode", "none"),
        ("ReadonlyRootfs", True),
        ("CapDrop", ["ALL"]),
        ("Privileged", False),
        ("IpcMode", "none"),
        ("PidMode", ""),
        ("UTSMode", ""),
        ("CgroupnsMode", "private"),
        ("Init", True),
        ("RestartPolicy", {"Name": "no", "MaximumRetryCount": 0}),
        ("AutoRemove", False),
        ("Runtime", "runc"),
        ("GroupAdd", []),
        ("Memory", 2**30),
        ("MemorySwap", 2**30),
        ("NanoCpus", 1_500_000_000),
        ("PidsLimit", 100),
        ("LogConfig", {"Type": "json-file", "Config": {"max-size": "1000", "max-file": "1"}}),
    ],
)
def test_walls_and_ceilings(body: dict[str, Any], flag: str, value: object) -> None:
    assert body["HostConfig"][flag] == value


@pytest.mark.parametrize(
    "flag", ["CapAdd", "Devices", "DeviceRequests", "Binds", "VolumesFrom", "PortBindings"]
)
def test_nothing_is_given_that_was_not_asked_for(body: dict[str, Any], flag: str) -> None:
    assert flag not in body["HostConfig"]


def test_no_new_privileges_and_our_own_seccomp_profile(body: dict[str, Any]) -> None:
    first, second = body["HostConfig"]["SecurityOpt"]
    assert first == "no-new-privileges"
    assert second == f"seccomp={seccomp_profile()}"


def test_the_run_is_nobody_and_its_command_is_ours(body: dict[str, Any]) -> None:
    assert body["User"] == "65532:65532"
    assert body["Entrypoint"] == ["python3", "-m", "phtlab.runtime"]
    assert body["Cmd"] == []
    assert body["Healthcheck"] == {"Test": ["NONE"]}
    assert body["StopSignal"] == "SIGTERM"
    assert body["NetworkDisabled"] is True


def test_the_environment_is_stated(body: dict[str, Any]) -> None:
    assert body["Env"] == ["HOME=/tmp", "PHTLAB_ROUND=1"]
    assert body["Hostname"] == "sandbox"


def test_tmp_is_small_the_runs_own_and_runs_no_programs(body: dict[str, Any]) -> None:
    assert body["HostConfig"]["Tmpfs"] == {
        "/tmp": "rw,noexec,nosuid,nodev,size=5000,nr_inodes=65536,mode=0700,uid=65532,gid=65532"
    }


def test_ulimits_are_hard(body: dict[str, Any]) -> None:
    limits = {limit["Name"]: limit for limit in body["HostConfig"]["Ulimits"]}
    assert all(limit["Soft"] == limit["Hard"] for limit in limits.values())
    hard = {name: limit["Hard"] for name, limit in limits.items()}
    assert hard == {"nofile": 1024, "fsize": 64 * 2**20, "core": 0, "msgqueue": 0}


def test_only_outputs_are_writable(body: dict[str, Any], tmp_path: Path) -> None:
    mounts = {mount["Target"]: mount for mount in body["HostConfig"]["Mounts"]}
    assert {target: mount["Source"] for target, mount in mounts.items()} == {
        "/phtlab/in": str(tmp_path),
        "/data/heart/heart.csv": str(tmp_path / "heart.csv"),
        "/data/scans": str(tmp_path / "scans"),
        "/phtlab/out": str(tmp_path / "out"),
    }
    assert [t for t, mount in mounts.items() if not mount["ReadOnly"]] == ["/phtlab/out"]
    assert {mount["Type"] for mount in mounts.values()} == {"bind"}


def test_mounts_below_a_data_folder_do_not_come_along(body: dict[str, Any]) -> None:
    for mount in body["HostConfig"]["Mounts"]:
        assert mount["BindOptions"] == {"Propagation": "rprivate", "NonRecursive": True}


def test_a_link_to_data_is_bound_where_it_leads(job: Job, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "scans")
    linked = Job("stop-1", IMAGE, tmp_path, {"scans": tmp_path / "link"})
    mounts = container_body(linked, tmp_path, station="charite")["HostConfig"]["Mounts"]
    assert mounts[1]["Source"] == str(tmp_path / "scans")


def test_settings_reach_the_engine(job: Job, tmp_path: Path) -> None:
    body = container_body(job, tmp_path, station="charite", runtime="runsc", groups=(1001,))
    assert body["HostConfig"]["Runtime"] == "runsc"
    assert body["HostConfig"]["GroupAdd"] == ["1001"]
    assert body["Labels"] == {"phtlab.station": "charite", "phtlab.job": "stop-1"}


def test_a_gpu_is_asked_for_only_when_limits_say_so(tmp_path: Path) -> None:
    job = Job("stop-1", IMAGE, tmp_path, limits=Limits(gpus=2))
    body = container_body(job, tmp_path, station="charite")
    assert body["HostConfig"]["DeviceRequests"] == [{"Count": 2, "Capabilities": [["gpu"]]}]


def test_two_stations_on_one_engine_do_not_meet() -> None:
    assert container_name("charite", "stop-1") != container_name("mitte", "stop-1")


# Values


@pytest.mark.parametrize(
    "image",
    [
        "127.0.0.1:5000/trains/ada:latest",
        "127.0.0.1:5000/trains/ada@sha256:abc",
        "trains/ada",
        f"host/../x y@sha256:{'a' * 64}",
    ],
)
def test_an_image_without_a_digest_is_refused(tmp_path: Path, image: str) -> None:
    with raises_code(SandboxError, "sandbox-image"):
        Job("stop-1", image, tmp_path)


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc", "a:b", "-"])
def test_a_data_set_cannot_be_named_out_of_its_place(tmp_path: Path, name: str) -> None:
    with raises_code(SandboxError, "sandbox-data-set"):
        Job("stop-1", IMAGE, tmp_path, {name: tmp_path})


@pytest.mark.parametrize("name", ["LD_PRELOAD=x", "a", "", "A B"])
def test_a_variable_has_a_plain_name(tmp_path: Path, name: str) -> None:
    with raises_code(SandboxError, "sandbox-environment"):
        Job("stop-1", IMAGE, tmp_path, environment={name: "1"})


@pytest.mark.parametrize("limit", ["memory_bytes", "cpus", "pids", "seconds", "output_bytes"])
def test_no_limit_is_no_limit(limit: str) -> None:
    with raises_code(SandboxError, "sandbox-limit"):
        Limits(**{limit: 0})


def test_a_token_is_not_printed() -> None:
    assert "swordfish" not in repr(RegistryAuth("swordfish"))


# The seccomp profile, evaluated as the kernel would


PROFILE = json.loads(seccomp_profile())


def allowed(call: str, *arguments: int) -> bool:
    """Whether any rule of the profile lets the call through; the default is a refusal."""
    return any(
        rule["action"] == "SCMP_ACT_ALLOW"
        and call in rule["names"]
        and all(_holds(condition, arguments) for condition in rule.get("args", ()))
        for rule in PROFILE["syscalls"]
    )


def _holds(condition: Mapping[str, Any], arguments: tuple[int, ...]) -> bool:
    value = arguments[condition["index"]]
    if condition["op"] == "SCMP_CMP_MASKED_EQ":
        return value & condition["value"] == condition["valueTwo"]
    assert condition["op"] == "SCMP_CMP_EQ"
    return bool(value == condition["value"])


def test_what_is_not_listed_is_refused_with_eperm() -> None:
    assert (PROFILE["defaultAction"], PROFILE["defaultErrnoRet"]) == ("SCMP_ACT_ERRNO", 1)
    actions = {rule["action"] for rule in PROFILE["syscalls"]}
    assert actions == {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"}


UNNEEDED = [
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "io_setup",
    "memfd_create",
    "memfd_secret",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "kcmp",
    "pidfd_getfd",
    "process_madvise",
    "shmget",
    "shmat",
    "shmctl",
    "semget",
    "semop",
    "semctl",
    "msgget",
    "msgsnd",
    "msgrcv",
    "msgctl",
    "mq_open",
    "mq_unlink",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "keyctl",
    "add_key",
    "request_key",
    "seccomp",
    "landlock_create_ruleset",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "unshare",
    "setns",
    "open_tree",
    "move_mount",
    "fsopen",
    "fsmount",
    "mount_setattr",
    "open_by_handle_at",
    "name_to_handle_at",
    "fanotify_init",
    "quotactl",
    "setxattr",
    "execveat",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "kexec_file_load",
    "reboot",
    "swapon",
    "swapoff",
    "clock_settime",
    "settimeofday",
    "adjtimex",
    "clock_adjtime",
    "stime",
    "acct",
    "syslog",
    "iopl",
    "ioperm",
    "modify_ldt",
    "sethostname",
    "setdomainname",
    "vhangup",
    "nfsservctl",
    "lookup_dcookie",
    "mbind",
    "set_mempolicy",
    "move_pages",
    "migrate_pages",
    "vmsplice",
    "splice",
    "tee",
    "sched_setattr",
    "socketcall",
    "ipc",
    "uselib",
    "_sysctl",
    "sync",
]


def test_calls_that_no_analysis_needs() -> None:
    listed = {name for rule in PROFILE["syscalls"] for name in rule["names"]}
    assert not listed & set(UNNEEDED)


@pytest.mark.parametrize(
    ("family", "protocol", "let"),
    [
        (1, 0, True),  # AF_UNIX: the kernel's channels
        (2, 6, True),  # AF_INET: loopback
        (10, 6, True),  # AF_INET6
        (16, 0, True),  # AF_NETLINK, NETLINK_ROUTE
        (16, 12, False),  # NETLINK_NETFILTER
        (17, 0, False),  # AF_PACKET
        (38, 0, False),  # AF_ALG
        (40, 0, False),  # AF_VSOCK: to the host of a virtual machine
        (44, 0, False),  # AF_XDP
        (29, 0, False),  # AF_CAN
        (21, 0, False),  # AF_RDS
    ],
)
def test_families_of_sockets(family: int, protocol: int, let: bool) -> None:
    assert allowed("socket", family, 1, protocol) is let


def test_a_process_may_be_made_but_no_namespace() -> None:
    assert allowed("clone", 0x01200011)  # fork of the C library
    assert allowed("clone", 0x3D0F00)  # pthread_create
    for namespace in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000):
        assert not allowed("clone", namespace)
    assert not allowed("clone", 0x40000000)  # CLONE_NEWNET
    assert not allowed("clone3")


def test_a_pipe_may_be_named_but_no_device() -> None:
    assert allowed("mknod", 0, 0o010644, 0)
    assert allowed("mknodat", 0, 0, 0o010644)
    for kind in (0o020000, 0o060000, 0o140000):
        assert not allowed("mknod", 0, kind, 0)
        assert not allowed("mknodat", 0, 0, kind)


def test_no_second_set_of_system_calls_is_open() -> None:
    """32-bit calls (int 0x80) have socketcall and ipc, which a filter cannot look into."""
    assert all(entry["subArchitectures"] == [] for entry in PROFILE["archMap"])


def test_each_rule_says_what_it_is_for_and_names_each_call_once() -> None:
    for rule in PROFILE["syscalls"]:
        assert rule["comment"].endswith(".")
        assert len(set(rule["names"])) == len(rule["names"])
    free = [name for rule in PROFILE["syscalls"] if "args" not in rule for name in rule["names"]]
    assert len(set(free)) == len(free)
