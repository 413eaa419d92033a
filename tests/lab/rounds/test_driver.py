"""Rounds driven from a kernel: convergence, kills at every step, late stations, ends."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from phtlab.errors import JourneyError
from phtlab.lab.rounds.folder import journey_folder
from phtlab.rounds.reports import MAX_REPORTED, reports_frame
from phtlab.train.documents.manifest import Received
from phtlab.wire.api.rounds import SentInstruction
from tests.lab.rounds.series_world import (
    COMBINE,
    STATIONS,
    Killed,
    SeriesWorld,
    instruction_of,
)
from tests.raising import raises_code


def test_a_regression_over_three_stations_equals_the_direct_computation(tmp_path: Path) -> None:
    world = SeriesWorld(tmp_path)
    world.kernel().drive()
    assert world.finished().tolist() == world.pooled().tolist()
    rounds = len(world.central.sent)
    assert rounds > 3
    assert [s.computed for s in world.stations.values()] == 3 * [list(range(1, rounds + 1))]
    assert instruction_of(world.central.sent[-1].instruction).ends
    frame = reports_frame(world.reported().reports)
    assert frame.index.tolist() == list(range(1, rounds + 1))
    assert frame["heard"].tolist() == rounds * [3]
    assert frame["step"].iloc[-1] < 1e-10 < frame["step"].iloc[0]
    assert world.shown[-1] == f"ended after round {rounds}"


def test_the_journeys_key_is_removed_once_the_rounds_have_ended(tmp_path: Path) -> None:
    world = SeriesWorld(tmp_path)
    key = journey_folder(world.order.nonce) / "key.age"
    assert key.exists()
    world.kernel().drive()
    assert not key.exists()


def test_a_kernel_killed_at_any_step_leaves_nothing_half_done(tmp_path: Path) -> None:
    whole = SeriesWorld(tmp_path, most=3)
    whole.kernel().drive()
    steps = whole.central.asked
    expected = whole.finished()
    for kill in range(steps):
        folder = tmp_path / str(kill)
        folder.mkdir()
        world = SeriesWorld(folder, most=3)
        world.central.steps = kill
        with pytest.raises(Killed):
            world.kernel().drive()
        world.central.steps = None
        world.kernel().drive()
        assert world.finished().tolist() == expected.tolist()
        rounds = len(whole.central.sent)
        assert len(world.central.sent) == rounds
        for station in world.stations.values():
            assert station.computed == list(range(1, rounds + 1))
        reports = world.reported().reports
        assert [report.number for report in reports] == list(range(1, rounds + 1))


@pytest.mark.parametrize(
    "place", ["combiner.seal_report", "combiner.send_values", "driver.forget_journey_key"]
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_kernel_killed_while_it_sends_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, after: bool
) -> None:
    (tmp_path / "whole").mkdir()
    whole, world = SeriesWorld(tmp_path / "whole", most=2), SeriesWorld(tmp_path, most=2)
    whole.kernel().drive()
    module, name = place.split(".")
    module = f"phtlab.lab.rounds.{module}"
    write = getattr(importlib.import_module(module), name)

    def killed(*arguments: Any, **named: Any) -> None:
        if after:
            write(*arguments, **named)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(f"{module}.{name}", killed)
        with pytest.raises(Killed):
            world.kernel().drive()
    if _has_key(world):
        world.kernel().drive()
    assert world.finished().tolist() == whole.finished().tolist()
    assert [r.number for r in world.reported().reports] == [1, 2]
    assert all(station.computed == [1, 2] for station in world.stations.values())


def _has_key(world: SeriesWorld) -> bool:
    return (journey_folder(world.order.nonce) / "key.age").exists()


def test_the_same_kernel_sends_what_it_has_signed_and_does_not_combine_again(
    tmp_path: Path,
) -> None:
    world = SeriesWorld(tmp_path, combine="count = globals().get('count', 0) + 1\n" + COMBINE)
    kernel = world.kernel()
    take = world.central.take

    def interrupted(_: SentInstruction) -> None:
        raise KeyboardInterrupt

    world.central.take = interrupted
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            kernel.drive()
    assert not kernel._reports.reports
    world.central.take = take
    kernel.drive()
    run = kernel._combiner._run
    assert run is not None
    assert run._own_names["count"] == len(world.central.sent)


def test_an_error_of_a_combine_cell_leaves_the_journey_where_it_is(tmp_path: Path) -> None:
    broken = COMBINE.replace("updates =", "if fail: raise ValueError('broken')\nupdates =")
    world = SeriesWorld(tmp_path, combine=broken)
    kernel = world.kernel()
    names = _names_of(kernel)
    names["fail"] = True
    for _ in range(2):
        with pytest.raises(ValueError) as caught:
            kernel.drive()
        assert not world.central.sent
        (frame,) = [t for t in caught.traceback if "combine cell 3" in str(t.path)]
        assert "raise ValueError" in str(frame.statement)
    names["fail"] = False
    kernel.drive()
    assert world.finished().tolist() == world.pooled().tolist()


def _names_of(kernel: Any) -> dict[str, Any]:
    from phtlab.lab.rounds.combine_cells import CombineRun

    combiner = kernel._combiner
    combiner._run = CombineRun(combiner._cells(), {})
    names: dict[str, Any] = combiner._run._own_names
    return names


def test_a_late_station_is_waited_for_until_the_deadline_and_then_named(tmp_path: Path) -> None:
    world = SeriesWorld(tmp_path, quorum=2)
    world.stations["jena"].awake = False
    world.kernel().drive()
    others = {name: world.stations[name] for name in ("ulm", "mainz")}
    assert world.finished().tolist() == world.pooled(others).tolist()
    rounds = len(world.central.sent)
    assert (world.clock.now - world.order.issued).total_seconds() >= 60 * rounds
    assert "round 2, heard 2 of 3; late in round 1: jena" in world.shown
    for sent in world.central.sent:
        assert set(instruction_of(sent.instruction).heard) == {"ulm", "mainz"}


def test_a_late_station_is_heard_again_when_it_is_back(tmp_path: Path) -> None:
    world = SeriesWorld(tmp_path, quorum=2)
    jena = world.stations["jena"]
    jena.awake = False
    take = world.central.take

    def back(sent: SentInstruction) -> None:
        take(sent)
        jena.awake = True

    world.central.take = back
    world.kernel().drive()
    assert jena.computed[0] == 2
    heard = [set(instruction_of(sent.instruction).heard) for sent in world.central.sent]
    assert heard[0] == {"ulm", "mainz"}
    assert heard[1] == set(STATIONS)


def test_an_ended_stop_is_waited_for_no_longer(tmp_path: Path) -> None:
    world = SeriesWorld(tmp_path, quorum=2, deadline=86_400)
    world.stations["jena"].awake = False
    world.central.end("jena")
    world.kernel().drive()
    assert (world.clock.now - world.order.issued).total_seconds() < 60
    assert "round 1, heard 2 of 2; without jena" in world.shown


def test_too_few_stations_end_the_rounds_for_all(tmp_path: Path) -> None:
    world = SeriesWorld(tmp_path, quorum=3)
    world.stations["jena"].awake = False
    world.central.end("jena")
    with raises_code(JourneyError, "round-quorum") as caught:
        world.kernel().drive()
    assert "jena" in str(caught.value)
    (sent,) = world.central.sent
    assert instruction_of(sent.instruction).ends


def test_without_a_quorum_the_round_waits_beyond_the_deadline(tmp_path: Path) -> None:
    world = SeriesWorld(tmp_path, quorum=3, deadline=10)
    jena = world.stations["jena"]
    jena.awake = False
    pass_by = world.clock.pass_by

    def morning(seconds: float) -> None:
        pass_by(seconds)
        jena.awake = (world.clock.now - world.order.issued).total_seconds() > 600

    world.clock.pass_by = morning  # type: ignore[method-assign]
    world.kernel().drive()
    assert world.finished().tolist() == world.pooled().tolist()


def test_the_last_round_that_the_order_allows_ends_them(tmp_path: Path) -> None:
    world = SeriesWorld(tmp_path, most=2)
    world.kernel().drive()
    assert [instruction_of(s.instruction).number for s in world.central.sent] == [2, 3]
    assert world.stations["ulm"].computed == [1, 2]
    assert world.finished().shape == (3,)


def test_a_value_that_is_not_sent_again_stays_as_it_was_sent_last(tmp_path: Path) -> None:
    combine = "import phtlab\nif 'sent' not in globals():\n    phtlab.send(beta=np.full(3, 0.5))\n"
    world = SeriesWorld(tmp_path, most=3, combine=combine + "sent = True\n")
    world.kernel().drive()
    received = [beta.tolist() for beta in world.stations["ulm"].received]
    assert received == [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]]
    assert world.finished().tolist() == received[-1]


def test_a_cancelled_journey_is_driven_no_further(tmp_path: Path) -> None:
    world = SeriesWorld(tmp_path)
    world.central.cancelled = True
    world.kernel().drive()
    assert not world.central.sent


def test_finishing_early_ends_the_rounds(tmp_path: Path) -> None:
    world = SeriesWorld(tmp_path)
    take = world.central.take

    def interrupted(sent: SentInstruction) -> None:
        take(sent)
        raise KeyboardInterrupt

    world.central.take = interrupted
    with pytest.raises(KeyboardInterrupt):
        world.kernel().drive()
    world.central.take = take
    world.kernel().finish()
    assert [instruction_of(s.instruction).ends for s in world.central.sent] == [False, True]


def test_two_kernels_go_on_from_the_instruction_that_was_first(tmp_path: Path) -> None:
    world = SeriesWorld(tmp_path)
    first, second = world.kernel(), world.kernel()
    take = world.central.take

    def overtaken(sent: SentInstruction) -> None:
        world.central.take = take
        second.drive()
        take(sent)

    world.central.take = overtaken
    first.drive()
    assert world.finished().tolist() == world.pooled().tolist()
    assert world.shown[-1].startswith("ended after round")


def test_payloads_too_large_for_a_message_go_through_the_registry(tmp_path: Path) -> None:
    combine = COMBINE.replace("send(beta=beta)", "send(beta={'beta': beta, 'pad': pad})")
    combine = "pad = np.zeros(40_000)\nbeta = getattr(beta, 'get', lambda _: beta)('beta')\n" + (
        combine
    )
    world = SeriesWorld(tmp_path, combine=combine, received=Received(name="beta"))
    for station in world.stations.values():
        station.large = True
    world.kernel().drive()
    assert world.finished().tolist() == world.pooled().tolist()
    assert all(sent.update is None for sent in world.central.kept)
    assert world.central.sent[0].values is None
    assert instruction_of(world.central.sent[0].instruction).values is not None


def test_another_machine_cannot_drive_the_journey(tmp_path: Path) -> None:
    world = SeriesWorld(tmp_path)
    (journey_folder(world.order.nonce) / "key.age").unlink()
    with raises_code(JourneyError, "journey-key-missing"):
        world.kernel().drive()
    assert world.central.asked == 0


def test_the_driver_feeds_reports_without_a_request_to_central(tmp_path: Path) -> None:
    world = SeriesWorld(tmp_path, most=3)
    kernel = world.kernel()
    kernel.drive()
    asked = world.central.asked
    reports = kernel._reports
    assert [report.number for report in reports.reports] == [1, 2, 3]
    assert (reports.ended, world.central.asked) == (True, asked)
    assert reports.reports == world.reported().reports


def test_rounds_that_end_early_end_with_what_was_sent_last(tmp_path: Path) -> None:
    world = SeriesWorld(tmp_path)
    take = world.central.take

    def ended(sent: SentInstruction) -> None:
        take(sent)
        world.central.end("jena")
        world.stations["jena"].awake = False

    world.central.take = ended
    with raises_code(JourneyError, "round-quorum"):
        world.kernel().drive()
    first, last = world.reported().reports
    assert (first.number, first.combined, last.number, last.combined) == (1, True, 2, False)
    assert not last.reported
    assert world.finished().tolist() == world.stations["ulm"].received[1].tolist()
    assert reports_frame((first, last)).index.tolist() == [1]


def test_more_than_a_report_has_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    many = f"**{{f'n{{n}}': n for n in range({MAX_REPORTED + 1})}}"
    world = SeriesWorld(tmp_path, combine=COMBINE.replace("stations=len(updates)", many))
    with raises_code(JourneyError, "report-limits"):
        world.kernel().drive()
    assert not world.central.sent
