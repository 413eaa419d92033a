"""A station that lies, with its own true key, over the real central and registry."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from phtlab.errors import PhtlabError
from phtlab.files.sealed_file import (
    open_file,
)
from phtlab.lab import Journey, Lab
from phtlab.train.canonical import digest
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.order import Order, cargo_context
from phtlab.train.documents.record import StopRecord
from phtlab.train.documents.roster import Roster
from phtlab.wire.api.journeys import StopUpdate
from phtlab.wire.registry.cargo import pull_cargo
from tests.attack.handmade import HandmadeStation, archive
from tests.attack.liar import Liars, told_of

pytestmark = pytest.mark.engine

ATTACKER = "hostile station"
HERE, THERE = "switzerland", "va-long-beach"

Refused = Callable[[str, str, str], None]


@pytest.fixture
def station(by_hand: dict[str, HandmadeStation]) -> HandmadeStation:
    return by_hand[HERE]


@pytest.fixture
def journey(small_lab: Lab, answering: Path) -> Journey:
    return small_lab.dispatch(answering, stations=[HERE, THERE])


@pytest.fixture
def alone(small_lab: Lab, answering: Path) -> Journey:
    return small_lab.dispatch(answering, stations=[HERE])


def parts(journey: Journey, lab: Lab) -> tuple[Order, Roster]:
    return journey.verified()[1], lab.trusted.roster


def code_of(results: Callable[[], object]) -> str:
    with pytest.raises(PhtlabError) as told:
        results()
    return told.value.code


# Cargo


def test_a_recipient_whom_the_order_does_not_name(
    small_lab: Lab, station: HandmadeStation, alone: Journey, colleague: Lab, refused: Refused
) -> None:
    """It opens, and the signed digest is right; that one more can open it does not stay hidden."""
    keys = [small_lab.identity.public.age, colleague.identity.public.age]
    station.depart(alone, recipients=keys)
    code = code_of(alone.results)
    assert code == "seal-recipients"
    refused(ATTACKER, "cannot add a recipient unseen", code)


def test_cargo_sealed_to_nobody_who_may_read_it(
    station: HandmadeStation, alone: Journey, colleague: Lab, refused: Refused
) -> None:
    station.depart(alone, recipients=[colleague.identity.public.age])
    code = code_of(alone.results)
    assert code == "seal-key"
    refused(ATTACKER, "cannot pass off cargo that the researcher cannot open", code)


def test_cargo_bound_to_another_stop(
    small_lab: Lab, station: HandmadeStation, alone: Journey, journey: Journey, refused: Refused
) -> None:
    """What was sealed for one journey is signed as another's: its header says which it is of."""
    order, _ = parts(journey, small_lab)
    station.depart(alone, context=cargo_context(journey.id, order, HERE))
    code = code_of(alone.results)
    assert code == "seal-context"
    refused(ATTACKER, "cannot use cargo of another journey again", code)


def test_an_output_that_the_train_does_not_declare(
    station: HandmadeStation, alone: Journey, refused: Refused
) -> None:
    target = io.BytesIO(archive(alone.id, HERE))
    with tarfile.open(fileobj=target, mode="a", format=tarfile.PAX_FORMAT) as tar:
        entry = tarfile.TarInfo("../../.bashrc")
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"evil"))
    station.depart(alone, content=target.getvalue())
    code = code_of(alone.results)
    assert code == "seal-format"
    refused(ATTACKER, "cannot write a file that the train does not declare", code)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.GNUTYPE_SPARSE])
def test_what_is_no_file_in_cargo(
    kind: bytes, station: HandmadeStation, alone: Journey, refused: Refused
) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as tar:
        entry = tarfile.TarInfo("answer.json")
        entry.type, entry.linkname = kind, "/etc/passwd"
        tar.addfile(entry)
    station.depart(alone, content=target.getvalue())
    code = code_of(alone.results)
    assert code == "seal-format"
    refused(ATTACKER, "cannot send links or sparse giants as results", code)


def test_a_file_that_says_it_is_huge(
    station: HandmadeStation, alone: Journey, refused: Refused
) -> None:
    target = io.BytesIO()
    entry = tarfile.TarInfo("answer.json")
    entry.size = 2**40
    target.write(entry.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))
    station.depart(alone, content=target.getvalue())
    code = code_of(alone.results)
    assert code == "seal-format"
    refused(ATTACKER, "cannot fill a researcher's disk with a small archive", code)


def test_cargo_that_is_not_what_its_record_names(
    small_lab: Lab, station: HandmadeStation, alone: Journey, refused: Refused
) -> None:
    """It signs one file and delivers another: to the researcher it is as if none had come."""
    order, roster = parts(alone, small_lab)
    made = station.depart(alone)
    path, other = station.sealed(alone.id, order, roster, content=archive(alone.id, HERE, 43))
    assert other.digest != made.digest
    context = cargo_context(alone.id, order, HERE)
    code = code_of(
        lambda: open_file(
            path, path.with_suffix(".tar"), small_lab.identity.age, context, made.digest
        )
    )
    assert code == "seal-changed"
    assert alone.results()[HERE].scalar("answer") == 42
    refused(ATTACKER, "cannot deliver other cargo than it signed", code)


def test_cargo_opened_by_a_station_that_is_no_recipient(
    by_hand: dict[str, HandmadeStation],
    small_lab: Lab,
    journey: Journey,
    tmp_path: Path,
    refused: Refused,
) -> None:
    """Even if another station came to the file, its key does not open it."""
    made = by_hand[HERE].depart(journey)
    order, _ = parts(journey, small_lab)
    sealed = tmp_path / "cargo.age"
    pull_cargo(small_lab.registry, journey.id, HERE, made.digest, sealed)
    context = cargo_context(journey.id, order, HERE)
    other = by_hand[THERE].identity.age
    code = code_of(lambda: open_file(sealed, tmp_path / "tar", other, context, made.digest))
    assert code == "seal-key"
    refused(ATTACKER, "cannot open another station's cargo", code)


# Records


@pytest.mark.parametrize("how", ["as itself", "in the other's name"])
def test_speaking_for_another_station(
    how: str,
    by_hand: dict[str, HandmadeStation],
    small_lab: Lab,
    journey: Journey,
    refused: Refused,
) -> None:
    order, roster = parts(journey, small_lab)
    liar, other = by_hand[HERE], by_hand[THERE]
    _, made = liar.sealed(journey.id, order, roster)
    as_other = liar.record(journey.id, order, made, station=THERE, stop=1)
    if how == "as itself":
        code = code_of(lambda: liar.central.put_record(journey.id, THERE, as_other))
        assert code == "forbidden"
    else:  # should it come to the other's way to central, the signature still says whose it is
        code = code_of(lambda: other.central.put_record(journey.id, THERE, as_other))
        assert code == "record-signer"
    refused(ATTACKER, f"cannot speak for another station, {how}", code)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"station": THERE}, "record-station"),
        ({"journey": digest(b"another")}, "record-journey"),
        ({"train": digest(b"another")}, "record-train"),
        ({"stop": 1}, "record-stop"),
        ({"previous": digest(b"invented")}, "record-chain"),
        ({"context": digest(b"another")}, "record-context"),
        ({"cargos": ()}, "record-cargo"),
        ({"code": "cell-failed"}, "record-form"),
        ({"roster_version": 1}, "record-roster"),
        ({"roster_version": 10_000}, "roster-behind"),
    ],
)
def test_a_record_that_does_not_fit(
    changes: dict[str, Any],
    code: str,
    small_lab: Lab,
    station: HandmadeStation,
    alone: Journey,
    liars: Liars,
    deceived: Lab,
    refused: Refused,
) -> None:
    """Central refuses it; and where a central helps, the researcher does."""
    order, roster = parts(alone, small_lab)
    _, made = station.sealed(alone.id, order, roster)
    record = station.record(alone.id, order, made, **changes)
    assert code_of(lambda: station.central.put_record(alone.id, HERE, record)) == code

    def put(view: Any) -> None:
        view["stops"][0] |= {"state": "departed", "record": record.model_dump(mode="json")}

    with told_of(liars, alone.id, put):
        assert code_of(Journey(deceived.session, alone.view).results) == code
    refused(ATTACKER, f"cannot sign a record with changed {', '.join(changes)}", code)


def test_a_second_record_of_a_finished_stop(
    small_lab: Lab, station: HandmadeStation, alone: Journey, refused: Refused
) -> None:
    order, roster = parts(alone, small_lab)
    station.depart(alone)
    _, made = station.sealed(alone.id, order, roster, content=archive(alone.id, HERE, 43))
    record = station.record(alone.id, order, made)
    code = code_of(lambda: station.central.put_record(alone.id, HERE, record))
    assert code == "record-exists"
    assert alone.results()[HERE].scalar("answer") == 42
    refused(ATTACKER, "cannot take back what it signed", code)


def test_an_end_without_a_record(
    station: HandmadeStation, alone: Journey, refused: Refused
) -> None:
    update = StopUpdate(state="departed")
    code = code_of(lambda: station.central.update_stop(alone.id, HERE, update))
    assert code == "final-needs-record"
    refused(ATTACKER, "cannot end a stop without signing", code)


def test_a_journey_that_is_not_its_own(
    by_hand: dict[str, HandmadeStation], alone: Journey, refused: Refused
) -> None:
    other = by_hand[THERE]
    code = code_of(lambda: other.central.journey(alone.id))
    assert code == "not-found"
    assert alone.id not in [offer.journey for offer in other.central.inbox().offers]
    refused(ATTACKER, "cannot see a journey that is not its own", code)


# A sequential route.


@pytest.fixture
def in_turn(small_lab: Lab, handing_on: Path) -> Journey:
    """A journey to both stations, one after the other."""
    return small_lab.dispatch(handing_on, stations=[HERE, THERE])


def test_a_record_out_of_turn(
    by_hand: dict[str, HandmadeStation], small_lab: Lab, in_turn: Journey, refused: Refused
) -> None:
    order, roster = parts(in_turn, small_lab)
    second = by_hand[THERE]
    _, made = second.sealed(in_turn.id, order, roster)
    record = second.record(in_turn.id, order, made)
    code = code_of(lambda: second.central.put_record(in_turn.id, THERE, record))
    assert code == "record-order"
    refused(ATTACKER, "cannot depart before its turn", code)


@pytest.mark.parametrize("previous", ["none", "invented", "right"])
def test_a_record_without_its_predecessor(
    previous: str,
    by_hand: dict[str, HandmadeStation],
    small_lab: Lab,
    deceived: Lab,
    in_turn: Journey,
    liars: Liars,
    refused: Refused,
) -> None:
    """Central shows the second stop alone, or a first one that the second does not name."""
    order, roster = parts(in_turn, small_lab)
    first, second = by_hand[HERE], by_hand[THERE]
    first.depart(in_turn)
    before = in_turn.refresh().stops[0].record
    assert before is not None
    (handed_on,) = StopRecord.model_validate(peek(before).predicate).cargos
    _, made = second.sealed(in_turn.id, order, roster)
    took = {"received": handed_on.digest}
    right = second.record(in_turn.id, order, made, previous=before.digest, **took)
    second.central.put_record(in_turn.id, THERE, right)
    assert [r.outcome for r in in_turn.verified()[2].values()] == ["departed", "departed"]

    named = {"none": None, "invented": digest(b"invented"), "right": before.digest}[previous]
    record = second.record(in_turn.id, order, made, previous=named, **took)

    def lone(view: Any) -> None:
        view["stops"][1]["record"] = record.model_dump(mode="json")
        if previous == "right":
            view["stops"][0]["record"] = None

    with told_of(liars, in_turn.id, lone):
        code = code_of(Journey(deceived.session, in_turn.view).verified)
    assert code == "record-chain"
    refused(ATTACKER, "cannot leave out the stop before its own, with a central's help", code)
