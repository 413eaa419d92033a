"""Each way in which a run ends has its own outcome, and a record that says where."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.limits import LIMIT


def outcome_of(record):
    error = record["error"]
    return record["outcome"], error["type"], error["cell"], error["line"]


def test_completed_run_says_so_and_times_each_cell(sandbox):
    record = sandbox.run("x = 20", "x + 22")

    assert record["outcome"] == "completed"
    assert record["error"] is None
    assert record["version"] == 1
    assert [cell["cell"] for cell in record["cells"]] == [2, 4]
    assert record["started"] <= record["finished"]
    (result,) = sandbox.executed()["cells"][1]["outputs"]
    assert result["data"] == {"text/plain": "42"}


def test_failing_cell_is_named_by_the_authors_number_and_line(sandbox):
    record = sandbox.run("x = 1", "\n\ny = 2\nx / 0", "never = 'run'")

    assert outcome_of(record) == ("cell-failed", "ZeroDivisionError", 4, 4)
    assert record["error"]["message"] == "division by zero"
    assert "x / 0" in record["error"]["traceback"]
    assert "\x1b" not in record["error"]["traceback"]
    assert sandbox.executed()["cells"][2]["outputs"] == []


def test_failure_inside_an_earlier_cells_function_points_to_the_call(sandbox):
    record = sandbox.run("def half(x):\n    y = x\n    return y / 0", "a = 1\nhalf(a)")

    assert outcome_of(record) == ("cell-failed", "ZeroDivisionError", 4, 2)


def test_syntax_error_in_a_cell(sandbox):
    assert outcome_of(sandbox.run("x = 1\nx = = 2")) == ("cell-failed", "SyntaxError", 2, 2)


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("{}['agee']", {"code": "no-key", "words": {"key": "agee"}}),
        ("await missing()", {"code": "undefined-name", "words": {"name": "missing"}}),
        (
            "import phtlab\nphtlab.publish('n', {})",
            {"code": "table-empty", "words": {"output": "n"}},
        ),
        ("x = 1\nx = = 2", None),
        ("1 / 0", None),
        # What the kernel says does not keep it from answering.
        ("raise KeyError('\\ud800')", None),
        ("raise KeyError('x' * 10**7)", None),
        ("class Last(Exception):\n    __cause__ = property(lambda self: 1 / 0)\nraise Last", None),
        ("import sys\nsys.last_value = KeyError('a')\nraise SystemError", None),
    ],
)
def test_the_cause_of_an_error_is_a_code_with_its_words(sandbox, source, cause):
    record = sandbox.run(source)

    assert record["outcome"] in ("cell-failed", "output-error")
    assert record["error"]["cause"] == cause


def test_unicode_survives_in_code_outputs_and_errors(sandbox):
    record = sandbox.run("print('Ärztin ∑ 🚂')\nraise ValueError('Größe 🚂 \\u202e')")

    assert record["error"]["message"] == "Größe 🚂 �"
    printed = sandbox.executed()["cells"][0]["outputs"][0]["text"]
    assert printed.startswith("Ärztin ∑ 🚂")


def test_parameters_cell_and_what_was_injected_after_it_share_a_number(sandbox):
    sandbox.write()
    path = sandbox.root / "in/notebook.ipynb"
    book = json.loads(path.read_text())
    book["cells"] = [
        {"cell_type": "markdown", "metadata": {}, "source": "# Title"},
        {
            "cell_type": "code",
            "metadata": {"phtlab": {"cell": 3, "role": "parameters"}, "tags": ["parameters"]},
            "source": ["a = 1\n", "b = 2"],
        },
        {
            "cell_type": "code",
            "metadata": {"tags": ["injected-parameters"]},
            "source": "a = 0",
        },
        {"cell_type": "code", "metadata": {"phtlab": {"cell": 7}}, "source": "b / a"},
    ]
    path.write_text(json.dumps(book))
    with sandbox.start() as process:
        process.communicate(timeout=LIMIT)

    record = sandbox.record()
    assert [cell["cell"] for cell in record["cells"]] == [3, 3, 7]
    assert outcome_of(record) == ("cell-failed", "ZeroDivisionError", 7, 1)
    progress = json.loads((sandbox.out / "progress.json").read_text())
    assert progress == {"cell": 7, "done": 1, "cells": 2}


def test_error_type_that_is_no_name_is_not_passed_on(sandbox):
    record = sandbox.run("raise type('patient 17, 1950-01-01', (Exception,), {})()")

    assert record["error"]["type"] == "Error"


@pytest.mark.parametrize(
    ("death", "message"),
    [
        ("os._exit(3)", "the kernel ended with exit code 3"),
        ("os.kill(os.getpid(), 9)", "the kernel ended by signal 9"),
        ("os.kill(os.getpid(), 11)", "the kernel ended by signal 11"),
    ],
)
def test_dead_kernel_is_survived_and_told(sandbox, death, message):
    record = sandbox.run("print('before')", f"import os; print('last', flush=True); {death}")

    assert outcome_of(record) == ("kernel-died", "KernelDied", 4, None)
    assert record["error"]["message"] == message
    assert sandbox.executed()["cells"][0]["outputs"][0]["text"] == "before\n"


def test_sys_exit_is_a_failing_cell(sandbox):
    assert outcome_of(sandbox.run("import sys; sys.exit(0)"))[:3] == (
        "cell-failed",
        "SystemExit",
        2,
    )


def test_input_is_an_error_at_once(sandbox):
    assert outcome_of(sandbox.run("input()")) == ("cell-failed", "StdinNotImplementedError", 2, 1)


def test_out_of_time_interrupts_the_cell(sandbox):
    record = sandbox.run("import time\nprint('begun')\ntime.sleep(600)", "2", seconds=3)

    assert outcome_of(record) == ("out-of-time", "OutOfTime", 2, None)
    assert [cell["cell"] for cell in record["cells"]] == [2]
    outputs = sandbox.executed()["cells"][0]["outputs"]
    assert outputs[0]["text"] == "begun\n"
    assert outputs[-1]["ename"] == "KeyboardInterrupt"


def test_out_of_time_kills_what_swallows_interrupts(sandbox):
    record = sandbox.run(
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        seconds=3,
        grace=0.3,
    )

    assert outcome_of(record) == ("out-of-time", "OutOfTime", 2, None)


def test_cell_that_ends_well_after_the_interrupt_is_out_of_time_all_the_same(sandbox):
    record = sandbox.run(
        "import time\ntry:\n    time.sleep(600)\nexcept KeyboardInterrupt: pass", "2", seconds=3
    )

    assert outcome_of(record) == ("out-of-time", "OutOfTime", 2, None)
    assert len(record["cells"]) == 1


def test_sigterm_cancels_and_leaves_a_record(sandbox):
    sandbox.cells = ["import time\ntime.sleep(600)"]
    sandbox.write()
    with sandbox.start() as process:
        until(lambda: (sandbox.out / "progress.json").exists())
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT)

    assert process.returncode == 0
    assert outcome_of(sandbox.record()) == ("cancelled", "Cancelled", 2, None)


def test_sigterm_while_the_kernel_starts_cancels(sandbox):
    sandbox.cells = ["1"]
    sandbox.write()
    with sandbox.start() as process:
        until(lambda: children_of(process.pid))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LIMIT)

    assert process.returncode == 0
    assert sandbox.record()["outcome"] == "cancelled"


@pytest.mark.parametrize("number", [28, 122, 27])
def test_full_volume_in_the_kernel_is_quota(sandbox, number):
    record = sandbox.run(f"import os\nraise OSError({number}, os.strerror({number}), '/x')")

    assert outcome_of(record) == ("quota", "OSError", 2, 2)


def test_publish_that_is_refused_is_an_output_error(sandbox):
    record = sandbox.run("import phtlab\nphtlab.publish('n', 1, kind='scalar')")

    assert outcome_of(record) == ("output-error", "PublishError", 2, 2)
    assert record["error"]["message"] == (
        "output 'n' is not declared by this train (declared: none). Publish it in a station "
        "cell with its name written out, and build the train again."
    )


def test_processes_left_behind_are_dead_before_the_record(sandbox):
    record = sandbox.run(
        "import subprocess, sys\n"
        "daemon = '''\n"
        "import os, sys, time\n"
        "if os.fork(): os._exit(0)\n"
        "os.setsid()\n"
        "if os.fork(): os._exit(0)\n"
        "open(sys.argv[1], 'w').write(str(os.getpid()))\n"
        "time.sleep(600)\n"
        "'''\n"
        "subprocess.run([sys.executable, '-c', daemon, 'pid'], check=True)\n"
        "import time, os\n"
        "while not (os.path.exists('pid') and open('pid').read()): time.sleep(0.01)\n"
        "print(open('pid').read())"
    )

    assert record["outcome"] == "completed"
    pid = int(sandbox.executed()["cells"][0]["outputs"][0]["text"])
    assert not lives(pid)


def test_kernels_folder_is_gone_after_the_run(sandbox, monkeypatch):
    folder = sandbox.root / "t"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder) if len(str(folder)) < 70 else "/tmp")
    sandbox.run("import os; print(os.getcwd())")

    place = sandbox.executed()["cells"][0]["outputs"][0]["text"].strip()
    assert "phtlab-" in place
    assert not Path(place).exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "has version 2, and this runtime reads version 1"),
        ({"version": "1"}, "has version '1', and this runtime reads version 1"),
        ({"seconds": 0}, "'seconds' must be a number above 0"),
        ({"kernel": "julia"}, "this image has no Jupyter kernel 'julia'"),
        ({"kernel": "../../etc"}, "'../../etc' is not the name of a kernel"),
        ({"datasets": []}, "'datasets' must be an object"),
        ({"outputs": [{"name": "x", "kind": "pickle"}]}, "output 'x' has an unknown kind"),
    ],
)
def test_job_that_cannot_be_read_is_refused_without_a_record(sandbox, change, message):
    sandbox.cells = ["1"]
    sandbox.write(**change)
    with sandbox.start() as process:
        _, stderr = process.communicate(timeout=LIMIT)

    assert process.returncode == 2
    assert message in stderr
    assert "Traceback" not in stderr
    assert list(sandbox.out.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"nbformat": 3, "worksheets": []}', "is not a notebook of format 4"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code"}]}', "no list of cells with a source"),
    ],
)
def test_notebook_that_cannot_be_read_is_refused(sandbox, content, message):
    sandbox.write()
    (sandbox.root / "in/notebook.ipynb").write_bytes(content)
    with sandbox.start() as process:
        _, stderr = process.communicate(timeout=LIMIT)

    assert process.returncode == 2
    assert message in stderr


def test_job_that_is_missing_is_refused(sandbox):
    with sandbox.start() as process:
        _, stderr = process.communicate(timeout=LIMIT)

    assert process.returncode == 2
    assert "job.json cannot be read: No such file or directory" in stderr


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(condition, seconds=LIMIT):
    """Wait for `condition`, and fail if it does not come."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.01)


def children_of(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_kernel_that_never_answers_is_killed_and_told():
    from phtlab.runtime.kernel_process import KernelProcess, KernelSpec
    from phtlab.runtime.notebook_run import NotebookRun

    script = "import sys, time; print('no module', file=sys.stderr, flush=True); time.sleep(600)"
    kernel = KernelProcess(KernelSpec([sys.executable, "-c", script], "signal", {}))
    cell = {"cell_type": "code", "metadata": {}, "source": "1"}
    try:
        verdict = NotebookRun(kernel, {"cells": [cell]}, start_seconds=1.5).execute()
    finally:
        kernel.close()

    assert verdict.outcome == "kernel-died"
    assert verdict.failure is not None
    assert verdict.failure.message == "the kernel did not answer within 1.5 seconds"
    assert verdict.failure.traceback == "no module"
    assert not kernel.alive()


def test_flood_of_output_neither_fills_the_notebook_nor_hides_the_deadline(sandbox):
    record = sandbox.run("while True: print('x' * 200)", seconds=4)

    assert record["outcome"] == "out-of-time"
    assert (sandbox.out / "executed.ipynb").stat().st_size < 400_000


def test_publish_shows_what_would_leave_in_a_notebook(sandbox):
    local = "import os; del os.environ['PHTLAB_JOB']; import phtlab\n"
    sandbox.run(local + "phtlab.publish('n', 3, kind='scalar')\nphtlab.publish('t', {'a': [1]})")

    shown = [output["data"] for output in sandbox.executed()["cells"][0]["outputs"]]
    assert shown[0]["text/plain"] == "published n = 3"
    assert shown[1]["text/markdown"].startswith("published **t** (table, ")
    assert "<table" in shown[2]["text/html"]
