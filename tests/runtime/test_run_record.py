"""The record is written last and in any case, whatever the kernel left in the volume."""

from __future__ import annotations

import errno
import json
import os

import pytest

from phtlab.runtime import record
from phtlab.runtime.error_cause import Cause
from phtlab.runtime.outcome import Failure, Verdict
from phtlab.runtime.record import record_of, write_atomic, write_progress, write_run


def a_record(outcome="completed"):
    return record_of(Verdict(outcome, None, ((2, 0.5),)), 0.0, 1.5)


def read(folder):
    return json.loads((folder / "run.json").read_bytes())


def test_record_has_the_contracts_fields():
    failure = Failure("ValueError", 4, 2, "message", "traceback")
    assert record_of(Verdict("cell-failed", failure, ((2, 0.5), (4, 1.0))), 0.0, 1.5) == {
        "version": 1,
        "outcome": "cell-failed",
        "error": {
            "type": "ValueError",
            "cell": 4,
            "line": 2,
            "message": "message",
            "traceback": "traceback",
            "cause": None,
        },
        "cells": [{"cell": 2, "seconds": 0.5}, {"cell": 4, "seconds": 1.0}],
        "started": "1970-01-01T00:00:00.000Z",
        "finished": "1970-01-01T00:00:01.500Z",
    }


def test_record_has_the_cause_of_an_error():
    failure = Failure("KeyError", 4, 2, "'age'", "", Cause("no-key", {"key": "age"}))
    written = record_of(Verdict("cell-failed", failure, ()), 0.0, 1.5)
    assert written["error"]["cause"] == {"code": "no-key", "words": {"key": "age"}}


def test_forged_record_is_replaced(sandbox):
    forged = json.dumps({"version": 1, "outcome": "completed"})
    written = sandbox.run(
        "import os\nout = os.environ['PHTLAB_OUT']\n"
        f"open(out + '/run.json', 'w').write({forged!r})\n1 / 0"
    )

    assert written["outcome"] == "cell-failed"


@pytest.mark.parametrize("name", ["run.json", "executed.ipynb"])
def test_folder_in_the_way_is_removed(tmp_path, name):
    (tmp_path / name / "deep").mkdir(parents=True)
    (tmp_path / name / "deep").chmod(0)
    write_run(str(tmp_path), a_record(), b"{}")

    assert read(tmp_path)["outcome"] == "completed"
    assert (tmp_path / "executed.ipynb").read_bytes() == b"{}"


def test_tree_deeper_than_paths_go_is_removed(tmp_path):
    here = tmp_path / "run.json"
    here.mkdir()
    descriptor = os.open(here, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("deeper", dir_fd=descriptor)
        below = os.open("deeper", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor))
    os.close(descriptor)
    write_run(str(tmp_path), a_record(), b"{}")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["executed.ipynb", "run.json"]


def test_link_in_the_way_is_replaced_and_not_followed(tmp_path):
    target = tmp_path / "target"
    target.write_text("untouched")
    out = tmp_path / "out"
    out.mkdir()
    for name in ("run.json", "executed.ipynb", "progress.json"):
        (out / name).symlink_to(target)
    write_progress(str(out), 2, 0, 1)
    write_run(str(out), a_record(), b"{}")

    assert target.read_text() == "untouched"
    assert not (out / "run.json").is_symlink()
    assert json.loads((out / "progress.json").read_text()) == {"cell": 2, "done": 0, "cells": 1}


def test_progress_that_cannot_be_written_stops_nothing(tmp_path):
    write_progress(str(tmp_path / "missing"), 1, 0, 1)


def test_failed_write_leaves_no_half_file(tmp_path):
    (tmp_path / "name").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomic(str(tmp_path), "name", b"content")

    assert [path.name for path in tmp_path.iterdir()] == ["name"]


class FullVolume:
    """Refuses to write while any of `until_gone` is there."""

    def __init__(self, folder, *until_gone):
        self._paths = [folder / name for name in until_gone]
        self._write = write_atomic

    def __call__(self, folder, name, content):
        if any(path.exists() for path in self._paths):
            raise OSError(errno.ENOSPC, "No space left on device")
        self._write(folder, name, content)


def test_strays_that_fill_the_volume_make_room_for_the_record(tmp_path, monkeypatch):
    (tmp_path / "junk").write_bytes(b"x")
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs/n.json").write_bytes(b"{}")
    monkeypatch.setattr(record, "write_atomic", FullVolume(tmp_path, "junk"))
    write_run(str(tmp_path), a_record(), b"{}")

    assert read(tmp_path)["outcome"] == "completed"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outputs", "run.json"]


def test_outputs_that_fill_the_volume_make_room_and_the_run_is_over_quota(tmp_path, monkeypatch):
    (tmp_path / "outputs").mkdir()
    monkeypatch.setattr(record, "write_atomic", FullVolume(tmp_path, "outputs"))
    write_run(str(tmp_path), a_record(), b"{}")

    assert read(tmp_path)["outcome"] == "quota"
    assert "so full that not even the record fitted" in read(tmp_path)["error"]["message"]


def test_full_volume_does_not_hide_another_failure(tmp_path, monkeypatch):
    (tmp_path / "outputs").mkdir()
    monkeypatch.setattr(record, "write_atomic", FullVolume(tmp_path, "outputs"))
    write_run(str(tmp_path), a_record("kernel-died"), b"{}")

    assert read(tmp_path)["outcome"] == "kernel-died"


def test_volume_that_cannot_be_written_at_all_is_told(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(record, "write_atomic", refuse)
    with pytest.raises(OSError) as caught:
        write_run(str(tmp_path), a_record(), b"{}")
    assert caught.value.errno == errno.EROFS
