"""Opened results of a killed process go; nothing else does, whatever lies beside them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from phtlab.lab.results.folder import ResultsFolder, remove_left_behind
from phtlab.processes.process_mark import own_mark
from tests.limits import read_line

OPEN = """
from phtlab.lab.results.folder import ResultsFolder
folder = ResultsFolder()
(folder.path / "cleveland").mkdir()
(folder.path / "cleveland" / "patients.json").write_text("304")
print(folder.path, flush=True)
input()
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr("tempfile.tempdir", None)
    return place


@pytest.fixture
def killed() -> Path:
    """The folder of a process that was killed while it held results."""
    with subprocess.Popen(
        [sys.executable, "-c", OPEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        folder = Path(read_line(process, process.stdout).strip())
        assert remove_left_behind() == 0  # it lives
        assert (folder / "cleveland" / "patients.json").exists()
        process.send_signal(signal.SIGKILL)
    assert folder.exists()
    return folder


def test_a_killed_processs_results_are_removed(killed: Path):
    assert remove_left_behind() == 1
    assert not killed.exists()


def test_the_next_results_remove_them_and_keep_their_own(killed: Path):
    mine = ResultsFolder()
    ResultsFolder()
    assert not killed.exists()
    assert mine.path.stat().st_mode & 0o777 == 0o700


def test_a_link_to_them_is_not_followed(killed: Path, place: Path, tmp_path: Path):
    elsewhere = tmp_path / "documents"
    killed.rename(elsewhere)
    (place / "phtlab-results-link").symlink_to(elsewhere)
    assert remove_left_behind() == 0
    assert (elsewhere / "cleveland" / "patients.json").exists()


def test_a_link_within_is_removed_and_what_it_names_is_not(killed: Path, tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("years of work")
    (killed / "cleveland" / "link").symlink_to(tmp_path)
    assert remove_left_behind() == 1
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_link_that_names_a_process_is_not_believed(killed: Path, tmp_path: Path):
    (killed / ".process").rename(tmp_path / "process")
    (killed / ".process").symlink_to(tmp_path / "process")
    assert remove_left_behind() == 0


def test_what_others_may_enter_stays(killed: Path):
    killed.chmod(0o750)
    assert remove_left_behind() == 0


def test_what_another_user_made_stays(killed: Path, monkeypatch: pytest.MonkeyPatch):
    other = os.getuid() + 1
    process = (killed / ".process").read_text().partition("/")[2]
    (killed / ".process").write_text(f"{other}/{process}")
    monkeypatch.setattr("os.getuid", lambda: other)
    assert remove_left_behind() == 0


@pytest.mark.parametrize("mark", ["", "not a mark", "///-", "\xff" * 600, "0/boot/pid:[1]/1-1"])
def test_what_names_no_process_of_here_stays(killed: Path, mark: str):
    (killed / ".process").write_text(mark)
    assert remove_left_behind() == 0


def test_a_folder_that_names_no_process_yet_stays(killed: Path, place: Path):
    (killed / ".process").unlink()
    os.mkfifo(killed / ".process")
    (place / "phtlab-results-new").mkdir(mode=0o700)
    (place / "phtlab-results-file").write_text(own_mark())
    assert remove_left_behind() == 0


def test_a_later_process_of_the_same_number_does_not_keep_it(place: Path):
    folder = place / "phtlab-results-before"
    folder.mkdir(mode=0o700)
    rest, _, started = own_mark().rpartition("-")
    (folder / ".process").write_text(f"{rest}-{int(started) - 1}")
    assert remove_left_behind() == 1
