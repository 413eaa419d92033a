"""What an approval, a rule or a taking back does at a station, and what it must not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from phtlab.errors import ApprovalError
from phtlab.governance import Revocation
from phtlab.governance.refusal import Withdrawal
from phtlab.station.approvals import decisions
from phtlab.station.approvals.drafts import DraftFolder
from phtlab.station.approvals.signer import ApprovalSigner
from phtlab.station.approvals.store import Approvals
from phtlab.station.approvals.terms import ApprovalRequest
from phtlab.station.stops import stop_files
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop
from phtlab.train.image.composition import (
    train_files,
)
from phtlab.wire.api.governance import ProposalPage
from tests.raising import raises_code
from tests.station.approvals.test_approvals import desk, held, once, proposed, ruled, run
from tests.station.station_world import COUNTS, World, identity


def revoked_by(world: World, station: str, approval: str) -> Any:
    return Revocation(
        station=station,
        approval=approval,
        by="olga",
        roster_version=world.roster.version,
        issued=world.now(),
    ).sign(identity(station))


def test_another_station_s_revocation_ends_nothing_here(world: World) -> None:
    """It is signed as it should be, by whom it names, and central passes it on."""
    once(world)
    (shown,) = decisions.list_approvals(desk(world))
    world.daemon().exchange()
    world.central.governance.revoked[shown.digest] = revoked_by(world, "hungary", shown.digest)
    world.daemon().exchange()
    assert decisions.list_approvals(desk(world))[0].state == "active"
    assert not Approvals(world.folder).revoked(shown.digest)


def test_the_station_s_own_revocation_comes_back_and_is_logged_once(world: World) -> None:
    once(world)
    (shown,) = decisions.list_approvals(desk(world))
    world.daemon().exchange()
    own = revoked_by(world, "cleveland", shown.digest)
    world.central.governance.revoked[shown.digest] = own
    for _ in range(2):
        world.daemon().exchange()
    assert decisions.list_approvals(desk(world))[0].state == "revoked"
    log = desk(world).audit.entries()
    entries = [entry for entry in log if entry.action == "revocation-taken-over"]
    assert [(one.subject, one.digest) for one in entries] == [(shown.digest, own.digest)]


def test_a_revocation_of_another_s_in_the_folder_is_not_handed_on(world: World) -> None:
    once(world)
    kept = Approvals(world.folder)
    (shown,) = decisions.list_approvals(desk(world))
    kept.keep_revocation(shown.digest, revoked_by(world, "hungary", shown.digest))
    assert kept.revocation(shown.digest, "cleveland") is None
    assert kept.revoked(shown.digest)  # whatever lies there allows nothing


def test_a_central_whose_pages_turn_in_a_circle_is_not_followed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | None] = []

    def circle(*, before: int | None = None, after: int = 0) -> ProposalPage:
        asked.append(before)
        assert len(asked) < 10
        return ProposalPage(next=7)

    monkeypatch.setattr(world.central.governance, "proposals", circle)
    world.daemon().exchange()
    assert asked == [None, 7]


# What was admitted and waits for room


def waits_for_room(world: World, train: Any, **order: Any) -> tuple[Any, Stop]:
    """A journey that was admitted, at a station that runs another one."""
    world.settings = world.settings.model_copy(update={"max_running": 1})
    world.scripted.script.lasts = True
    busy = world.offer(train, nonce="b" * 32)
    daemon = world.begun(busy, steps=5)
    offer = world.offer(train, nonce="c" * 32, **order)
    daemon.receive(offer)
    run(daemon, 3)
    assert (world.stop(busy).state, world.stop(offer).state) == ("running", "admitted")
    return daemon, world.stop(offer)


def refused_as(daemon: Any, stop: Stop) -> str:
    run(daemon, 3)
    assert not stop.has(Marker.STARTING)
    record = stop.final_record()
    assert record.outcome == "refused"
    return str(record.code)


def test_an_order_that_ended_while_it_waited_for_room_starts_nothing(world: World) -> None:
    """Also where the policy alone admitted it."""
    world.folder.policy.write_text('mode = "auto"\n')
    soon = world.now().replace(microsecond=0) + timedelta(days=1)
    daemon, stop = waits_for_room(world, world.train(), expires=soon)
    assert stop.read(stop_files.ADMITTED).approval is None
    world.ahead = timedelta(days=2)
    assert refused_as(daemon, stop) == "order-expired"


def test_an_approval_that_ended_while_its_journey_waited_for_room_starts_nothing(
    world: World,
) -> None:
    train = world.train()
    once(world, train=train)
    later = world.now().replace(microsecond=0) + timedelta(days=20)
    daemon, stop = waits_for_room(world, train, expires=later)
    world.ahead = timedelta(days=10)  # past the first order's end, with which the approval ends
    assert refused_as(daemon, stop) == "approval-expired"


def test_an_approval_that_is_gone_starts_nothing(world: World) -> None:
    train = world.train()
    once(world, train=train)
    daemon, stop = waits_for_room(world, train)
    for path in world.folder.approvals.iterdir():
        path.unlink()
    assert refused_as(daemon, stop) == "approval-void"


def test_a_proposal_withdrawn_while_its_journey_waited_for_room_starts_nothing(
    world: World,
) -> None:
    train = world.train()
    once(world, train=train)
    signed, proposal = proposed(world)
    ruled(world, proposal)
    daemon, stop = waits_for_room(world, train, proposal=signed.digest)
    withdrawal = Withdrawal(
        researcher="ada", proposal_id=proposal.id, proposal=signed.digest, issued=world.now()
    )
    world.central.governance.withdrawals[proposal.id] = withdrawal.sign(identity("ada"))
    world.central.governance.changed += 1
    daemon.exchange()
    assert refused_as(daemon, stop) == "proposal-withdrawn"


# Rules, and what signs


@pytest.mark.parametrize("scope", ["low-risk", "notebook"])
def test_a_rule_is_not_for_a_train_with_a_file_beside_its_notebook(
    world: World, scope: str
) -> None:
    """The notebook is the approved one, and imports what lies beside it."""
    train = world.train()
    once(world, train=train)
    signed, proposal = proposed(world)
    content = world.analysis().travelling()
    (notebook,) = train_files({"notebook.ipynb": content})
    ruled(world, proposal, notebook=notebook.sha256 if scope == "notebook" else None)
    files = {"notebook.ipynb": content, "helper.py": b"raise SystemExit"}
    beside = world.train(change=files, files=train_files(files))
    _, offer, stop = held(world, train=beside, proposal=signed.digest)
    assert stop.read(stop_files.HELD).code == "approval-notebook"
    assert "helper.py" in stop.read(stop_files.HELD).why_not
    with pytest.raises(ApprovalError):
        decisions.approve(
            desk(world), offer.journey, by="olga", request=ApprovalRequest(scope="notebook")
        )
    decisions.approve(desk(world), offer.journey, by="olga")
    run(world.daemon())
    assert stop.state == "departed"


def test_no_approval_is_signed_that_the_log_does_not_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: Any) -> None:
        raise Killed

    daemon, offer, _ = held(world)
    decisions.approve(desk(world), offer.journey, by="olga")
    with monkeypatch.context() as patch:
        patch.setattr(DraftFolder, "sign_as", killed)
        with pytest.raises(Killed):
            daemon.step()
    run(world.daemon())
    (kept,) = Approvals(world.folder)
    named = [e.digest for e in desk(world).audit.entries() if e.action == "approval-signed"]
    assert named[-1] == kept.digest


def test_a_slip_in_the_policy_keeps_no_word_from_being_signed_and_is_mended(world: World) -> None:
    train = world.train()
    once(world, train=train)
    (shown,) = decisions.list_approvals(desk(world))
    _, offer, stop = held(world, train=world.train(COUNTS + "# two\n"))
    _, proposal = proposed(world)
    decisions.revoke(desk(world), shown.digest, by="olga")
    decisions.refuse(desk(world), proposal.id, by="olga", reason="no")
    good = world.folder.policy.read_text()
    world.folder.policy.write_text("mode = [")
    office = ApprovalSigner(world.station())
    assert office.sign()
    assert Approvals(world.folder).revocation(shown.digest, "cleveland") is not None
    assert not office.sign()
    world.folder.policy.write_text(good)
    decisions.approve(desk(world), offer.journey, by="olga")
    world.ahead = timedelta(minutes=2)
    assert office.sign()
    assert stop.has(Marker.DECISION)


def test_a_stop_that_is_broken_stands_in_no_other_s_way(world: World) -> None:
    _, _, broken = held(world)
    (broken.path / "verified.json").write_text("{")
    _, offer, stop = held(world, train=world.train(COUNTS + "# two\n"))
    decisions.approve(desk(world), offer.journey, by="olga")
    ApprovalSigner(world.station()).sign()
    assert stop.has(Marker.DECISION)


def test_a_rule_for_low_risk_is_none_for_a_proposal_that_asks_very_often(world: World) -> None:
    once(world)
    _, often = proposed(world, journeys=100)
    with raises_code(ApprovalError, "approval-risk"):
        decisions.approve(desk(world), often.id, by="olga")
    (notebook,) = train_files({"notebook.ipynb": world.analysis().travelling()})
    assert ruled(world, often, notebook=notebook.sha256).risk == "mid"


def test_how_often_a_proposal_asks_is_part_of_a_journey_s_risk(world: World) -> None:
    """A hundred journeys may tell of persons what one of them does not."""
    once(world)
    signed, _ = proposed(world, journeys=100)
    _, offer, stop = held(world, proposal=signed.digest)
    assert stop.read(stop_files.HELD).risk == "mid"
    assert [one.code for one in stop.read(stop_files.HELD).reasons] == ["many-journeys"]
    with pytest.raises(ApprovalError) as told:
        decisions.approve(
            desk(world), offer.journey, by="olga", request=ApprovalRequest(scope="low-risk")
        )
    assert told.value.code == "approval-risk"
    other, _ = proposed(world, journeys=99)
    _, _, stop = held(world, proposal=other.digest)
    assert stop.read(stop_files.HELD).risk == "low"
