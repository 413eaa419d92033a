"""What leaves of an error: everything at a twin station, nothing but its place at a real one."""

import json

import pytest

from phtlab.station.executor.contract import JobStatus
from phtlab.station.stops.run_verdict import judge

CANARY = "Mrs. Muster, born 1931"


def record(message: object) -> bytes:
    error = {"type": "ValueError", "cell": 4, "line": 2, "message": message, "traceback": CANARY}
    return json.dumps({"version": 1, "outcome": "cell-failed", "error": error}).encode()


EXITED = JobStatus("exited", exit_code=0)


def test_a_real_station_keeps_the_message():
    judged = judge(record(CANARY), EXITED, out_of_time=False, lines={4: 3})
    assert judged.code == "cell-failed"
    assert judged.error is not None
    assert judged.error.model_dump(exclude_none=True) == {
        "type": "ValueError",
        "cell": 4,
        "line": 2,
    }


def test_a_twin_station_tells_the_message_made_printable():
    judged = judge(record("bad\x1b[31m value"), EXITED, out_of_time=False, lines={4: 3}, twin=True)
    assert judged.error is not None
    assert judged.error.message == "bad\\x1b[31m value"


@pytest.mark.parametrize("message", [None, "", 3, ["x"]])
def test_a_twin_without_a_message_tells_the_place(message):
    judged = judge(record(message), EXITED, out_of_time=False, lines={4: 3}, twin=True)
    assert judged.error is not None
    assert judged.error.message is None


def test_a_long_message_is_cut():
    judged = judge(record("x" * 9000), EXITED, out_of_time=False, lines={4: 3}, twin=True)
    assert judged.error is not None
    assert len(judged.error.message or "") == 2000
