"""A kernel's container is the station's sandbox: the same flags, and the same from inside."""

from __future__ import annotations

from pathlib import Path

import pytest

from phtlab.provisioner.kernel_container import ENTRYPOINT, kernel_body
from phtlab.provisioner.kernel_folder import KernelFolder
from phtlab.provisioner.left_behind import LABEL, LABEL_FOLDER, LABEL_PARENT
from phtlab.station.executor.contract import Job
from phtlab.station.executor.sandbox import LABEL_JOB, LABEL_STATION, container_body
from tests.provisioner.sandboxed import Left, kernel_running

IMAGE = f"127.0.0.1:5000/kernels/python@sha256:{'0' * 64}"


def test_the_flags_are_the_stations_but_for_the_line_to_the_parent(tmp_path: Path) -> None:
    folder = KernelFolder.make(str(tmp_path))
    job = Job("ab12", IMAGE, folder.inputs, {"heart": tmp_path})
    ours = kernel_body(job, folder)
    theirs = container_body(job, folder.sockets, station="kernel", entrypoint=ENTRYPOINT)
    different = {name for name in ours if ours[name] != theirs.get(name)}
    assert different == {"OpenStdin", "StdinOnce", "AttachStdin", "Labels"}
    assert set(ours["Labels"]) == {LABEL, LABEL_PARENT, LABEL_FOLDER}
    assert not set(ours["Labels"]) & {LABEL_JOB, LABEL_STATION}, "no station takes it for its own"


@pytest.mark.engine
@pytest.mark.usefixtures("jupyter", "twin")
def test_from_inside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PHTLAB_PASSPHRASE", "a secret of the user's")
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    mine.chmod(0o644)
    with kernel_running() as kernel:
        told = kernel.run
        told("import os, socket")
        assert told("print(os.listdir('/sys/class/net'))") == "['lo']"
        unreachable = told("socket.create_connection(('192.0.2.1', 80), 5)")
        assert unreachable == "OSError: [Errno 101] Network is unreachable"
        assert told("socket.create_connection(('127.0.0.1', 80), 5)").startswith("Connection")
        assert told(f"print(os.path.exists({str(mine)!r}))") == "False"
        assert told("print(os.path.exists('/var/run/docker.sock'))") == "False"
        assert told("print(os.listdir('/data'))") == "['heart']"
        assert told("print(sorted(n for n in os.environ if 'PASS' in n))") == "[]"
        assert told("print(os.getuid(), os.getgroups(), os.getcwd())") == "65532 [65532] /tmp"
        assert "CapEff:\t0000000000000000" in told("print(open('/proc/self/status').read())")
        assert "Seccomp:\t2" in told("print(open('/proc/self/status').read())")
        assert told("os.mkdir('/new')").startswith("OSError: [Errno 30]")
        assert told("open('/phtlab/in/datasets.json', 'a')").startswith(
            ("OSError: [Errno 30]", "PermissionError")
        )


@pytest.mark.engine
@pytest.mark.usefixtures("jupyter")
def test_a_started_kernel_writes_no_file_that_outlives_it(left: Left) -> None:
    with kernel_running() as kernel:
        (folder,) = left.folders()
        for attempt in (
            "open('/phtlab/out/more', 'w')",
            "__import__('os').unlink('/phtlab/out/k-1')",
        ):
            assert kernel.run(attempt).startswith("PermissionError")
        assert folder.stat().st_mode & 0o777 == 0o700
        named = {path.name for path in (folder / "s").iterdir()}
        assert named == {"connection.json", *(f"k-{n}" for n in range(1, 6))}


@pytest.mark.engine
@pytest.mark.usefixtures("jupyter")
def test_a_local_cell_is_told_where_it_can_run() -> None:
    with kernel_running() as kernel:
        told = kernel.run("import phtlab; phtlab.connect()")
        assert told.startswith("AttributeError: phtlab.connect does not exist inside")
        assert told.endswith("in a kernel outside of the sandbox.")


@pytest.mark.engine
@pytest.mark.usefixtures("jupyter")
def test_a_cell_may_fill_tmp_and_no_more() -> None:
    with kernel_running() as kernel:
        fill = "with open(f'/tmp/{n}', 'wb') as f:\n  f.write(bytes(60 * 2**20))"
        told = kernel.run(f"for n in range(6):\n {fill.replace(chr(10), chr(10) + ' ')}")
        assert told.startswith("OSError: [Errno 28] No space left on device")
        assert kernel.run("print('alive')") == "alive"
