"""Processes that outlive a command are found again, and only they are ended."""

import os
import sys
from pathlib import Path

import pytest

from phtlab.errors import UnreachableError
from phtlab.processes.services import Service, start_time
from tests.raising import raises_code

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


@pytest.fixture
def service(tmp_path):
    made = Service("sleeper", SLEEPER, tmp_path, {})
    yield made
    made.stop()


def test_a_service_is_started_once_and_found_again(service, tmp_path):
    service.start()
    pid = service.pid()
    service.start()
    assert service.pid() == pid
    assert Service("sleeper", SLEEPER, tmp_path, {}).pid() == pid


def test_stopping_ends_it_and_forgets_it(service):
    service.start()
    pid = service.pid()
    service.stop()
    assert service.pid() is None
    assert start_time(pid) is None


def test_a_number_given_to_another_process_is_not_it(service, tmp_path):
    (tmp_path / "sleeper.pid").write_text(f"{os.getpid()} 12345")
    assert service.pid() is None
    service.stop()
    assert start_time(os.getpid()) is not None


def test_one_that_ignores_being_asked_is_made_to_end(tmp_path):
    deaf = [
        sys.executable,
        "-c",
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('deaf', flush=True); time.sleep(600)",
    ]
    service = Service("deaf", deaf, tmp_path, {})
    service.start()
    service.wait_until(lambda: "deaf" in service.log.read_text())
    pid = service.pid()
    service.stop(grace=0.2)
    assert start_time(pid) is None


def test_one_runs_until_its_last_thread_has_ended(tmp_path):
    code = (
        "import ctypes, threading, time; threading.Thread(target=time.sleep, args=(600,)).start(); "
        "ctypes.CDLL(None).pthread_exit(None)"
    )
    service = Service("threads", [sys.executable, "-c", code], tmp_path, {})
    service.start()
    pid = service.pid()
    stat = Path(f"/proc/{pid}/stat")
    service.wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "Z")
    assert service.pid() == pid
    service.stop()
    assert start_time(pid) is None


def test_one_that_dies_at_once_is_told_with_its_log(tmp_path):
    service = Service("dying", [sys.executable, "-c", "raise SystemExit('no port')"], tmp_path, {})
    service.start()
    with raises_code(UnreachableError, "unreachable") as told:
        service.wait_until(lambda: False)
    assert "no port" in str(told.value)
