"""station.toml, the stop's folder, waiting, telling, and what a terminal is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from phtlab.errors import SettingsError, StationError
from phtlab.files.durable_file import write_durably
from phtlab.printable import escaped
from phtlab.station.approvals.decisions import approve, refuse
from phtlab.station.daemon.progress_reporter import ProgressReporter
from phtlab.station.pipeline.text_report import safe_lines, stop_view
from phtlab.station.retry_delays import Backoff
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import (
    StationSettings,
    load_settings,
    set_central,
    station_directory,
    write_settings,
)
from phtlab.station.stops import stop_files
from phtlab.train.image.composition import (
    train_files,
)
from phtlab.wire.api.journeys import StopUpdate
from tests.raising import raises_code
from tests.station.station_world import FakeCentral, make_world


@pytest.fixture
def folder(tmp_path: Path) -> StationFolder:
    folder = StationFolder(tmp_path / "station")
    folder.create()
    return folder


def test_settings_are_read_back_as_written(folder: StationFolder) -> None:
    settings = StationSettings(
        name="cleveland", organisation='The "Clinic"', max_running=4, environment={"LANG": "C"}
    )
    write_settings(folder, settings)
    assert load_settings(folder) == settings


def test_joining_leaves_the_operators_lines_be(folder: StationFolder) -> None:
    folder.settings.write_text('# ours\nname = "cleveland"\ncentral = "old"\n\n[environment]\n')
    set_central(folder, "https://pht.example")
    assert folder.settings.read_text() == (
        '# ours\nname = "cleveland"\ncentral = "https://pht.example"\n\n[environment]\n'
    )


def test_the_environment_wins_over_the_file(
    folder: StationFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_settings(folder, StationSettings(name="cleveland", max_running=4))
    monkeypatch.setenv("PHTLAB_STATION_MAX_RUNNING", "7")
    assert load_settings(folder).max_running == 7


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('name = "Cleveland"', "the setting 'name' is wrong"),
        ('name = "cleveland"\nmax_runing = 3', "the setting 'max_runing' is wrong"),
        ('name = "cleveland"\nenvironment = { path = "x" }', "environment.path"),
        ("name = ", "cannot be read as TOML"),
    ],
)
def test_a_wrong_setting_is_named(folder: StationFolder, content: str, says: str) -> None:
    folder.settings.write_text(content)
    with pytest.raises(SettingsError) as refused:
        load_settings(folder)
    assert says in str(refused.value)


def test_a_folder_without_a_station_says_how_to_get_one(tmp_path: Path) -> None:
    with raises_code(SettingsError, "station-absent"):
        load_settings(StationFolder(tmp_path))


def test_the_folder_is_given_or_in_the_environment_or_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert station_directory(Path("a")) == Path("a")
    assert station_directory(None) == Path()
    monkeypatch.setenv("PHTLAB_STATION", "b")
    assert station_directory(None) == Path("b")


def test_a_stations_folder_is_closed_to_others(folder: StationFolder) -> None:
    for path in (folder.path, folder.stops, folder.trust, folder.twins, folder.datasets):
        assert path.stat().st_mode & 0o777 == 0o700


def test_two_stations_of_one_name_at_one_engine_have_different_marks(tmp_path: Path) -> None:
    one, other = StationFolder(tmp_path / "one"), StationFolder(tmp_path / "other")
    one.create()
    other.create()
    assert one.mark() != other.mark()
    moved = StationFolder(one.path.rename(tmp_path / "moved"))
    assert len(moved.mark()) == 8


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_durably(path, b"first", 0o640)
    assert path.stat().st_mode & 0o777 == 0o640
    write_durably(path, b"second")
    assert path.read_bytes() == b"second"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


# Stops


def test_a_stop_is_found_by_how_its_journey_begins(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    daemon = world.daemon()
    offers = [world.offer(nonce=f"{n:032x}") for n in range(2)]
    for offer in offers:
        daemon.receive(offer)
    stops = world.station().stops
    for offer in offers:
        assert stops.find(offer.journey).journey == offer.journey
        assert stops.find(offer.journey[7:20]).journey == offer.journey
    with raises_code(StationError, "stop-not-found"):
        stops.find("sha256:zz")
    with raises_code(StationError, "stop-not-found"):
        stops.find("")


def test_what_is_not_held_cannot_be_decided(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    offer = world.offer()
    world.daemon().receive(offer)
    with raises_code(StationError, "nothing-to-decide"):
        approve(world.station(), offer.journey, by="olga")


def test_the_first_decision_stands(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.add_hearts()
    world.folder.policy.write_text("")
    offer = world.offer()
    daemon = world.daemon()
    daemon.receive(offer)
    daemon.step()
    daemon.step()
    refuse(world.station(), offer.journey, by="olga", reason="no")
    with pytest.raises(StationError):
        approve(world.station(), offer.journey, by="olga")


def test_a_broken_stop_says_which_file(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    offer = world.offer()
    world.daemon().receive(offer)
    stop = world.stop(offer)
    (stop.path / "verified.json").write_text("{")
    with raises_code(StationError, "stop-broken"):
        stop.read(stop_files.VERIFIED)


def test_the_operator_sees_the_code_with_nothing_that_moves_the_cursor(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.add_hearts()
    offer = world.offer()
    daemon = world.daemon()
    daemon.receive(offer)
    daemon.step()
    stop = world.stop(offer)
    lines = list(safe_lines(stop, "cleveland"))
    assert lines[0] == "parameter   min_age = 50"
    assert "output      counts (table, counts in 'n')" in lines
    assert '    heart = phtlab.dataset("heart")' in lines
    assert stop_view(stop)["researcher"] == "ada"
    assert escaped("a\x1b[2J\u202eb\tc") == "a\\x1b[2J\\u202eb c"


def test_the_operator_is_told_of_files_that_he_is_not_shown_and_roles_are_escaped(
    tmp_path: Path,
) -> None:
    """A travelling notebook that an author wrote by hand, with code beside it."""
    world = make_world(tmp_path)
    world.add_hearts()
    book = json.loads(world.analysis().travelling())
    book["cells"][1]["metadata"]["phtlab"]["role"] = "station\x1b[2J"
    files = {"notebook.ipynb": json.dumps(book).encode(), "lib/score.py": b"x = 1\n"}
    offer = world.offer(world.train(files=train_files(files), change=files))
    daemon = world.daemon()
    daemon.receive(offer)
    daemon.step()
    lines = list(safe_lines(world.stop(offer), "cleveland"))
    assert "file        lib/score.py (6 bytes, in the image, not shown here)" in lines
    assert "cell 2 (station\\x1b[2J)" in lines
    assert all(line.isprintable() for line in lines)


# Waiting and telling


def test_the_wait_grows_to_a_limit_and_is_forgotten_after_success() -> None:
    backoff = Backoff(first=1.0, longest=8.0)
    waits = [backoff.failed("central", 0.0) for _ in range(8)]
    for wait, whole in zip(waits, [1, 2, 4, 8, 8, 8, 8, 8], strict=True):
        assert whole / 2 <= wait <= whole
    assert not backoff.ready("central", 0.0)
    assert backoff.ready("registry", 0.0)
    assert backoff.ready("central", 8.0)
    assert backoff.next(0.0) == waits[-1]
    backoff.succeeded("central")
    assert backoff.ready("central", 0.0)
    assert backoff.next(0.0) is None


def test_progress_is_throttled_and_a_new_state_is_not() -> None:
    central, clock = FakeCentral(), [100.0]
    teller = ProgressReporter(central, "cleveland", 0.5, lambda: clock[0])
    for cell in (1, 2, 3):
        teller.report("sha256:" + "0" * 64, StopUpdate(state="running", cell=cell, cells=5))
        teller.flush()
    assert [u.cell for u in central.updates] == [1]
    teller.report("sha256:" + "0" * 64, StopUpdate(state="airlock"))
    teller.flush()
    assert [u.state for u in central.updates] == ["running", "airlock"]


def test_progress_never_goes_back() -> None:
    """The run writes its progress: to and fro it would be a way out past the airlock."""
    central, clock = FakeCentral(), [100.0]
    teller = ProgressReporter(central, "cleveland", 0.5, lambda: clock[0])
    for cell in (1, 4, 2, 5, 1, 5, 3):
        teller.report("j", StopUpdate(state="running", cell=cell, cells=5))
        clock[0] += 1
        teller.flush()
    assert [u.cell for u in central.updates] == [1, 4, 5]


def test_the_same_word_is_not_said_twice_and_silence_of_central_harms_nothing() -> None:
    central, clock = FakeCentral(), [100.0]
    teller = ProgressReporter(central, "cleveland", 0.5, lambda: clock[0])
    central.down = True
    teller.report("j", StopUpdate(state="verified"))
    teller.flush()
    central.down = False
    teller.report("j", StopUpdate(state="admitted"))
    teller.flush()
    teller.report("j", StopUpdate(state="admitted"))
    clock[0] += 1
    teller.flush()
    assert [u.state for u in central.updates] == ["admitted"]
