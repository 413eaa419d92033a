"""Opened results are kept, a few of them, and until the key is locked."""

from __future__ import annotations

import threading

import pytest

from phtlab.errors import JourneyError
from phtlab.lab.results.folder import ResultsFolder
from phtlab.lab.results.results import Results
from phtlab.lab.workspace.opened_results import OpenedResults


def results() -> Results:
    return Results({}, {}, ResultsFolder())


def test_they_are_opened_once():
    opened = OpenedResults()
    first = opened.of("a", results)
    assert opened.of("a", results) is first
    assert opened.of("b", results) is not first


def test_of_two_who_ask_at_once_one_opens():
    opened, begun, go, times = OpenedResults(), threading.Event(), threading.Event(), []

    def slowly() -> Results:
        times.append(1)
        begun.set()
        assert go.wait(10)
        return results()

    got: list[Results] = []
    threads = [
        threading.Thread(target=lambda: got.append(opened.of("a", slowly))) for _ in range(2)
    ]
    threads[0].start()
    assert begun.wait(10)
    threads[1].start()
    go.set()
    for thread in threads:
        thread.join(10)
    assert len(times) == 1
    assert got[0] is got[1]


def test_only_the_last_few_are_kept_and_the_files_of_the_others_go():
    opened = OpenedResults(most=2)
    folder = ResultsFolder()
    path = folder.path
    opened.of("a", lambda folder=folder: Results({}, {}, folder))
    del folder
    kept = opened.of("b", results)
    assert path.is_dir()
    opened.of("c", results)
    assert not path.exists()
    assert opened.of("b", results) is kept


def test_the_one_used_last_stays():
    opened = OpenedResults(most=2)
    first = opened.of("a", results)
    opened.of("b", results)
    opened.of("a", results)
    opened.of("c", results)
    assert opened.of("a", results) is first


def test_a_lock_forgets_all_and_what_is_being_opened():
    opened = OpenedResults()
    first = opened.of("a", results)

    def locked_meanwhile() -> Results:
        opened.forget()
        return results()

    late = opened.of("b", locked_meanwhile)
    assert opened.of("a", results) is not first
    assert opened.of("b", results) is not late


def test_what_could_not_be_opened_is_tried_again():
    opened = OpenedResults()

    def unfinished() -> Results:
        raise JourneyError("It goes on.", code="journey-unfinished")

    with pytest.raises(JourneyError):
        opened.of("a", unfinished)
    assert opened.of("a", results) is not None
