"""Opened results lie on the disk for as long as someone holds them, and no longer."""

import gc
from datetime import UTC, datetime

from phtlab.lab.results.folder import ResultsFolder
from phtlab.lab.results.results import Results, StationResults
from phtlab.train.documents.manifest import Output
from phtlab.train.documents.record import StopRecord


def opened() -> Results:
    folder = ResultsFolder()
    place = folder.path / "cleveland"
    place.mkdir()
    (place / "patients.json").write_text('{"value": 304}')
    digest = "sha256:" + 64 * "0"
    record = StopRecord(
        journey=digest,
        train=digest,
        station="cleveland",
        stop=0,
        outcome="departed",
        roster_version=1,
        finished=datetime.now(UTC),
    )
    outputs = {"patients": Output(name="patients", kind="scalar")}
    one = StationResults("cleveland", record, outputs, place, folder)
    return Results({"cleveland": one}, {}, folder)


def test_one_stations_results_outlive_the_rest():
    one = opened()["cleveland"]
    gc.collect()
    assert one.scalar("patients") == 304


def test_nothing_is_left_once_nobody_holds_them():
    results = opened()
    place = results["cleveland"].directory
    assert place.exists()
    del results
    gc.collect()
    assert not place.parent.exists()
