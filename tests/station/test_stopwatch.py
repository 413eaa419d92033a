"""A run has the time that it was promised, whatever is done to the clock meanwhile."""

from phtlab.station.stopwatch import Stopwatch


def test_the_wall_is_believed_once_and_a_clock_that_is_never_set_from_then_on() -> None:
    now = [1000.0]
    watch = Stopwatch(lambda: now[0])
    assert watch.elapsed("run", 5.0) == 5.0
    now[0] += 10
    for by_the_wall in (15.0, 86400.0, -86400.0):
        assert watch.elapsed("run", by_the_wall) == 15.0


def test_a_run_that_has_not_begun_yet_by_the_wall_begins_now() -> None:
    now = [0.0]
    watch = Stopwatch(lambda: now[0])
    assert watch.elapsed("run", -86400.0) == 0.0
    now[0] += 3
    assert watch.elapsed("run", -86400.0) == 3.0
    watch.forget("run")
    assert watch.elapsed("run", 1.0) == 1.0
