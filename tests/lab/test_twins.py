"""Twins of stations as data sets of Lab's kernels: kept only if they are what is named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from phtlab.errors import CentralError
from phtlab.lab.workspace.central_follower import CentralSnapshot
from phtlab.lab.workspace.twins import VARIABLE, Twins
from phtlab.runtime import dataset
from phtlab.train.canonical import digest
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.roster import Roster
from phtlab.wire.api.journeys import Column, DataSetDescription, StationView

CSV = b"age,sex\n50,Female\n60,Male\n"
COLUMNS = (Column(name="age", type="integer"), Column(name="sex", type="string"))


class Client:
    """What central's client answers for twins, by station and data set."""

    def __init__(self, twins: dict[tuple[str, str], bytes]) -> None:
        self.twins = twins
        self.asked: list[tuple[str, str]] = []

    def twin(self, station: str, name: str) -> bytes:
        self.asked.append((station, name))
        if (station, name) not in self.twins:
            raise CentralError("There is none.", code="not-found")
        return self.twins[station, name]


def station(name: str, twin: bytes | None, data: str = "heart") -> StationView:
    described = DataSetDescription(
        name=data,
        columns=COLUMNS,
        schema_digest=digest(b"schema"),
        twin_digest=None if twin is None else digest(twin),
    )
    return StationView(name=name, online=True, datasets=(described,))


def declared(twins: Twins) -> dict[str, object]:
    content: dict[str, object] = json.loads(twins.declared.read_text())
    return content


def test_a_station_cell_runs_in_lab_on_the_twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    twins = Twins(tmp_path)
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.delenv(VARIABLE)
    twins.announce()
    assert os.environ[VARIABLE] == str(twins.declared)
    twins.keep(Client({("ulm", "heart"): CSV}), CentralSnapshot(stations=(station("ulm", CSV),)))  # type: ignore[arg-type]
    frame = dataset("heart")
    assert isinstance(frame, pd.DataFrame)
    assert frame.age.tolist() == [50, 60]


def test_data_of_one_s_own_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(VARIABLE, "/my/own.json")
    Twins(tmp_path).announce()
    assert os.environ[VARIABLE] == "/my/own.json"


def test_what_is_not_the_named_twin_is_not_kept(tmp_path: Path):
    twins, client = Twins(tmp_path), Client({("ulm", "heart"): b"age,sex\n1,x\n"})
    twins.keep(client, CentralSnapshot(stations=(station("ulm", CSV),)))  # type: ignore[arg-type]
    assert declared(twins) == {}
    assert [path.name for path in tmp_path.iterdir()] == ["datasets.json"]


def test_a_kept_twin_is_not_fetched_again_unless_it_was_changed(tmp_path: Path):
    client, news = Client({("ulm", "heart"): CSV}), CentralSnapshot(stations=(station("ulm", CSV),))
    Twins(tmp_path).keep(client, news)  # type: ignore[arg-type]
    Twins(tmp_path).keep(client, news)  # type: ignore[arg-type]
    assert client.asked == [("ulm", "heart")]
    kept = tmp_path / digest(CSV).removeprefix("sha256:")
    kept.write_bytes(b"changed")
    Twins(tmp_path).keep(client, news)  # type: ignore[arg-type]
    assert kept.read_bytes() == CSV
    assert len(client.asked) == 2


def test_the_twin_station_s_is_taken_before_any_other(tmp_path: Path):
    other = b"age,sex\n70,Male\n"
    members = tuple(
        Member(name=name, roles=roles, keys=Identity.generate(name).public)
        for name, roles in [("twin", ("station", "twin")), ("ulm", ("station",))]
    )
    news = CentralSnapshot(
        roster=Roster(consortium="pht", members=members),
        stations=(station("twin", CSV), station("ulm", other)),
    )
    client = Client({("twin", "heart"): CSV, ("ulm", "heart"): other})
    twins = Twins(tmp_path)
    twins.keep(client, news)  # type: ignore[arg-type]
    assert client.asked == [("twin", "heart")]
    entry = declared(twins)["heart"]
    assert isinstance(entry, dict)
    assert entry["path"] == digest(CSV).removeprefix("sha256:")


def test_one_that_cannot_be_had_leaves_the_others_and_is_tried_again(tmp_path: Path):
    client = Client({("ulm", "heart"): CSV})
    news = CentralSnapshot(stations=(station("ulm", CSV), station("mainz", CSV + b"1,x\n", "lung")))
    twins = Twins(tmp_path)
    twins.keep(client, news)  # type: ignore[arg-type]
    assert list(declared(twins)) == ["heart"]
    client.twins["mainz", "lung"] = CSV + b"1,x\n"
    twins.keep(client, news)  # type: ignore[arg-type]
    assert sorted(declared(twins)) == ["heart", "lung"]


@pytest.mark.parametrize("name", ["../x", "Heart", "a b", "x" * 64, "\u202ea"])
def test_a_hostile_name_is_no_data_set(tmp_path: Path, name: str):
    twins, client = Twins(tmp_path), Client({("ulm", name): CSV})
    twins._write({})
    twins.keep(client, CentralSnapshot(stations=(station("ulm", CSV, name),)))  # type: ignore[arg-type]
    assert (client.asked, declared(twins)) == ([], {})
