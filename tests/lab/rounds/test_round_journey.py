"""A journey of rounds as its researcher sees it: waiting drives it, and results are of its end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from phtlab.errors import JourneyError, RecordError
from phtlab.lab.rounds.folder import journey_folder
from phtlab.wire.api.journeys import JourneyView
from tests.lab.rounds.series_world import COMBINE, STATIONS, SeriesWorld, instruction_of
from tests.limits import LIMIT
from tests.raising import raises_code


def test_waiting_combines_the_rounds_with_the_cells_that_were_signed(world: SeriesWorld) -> None:
    journey = world.open_journey()
    assert journey.wait(LIMIT) is journey
    results = journey.results()
    assert results.combined["beta"].tolist() == world.pooled().tolist()
    rounds = len(world.central.sent)
    assert results.of_rounds is not None
    assert results.of_rounds.count == rounds
    assert results.of_rounds.rounds == {s: tuple(range(1, rounds + 1)) for s in STATIONS}
    assert f"combined over {rounds} rounds: beta" in repr(results)


def test_a_new_kernel_has_reports_and_results(world: SeriesWorld) -> None:
    world.open_journey().wait(LIMIT)
    later = world.open_journey()
    assert later.reports.index.name == "round"
    assert len(later.reports) == len(world.central.sent)
    assert {"heard", "step", "stations"} == set(later.reports.columns)
    assert later.results().combined["beta"].tolist() == world.pooled().tolist()


def test_each_rounds_updates_can_be_opened_again(world: SeriesWorld) -> None:
    journey = world.open_journey().wait(LIMIT)
    of_rounds = journey.results().of_rounds
    assert of_rounds is not None
    updates = of_rounds.updates(1)
    assert set(updates) == set(STATIONS)
    for name, station in world.stations.items():
        expected = station.computation(np.zeros(3))
        assert updates[name]["update"]["g"].tolist() == expected["g"].tolist()
        assert updates[name]["loss"] == 0.25
    with raises_code(JourneyError, "no-such-round"):
        of_rounds.updates(99)


def test_progress_names_round_and_stations(
    world: SeriesWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    journey = world.open_journey()
    journey.wait(LIMIT)
    lines = capsys.readouterr().err.splitlines()
    assert "round 1, heard 3 of 3" in lines
    ended = f"ended after round {len(world.central.sent)}"
    assert ended in lines
    assert repr(journey).splitlines()[0].endswith(f": {ended}")
    assert ended in journey._repr_html_()


def test_a_callers_own_display_hears_of_each_round(world: SeriesWorld) -> None:
    seen: list[JourneyView] = []
    world.open_journey().wait(LIMIT, on_change=seen.append)
    assert len(seen) > len(world.central.sent)


def test_waiting_ends_in_time_and_can_be_repeated(world: SeriesWorld) -> None:
    world.stations["jena"].awake = False
    journey = world.open_journey()
    with raises_code(JourneyError, "wait-timeout"):
        journey.wait(timeout=0.05)
    world.stations["jena"].awake = True
    journey.wait(LIMIT)
    assert journey.done


def test_finish_ends_the_rounds_with_what_was_sent_last(tmp_path: Path) -> None:
    combine = COMBINE.replace("phtlab.report(", "assert len(history) < 2\nphtlab.report(")
    combine = "history = [*globals().get('history', []), beta]\n" + combine
    world = SeriesWorld(tmp_path, combine=combine)
    journey = world.open_journey()
    with pytest.raises(AssertionError):
        journey.wait(LIMIT)
    assert len(world.central.sent) == 1
    assert journey.finish() is journey
    assert instruction_of(world.central.sent[-1].instruction).ends
    first = world.stations["ulm"].received[1]
    assert journey.results().combined["beta"].tolist() == first.tolist()
    assert not (journey_folder(world.order.nonce) / "key.age").exists()


def test_the_key_of_a_cancelled_journey_is_removed_once_it_has_ended(world: SeriesWorld) -> None:
    key = journey_folder(world.order.nonce) / "key.age"
    world.central.cancelled = True
    world.open_journey().wait(LIMIT)
    assert key.exists()
    for station in STATIONS:
        world.central.end(station, "cancelled")
    world.open_journey().wait(LIMIT)
    assert not key.exists()


def test_only_a_journey_of_rounds_can_be_finished() -> None:
    from tests.lab.told_journey import told_journey

    journey, _ = told_journey("ulm")
    with raises_code(JourneyError, "route-rounds"):
        journey.finish()
    assert journey.reports.empty


def test_a_record_of_a_round_that_central_withholds_is_missed(world: SeriesWorld) -> None:
    journey = world.open_journey().wait(LIMIT)
    world.central.kept.pop()
    with raises_code(RecordError, "round-missing"):
        journey.results()


def test_results_so_far_have_what_was_sent_last(world: SeriesWorld) -> None:
    """While the rounds go on, and on a machine that has combined none of them."""
    kernel = world.kernel()
    take = world.central.take

    def interrupted(sent: object) -> None:
        take(sent)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    world.central.take = interrupted
    with pytest.raises(KeyboardInterrupt):
        kernel.drive()
    world.stations["ulm"].work()
    world.central.end("mainz", "departed")
    results = world.open_journey().results(partial=True)
    assert results.combined["beta"].tolist() == world.stations["ulm"].received[1].tolist()
