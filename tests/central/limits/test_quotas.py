"""How much one member may add in a day, and that others are none the worse for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from phtlab.central.journeys.trains import submit_train
from phtlab.errors import CentralError
from phtlab.train.documents.envelope import peek
from phtlab.wire.api.governance import NewComment
from tests.central.conftest import copied, run_central
from tests.central.world import Founding, World
from tests.governance import documents
from tests.raising import raises_code

MOST = 3


@pytest.fixture
def frugal(prepared_sqlite: Path, tmp_path: Path, founding: Founding) -> Iterator[World]:
    """A central that takes three of everything."""
    limits = {f"{what}_per_day": MOST for what in (*SENDING, "comments", "decisions")}
    yield from run_central(copied(prepared_sqlite, tmp_path), founding, **limits)


def send_train(world: World, name: str, number: int) -> None:
    world.client(name).submit_train(world.train(name, f"train{number}"))


def send_journey(world: World, name: str, number: int) -> None:
    client = world.client(name)
    train = world.train(name)
    client.submit_train(train)
    client.submit_journey(world.order(by=name, train=peek(train).subject[0].sha256))


def send_proposal(world: World, name: str, number: int) -> None:
    proposal = documents.proposal(researcher=name, title=f"Study {number}")
    world.client(name).governance.submit_proposal(proposal.sign(world.identity(name)))


SENDING: dict[str, Callable[[World, str, int], None]] = {
    "trains": send_train,
    "journeys": send_journey,
    "proposals": send_proposal,
}


@pytest.mark.parametrize("what", SENDING)
def test_one_too_many_in_a_day_is_refused_to_that_member_alone(frugal: World, what: str) -> None:
    send = SENDING[what]
    for number in range(MOST):
        send(frugal, "ada", number)
    with raises_code(CentralError, "quota"):
        send(frugal, "ada", MOST)
    send(frugal, "bob", 0)


def test_a_day_later_there_is_room_again(frugal: World) -> None:
    for number in range(MOST):
        send_train(frugal, "ada", number)
    roster = frugal.services.publication.current().roster
    frugal.clock.ahead += timedelta(days=1)
    envelope = frugal.train("ada", "another")
    database = frugal.services.database
    assert submit_train(database, roster, roster.member("ada"), envelope, most=MOST)[1]


def test_what_is_there_already_is_none_too_many(frugal: World) -> None:
    for _ in range(MOST + 1):
        send_train(frugal, "ada", 0)


def test_one_comment_too_many_is_refused_and_others_go_on(frugal: World) -> None:
    proposal = documents.proposal()
    frugal.client("ada").governance.submit_proposal(proposal.sign(frugal.identity("ada")))
    ada, ulm = (frugal.client(name).governance for name in ("ada", "ulm"))
    for number in range(MOST):
        ada.comment(proposal.id, NewComment(text=f"{number}"))
    with raises_code(CentralError, "quota"):
        ada.comment(proposal.id, NewComment(text="one more"))
    ulm.comment(proposal.id, NewComment(text="ours"))


def test_one_decision_too_many_is_refused_and_the_first_stand(frugal: World) -> None:
    proposal = documents.proposal()
    signed = proposal.sign(frugal.identity("ada"))
    frugal.client("ada").governance.submit_proposal(signed)
    ulm, key = frugal.client("ulm").governance, frugal.identity("ulm")
    approvals = [documents.approval(proposal, signed) for _ in range(MOST + 1)]
    for one in approvals[:MOST]:
        ulm.decide(proposal.id, "ulm", one.sign(key))
    with raises_code(CentralError, "quota"):
        ulm.decide(proposal.id, "ulm", approvals[MOST].sign(key))
    assert len(ulm.approvals(station="ulm")) == MOST
