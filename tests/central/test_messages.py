"""What people read when central refuses, or cannot be set up."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from phtlab.central.db.database import Database
from phtlab.central.founding import init_central
from phtlab.central.settings import CentralSettings
from phtlab.errors import SettingsError
from phtlab.train.canonical import digest
from phtlab.wire.api.journeys import StopUpdate
from phtlab.wire.api.rounds import INLINE_BYTES
from tests.central.round_series import RoundSeries, inline
from tests.central.world import World
from tests.raising import wrong_messages


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Not A Name"}, "name:"),
        ({"name": "pht", "listen": "nowhere"}, "listen: .*ADDRESS:PORT"),
        ({"name": "pht", "registry_url": "registry"}, "registry_url: .*http"),
    ],
)
def test_init_names_the_setting_that_cannot_be_used(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        init_central(tmp_path / "c", **changes)  # type: ignore[arg-type]
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [("surprise = 1", "surprise"), ("journey_days = -1", "journey_days"), ("= =", "not TOML")],
)
def test_a_wrong_settings_file_is_told(tmp_path: Path, line: str, message: str) -> None:
    made = init_central(tmp_path / "c", name="pht")
    file = made.directory / "central.toml"
    file.write_text(f"{file.read_text()}\n{line}\n")
    with pytest.raises(SettingsError, match=message):
        CentralSettings.load(made.directory)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "no address of a database"),
        ("mysql://root@localhost/x", "no address of a database|not in mysql"),
        ("oracle+nothing://x/y", "no address of a database|not in oracle"),
    ],
)
def test_an_address_that_cannot_be_used_is_told(url: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Database(url)


def test_what_a_member_may_not_do(small_central: World) -> None:
    world = small_central
    ada, bob, ulm, mainz = (world.client(name) for name in ("ada", "bob", "ulm", "mainz"))
    journey = world.journey("ulm")
    running = StopUpdate(state="running")
    assert not wrong_messages(
        {
            "ada signed this train, but bob sends it": lambda: bob.submit_train(world.train()),
            "ada signed this order, but bob sends it": lambda: bob.submit_journey(
                world.order("ulm")
            ),
            "nobody else can cancel it": lambda: ulm.cancel(journey.id),
            "not for bob to see": lambda: bob.journey(journey.id),
            "This is for a station or an aggregator; ada is on the roster as researcher": (
                lambda: ada.inbox()
            ),
            "Only the station ulm speaks for its stop, not mainz": lambda: mainz.update_stop(
                journey.id, "ulm", running
            ),
        }
    )


def test_what_central_does_not_have(small_central: World) -> None:
    ada, ulm = small_central.client("ada"), small_central.client("ulm")
    ada.submit_train(small_central.train())
    late = small_central.order(
        "ulm",
        change=lambda o: o.model_copy(update={"expires": o.issued + timedelta(days=90)}),
    )
    assert not wrong_messages(
        {
            "There is no train": lambda: ada.train(digest(b"nothing")),
            "does not know the train": lambda: ada.submit_journey(
                small_central.order("ulm", train=digest(b"unknown"))
            ),
            "no station 'bonn' on the roster of pht": lambda: ada.submit_journey(
                small_central.order("bonn")
            ),
            "valid for more than 60 days": lambda: ada.submit_journey(late),
            "ulm has published no data set 'heart'": lambda: ulm.put_twin("heart", b"twin"),
            "ulm has published no twin of a data set 'heart'": lambda: ada.twin("ulm", "heart"),
        }
    )


def test_what_is_refused_of_rounds(small_central: World) -> None:
    world = small_central
    ada, bob, ulm = (world.client(name) for name in ("ada", "bob", "ulm"))
    series = RoundSeries.ordered(world, recipients=("bob",))
    series.compute("ulm", 1)
    unknown = series.instruction(heard={"ulm": digest(b"unknown")})
    swapped = series.instruction(values=b"values").model_copy(update={"values": inline(b"others")})
    large = series.instruction(values=bytes(INLINE_BYTES + 1))
    assert not wrong_messages(
        {
            "a record of ulm of round 1 that central does not have": lambda: ada.put_instruction(
                series.id, unknown
            ),
            "not those that the signed document names": lambda: ada.put_instruction(
                series.id, swapped
            ),
            "values have 262,145 bytes; central takes 262,144": lambda: ada.put_instruction(
                series.id, large
            ),
        }
    )
    combined = RoundSeries.ordered(world, aggregator="adder")
    combined.compute("ulm", 1)
    first = combined.instruction()
    assert not wrong_messages(
        {
            "nobody else instructs its stations, so not ada": lambda: ada.put_instruction(
                combined.id, first
            ),
            "nobody else can end its rounds, so not ulm": lambda: ulm.finish_rounds(combined.id),
            "central has nobody to ask": lambda: ada.finish_rounds(series.id),
        }
    )
    sent = series.instruct()
    other = series.instruction(number=2, previous=series.id, ends=True)
    record = series.record("ulm", 1, update=b"other")
    assert not wrong_messages(
        {
            "nobody else instructs its stations, so not bob": lambda: bob.put_instruction(
                series.id, sent
            ),
            "Round 2 has another instruction already": lambda: ada.put_instruction(
                series.id, other
            ),
            "Central has another record of round 1 at ulm": lambda: ulm.put_round(
                series.id, "ulm", 1, record
            ),
            "There is no round 3 of the journey": lambda: ulm.put_round(
                series.id, "ulm", 3, record
            ),
        }
    )
    late = series.record("ulm", 2)
    series.depart("ulm")
    series.records["mainz"].clear()
    ada.cancel(series.id)
    over = series.instruction(heard={"ulm": series.records["ulm"][0].digest})
    assert not wrong_messages(
        {
            "The stop at ulm is departed: it has no more rounds": lambda: ulm.put_round(
                series.id, "ulm", 2, late
            ),
            "is cancelled: its stations get no more instructions": lambda: ada.put_instruction(
                series.id, over
            ),
        }
    )
