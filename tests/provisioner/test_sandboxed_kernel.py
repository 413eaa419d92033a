"""A kernel in the sandbox does what Jupyter asks of a kernel, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from phtlab.provisioner.kernelspec import NAME
from tests.conftest import ROOT
from tests.limits import read_line
from tests.provisioner.sandboxed import Configure, Kernel, Left, kernel_running, until

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("jupyter")]

STATION_CELL = """\
import phtlab
heart = phtlab.dataset("heart")
counts = heart[heart.age >= min_age].groupby("sick").size().rename("n").reset_index()
phtlab.publish("counts", counts, counts="n")
"""


def _notebook(*cells: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": NAME, "display_name": NAME, "language": "python"}},
    )


@pytest.mark.usefixtures("twin")
def test_a_station_cell_runs_on_the_twin_in_nbclient(left: Left) -> None:
    notebook = _notebook("min_age = 50", STATION_CELL, "print(counts.n.tolist(), heart.age.dtype)")
    NotebookClient(notebook, timeout=60).execute()
    assert notebook.cells[2].outputs[0].text == "[2] int64\n"
    assert notebook.cells[1].outputs, "publish shows what would leave the station"
    assert left.nothing()


@pytest.mark.usefixtures("twin")
def test_a_station_cell_runs_on_the_twin_in_papermill(left: Left, tmp_path: Path) -> None:
    parameters = nbformat.v4.new_code_cell("min_age = 40", metadata={"tags": ["parameters"]})
    notebook = _notebook(STATION_CELL, "print(counts.n.tolist())")
    notebook.cells.insert(0, parameters)
    nbformat.write(notebook, tmp_path / "in.ipynb")
    done = papermill.execute_notebook(
        str(tmp_path / "in.ipynb"),
        str(tmp_path / "out.ipynb"),
        parameters={"min_age": 50},
        progress_bar=False,
    )
    assert done.cells[-1].outputs[0].text == "[2]\n"
    assert left.nothing()


def test_what_is_only_the_users_to_read_is_read_as_a_copy(twin: Path) -> None:
    with kernel_running() as kernel:
        path = "phtlab.runtime.datasets._declared()['heart'].path"
        told = kernel.run(f"import phtlab, phtlab.runtime.datasets\nprint(open({path}).read())")
        assert told == twin.read_text().strip()
        assert kernel.run(f"open({path}, 'a')").startswith(("OSError", "PermissionError"))
    assert twin.stat().st_mode & 0o777 == 0o600


def test_an_interrupt_ends_a_cell_and_not_the_kernel() -> None:
    with kernel_running() as kernel:
        kernel.run("kept = 1")
        message = kernel.client.execute(
            "print('begun', flush=True)\nimport time; time.sleep(600)", stop_on_error=False
        )
        _await(kernel, message, "stream")
        kernel.manager.interrupt_kernel()
        reply = kernel.client.get_shell_msg(timeout=30)
        while reply["parent_header"].get("msg_id") != message:
            reply = kernel.client.get_shell_msg(timeout=30)
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        assert kernel.run("print(kept)") == "1"


def _await(kernel: Kernel, message: str, kind: str) -> None:
    while True:
        heard = kernel.client.get_iopub_msg(timeout=30)
        if heard["parent_header"].get("msg_id") == message and heard["msg_type"] == kind:
            return


@pytest.mark.parametrize("now", [True, False])
def test_a_restart_forgets_all_and_answers_at_the_same_sockets(left: Left, now: bool) -> None:
    with kernel_running() as kernel:
        kernel.run("kept = 1; open('/tmp/kept', 'w').close()")
        before = kernel.manager.get_connection_info()
        (first,) = left.containers()
        kernel.manager.restart_kernel(now=now)
        kernel.client.wait_for_ready(timeout=60)
        assert kernel.manager.get_connection_info() == before
        assert kernel.run("kept").startswith("NameError")
        assert kernel.run("open('/tmp/kept')").startswith("FileNotFoundError")
        (second,) = left.containers()
        assert second.id != first.id
    assert left.nothing()


def test_a_shutdown_lets_the_kernel_say_goodbye_and_leaves_nothing(left: Left) -> None:
    with kernel_running() as kernel:
        assert len(left.containers()) == len(left.folders()) == 1
        kernel.manager.shutdown_kernel()
        assert not kernel.manager.is_alive()
        assert left.nothing()


def test_a_kernel_that_ignores_everything_is_ended(left: Left) -> None:
    with kernel_running() as kernel:
        kernel.run("import signal\nfor n in (2, 15): signal.signal(n, signal.SIG_IGN)")
        kernel.client.execute("while True: pass")
        kernel.manager.shutdown_wait_time = 2.0
        kernel.manager.shutdown_kernel()
        assert left.nothing()


def test_a_kernel_that_dies_is_seen_dead(left: Left) -> None:
    with kernel_running() as kernel:
        kernel.client.execute("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
        until(lambda: not kernel.manager.is_alive())
    assert left.nothing()


def test_too_much_memory_ends_the_kernel_alone(
    left: Left, configured: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    configured(memory_mib=256)
    notebook = _notebook("x = bytearray(2**30)", "print('never')")
    with pytest.raises(DeadKernelError):
        NotebookClient(notebook, timeout=60).execute()
    assert "out of memory: its limit is 256 MiB" in caplog.text
    assert left.nothing()


def test_an_ended_parent_takes_its_kernel_along_and_the_next_start_tidies_up(
    left: Left,
) -> None:
    command = [sys.executable, "-m", "tests.provisioner.another_jupyter"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as other:
        assert read_line(other, other.stdout) == b"up\n"
        (kernel,) = left.containers()
        assert kernel.status == "running"
        other.kill()
    until(lambda: left.engine.containers.get(kernel.id).status == "exited")

    with kernel_running():
        (other,) = left.containers()
        assert other.id != kernel.id
        assert len(left.folders()) == 1
    assert left.nothing()


def test_another_living_jupyters_kernel_is_left_alone(left: Left) -> None:
    with kernel_running() as first:
        with kernel_running() as second:
            assert first.run("print(1)") == second.run("print(1)") == "1"
            assert len(left.containers()) == len(left.folders()) == 2
        assert first.run("print(2)") == "2"
    assert left.nothing()
