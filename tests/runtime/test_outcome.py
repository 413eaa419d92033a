"""Judging a run from what was seen of it."""

from __future__ import annotations

import pytest

from phtlab.runtime.memory import oom_kills
from phtlab.runtime.outcome import dead_kernel, failed_cell, line_of, printable


def reply(name="ValueError", value="no", traceback=(), **more):
    return {
        "status": "error",
        "ename": name,
        "evalue": value,
        "traceback": list(traceback),
        "execution_count": 3,
    } | more


def test_kernel_killed_for_memory_needs_the_signal_and_the_counter():
    assert dead_kernel(-9, 1, 4, "")[0] == "out-of-memory"
    assert dead_kernel(-9, 0, 4, "")[0] == "kernel-died"
    assert dead_kernel(1, 1, 4, "")[0] == "kernel-died"


@pytest.mark.parametrize("status", ["abort", "aborted", "", None, "OK"])
def test_anything_but_ok_is_a_failure(status):
    outcome, failure = failed_cell({"status": status}, 2, "1")

    assert (outcome, failure.type) == ("cell-failed", "Aborted")


@pytest.mark.parametrize(
    "value",
    [
        "[Errno 28] No space left on device: '/phtlab/out/x'",
        "[Errno 122] Disk quota exceeded",
        "[Errno 27] File too large",
        "cannot write: No space left on device",
    ],
)
def test_full_volume_is_quota_whatever_the_error_is_called(value):
    assert failed_cell(reply("OSError", value), 2, "1")[0] == "quota"
    assert failed_cell(reply("SomeError", value), 2, "1")[0] == "quota"


def test_line_is_that_of_the_running_cells_innermost_frame():
    traceback = (
        "\x1b[31mCell In[3], line 2\x1b[0m\n----> 2 f()\n"
        "Cell In[1], line 7, in f()\nFile x.py:9, in g\nCell In[3], line 4, in h()"
    )
    assert line_of(traceback, 3, "a\nb\nc\nd") == 4
    assert line_of(traceback, 2, "a\nb\nc\nd") is None
    assert line_of(traceback, None, "a\nb\nc\nd") is None


def test_line_outside_the_cell_is_not_believed():
    assert line_of("Cell In[3], line 1950", 3, "a") is None
    assert line_of("Cell In[3], line 0", 3, "a") is None


def test_message_has_no_terminal_codes_and_a_bounded_length():
    _, failure = failed_cell(reply(value="\x1b[31mred\x1b[0m\x07 \u202e" + "x" * 10_000), 2, "1")

    assert failure.message.startswith("red\ufffd \ufffdxxx")
    assert len(failure.message) <= 2_000
    assert printable("short", 100) == "short"


def test_what_the_kernel_says_of_a_cause_is_taken_if_it_is_short():
    said = {"code": "no-key", "words": {"key": "age"}}
    assert failed_cell(reply(phtlab=said), 2, "1")[1].cause == ("no-key", {"key": "age"})
    for wrong in (None, "no-key", {"code": "no-key", "words": {"key": "a" * 10_000}}):
        assert failed_cell(reply(phtlab=wrong), 2, "1")[1].cause is None


@pytest.mark.parametrize(
    ("file", "content", "count"),
    [
        ("memory.events", "low 0\nhigh 0\nmax 9\noom 4\noom_kill 2\n", 2),
        ("memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", 3),
        ("memory.events", "oom_kill many\n", 0),
    ],
)
def test_counter_of_kills_is_read_from_either_cgroup(tmp_path, file, content, count):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(content)

    assert oom_kills(str(tmp_path)) == count


def test_no_cgroup_counts_as_none(tmp_path):
    assert oom_kills(str(tmp_path)) == 0
