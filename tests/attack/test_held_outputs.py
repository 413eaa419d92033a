"""What waits at a station for a person, and logs that a person lets go: nobody else gets them."""

from __future__ import annotations

import errno
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from phtlab.errors import JourneyError, PhtlabError, RegistryError, StationError
from phtlab.lab.results import released_log as opening
from phtlab.station.release import held_outputs
from phtlab.station.release.run_log import marks_of, release_log, view_log
from phtlab.station.release.run_log_sending import send_log
from phtlab.station.release.votes import Redaction
from phtlab.station.stops.stop import Stop
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.order import Order
from phtlab.train.verify.released_log import ReleasedLog
from phtlab.wire.api.journeys import Offer
from tests.evidence import Evidence
from tests.station.release.held_world import (
    HOLD,
    change_release,
    desk,
    held,
    held_offer,
    holding_world,
    say,
    tables,
)
from tests.station.station_world import COUNTS, FakeRun, World, _predicate, identity, make_world

RESEARCHER, REGISTRY, STATION, PERSON = (
    "hostile researcher",
    "hostile registry",
    "hostile station",
    "a station's operator",
)
PATIENT = "Muster63"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return holding_world(tmp_path)


def tell(evidence: Evidence, attacker: str, promise: str, outcome: str) -> None:
    evidence("attacks", attacker=attacker, promise=promise, outcome=outcome)


@pytest.mark.parametrize(
    ("kind", "message", "code", "words"),
    [
        ("KeyError", f"'{PATIENT}'", "no-key", {"key": PATIENT}),
        ("KeyError", f"\"['{PATIENT}']\"", "no-columns", {"columns": ["age", PATIENT]}),
        ("NameError", f"name '{PATIENT}' is not defined", "undefined-name", {"name": PATIENT}),
        ("ModuleNotFoundError", f"No module named '{PATIENT}'", "no-module", {"module": PATIENT}),
        (
            "AttributeError",
            f"'DataFrame' object has no attribute '{PATIENT}'",
            "no-attribute",
            {"type": "DataFrame", "name": PATIENT},
        ),
        (
            "FileNotFoundError",
            f"[Errno 2] No such file or directory: '{PATIENT}'",
            "no-file",
            {"key": PATIENT},
        ),
        (
            "PublishError",
            f"output '{PATIENT}' is not declared by this train (declared: counts)",
            "output-undeclared",
            {"key": PATIENT, "declared": PATIENT},
        ),
        (
            "DatasetError",
            f"there is no data set '{PATIENT}' here. There is: 'heart'.",
            "dataset-unknown",
            {"key": "heart", "known": PATIENT},
        ),
        (
            "ValueError",
            f"could not convert string to float: '{PATIENT}'",
            "not-a-number",
            {PATIENT: PATIENT},
        ),
        ("TypeError", PATIENT, PATIENT, {}),
    ],
)
def test_a_value_in_a_known_message(
    world: World,
    evidence: Evidence,
    kind: str,
    message: str,
    code: str,
    words: dict[str, str | list[str]],
) -> None:
    error = {"type": kind, "cell": 2, "line": 3, "message": message, "traceback": PATIENT}
    error["cause"] = {"code": code, "words": words}
    world.scripted.script = FakeRun("cell-failed", error=error)
    offer = world.offer()
    record = world.travel(offer)
    assert record.error is not None
    assert record.error.type == kind
    assert PATIENT.encode() not in world.central.records[0].body
    assert PATIENT not in repr(world.central.updates)
    tell(
        evidence,
        RESEARCHER,
        "gets no value out by an error whose message reads as a known one",
        "class, cell and line leave; of the message nothing that the train did not say",
    )


@pytest.mark.parametrize("becomes", ["a twin", "no twin"])
def test_a_station_that_becomes_a_twin_while_a_run_is_on_data(
    tmp_path: Path, evidence: Evidence, becomes: str
) -> None:
    if becomes == "a twin":
        world = holding_world(tmp_path)
    else:
        world = make_world(tmp_path, twin=True)
        world.add_hearts()
        world.scripted.script = FakeRun(files=tables())
        world.folder.policy.write_text(world.folder.policy.read_text() + HOLD)
    offer, daemon = held_offer(world), world.daemon()
    daemon.receive(offer)
    while world.stop(offer).state != "running":
        assert daemon.step()
    world.settings = world.settings.model_copy(update={"twin": becomes == "a twin"})
    daemon = world.daemon()
    for _ in range(20):
        daemon.step()
    if becomes == "no twin":
        assert world.record(offer).outcome == "departed"
        return
    assert world.stop(offer).state == "held"
    assert list((world.folder.released / "pending").iterdir())
    tell(
        evidence,
        PERSON,
        "waives no airlock for a run on data by making its station a twin meanwhile",
        "its outputs are held as at the station that it was admitted to",
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [("no-key", {"key": "w63"}), ("no-columns", {"columns": ["w63", "w1931", "w7"]})],
)
def test_an_alphabet_in_the_notebook(
    world: World, evidence: Evidence, code: str, words: dict[str, str | list[str]]
) -> None:
    """65,536 words in a list, and the ones that a KeyError names: ten bytes of data a run."""
    source = f"WORDS = {[f'w{number}' for number in range(2**16)]}\n{COUNTS}"
    message = "\"['w63', 'w1931', 'w7'] not in index\""
    error = {"type": "KeyError", "cell": 2, "line": 3, "message": message}
    error["cause"] = {"code": code, "words": words}
    world.scripted.script = FakeRun("cell-failed", error=error)
    record = world.travel(world.offer(world.train(source)))
    assert record.error is not None
    assert (record.error.type, record.error.message) == ("KeyError", None)
    tell(
        evidence,
        RESEARCHER,
        "gets no data out as words of a long list in the notebook that an error names",
        "cells with so many words have no message: class, cell and line leave",
    )


@pytest.mark.parametrize("how", ["cancelled", "waited until its time was over"])
def test_a_held_output_does_not_leave_by_itself(
    world: World, evidence: Evidence, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    offer, stop = held(world)
    if how == "cancelled":
        offer = offer.model_copy(update={"cancelled": True})
    else:
        world.ahead += timedelta(days=8)
    record = world.travel(offer)
    assert not (stop.path / "waiting").exists()
    if how == "cancelled":
        assert world.artifacts.delivered == {}
    else:
        assert [one.verdict for one in record.outputs] == ["released", "refused"]
    with pytest.raises(StationError) as raised:
        held_outputs.decide(desk(world), stop, {"wards": "release"}, by="anna", reason="Too late.")
    assert raised.value.code == "not-held"
    tell(
        evidence,
        RESEARCHER,
        f"gets no held output that nobody released: {how}",
        "it stays, and a word after that is refused: `not-held`",
    )


def test_one_of_two_persons_alone(world: World, evidence: Evidence) -> None:
    change_release(world, 'two_persons = ["low"]')
    _, stop = held(world)
    assert say(world, stop, "release") is None
    with pytest.raises(StationError) as raised:
        say(world, stop, "release")
    for _ in range(3):
        world.daemon().step()
    assert (stop.state, world.artifacts.delivered) == ("held", {})
    tell(
        evidence,
        PERSON,
        "releases no output alone where the policy asks for two",
        f"refused: `{raised.value.code}`",
    )


def test_an_output_changed_after_it_was_looked_at(world: World, evidence: Evidence) -> None:
    offer, stop = held(world)
    held_outputs.view_output(desk(world), stop, "wards", by="anna")
    other = (stop.path / "waiting" / "counts.parquet").read_bytes()
    (stop.path / "waiting" / "wards.parquet").write_bytes(other)
    say(world, stop, "release")
    record = world.travel(offer)
    assert (record.outcome, world.artifacts.delivered) == ("failed", {})
    tell(
        evidence,
        PERSON,
        "cannot have another output leave than was viewed",
        f"nothing leaves, the stop fails: `{record.code}`",
    )


def let_go(world: World) -> tuple[Offer, bytes, Envelope]:
    """A log that a person let go, as it lies in the registry."""
    world.scripted.script = FakeRun("cell-failed")
    offer = world.offer()
    daemon = world.begun(offer, steps=20)
    stop = daemon.station.stops.stop(offer.journey)
    view_log(desk(world), stop, by="anna")
    release_log(desk(world), stop, by="anna", reason="Nothing of a patient in it.")
    assert send_log(world.station(), marks_of(world.folder) / stop.hex)
    return offer, *world.artifacts.logs[offer.journey]


def opened(
    world: World, monkeypatch: pytest.MonkeyPatch, offer: Offer, sealed: bytes, said: Envelope
) -> str:
    """What the researcher gets when the registry gives these."""
    monkeypatch.setattr(opening, "pull_log", lambda *_: (sealed, said))
    session: Any = SimpleNamespace(
        registry=None, trusted=world.refresh(), identity=identity("ada"), name="ada"
    )
    order = Order.model_validate(_predicate(offer.order))
    return opening.released_log(session, offer.journey, order, "cleveland")


def failed(world: World) -> Stop:
    world.scripted.script = FakeRun("cell-failed")
    offer = world.offer()
    return world.begun(offer, steps=20).station.stops.stop(offer.journey)


def let_it_go(world: World, stop: Stop, by: str) -> object:
    return release_log(desk(world), stop, by=by, reason="Nothing of a patient in it.")


def sent(world: World, stop: Stop) -> bool:
    return send_log(world.station(), marks_of(world.folder) / stop.hex)


def test_what_another_person_looked_at(world: World, evidence: Evidence) -> None:
    change_release(world, 'two_persons = ["low", "high"]')
    _, stop = held(world)
    held_outputs.view_output(desk(world), stop, "wards", by="anna")
    assert say(world, stop, "release", by="anna") is None
    view_log(desk(world), stop, by="anna")
    assert let_it_go(world, stop, "anna") is None
    with pytest.raises(StationError) as unseen:
        held_outputs.decide(
            desk(world), stop, {"wards": "release"}, by="carl", reason="As she did."
        )
    with pytest.raises(StationError) as unread:
        let_it_go(world, stop, "carl")
    assert (unseen.value.code, unread.value.code) == ("output-unseen", "log-unseen")
    assert "phtlab station output show" in str(unseen.value)
    assert (stop.state, sent(world, stop)) == ("held", False)
    tell(
        evidence,
        PERSON,
        "releases nothing that only another person viewed",
        "refused: `output-unseen`, `log-unseen`",
    )


def test_a_look_at_the_beginning_of_a_log(world: World, evidence: Evidence) -> None:
    stop = failed(world)
    view_log(desk(world), stop, by="anna", most=10)
    with pytest.raises(StationError) as raised:
        let_it_go(world, stop, "anna")
    assert not marks_of(world.folder).exists()
    tell(
        evidence,
        RESEARCHER,
        "hides nothing behind so much log that a page shows its beginning only",
        f"refused until that person has seen all of it: `{raised.value.code}`",
    )


def test_a_policy_that_is_relaxed_after_one_word(world: World, evidence: Evidence) -> None:
    change_release(world, 'two_persons = ["high"]')
    stop = failed(world)
    view_log(desk(world), stop, by="anna")
    assert let_it_go(world, stop, "anna") is None
    change_release(world, "two_persons = []")
    assert not sent(world, stop)
    assert world.artifacts.logs == {}
    view_log(desk(world), stop, by="carl")
    assert let_it_go(world, stop, "carl") is not None
    assert sent(world, stop)
    tell(
        evidence,
        PERSON,
        "completes no half-given word by a policy that asks for fewer persons",
        "the log waits for the second person",
    )


def test_a_log_changed_after_it_was_let_go(world: World, evidence: Evidence) -> None:
    stop = failed(world)
    view_log(desk(world), stop, by="anna")
    let_it_go(world, stop, "anna")
    (stop.operator / "log").write_bytes(PATIENT.encode())
    with pytest.raises(StationError) as raised:
        sent(world, stop)
    assert (raised.value.code, world.artifacts.logs) == ("log-unseen", {})
    tell(
        evidence,
        PERSON,
        "cannot have another log sealed than people let go",
        f"nothing is sealed: `{raised.value.code}`",
    )


def test_a_station_whose_audit_log_cannot_be_written(
    world: World, monkeypatch: pytest.MonkeyPatch, evidence: Evidence
) -> None:
    _, stop = held(world)
    place = desk(world)
    held_outputs.view_output(place, stop, "wards", by="anna")
    view_log(place, stop, by="anna")

    full_disk = OSError(errno.ENOSPC, "No space left on device")

    def full(*_: object, **__: object) -> None:
        raise full_disk

    monkeypatch.setattr(type(place.audit), "append", full)
    with pytest.raises(OSError) as deciding:
        held_outputs.decide(place, stop, {"wards": "release"}, by="anna", reason="All is well.")
    with pytest.raises(OSError) as releasing:
        release_log(place, stop, by="anna", reason="It is clean.")
    assert deciding.value is releasing.value is full_disk
    assert not list(stop.path.glob("word-*"))
    assert not marks_of(world.folder).exists()
    tell(
        evidence,
        PERSON,
        "lets nothing go that the audit log does not have",
        "no word is given: it is logged first",
    )


def test_a_label_taken_out_and_its_count_not(world: World, evidence: Evidence) -> None:
    _, stop = held(world)
    with pytest.raises(StationError) as raised:
        say(world, stop, Redaction(cells=((3, "ward"),)))
    assert raised.value.code == "release-part"
    assert "Take out 'n' of row 3 too" in str(raised.value)
    assert not list(stop.path.glob("word-*"))
    assert say(world, stop, Redaction(cells=((3, "ward"), (3, "n")))) is not None
    tell(
        evidence,
        PERSON,
        "lets no count leave that the station then remembers as one that stayed",
        f"a label goes with its count or not at all: `{raised.value.code}`",
    )


def test_another_log_in_its_place(
    world: World, evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, sealed, said = let_go(world)
    second, other, other_said = let_go(world)
    assert "Outcome: cell-failed" in opened(world, monkeypatch, first, sealed, said)
    forged = ReleasedLog.model_validate(_predicate(said)).sign(identity("hungary"))
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for attacker, promise, given in (
        (REGISTRY, "cannot change a log that was let go", (changed, said)),
        (REGISTRY, "cannot show the log of another journey", (other, other_said)),
        (REGISTRY, "cannot join a log to the statement about another", (other, said)),
        (STATION, "lets go no log in another station's name", (sealed, forged)),
    ):
        with pytest.raises(PhtlabError) as raised:
            opened(world, monkeypatch, first, *given)
        tell(evidence, attacker, promise, f"refused: `{raised.value.code}`")
    assert second.journey != first.journey


def test_no_log_that_nobody_let_go(
    world: World, monkeypatch: pytest.MonkeyPatch, evidence: Evidence
) -> None:
    offer, *_ = let_go(world)

    def missing(*_: object) -> tuple[bytes, Envelope]:
        raise RegistryError("It is not there.", code="registry-missing")

    monkeypatch.setattr(opening, "pull_log", missing)
    session: Any = SimpleNamespace(registry=None, trusted=world.refresh(), identity=identity("ada"))
    with pytest.raises(JourneyError) as raised:
        opening.released_log(
            session, offer.journey, Order.model_validate(_predicate(offer.order)), "cleveland"
        )
    assert raised.value.code == "no-log"
    evidence(
        "attacks",
        attacker="researcher",
        promise="has no log of a run that nobody let go",
        outcome="refused: `no-log`",
    )
