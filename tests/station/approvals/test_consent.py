"""What a yes counts for: what was read, by as many as were asked for, for terms that lie there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from phtlab.errors import ApprovalError, PhtlabError, ProposalError
from phtlab.station.approvals import decisions
from phtlab.station.approvals.drafts import DraftFolder, DraftStore
from phtlab.station.approvals.proposals import StationProposal
from phtlab.station.approvals.store import Approvals
from phtlab.station.approvals.terms import ApprovalRequest
from phtlab.station.audit.log import Log
from phtlab.station.stops.stop import Stop
from tests.raising import raises_code
from tests.station.approvals.test_approvals import desk, held, once, proposed, run
from tests.station.station_world import World

TWO = 'mode = "human"\n[approval]\ntwo_persons = ["low", "mid", "high"]\n'


@pytest.fixture
def of_two(world: World) -> World:
    world.folder.policy.write_text(TWO)
    return world


def code_of(act: Callable[..., Any], *args: Any, **named: Any) -> str:
    with pytest.raises(PhtlabError) as told:
        act(*args, **named)
    return told.value.code


def test_a_yes_to_the_sentence_of_an_older_version_counts_for_nothing(world: World) -> None:
    here = desk(world)
    first, proposal = proposed(world)
    read = decisions.preview(here, proposal.id, by="olga").sentence
    newer, _ = proposed(world, id=proposal.id, version=2, previous=first.digest, journeys=9)
    for named in ({"seen": read}, {"version": first.digest}, {"version": first.digest[7:19]}):
        assert code_of(decisions.approve, here, proposal.id, by="olga", **named) == "approval-shown"
    named = {"by": "olga", "version": first.digest}
    assert code_of(decisions.refuse, here, proposal.id, **named) == "approval-shown"
    assert not list(DraftStore(world.folder.drafts))
    assert [one for one in here.audit.entries() if one.actor == "olga"] == []
    read = decisions.preview(here, proposal.id, by="olga").sentence
    assert newer.digest in read
    decisions.approve(here, proposal.id, by="olga", seen=read, version=newer.digest)


def test_a_beginning_of_a_version_that_many_could_have_names_none(world: World) -> None:
    signed, proposal = proposed(world)
    for beginning in ("", "sha256:", signed.digest[:18]):
        named = {"by": "olga", "version": beginning}
        assert code_of(decisions.approve, desk(world), proposal.id, **named) == "approval-form"


def test_a_journey_has_no_version_to_name(world: World) -> None:
    _, offer, _ = held(world)
    named = {"by": "olga", "version": "0" * 12}
    assert code_of(decisions.approve, desk(world), offer.journey, **named) == "approval-form"


def test_a_refused_version_is_completed_by_nobody(of_two: World) -> None:
    here = desk(of_two)
    signed, proposal = proposed(of_two)
    decisions.approve(here, proposal.id, by="ann")
    (draft,) = DraftStore(of_two.folder.drafts)
    decisions.refuse(here, proposal.id, by="bob")
    assert not list(DraftStore(of_two.folder.drafts))
    with raises_code(ProposalError, "proposal-refused"):
        decisions.approve(here, proposal.id, by="cis")
    late = DraftStore(of_two.folder.drafts).open(draft.draft)  # as if both had been at it
    late.add_approval("ann", of_two.now())
    late.add_approval("cis", of_two.now())
    run(of_two.daemon(), 2)
    assert decisions.list_approvals(here) == ()
    assert not list(of_two.folder.drafts.iterdir())
    proposed(of_two, id=proposal.id, version=2, previous=signed.digest)
    assert decisions.approve(here, proposal.id, by="cis").missing == 1


def test_a_rule_from_a_journey_goes_with_its_proposal_s_refusal(of_two: World) -> None:
    signed, proposal = proposed(of_two)
    _, offer, _ = held(of_two, proposal=signed.digest)
    wanted = ApprovalRequest(scope="notebook")
    decisions.approve(desk(of_two), offer.journey, by="ann", request=wanted)
    decisions.refuse(desk(of_two), proposal.id, by="bob")
    assert not list(DraftStore(of_two.folder.drafts))
    refused = code_of(decisions.approve, desk(of_two), offer.journey, by="cis")
    assert refused == "proposal-refused"


def test_a_sentence_that_was_shown_is_agreed_to_whatever_else_the_form_says(of_two: World) -> None:
    here = desk(of_two)
    _, offer, _ = held(of_two)
    narrow = ApprovalRequest(bounds={"min_age": "50..60"}, note="only the old")
    first = decisions.approve(here, offer.journey, by="ann", request=narrow)
    assert first.sentence.endswith('min_age 50 to 60. Note: "only the old"')
    form = ApprovalRequest(scope="train")
    shown = decisions.preview(here, offer.journey, by="bob", request=form).sentence
    assert "min_age 50 to 60" in shown
    # Without having seen it, naming other terms is no yes to these.
    refused = code_of(decisions.approve, here, offer.journey, by="bob", request=form)
    assert refused == "approval-terms"
    word = decisions.approve(here, offer.journey, by="bob", request=form, seen=shown)
    assert (word.missing, word.sentence) == (0, shown)


@pytest.mark.parametrize("note", ["two\nlines", "x" * 201, "\u202eback"])
def test_a_note_is_one_line_that_can_be_seen(world: World, note: str) -> None:
    _, offer, _ = held(world)
    with raises_code(ApprovalError, "approval-form"):
        decisions.approve(desk(world), offer.journey, by="olga", request=ApprovalRequest(note=note))


def test_a_policy_that_asks_for_fewer_completes_nothing_that_was_half_given(of_two: World) -> None:
    daemon, offer, stop = held(of_two)
    decisions.approve(desk(of_two), offer.journey, by="ann")
    of_two.folder.policy.write_text('mode = "human"\n')
    run(daemon, 3)
    assert stop.state == "held"
    (waiting,) = decisions.pending(desk(of_two))
    assert (waiting.approvers, waiting.persons) == (("ann",), 2)
    assert decisions.approve(desk(of_two), offer.journey, by="bob").missing == 0
    run(daemon)
    assert stop.state == "departed"


def test_a_policy_that_asks_for_more_counts_for_what_was_half_given(world: World) -> None:
    _, offer, _ = held(world)
    decisions.approve(desk(world), offer.journey, by="ann")
    world.folder.policy.write_text(TWO)
    (waiting,) = decisions.pending(desk(world))
    assert waiting.persons == 2


class Killed(BaseException):
    pass


def test_of_an_act_that_was_killed_the_log_says_whose_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is logged before anything counts; an act that cannot be logged does not happen."""
    once(world)
    (given,) = decisions.list_approvals(desk(world))
    _, proposal = proposed(world)
    _, offer, stop = held(world, train=world.train("print(1)\n"))
    here = desk(world)
    acts: list[tuple[str, type, str, Callable[[], Any]]] = [
        (
            "approval-said",
            DraftFolder,
            "add_approval",
            lambda: decisions.approve(here, offer.journey, by="x"),
        ),
        ("journey-refused", Stop, "decide", lambda: decisions.refuse(here, offer.journey, by="x")),
        (
            "proposal-refused",
            StationProposal,
            "refuse",
            lambda: decisions.refuse(here, proposal.id, by="x"),
        ),
        (
            "proposal-asked",
            StationProposal,
            "add_comment",
            lambda: decisions.comment(here, proposal.id, "?", by="x"),
        ),
        (
            "approval-revoked",
            Approvals,
            "request_revocation",
            lambda: decisions.revoke(here, given.digest, by="x"),
        ),
    ]

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    for action, place, name, act in acts:
        for broken, attribute in ((place, name), (Log, "append")):
            with monkeypatch.context() as patch:
                patch.setattr(broken, attribute, killed)
                with pytest.raises(Killed):
                    act()
        assert (last := list(here.audit.entries())[-1]).action == action
        assert last.actor == "x"
    assert stop.undecided
    assert [one.approvers for one in decisions.pending(here)] == [(), ()]
    assert [one.state for one in decisions.list_approvals(here)] == ["active"]
    assert not list(StationProposal(world.folder.proposals / proposal.id).unsent_comments())


def test_a_yes_to_terms_that_go_at_this_moment_is_told_so(
    of_two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon takes the draft away before the word is written, and after it was."""
    _, offer, _ = held(of_two)
    decisions.approve(desk(of_two), offer.journey, by="ann")
    real = Log.append

    def meanwhile(*args: Any, **named: Any) -> Any:
        (draft,) = DraftStore(of_two.folder.drafts)
        draft.remove()
        return real(*args, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Log, "append", meanwhile)
        with raises_code(ApprovalError, "approval-gone"):
            decisions.approve(desk(of_two), offer.journey, by="bob")
    assert not list(of_two.folder.drafts.iterdir())
    assert decisions.approve(desk(of_two), offer.journey, by="bob").approvers == ("bob",)


def test_no_word_of_a_draft_that_went_counts_for_the_next_one(
    of_two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while the folder was taken away."""
    _, offer, _ = held(of_two)
    decisions.approve(desk(of_two), offer.journey, by="ann")
    (draft,) = DraftStore(of_two.folder.drafts)

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("phtlab.station.approvals.drafts.shutil.rmtree", killed)
        with pytest.raises(Killed):
            draft.remove()
    assert list(of_two.folder.drafts.iterdir())
    (waiting,) = decisions.pending(desk(of_two))
    assert waiting.approvers == ()
    assert decisions.approve(desk(of_two), offer.journey, by="bob").approvers == ("bob",)
    (again,) = DraftStore(of_two.folder.drafts)
    again.remove()
    assert not list(of_two.folder.drafts.iterdir())
