"""A kernel is found by its kernelspec, started in a session of its own, and ended whole."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from phtlab.runtime import JobError
from phtlab.runtime.kernel_process import KernelProcess, KernelSpec, find_kernelspec

LAUNCH = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a kernelspec where JUPYTER_PATH finds it first."""
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))

    def install(name, **spec):
        folder = tmp_path / "share/kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps(spec))

    return install


def test_python_starts_without_debugger_and_history(install):
    install("python3", argv=["python3", *LAUNCH])

    assert find_kernelspec("python3").argv == [
        sys.executable,
        "-m",
        "phtlab.runtime.python_kernel",
        "-f",
        "{connection_file}",
        "--HistoryManager.enabled=False",
    ]


def test_option_that_the_kernelspec_gives_is_not_given_twice(install):
    install("python3", argv=["python", *LAUNCH, "--HistoryManager.enabled=False"])

    argv = find_kernelspec("python3").argv
    assert argv.count("--HistoryManager.enabled=False") == 1


def test_another_python_keeps_its_own_launcher(install):
    install("other", argv=["/opt/other/bin/python", *LAUNCH])

    assert find_kernelspec("other").argv[:3] == [
        "/opt/other/bin/python",
        "-m",
        "ipykernel_launcher",
    ]


def test_kernel_of_another_language_is_started_as_its_kernelspec_says(install):
    install(
        "ir",
        argv=["R", "--slave", "--args", "{connection_file}"],
        interrupt_mode="message",
        env={"R_X": "1"},
    )

    assert find_kernelspec("ir") == KernelSpec(
        ["R", "--slave", "--args", "{connection_file}"], "message", {"R_X": "1"}
    )


def test_python3_needs_no_kernelspec(monkeypatch, tmp_path):
    monkeypatch.setattr("phtlab.runtime.kernel_process._data_folders", lambda: [str(tmp_path)])

    assert find_kernelspec("python3").argv[0] == sys.executable
    with pytest.raises(JobError, match="no Jupyter kernel 'ir'"):
        find_kernelspec("ir")


@pytest.mark.parametrize("content", ["{", "[]", '{"argv": "python"}', '{"argv": []}'])
def test_kernelspec_that_is_broken_is_told(install, tmp_path, content):
    install("broken")
    (tmp_path / "share/kernels/broken/kernel.json").write_text(content)

    with pytest.raises(JobError, match=r"kernel.json is not a kernelspec"):
        find_kernelspec("broken")


def test_command_that_is_not_there_is_told_and_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("phtlab.runtime.kernel_process._LONGEST_FOLDER", 200)
    with pytest.raises(JobError, match="command '/nowhere/R' cannot be started: No such file"):
        KernelProcess(KernelSpec(["/nowhere/R"], "signal", {}))

    assert list(tmp_path.iterdir()) == []


def test_kernel_has_a_session_of_its_own_and_dies_first_for_memory():
    kernel = KernelProcess(KernelSpec(["sleep", "600"], "signal", {}))
    try:
        assert os.getsid(kernel.pid) == kernel.pid
        assert Path(f"/proc/{kernel.pid}/oom_score_adj").read_text() == "1000\n"
        assert kernel.alive()
    finally:
        kernel.kill()
        kernel.close()
    assert not kernel.alive()
    assert kernel.returncode == -9


def test_connection_is_private_and_over_unix_sockets():
    kernel = KernelProcess(KernelSpec(["sleep", "600"], "signal", {}))
    try:
        folder = Path(kernel.connection.folder)
        content = json.loads((folder / "connection.json").read_text())
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "connection.json").stat().st_mode & 0o777 == 0o600
        assert (content["transport"], content["ip"]) == ("ipc", f"{folder}/k")
        assert kernel.connection.endpoint("iopub") == f"ipc://{folder}/k-2"
    finally:
        kernel.kill()
        kernel.close()
    assert not folder.exists()


def test_last_words_are_the_end_of_standard_error():
    script = "import sys; sys.stderr.write('x' * 9000 + 'the end'); sys.exit(3)"
    kernel = KernelProcess(KernelSpec([sys.executable, "-c", script], "signal", {}))
    while kernel.alive():
        os.sched_yield()
    assert kernel.returncode == 3
    assert kernel.last_output().endswith("the end")
    assert len(kernel.last_output()) <= 4096
    kernel.kill()
    kernel.close()
