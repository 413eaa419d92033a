"""Stations: online, what they have, and their synthetic twins."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from phtlab.errors import CentralError
from phtlab.train.canonical import digest
from phtlab.wire.api.journeys import Column, DataSetDescription, StationProfile, StationView
from phtlab.wire.central.client import CentralClient
from tests.central.world import World
from tests.raising import raises_code


def _profile(twin: bytes | None, name: str = "heart") -> StationProfile:
    data = DataSetDescription(
        name=name,
        title="Heart disease",
        rows=304,
        columns=(Column(name="age", type="integer", unit="years"),),
        schema_digest=digest(b"schema"),
        twin_digest=digest(twin) if twin is not None else None,
    )
    return StationProfile(datasets=(data,), version="0.1.0")


def _seen(client: CentralClient, name: str) -> StationView:
    return next(station for station in client.stations() if station.name == name)


def test_a_station_is_online_while_it_asks(central: World) -> None:
    ada = central.client("ada")
    before = _seen(ada, "ulm")
    assert (before.online, before.last_seen) == (False, None)
    central.client("ulm").inbox()
    assert _seen(ada, "ulm").online
    central.clock.ahead = timedelta(seconds=61)
    after = _seen(ada, "ulm")
    assert (after.online, after.last_seen is not None) == (False, True)


def test_every_station_of_the_roster_is_listed(central: World) -> None:
    names = {station.name for station in central.client("ada").stations()}
    assert names == {"ulm", "mainz", "jena", "adder", "tally"}


def test_roles_distinguish_stations_and_aggregators(central: World) -> None:
    adder = central.client("adder")
    adder.put_profile(StationProfile(version="0.1.0"))
    adder.inbox()
    seen = _seen(central.client("ada"), "adder")
    assert (seen.roles, seen.online, seen.version) == (("aggregator",), True, "0.1.0")
    assert (seen.has_data, seen.aggregates) == (False, True)
    station = _seen(central.client("ada"), "ulm")
    assert (station.roles, station.has_data, station.aggregates) == (("station",), True, False)


def test_a_profile_is_shown_to_researchers(central: World) -> None:
    profile = _profile(b"twin")
    central.client("ulm").put_profile(profile)
    shown = _seen(central.client("ada"), "ulm")
    assert (shown.datasets, shown.version) == (profile.datasets, "0.1.0")


def test_a_paused_station_is_shown_as_such_with_the_reason_and_sends_nothing_new_otherwise(
    central: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ulm, sent = central.client("ulm"), list[bytes]()
    send = ulm._send

    def keep(method: str, path: str, **options: Any) -> bytes:
        if method == "PUT":
            sent.append(options["content"])
        return send(method, path, **options)

    monkeypatch.setattr(ulm, "_send", keep)
    profile = _profile(b"twin")
    ulm.put_profile(profile.model_copy(update={"paused": "Paused: A new disk"}))
    assert _seen(central.client("ada"), "ulm").paused == "Paused: A new disk"
    ulm.put_profile(profile)
    assert _seen(central.client("ada"), "ulm").paused == ""
    assert [b"paused" in content for content in sent] == [True, False]  # an older central takes it


def test_a_twin_goes_up_and_comes_down(central: World) -> None:
    twin = b"PAR1" + bytes(range(256)) * 40
    ulm = central.client("ulm")
    ulm.put_profile(_profile(twin))
    ulm.put_twin("heart", twin)
    ulm.put_twin("heart", twin)
    assert central.client("ada").twin("ulm", "heart") == twin


def test_a_twin_that_is_not_the_announced_one_is_refused(central: World) -> None:
    ulm = central.client("ulm")
    ulm.put_profile(_profile(b"twin"))
    with raises_code(CentralError, "twin-digest"):
        ulm.put_twin("heart", b"other")


def test_a_twin_of_an_unknown_data_set_is_refused(central: World) -> None:
    with raises_code(CentralError, "not-found"):
        central.client("ulm").put_twin("heart", b"twin")


def test_a_twin_that_the_profile_drops_is_forgotten(central: World) -> None:
    ulm = central.client("ulm")
    ulm.put_profile(_profile(b"twin"))
    ulm.put_twin("heart", b"twin")
    ulm.put_profile(_profile(b"twin", name="lung"))
    with raises_code(CentralError, "not-found"):
        central.client("ada").twin("ulm", "heart")


def test_only_stations_have_profiles(central: World) -> None:
    with raises_code(CentralError, "forbidden"):
        central.client("ada").put_profile(_profile(None))
