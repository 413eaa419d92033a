"""What people of a station decide, and what the daemon lets start because of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from phtlab.errors import ApprovalError, PhtlabError, ProposalError, StationError
from phtlab.governance import (
    Approval,
    Proposal,
    open_active_approvals,
    open_approval,
    open_revocation,
)
from phtlab.governance.agreement import Acceptance
from phtlab.governance.proposal import RequestedData, new_id
from phtlab.governance.refusal import Withdrawal, open_refusal
from phtlab.notebook.parameters import ParameterSchema
from phtlab.station.approvals import decisions
from phtlab.station.approvals.drafts import DraftFolder, DraftStore
from phtlab.station.approvals.proposals import StationProposals
from phtlab.station.approvals.signer import ApprovalSigner
from phtlab.station.approvals.store import Approvals
from phtlab.station.approvals.sync import ApprovalSync
from phtlab.station.approvals.terms import ApprovalRequest
from phtlab.station.context.station_context import StationContext
from phtlab.station.daemon.loop import Daemon
from phtlab.station.stops import stop_files
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop
from phtlab.train.canonical import digest
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.roster import Agreement
from phtlab.wire.api.journeys import Offer
from tests.raising import raises_code
from tests.station.station_world import COUNTS, World, identity, member

AGES = ParameterSchema(
    {"min_age": {"type": "integer", "minimum": 18, "maximum": 65, "default": 40}}
).schema


def desk(world: World) -> StationContext:
    return StationContext(world.folder, world.settings, world.now)


def run(daemon: Daemon, steps: int = 12) -> None:
    for _ in range(steps):
        daemon.step()


def held(world: World, **order: Any) -> tuple[Daemon, Offer, Stop]:
    """A journey that waits for a person."""
    offer = world.offer(**order)
    daemon = world.begun(offer, steps=3)
    stop = world.stop(offer)
    assert stop.state == "held"
    return daemon, offer, stop


def once(world: World, **order: Any) -> None:
    """The kernel image is known here from now on: a person approved a train on it."""
    daemon, offer, _ = held(world, **order)
    decisions.approve(desk(world), offer.journey, by="olga")
    run(daemon)
    assert world.stop(offer).state == "departed"


def proposed(world: World, **changes: Any) -> tuple[Envelope, Proposal]:
    """A proposal that central has, and that the daemon fetched."""
    now = world.now().replace(microsecond=0)
    values: dict[str, Any] = {
        "id": new_id(),
        "version": 1,
        "researcher": "ada",
        "title": "Hearts by age",
        "question": "How many?",
        "legal_ground": "Consent",
        "datasets": (RequestedData(name="heart"),),
        "stations": ("cleveland", "hungary"),
        "images": (peek(world.train()).predicate["kernel"]["digest"],),
        "parameters": AGES,
        "journeys": 3,
        "risk": "low",
        "issued": now,
        "until": now + timedelta(days=90),
        **changes,
    }
    proposal = Proposal.model_validate(values)
    signed = proposal.sign(identity(proposal.researcher))
    world.central.governance.submit(signed)
    world.daemon().exchange()
    return signed, proposal


def ruled(world: World, proposal: Proposal, **wanted: Any) -> Approval:
    """The rule that olga gave within `proposal`."""
    decisions.approve(desk(world), proposal.id, by="olga", request=ApprovalRequest(**wanted))
    world.daemon().step()
    (shown,) = [s for s in decisions.list_approvals(desk(world)) if s.approval.proposal_id]
    assert shown.state == "active"
    return shown.approval


# A journey, approved by a person


def test_a_yes_becomes_a_signed_approval_of_exactly_this_train(world: World) -> None:
    daemon, offer, stop = held(world)
    word = decisions.approve(desk(world), offer.journey, by="olga")
    assert word.missing == 0
    train = peek(offer.order).predicate["train"]
    assert word.sentence.startswith(f"cleveland allows the train {train}, on heart, until ")
    assert "Risk: at most mid. Parameters: min_age 18 to 100." in word.sentence
    run(daemon)
    assert world.record(offer).outcome == "departed"
    (kept,) = Approvals(world.folder)
    approval = open_approval(kept.envelope, world.roster)
    assert (approval.scope, approval.approvers, approval.risk) == ("train", ("olga",), "mid")
    assert approval.train == train
    assert approval.datasets == ("heart",)
    assert stop.read(stop_files.ADMITTED).approval == kept.digest
    assert (world.folder.approvals / f"{kept.digest[7:]}.json").exists()
    assert not list(world.folder.drafts.iterdir())


def test_the_same_train_starts_by_itself_while_its_approval_stands(world: World) -> None:
    train = world.train()
    once(world, train=train)
    world.central.records.clear()
    assert world.travel(world.offer(train, parameters={"min_age": 30})).outcome == "departed"


def test_another_train_waits_for_a_person_all_the_same(world: World) -> None:
    once(world)
    _, _, stop = held(world, train=world.train(COUNTS + "# another\n"))
    assert stop.read(stop_files.HELD).risk == "low"  # the image is known by now
    assert "it is for the train sha256:" in stop.read(stop_files.HELD).why_not


def test_the_approval_ends_with_the_order_unless_a_person_says_otherwise(world: World) -> None:
    _, offer, _ = held(world)
    asked = desk(world)
    until = peek(offer.order).predicate["expires"]
    assert decisions.preview(asked, offer.journey, by="olga").sentence.count(until[:10]) == 1
    later = (world.now() + timedelta(days=30)).date().isoformat()
    wanted = ApprovalRequest(days=30)
    assert later in decisions.preview(asked, offer.journey, by="olga", request=wanted).sentence
    assert decisions.pending(asked)[0].approvers == ()  # nothing was said yet
    with raises_code(ApprovalError, "approval-days"):
        decisions.approve(asked, offer.journey, by="olga", request=ApprovalRequest(days=366))


def test_a_person_may_narrow_the_parameters(world: World) -> None:
    train = world.train()
    daemon, offer, _ = held(world, train=train)
    wanted = ApprovalRequest(bounds={"min_age": "45..55"})
    decisions.approve(desk(world), offer.journey, by="olga", request=wanted)
    run(daemon)
    assert world.stop(offer).state == "departed"
    _, _, stop = held(world, train=train, parameters={"min_age": 60})
    assert "takes 45 to 55" in stop.read(stop_files.HELD).why_not


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        ({"min_age": "10..20"}, "approval-bounds"),  # wider than what was declared
        ({"min_age": "old"}, "approval-bounds"),
        ({"max_age": "1..2"}, "approval-bounds"),
        ({"min_age": "60..70"}, "approval-parameters"),  # would not let it start
    ],
)
def test_bounds_that_do_not_fit_are_refused_before_anything_is_said(
    world: World, bounds: dict[str, str], code: str
) -> None:
    _, offer, _ = held(world)
    with pytest.raises(ApprovalError) as told:
        decisions.approve(
            desk(world), offer.journey, by="olga", request=ApprovalRequest(bounds=bounds)
        )
    assert told.value.code == code
    assert decisions.pending(desk(world))[0].approvers == ()


def test_a_refusal_says_who_and_why(world: World) -> None:
    daemon, offer, stop = held(world)
    decisions.refuse(desk(world), offer.journey, by="olga", reason="not this year")
    run(daemon)
    assert world.record(offer).sentence.endswith("refused this journey: not this year.")
    assert stop.read(stop_files.DECISION).by == ("olga",)
    with raises_code(StationError, "nothing-to-decide"):
        decisions.approve(desk(world), offer.journey, by="olga")


def test_a_damaged_proposal_keeps_nobody_from_refusing_its_journey(world: World) -> None:
    once(world)
    signed, proposal = proposed(world)
    _, offer, stop = held(world, proposal=signed.digest)
    kept = StationProposals(world.folder.proposals).find(proposal.id)
    (kept.path / f"{signed.digest.removeprefix('sha256:')}.json").write_text("{}")
    with pytest.raises(PhtlabError):
        decisions.approve(desk(world), offer.journey, by="olga")
    decisions.refuse(desk(world), offer.journey, by="olga", reason="no")
    assert stop.read(stop_files.DECISION).verdict == "refuse"


@pytest.mark.parametrize("name", ["", "Olga", "olga/../x", "o" * 80, "ol ga"])
def test_only_a_name_names_a_person(world: World, name: str) -> None:
    _, offer, _ = held(world)
    with pytest.raises(ApprovalError) as told:
        decisions.approve(desk(world), offer.journey, by=name)
    assert told.value.code == "person-name"


# Two persons


@pytest.fixture
def of_two(world: World) -> World:
    world.folder.policy.write_text('mode = "human"\n[approval]\ntwo_persons = ["mid", "high"]\n')
    return world


def test_the_first_one_s_word_waits_for_a_second_person(of_two: World) -> None:
    daemon, offer, stop = held(of_two)
    first = decisions.approve(desk(of_two), offer.journey, by="olga")
    assert first.missing == 1
    run(daemon, 3)
    assert stop.state == "held"
    (waiting,) = decisions.pending(desk(of_two))
    assert (waiting.approvers, waiting.persons, waiting.risk) == (("olga",), 2, "mid")
    second = decisions.approve(desk(of_two), offer.journey, by="peter")
    assert second.missing == 0
    assert "approved by olga and peter" in second.sentence
    run(daemon)
    assert stop.state == "departed"
    (shown,) = decisions.list_approvals(desk(of_two))
    assert shown.approval.approvers == ("olga", "peter")


def test_the_same_person_twice_is_one_person(of_two: World) -> None:
    daemon, offer, stop = held(of_two)
    decisions.approve(desk(of_two), offer.journey, by="olga")
    with raises_code(ApprovalError, "approval-twice"):
        decisions.approve(desk(of_two), offer.journey, by="olga")
    run(daemon, 3)
    assert stop.state == "held"


def test_two_who_begin_at_once_say_yes_to_the_same(of_two: World) -> None:
    daemon, offer, stop = held(of_two)
    with ThreadPoolExecutor(8) as pool:
        names = [f"olga-{number}" for number in range(8)]
        list(pool.map(lambda n: decisions.approve(desk(of_two), offer.journey, by=n), names))
    assert len(list(of_two.folder.drafts.iterdir())) == 1
    run(daemon)
    assert stop.state == "departed"
    (shown,) = decisions.list_approvals(desk(of_two))
    assert shown.approval.approvers == tuple(names)


def test_a_first_yes_is_gone_once_somebody_refused(of_two: World) -> None:
    daemon, offer, _ = held(of_two)
    decisions.approve(desk(of_two), offer.journey, by="olga")
    (draft,) = DraftStore(of_two.folder.drafts)
    decisions.refuse(desk(of_two), offer.journey, by="peter")
    DraftStore(of_two.folder.drafts).open(draft.draft).add_approval(
        "olga", of_two.now()
    )  # as if late
    DraftStore(of_two.folder.drafts).open(draft.draft).add_approval("rea", of_two.now())
    run(daemon)
    assert decisions.list_approvals(desk(of_two)) == ()
    assert not list(of_two.folder.drafts.iterdir())


def test_both_persons_are_reviewers_of_the_console_if_it_has_people(of_two: World) -> None:
    """Else a second name would be a second person."""
    daemon, offer, stop = held(of_two)
    (of_two.folder.path / "people.toml").write_text(
        '[people.olga]\nroles = ["reviewer"]\n[people.rea]\nroles = ["reader"]\n'
        '[people.peter]\nroles = ["admin", "reviewer"]\n'
    )
    decisions.approve(desk(of_two), offer.journey, by="olga")
    for name, code in (("olga2", "person-unknown"), ("rea", "person-role")):
        with pytest.raises(PhtlabError) as told:
            decisions.approve(desk(of_two), offer.journey, by=name)
        assert told.value.code == code
    decisions.approve(desk(of_two), offer.journey, by="peter")
    run(daemon)
    assert stop.state == "departed"


def test_the_second_person_says_yes_to_what_the_first_one_said_yes_to(of_two: World) -> None:
    daemon, offer, stop = held(of_two)
    wanted = ApprovalRequest(bounds={"min_age": "50..60"})
    decisions.approve(desk(of_two), offer.journey, by="olga", request=wanted)
    with raises_code(ApprovalError, "approval-terms"):
        decisions.approve(
            desk(of_two), offer.journey, by="peter", request=ApprovalRequest(days=200)
        )
    word = decisions.approve(desk(of_two), offer.journey, by="peter")
    assert "min_age 50 to 60" in word.sentence
    run(daemon)
    assert stop.state == "departed"


def test_one_person_s_approval_is_not_enough_once_the_policy_asks_for_two(world: World) -> None:
    train = world.train()
    once(world, train=train)
    world.folder.policy.write_text('mode = "human"\n[approval]\ntwo_persons = ["low"]\n')
    _, _, stop = held(world, train=train)
    assert "need the yes of 2 persons; olga gave it" in stop.read(stop_files.HELD).why_not


def test_a_low_risk_train_needs_one_person_only(of_two: World) -> None:
    of_two.folder.policy.write_text('mode = "human"\n')
    once(of_two)
    of_two.folder.policy.write_text('mode = "human"\n[approval]\ntwo_persons = ["mid", "high"]\n')
    once(of_two, train=of_two.train(COUNTS + "# low by now\n"))


# Rules within a proposal


def test_a_low_risk_train_under_a_rule_starts_without_a_person(world: World) -> None:
    once(world)
    signed, proposal = proposed(world)
    approval = ruled(world, proposal)
    assert (approval.scope, approval.proposal) == ("low-risk", signed.digest)
    assert approval.expires == proposal.until
    world.central.records.clear()
    offer = world.offer(world.train(COUNTS + "# two\n"), proposal=signed.digest)
    assert world.travel(offer).outcome == "departed"


def test_a_notebook_s_rule_allows_its_trains_and_no_other_notebook(world: World) -> None:
    once(world)
    signed, proposal = proposed(world)
    analysis = world.analysis(COUNTS + "# two\n")
    ruled(world, proposal, notebook=digest(analysis.travelling()))
    world.central.records.clear()
    train = world.train(COUNTS + "# two\n", name="renamed")
    assert world.travel(world.offer(train, proposal=signed.digest)).outcome == "departed"
    _, _, stop = held(world, train=world.train(COUNTS + "# three\n"), proposal=signed.digest)
    assert "it is for the notebook sha256:" in stop.read(stop_files.HELD).why_not


def test_journeys_under_a_proposal_are_counted_from_what_came(world: World) -> None:
    once(world)
    signed, proposal = proposed(world, journeys=2)
    ruled(world, proposal)
    for number in range(2):
        world.central.records.clear()
        offer = world.offer(world.train(COUNTS + f"# {number}\n"), proposal=signed.digest)
        assert world.travel(offer).outcome == "departed"
    _, _, stop = held(world, train=world.train(COUNTS + "# 3\n"), proposal=signed.digest)
    assert "its 2 journeys were made here" in stop.read(stop_files.HELD).why_not


def test_a_new_version_s_journeys_go_on_from_those_before(world: World) -> None:
    once(world)
    first, proposal = proposed(world, journeys=1)
    ruled(world, proposal)
    world.central.records.clear()
    offer = world.offer(world.train(COUNTS + "# 1\n"), proposal=first.digest)
    assert world.travel(offer).outcome == "departed"
    second, newer = proposed(world, id=proposal.id, version=2, previous=first.digest, journeys=2)
    decisions.approve(desk(world), newer.id, by="olga")
    world.daemon().step()
    world.central.records.clear()
    offer = world.offer(world.train(COUNTS + "# 2\n"), proposal=second.digest)
    assert world.travel(offer).outcome == "departed"
    held(world, train=world.train(COUNTS + "# 3\n"), proposal=second.digest)


def test_what_a_rule_does_not_allow_waits_for_a_person(world: World) -> None:
    """Another researcher, parameters outside, another version, more than low risk."""
    once(world)
    first, proposal = proposed(world)
    ruled(world, proposal)
    second, _ = proposed(world, id=proposal.id, version=2, previous=first.digest)
    world.roster = world.roster.model_copy(
        update={"members": (*world.roster.members, member("bob", "researcher"))}
    )
    table = COUNTS.replace(', counts="n"', "")  # names no column of counts: rows may be persons
    for told, order in (
        ("takes 18 to 65", {"parameters": {"min_age": 70}, "proposal": first.digest}),
        ("another version of it", {"proposal": second.digest}),
        ("it is for the train", {"proposal": None}),
        ("", {"signer": "bob", "train": world.train(author="bob"), "proposal": first.digest}),
        ("this train's is high", {"train": world.train(table), "proposal": first.digest}),
    ):
        _, _, stop = held(world, **{"train": world.train(COUNTS + f"# {told}\n"), **order})
        assert told in stop.read(stop_files.HELD).why_not


def test_a_held_journey_may_be_approved_as_a_rule(world: World) -> None:
    once(world)
    signed, _ = proposed(world)
    daemon, offer, stop = held(world, train=world.train(COUNTS + "# 1\n"), proposal=signed.digest)
    decisions.approve(
        desk(world), offer.journey, by="olga", request=ApprovalRequest(scope="low-risk", days=10)
    )
    run(daemon)
    assert stop.state == "departed"
    world.central.records.clear()
    offer = world.offer(world.train(COUNTS + "# 2\n"), proposal=signed.digest)
    assert world.travel(offer).outcome == "departed"


def test_a_rule_lets_go_what_waits_already(world: World) -> None:
    once(world)
    signed, proposal = proposed(world)
    daemon, _, stop = held(world, train=world.train(COUNTS + "# 1\n"), proposal=signed.digest)
    ruled(world, proposal)
    run(daemon)
    assert stop.state == "departed"


def test_there_is_no_rule_without_a_proposal_nor_a_low_risk_rule_of_a_higher_risk(
    world: World,
) -> None:
    _, offer, _ = held(world)
    with pytest.raises(ApprovalError) as told:
        decisions.approve(
            desk(world), offer.journey, by="olga", request=ApprovalRequest(scope="low-risk")
        )
    assert told.value.code == "approval-no-proposal"
    signed, proposal = proposed(world)
    _, offer, _ = held(world, proposal=signed.digest)
    for target, wanted in (
        (offer.journey, ApprovalRequest(scope="low-risk")),  # a new image: its risk is mid
        (proposal.id, ApprovalRequest(scope="low-risk", risk="mid")),
    ):
        with pytest.raises(ApprovalError) as told:
            decisions.approve(desk(world), target, by="olga", request=wanted)
        assert told.value.code == "approval-risk"


# Proposals


def test_a_proposal_waits_until_it_is_decided(world: World) -> None:
    _, proposal = proposed(world)
    (waiting,) = decisions.pending(desk(world))
    assert (waiting.kind, waiting.id, waiting.title) == ("proposal", proposal.id, "Hearts by age")
    ruled(world, proposal)
    assert decisions.pending(desk(world)) == ()


def test_a_refused_proposal_is_signed_for_and_told_once(world: World) -> None:
    _, proposal = proposed(world)
    decisions.refuse(desk(world), proposal.id, by="olga", reason="no ethics vote")
    with pytest.raises(ProposalError):
        decisions.refuse(desk(world), proposal.id, by="olga")
    assert decisions.pending(desk(world)) == ()
    daemon = world.daemon()
    daemon.step()
    daemon.exchange()
    daemon.exchange()
    world.daemon().exchange()  # another daemon sees that central has it
    (sent,) = world.central.governance.decisions[proposal.id]
    refusal = open_refusal(sent, world.roster)
    assert (refusal.by, refusal.reason) == ("olga", "no ethics vote")


def test_journeys_under_a_proposal_that_is_refused_are_refused(world: World) -> None:
    """Those that wait, and those that come; one that a person approved before goes on."""
    once(world)
    signed, proposal = proposed(world)
    daemon, _, waiting = held(world, train=world.train(COUNTS + "# 1\n"), proposal=signed.digest)
    decisions.refuse(desk(world), proposal.id, by="olga")
    run(daemon, 4)
    assert waiting.final_record().code == "proposal-refused"
    world.central.records.clear()
    offer = world.offer(world.train(COUNTS + "# 2\n"), proposal=signed.digest)
    assert world.travel(offer).code == "proposal-refused"


def test_a_question_reaches_central_once(world: World) -> None:
    _, proposal = proposed(world)
    decisions.comment(desk(world), proposal.id, "Which\ncolumns?\n", by="olga")
    for _ in range(3):
        world.daemon().exchange()
    (comment,) = world.central.governance.talk[proposal.id]
    assert (comment.text, comment.question) == ("Which\ncolumns?\n", True)


def test_a_question_is_news_once_so_that_it_waits_for_no_timer(world: World) -> None:
    _, proposal = proposed(world)
    exchange = ApprovalSync(world.station())
    assert not exchange.hears()
    decisions.comment(desk(world), proposal.id, "Which columns?", by="olga")
    assert exchange.hears()
    assert not exchange.hears()
    exchange.run()
    decisions.comment(desk(world), proposal.id, "And why?", by="olga")
    assert exchange.hears()


def test_the_researcher_sees_once_that_somebody_reads_the_proposal(world: World) -> None:
    signed, proposal = proposed(world)
    for _ in range(2):
        decisions.begin_review(desk(world), proposal.id, by="olga")
        world.daemon().exchange()
    assert world.central.governance.in_review == [signed.digest]


def test_a_withdrawn_proposal_allows_nothing_any_more(world: World) -> None:
    once(world)
    signed, proposal = proposed(world)
    ruled(world, proposal)
    withdrawal = Withdrawal(
        researcher="ada", proposal_id=proposal.id, proposal=signed.digest, issued=world.now()
    )
    world.central.governance.withdrawals[proposal.id] = withdrawal.sign(identity("ada"))
    world.central.governance.changed += 1
    world.daemon().exchange()
    world.central.records.clear()
    offer = world.offer(world.train(COUNTS + "# 1\n"), proposal=signed.digest)
    assert world.travel(offer).code == "proposal-withdrawn"
    with pytest.raises(ProposalError) as told:
        decisions.approve(desk(world), proposal.id, by="olga")
    assert told.value.code == "proposal-withdrawn"


def test_a_proposal_that_does_not_name_this_station_is_not_kept(world: World) -> None:
    proposed(world, stations=("hungary",))
    assert not world.folder.proposals.exists()


# What is taken back


def test_what_has_not_started_is_refused_when_its_approval_is_taken_back(world: World) -> None:
    world.settings = world.settings.model_copy(update={"max_running": 1})
    train = world.train()
    once(world, train=train)
    busy = world.offer(train, nonce="b" * 32)
    world.scripted.script.lasts = True
    daemon = world.begun(busy, steps=5)
    offer = world.offer(train, nonce="c" * 32)
    daemon.receive(offer)
    run(daemon, 3)
    assert (world.stop(busy).state, world.stop(offer).state) == ("running", "admitted")
    (shown,) = decisions.list_approvals(desk(world))
    decisions.revoke(desk(world), shown.digest[7:19], by="peter", reason="a mistake")
    run(daemon, 3)
    record = world.stop(offer).final_record()
    assert (record.outcome, record.code) == ("refused", "approval-revoked")
    assert world.stop(busy).state == "running"
    (shown,) = decisions.list_approvals(desk(world))
    assert (shown.state, shown.why) == ("revoked", "a mistake")
    held(world, train=train, nonce="d" * 32)
    with pytest.raises(ApprovalError):
        decisions.revoke(desk(world), shown.digest, by="peter")


def test_what_runs_is_stopped_if_so_wished(world: World) -> None:
    train = world.train()
    once(world, train=train)
    world.scripted.script.lasts = True
    offer = world.offer(train, nonce="b" * 32)
    daemon = world.begun(offer, steps=5)
    assert world.stop(offer).state == "running"
    (shown,) = decisions.list_approvals(desk(world))
    decisions.revoke(desk(world), shown.digest, by="peter", stop_runs=True)
    run(daemon)
    record = world.stop(offer).final_record()
    assert (record.outcome, record.code) == ("cancelled", "approval-revoked")
    assert world.scripted.statuses == {}


def test_a_yes_that_is_taken_back_before_the_daemon_looks_lets_nothing_start(world: World) -> None:
    daemon, offer, stop = held(world)
    decisions.approve(desk(world), offer.journey, by="olga")
    daemon._sign()
    (shown,) = decisions.list_approvals(desk(world))
    decisions.revoke(desk(world), shown.digest, by="olga")
    run(daemon)
    assert stop.final_record().code == "approval-revoked"
    assert world.scripted.started == []


# Central is told


def test_central_is_told_of_all_that_was_decided_until_it_has_it(world: World) -> None:
    once(world)
    _, proposal = proposed(world)
    rule = ruled(world, proposal)
    daemon, central = world.daemon(), world.central
    central.down = True
    with pytest.raises(PhtlabError):
        daemon.exchange()
    central.down = False
    daemon.exchange()
    assert len(central.governance.approved) == 2
    (sent,) = central.governance.decisions[proposal.id]
    assert open_approval(sent, world.roster) == rule
    standing = open_active_approvals(
        central.governance.standings[-1], world.roster, station="cleveland", now=world.now()
    )
    assert set(standing.approvals) == set(central.governance.approved)
    decisions.revoke(desk(world), sent.digest, by="peter")
    daemon.step()
    daemon.exchange()
    (revocation,) = central.governance.revoked.values()
    assert open_revocation(revocation, world.roster).approval == sent.digest
    newer = open_active_approvals(
        central.governance.standings[-1], world.roster, station="cleveland", now=world.now()
    )
    assert sent.digest not in newer.approvals
    assert newer.number > standing.number


def test_what_central_refuses_stands_in_nobody_s_way(world: World) -> None:
    once(world)
    world.central.governance.refuses = ApprovalError("No.", code="decision-proposal")
    daemon = world.daemon()
    with pytest.raises(ApprovalError):
        daemon.exchange()
    world.central.governance.refuses = None
    daemon.exchange()
    assert len(world.central.governance.approved) == 1


def test_a_central_that_was_set_back_is_told_again(world: World) -> None:
    once(world)
    world.daemon().exchange()
    world.central.governance.approved.clear()
    world.central.governance.standings.clear()
    world.daemon().exchange()
    assert len(world.central.governance.approved) == 1
    assert len(world.central.governance.standings) == 1


def test_a_list_is_made_anew_well_before_it_ends(world: World) -> None:
    once(world)
    daemon = world.daemon()
    for hours, lists in ((0, 1), (5, 1), (7, 2), (12, 2), (14, 3)):
        world.ahead = timedelta(hours=hours)
        daemon.exchange()
        assert len(world.central.governance.standings) == lists


def test_a_station_that_never_approved_anything_signs_no_list(world: World) -> None:
    world.daemon().exchange()
    assert world.central.governance.standings == []
    assert not world.folder.active_approvals.exists()


def test_a_restored_station_goes_on_above_what_it_gave_out_and_keeps_what_it_took_back(
    world: World, tmp_path: Path
) -> None:
    """Its folder is that of yesterday: today's revocation and list are not in it."""
    once(world)
    world.daemon().exchange()
    shutil.copytree(world.folder.path, tmp_path / "backup")
    (shown,) = decisions.list_approvals(desk(world))
    decisions.revoke(desk(world), shown.digest, by="olga")
    daemon = world.daemon()
    daemon.step()
    daemon.exchange()
    given = world.central.governance.standings[-1]
    shutil.rmtree(world.folder.path)
    (tmp_path / "backup").rename(world.folder.path)
    world.ahead = timedelta(seconds=2)
    world.daemon().exchange()
    (shown,) = decisions.list_approvals(desk(world))
    assert shown.state == "revoked"
    newest = world.central.governance.standings[-1]
    assert peek(newest).predicate["number"] > peek(given).predicate["number"]
    assert peek(newest).predicate["approvals"] == []


def test_a_clock_that_was_set_back_gives_no_number_twice(world: World) -> None:
    once(world)
    world.daemon().exchange()
    before = peek(world.central.governance.standings[-1]).predicate["number"]
    world.ahead = timedelta(days=-1)
    world.daemon().exchange()
    assert peek(world.central.governance.standings[-1]).predicate["number"] > before


# The agreement


def accepted(world: World, by: str, agreement: Agreement) -> None:
    acceptance = Acceptance(
        member=by, agreement=agreement.digest, roster_version=3, issued=world.now()
    )
    world.central.governance.accepted.append(acceptance.sign(identity(by)))


def test_who_has_not_accepted_the_agreement_is_refused_if_the_policy_says_so(world: World) -> None:
    """In mode auto too. An older text, or another's acceptance, is not enough."""
    world.folder.policy.write_text('mode = "auto"\n[approval]\nagreement = true\n')
    assert world.travel(world.offer()).outcome == "departed"  # there is no agreement yet
    world.agreement = Agreement(text="Be careful.\n")
    accepted(world, "hungary", world.agreement)
    accepted(world, "ada", Agreement(text="Be nice.\n"))
    world.central.records.clear()
    record = world.travel(world.offer())
    assert (record.outcome, record.code) == ("refused", "agreement-missing")
    accepted(world, "ada", world.agreement)
    for _ in range(2):  # and central need not be asked twice
        world.central.records.clear()
        assert world.travel(world.offer()).outcome == "departed"
        world.central.governance.accepted.clear()


def test_two_journeys_at_once_are_not_both_the_last_one_of_a_proposal(world: World) -> None:
    once(world)
    signed, proposal = proposed(world, journeys=1)
    ruled(world, proposal)
    daemon = world.daemon()
    stops = []
    for number in range(4):
        offer = world.offer(
            world.train(COUNTS + f"# {number}\n"), proposal=signed.digest, nonce=f"{number:032x}"
        )
        daemon.receive(offer)
        stops.append(world.stop(offer))
    daemon.step()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(daemon._advance, stops))
    assert sum(stop.has(Marker.ADMITTED) for stop in stops) == 1


# Killed anywhere


@pytest.mark.parametrize("when", ["signed", "kept", "let go", "removed"])
def test_a_daemon_that_is_killed_signs_no_approval_twice(
    world: World, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    class Killed(BaseException):
        pass

    def killed(after: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            after(*args)
            raise Killed

        return call

    daemon, offer, stop = held(world)
    decisions.approve(desk(world), offer.journey, by="olga")
    place, name = {
        "signed": (DraftFolder, "sign_as"),
        "kept": (Approvals, "keep"),
        "let go": (ApprovalSigner, "recheck"),
        "removed": (DraftFolder, "remove"),
    }[when]
    with monkeypatch.context() as patch:
        patch.setattr(place, name, killed(getattr(place, name)))
        with pytest.raises(Killed):
            daemon.step()
    again = world.daemon()
    run(again)
    assert len(decisions.list_approvals(desk(world))) == 1
    assert stop.state == "departed"


def test_what_cannot_be_read_stands_in_nobody_s_way(world: World) -> None:
    """A draft, an approval, a word: each says nothing, and the rest goes on."""
    for place, name in (
        (world.folder.drafts / "a", "draft.json"),
        (world.folder.approvals, "b.json"),
    ):
        place.mkdir(parents=True)
        (place / name).write_text("{")
    once(world)
    (shown,) = decisions.list_approvals(desk(world))
    decisions.revoke(desk(world), shown.digest, by="olga")
    (world.folder.revocations / f"{shown.digest[7:]}.word").write_text("{")
    _, _, stop = held(world)  # a word that is broken takes back all the same
    assert "took this approval back" in stop.read(stop_files.HELD).why_not
    assert Approvals(world.folder).revocation(shown.digest, "cleveland") is not None


def test_every_act_is_in_the_station_s_log(world: World) -> None:
    once(world)
    _, proposal = proposed(world)
    decisions.comment(desk(world), proposal.id, "Why?", by="olga")
    ruled(world, proposal)
    (shown, *_) = decisions.list_approvals(desk(world))
    decisions.revoke(desk(world), shown.digest, by="peter", reason="over")
    entries = desk(world).audit.entries()
    acts = [(e.actor, e.action) for e in entries if e.action.startswith(("app", "prop"))]
    (admitted,) = [e for e in desk(world).audit.entries() if e.action == "stop-admitted"]
    assert admitted.details["approval"] in [s.digest for s in decisions.list_approvals(desk(world))]
    assert acts == [
        ("olga", "approval-said"),
        ("cleveland", "approval-signed"),
        ("olga", "proposal-asked"),
        ("olga", "approval-said"),
        ("cleveland", "approval-signed"),
        ("peter", "approval-revoked"),
    ]
