"""What a yes to a proposal lets start: the study's own trains, and void where the keys are old."""

from __future__ import annotations

import base64
import json

import pytest

from phtlab.errors import ApprovalError
from phtlab.files.durable_file import write_durably
from phtlab.governance import Approval
from phtlab.station.approvals import decisions
from phtlab.station.approvals.drafts import DraftStore
from phtlab.station.approvals.store import Approvals
from phtlab.station.approvals.terms import ApprovalRequest, described
from phtlab.station.context.station_context import StationContext
from phtlab.station.stops.marker import Marker
from phtlab.train.canonical import canonical
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.roster import Roster
from tests.raising import raises_code
from tests.station.approvals.test_approvals import desk, held, once, proposed, ruled, run
from tests.station.station_world import World

UNCOUNTED = """\
import phtlab
heart = phtlab.dataset("heart")
phtlab.publish("mean", float(heart.age.mean()), kind="scalar")
"""


def notebook_of(world: World, source: str = UNCOUNTED) -> str:
    """The digest of the notebook that a train of `source` carries."""
    files = peek(world.train(source)).predicate["files"]
    (found,) = [one["sha256"] for one in files if one["path"].endswith(".ipynb")]
    return str(found)


def test_a_yes_to_a_study_of_mid_risk_lets_its_own_train_start(world: World) -> None:
    """Before, the yes was for low-risk trains, and the study's own waited for a person again."""
    once(world)
    notebook = notebook_of(world)
    signed, proposal = proposed(world, risk="mid", notebooks=(notebook,))
    word = decisions.preview(desk(world), proposal.id, by="olga")
    assert word.scope == "notebook"
    assert f"with the notebook {notebook}" in word.sentence
    assert "Risk: at most mid." in word.sentence
    decisions.approve(desk(world), proposal.id, by="olga", seen=word.sentence)
    world.daemon().step()
    offer = world.offer(world.train(UNCOUNTED), proposal=signed.digest)
    daemon = world.begun(offer, steps=3)
    run(daemon)
    stop = world.stop(offer)
    assert stop.has(Marker.ADMITTED)
    (shown,) = [one for one in decisions.list_approvals(desk(world)) if one.approval.proposal_id]
    assert shown.lacks == ""


def test_a_yes_to_a_study_of_low_risk_is_for_its_low_risk_trains(world: World) -> None:
    once(world)
    _, proposal = proposed(world, notebooks=(notebook_of(world),))
    assert decisions.preview(desk(world), proposal.id, by="olga").scope == "low-risk"


def test_a_kernel_image_that_is_new_here_makes_the_first_train_mid(world: World) -> None:
    notebook = notebook_of(world)
    _, proposal = proposed(world, notebooks=(notebook,))
    word = decisions.preview(desk(world), proposal.id, by="olga")
    assert (word.scope, "Risk: at most mid." in word.sentence) == ("notebook", True)


@pytest.mark.parametrize("notebooks", [0, 2])
def test_where_no_rule_covers_the_study_nothing_is_chosen_for_a_person(
    world: World, notebooks: int
) -> None:
    once(world)
    named = tuple(notebook_of(world, UNCOUNTED + f"# {n}\n") for n in range(notebooks))
    _, proposal = proposed(world, risk="mid", notebooks=named)
    with raises_code(ApprovalError, "approval-risk"):
        decisions.preview(desk(world), proposal.id, by="olga")
    rule = ruled(world, proposal, scope="low-risk")
    assert rule.risk == "low"
    (shown,) = [one for one in decisions.list_approvals(desk(world)) if one.approval.proposal_id]
    assert shown.lacks == "only trains of at most low risk, and this study's are of mid risk"
    assert "not the study's own" in described(shown.approval, shown.lacks)


def test_as_many_persons_are_asked_as_the_study_s_risk_needs(world: World) -> None:
    once(world)
    world.folder.policy.write_text('mode = "human"\n[approval]\ntwo_persons = ["mid"]\n')
    _, proposal = proposed(world, risk="mid", notebooks=(notebook_of(world),))
    (waiting,) = decisions.pending(desk(world))
    assert waiting.persons == 2
    word = decisions.approve(desk(world), proposal.id, by="olga")
    assert word.missing == 1
    # The second person says yes to what lies there, without naming a rule again.
    assert decisions.approve(desk(world), proposal.id, by="piet").missing == 0
    assert len(list(DraftStore(world.folder.drafts))) == 1


def test_the_second_person_is_shown_the_rule_that_the_first_one_chose(world: World) -> None:
    once(world)
    world.folder.policy.write_text('mode = "human"\n[approval]\ntwo_persons = ["low", "mid"]\n')
    _, proposal = proposed(world, risk="mid", notebooks=(notebook_of(world),))
    decisions.approve(
        desk(world), proposal.id, by="olga", request=ApprovalRequest(scope="low-risk")
    )
    word = decisions.preview(desk(world), proposal.id, by="piet")
    assert (word.scope, word.approvers) == ("low-risk", ("olga", "piet"))


def test_a_notebook_s_rule_is_still_bounded_by_what_a_person_says(world: World) -> None:
    once(world)
    notebook = notebook_of(world)
    _, proposal = proposed(world, risk="high", notebooks=(notebook,))
    rule = ruled(world, proposal, scope="notebook", notebook=notebook, risk="low")
    assert rule.risk == "low"


# Void approvals


def _believe(world: World, roster: Roster) -> None:
    """As `Trust` keeps it in the station's folder."""
    text = base64.b64encode(canonical(roster.model_dump(mode="json", exclude={"version"}))).decode()
    kept = {"targets": text, "roster": text, "catalogue": text}
    world.folder.trust.mkdir(exist_ok=True)
    write_durably(world.folder.trust / "trusted.json", json.dumps(kept).encode())
    world.roster = roster


def _rotated(world: World) -> Roster:
    new = Identity.generate("cleveland")
    members = [
        Member(name=one.name, roles=one.roles, keys=new.public) if one.name == "cleveland" else one
        for one in world.roster.members
    ]
    return world.roster.model_copy(update={"members": tuple(members)})


def test_an_approval_of_keys_that_were_rotated_is_void_for_whoever_asks(world: World) -> None:
    """Before, the daemon did not believe it, and the commands and the console said it stands."""
    once(world)
    _, proposal = proposed(world)
    ruled(world, proposal)
    _believe(world, world.roster)
    here = desk(world)
    assert {one.state for one in decisions.list_approvals(here)} == {"active"}
    assert decisions.pending(here) == ()
    _believe(world, _rotated(world))
    shown = decisions.list_approvals(here)
    assert {(one.state, "approve again" in one.why) for one in shown} == {("void", True)}
    # It waits for a yes again, instead of being called approved.
    assert [one.id for one in decisions.pending(here)] == [proposal.id]
    word = decisions.approve(here, proposal.id, by="olga")
    assert word.missing == 0


def test_without_a_roster_in_the_folder_the_signature_is_not_looked_at(world: World) -> None:
    once(world)
    assert StationContext(world.folder, world.settings, world.now).roster() is None
    assert [one.state for one in decisions.list_approvals(desk(world))] == ["active"]


def test_what_the_list_of_the_daemon_calls_void_the_commands_call_void(world: World) -> None:
    once(world)
    _believe(world, _rotated(world))
    (kept,) = Approvals(world.folder)
    by_daemon = Approvals(world.folder).state(kept, "cleveland", world.now(), world.roster)
    (shown,) = decisions.list_approvals(desk(world))
    assert (shown.state, by_daemon) == ("void", "void")


def test_what_an_approval_allows_is_said_in_few_words(world: World) -> None:
    held(world)
    approval = Approval.model_validate(
        {
            "station": "cleveland",
            "scope": "low-risk",
            "proposal_id": "p-0123456789abcdef",
            "proposal": f"sha256:{'1' * 64}",
            "researcher": "ada",
            "datasets": ("heart",),
            "parameters": {
                "type": "object",
                "properties": {},
                "required": [],
                "additionalProperties": False,
            },
            "risk": "low",
            "approvers": ("olga",),
            "roster_version": 1,
            "nonce": "0" * 32,
            "issued": world.now().replace(microsecond=0),
            "expires": world.now().replace(microsecond=0, year=2100),
        }
    )
    assert approval.allows() == "trains of at most low risk"
    of_notebook = {"scope": "notebook", "notebook": f"sha256:{'a' * 64}", "risk": "mid"}
    other = approval.model_copy(update=of_notebook)
    assert other.allows() == "trains with the notebook aaaaaaaaaaaa of at most mid risk"
    train = {"scope": "train", "train": f"sha256:{'b' * 64}", "notebook": None}
    assert other.model_copy(update=train).allows() == "the train bbbbbbbbbbbb"
