"""What a run used: looked at while it runs, kept for the operator, and drawn within its limits."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from phtlab.errors import EngineMissingError
from phtlab.station.console.views import usage
from phtlab.station.console.views.usage import (
    HEIGHT,
    WIDTH,
    UsageSample,
    plot_of,
    usage_samples,
    watch_usage,
)
from phtlab.station.context.station_context import StationContext as StationDesk
from phtlab.station.executor.contract import Usage
from phtlab.station.stops.stop import Stop
from tests.console.conftest import Desk, desk_of
from tests.station.station_world import FakeRun, ScriptedExecutor, World, make_world

GIB = 2**30


def _running(tmp_path: Path) -> tuple[World, Stop]:
    world = make_world(tmp_path)
    world.add_hearts()
    world.scripted.script = FakeRun(lasts=True)
    offer = world.offer()
    world.begun(offer, steps=4)
    stop = world.stop(offer)
    assert stop.state == "running"
    return world, stop


def test_what_runs_is_looked_at_until_the_console_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, stop = _running(tmp_path)
    until = threading.Event()
    told = iter([Usage(100, 1.0), None, EngineMissingError("away"), Usage(300, 1.5), Usage(200, 1)])

    def used(executor: ScriptedExecutor, job_id: str) -> Usage | None:
        assert job_id == stop.job_id
        try:
            now = next(told)
        except StopIteration:
            until.set()
            return None
        if isinstance(now, Exception):
            raise now
        return now

    monkeypatch.setattr(ScriptedExecutor, "usage", used)
    monkeypatch.setattr(usage, "SECONDS", 0.05)
    monkeypatch.setattr(usage, "open_executor", lambda folder, settings: world.executor)
    watch_usage(StationDesk(world.folder, world.settings, world.now), until)
    looks = usage_samples(stop)
    assert [look.memory for look in looks] == [100, 300, 200]
    assert looks[0][::2] == (0.0, 0.0)
    assert looks[1].cpus > 0
    assert looks[2].cpus == 0.0, "a clock that goes back uses nothing"


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    _, stop = _running(tmp_path)
    (stop.operator / "usage.csv").write_text("10.0,1,0.5\nx\n12.0,2,0.2\n13.0,")
    assert usage_samples(stop) == (UsageSample(0.0, 1, 0.5), UsageSample(2.0, 2, 0.2))


def test_the_frames_top_is_the_limit_and_nothing_is_drawn_beyond_it() -> None:
    plot = plot_of(
        [UsageSample(0, 0, 0), UsageSample(5, GIB // 2, 3), UsageSample(10, GIB, 1)], GIB, 2.0
    )
    assert plot is not None
    assert plot.memory == f"0.0,{HEIGHT} {WIDTH / 2},{HEIGHT / 2} {WIDTH},0.0"
    assert plot.cpus.split()[1] == f"{WIDTH / 2},0.0", "more than the limit is at the limit"
    assert (plot.most_memory, plot.most_cpus, plot.seconds) == (GIB, 3, 10)
    assert plot_of([UsageSample(0, 1, 1)], GIB, 1.0) is None


def test_the_page_of_a_journey_shows_it(tmp_path: Path) -> None:
    world, stop = _running(tmp_path)
    lines = [f"{100 + n * 2}.0,{(100 + n * 40) << 20},{n % 3 * 0.4:.1f}\n" for n in range(12)]
    (stop.operator / "usage.csv").write_text("".join(lines))
    with desk_of(world) as desk:
        _require_shown(desk, stop)


def _require_shown(desk: Desk, stop: Stop) -> None:
    page = desk.login("rea").get(f"/journeys/{stop.hex}").text
    assert "at most 540 MiB of 1.00 GiB" in page
    assert '<polyline class="memory" points="0.0,' in page
