"""A dry run foresees what other stations would let leave, by the rules that they publish."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from phtlab.errors import CentralUnreachableError
from phtlab.station.airlock import forecast as airlock_forecast
from phtlab.station.daemon.station_description import ProfilePublisher, profile_of, published_rules
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.record import Forecast, StopRecord
from phtlab.wire.api.journeys import DataSetDescription, StationView
from tests.station.release.held_world import TWO_TABLES, tables
from tests.station.station_world import FakeRun, World, make_world

HEART = DataSetDescription(name="heart", columns=(), schema_digest=f"sha256:{'0' * 64}")


def station(name: str, airlock: dict[str, Any] | None, *names: str) -> StationView:
    datasets = tuple(HEART.model_copy(update={"name": one}) for one in names or ("heart",))
    return StationView(name=name, online=True, datasets=datasets, airlock=airlock)


@pytest.fixture
def twin(tmp_path: Path) -> World:
    world = make_world(tmp_path, twin=True)
    world.add_hearts()
    world.scripted.script = FakeRun(files=tables())
    return world


def dry_run(world: World) -> StopRecord:
    return world.travel(world.offer(world.train(TWO_TABLES)))


def told(record: StopRecord) -> dict[tuple[str, ...], dict[str, tuple[str, str, int]]]:
    return {
        one.stations: {v.name: (v.verdict, v.rule, v.suppressed_rows) for v in one.outputs}
        for one in record.forecasts or ()
    }


def test_each_policy_that_is_published_is_tried_on_what_the_run_left(twin: World) -> None:
    twin.central.known_stations = [
        station("cleveland-2", {}),
        station("hungary", {"minimum_count": 30}),
        station("careful", {"tables": {"small_count": "hold"}}),
        station("alike", {"minimum_count": 30}),
    ]
    found = told(dry_run(twin))
    stricter = found.pop(("hungary", "alike"))
    assert {(said, rule) for said, rule, _ in stricter.values()} == {("suppressed", "small-count")}
    assert found == {
        ("cleveland-2",): {
            "counts": ("released", "", 0),
            "wards": ("suppressed", "small-count", 1),
        },
        ("careful",): {
            "counts": ("released", "", 0),
            "wards": ("held", "small-count", 0),
        },
    }


def test_nothing_is_foreseen_of_who_publishes_no_rules_or_has_not_the_data(twin: World) -> None:
    twin.central.known_stations = [
        station("quiet", None),
        station("elsewhere", {}, "lung"),
        station("newer", {"a_rule_of_next_year": 1}),
    ]
    record = dry_run(twin)
    assert record.forecasts == ()
    assert record.outcome == "departed"


def test_a_central_that_is_away_costs_a_dry_run_its_forecast_only(
    twin: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> tuple[StationView, ...]:
        raise CentralUnreachableError("Central does not answer.")

    monkeypatch.setattr(twin.central, "stations", away)
    record = dry_run(twin)
    assert record.outcome == "departed"
    assert record.forecasts is None


def test_of_many_policies_only_some_are_tried(twin: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airlock_forecast, "MOST_RULES", 2)
    twin.central.known_stations = [
        station(f"station-{n}", {"minimum_count": 20 + n}) for n in range(4)
    ]
    assert list(told(dry_run(twin))) == [("station-0",), ("station-1",)]


def test_a_station_with_data_foresees_nothing_in_its_record(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.add_hearts()
    world.central.known_stations = [station("hungary", {})]
    record = world.travel()
    assert record.forecasts is None
    assert "forecasts" not in record.model_dump(mode="json", exclude_none=True)


def test_a_forecast_names_at_least_one_station() -> None:
    with pytest.raises(ValidationError):
        Forecast(stations=(), outputs=())


# What a station publishes


def test_a_station_publishes_what_its_rules_have_otherwise_than_by_default(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.add_hearts()
    policy = world.folder.policy
    assert published_rules(world.station()) == {}
    policy.write_text('mode = "auto"\n[airlock]\nminimum_count = 20\n[airlock.tables]\n'
                      'dominance = "hold"\n')  # fmt: skip
    found = profile_of(world.station())[0].airlock
    assert found == {"minimum_count": 20, "tables": {"dominance": "hold"}}
    assert AirlockRules.model_validate(found) == world.station().policy().airlock
    policy.write_text('mode = "auto"\npublish_rules = false\n')
    assert profile_of(world.station())[0].airlock is None
    policy.write_text("mode = 3\n")
    assert published_rules(world.station()) is None


def test_a_policy_that_changed_is_published_anew(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.add_hearts()
    publisher = ProfilePublisher(world.station())
    publisher.publish()
    publisher.publish()
    assert [one.airlock for one in world.central.profiles] == [{}]
    world.folder.policy.write_text('mode = "auto"\n[airlock]\nminimum_count = 15\n')
    publisher.publish()
    assert [one.airlock for one in world.central.profiles] == [{}, {"minimum_count": 15}]


def test_a_twin_station_publishes_no_rules(twin: World) -> None:
    assert profile_of(twin.station())[0].airlock is None
