"""Approvals and proposals of version 1 that a station keeps: void, and named as such."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from phtlab.errors import ApprovalError, SignatureError
from phtlab.governance import Approval, open_active_approvals
from phtlab.station.approvals import decisions
from phtlab.station.approvals.coverage import find_coverage
from phtlab.station.approvals.drafts import DraftStore
from phtlab.station.approvals.proposals import StationProposals
from phtlab.station.approvals.signer import ApprovalSigner
from phtlab.station.approvals.store import Approvals
from phtlab.station.approvals.subject import HeldJourney, coverage_request
from phtlab.station.approvals.terms import DEFAULT_REQUEST, of_journey
from phtlab.station.context.station_context import StationContext
from tests.governance import documents
from tests.raising import raises_code
from tests.station.station_world import World, identity
from tests.station.version_1 import keep_older_proposal


def _context(world: World) -> StationContext:
    return StationContext(world.folder, world.settings, world.now)


def _keep_older_approval(world: World, **changes: Any) -> Approval:
    now = world.now().replace(microsecond=0)
    approval = documents.approval(
        None,
        None,
        station="cleveland",
        issued=now - timedelta(days=1),
        expires=now + timedelta(days=30),
        **changes,
    )
    older = documents.approval_of_version_1(approval, identity("cleveland"))
    Approvals(world.folder).keep(older)
    return approval


def test_an_older_approval_is_listed_as_void_and_allows_nothing(world: World) -> None:
    offer = world.offer()
    daemon = world.begun(offer, steps=3)
    stop = world.stop(offer)
    verified = stop.verified_offer()
    train = verified.train
    _keep_older_approval(
        world, train=train.digest, risk="high", parameters=train.manifest.parameters
    )
    (listed,) = decisions.list_approvals(_context(world))
    assert (listed.state, listed.lacks) == ("void", "")
    station = world.station()
    covered = find_coverage(station, coverage_request(stop, verified, station, "mid", None))
    assert covered.approval is None
    assert covered.why_not is not None and covered.why_not.code == "document-version"
    for _ in range(3):
        daemon.step()
    assert stop.state == "held"
    # Approved again, it starts: the older one does not stand in the way.
    decisions.approve(_context(world), offer.journey, by="olga")
    for _ in range(12):
        daemon.step()
    assert world.record(offer).outcome == "departed"


def test_an_older_approval_is_in_no_list_of_active_ones_and_not_sent(world: World) -> None:
    _keep_older_approval(world)
    world.daemon().exchange()
    governance = world.central.governance
    assert governance.approved == {}
    active = open_active_approvals(
        governance.standings[-1], world.roster, station="cleveland", now=world.now()
    )
    assert active.approvals == ()


def test_an_older_approval_is_not_verified(world: World) -> None:
    _keep_older_approval(world)
    approvals = Approvals(world.folder)
    (kept,) = approvals
    with raises_code(ApprovalError, "document-version"):
        approvals.verified(kept, "cleveland", world.roster)
    assert approvals.state(kept, "cleveland", world.now()) == "void"


def test_files_that_are_no_approvals_are_named(world: World) -> None:
    _keep_older_approval(world)
    (world.folder.approvals / "broken.json").write_text("{")
    assert Approvals(world.folder).unreadable() == ("broken.json",)


def test_an_older_proposal_waits_for_nobody_and_is_named(world: World) -> None:
    name, envelope = keep_older_proposal(world)
    found = StationProposals(world.folder.proposals)
    assert list(found) == []
    assert {name: error.code for name, error in found.unreadable().items()} == {
        name: "document-version"
    }
    assert decisions.pending(_context(world)) == ()
    for asked in (lambda: found.find(name[:6]), lambda: found.of_version(envelope.digest)):
        with raises_code(SignatureError, "document-version"):
            asked()
    with raises_code(SignatureError, "document-version"):
        decisions.approve(_context(world), name, by="olga")


def test_an_approval_under_an_older_proposal_is_listed(world: World) -> None:
    name, envelope = keep_older_proposal(world)
    _keep_older_approval(
        world,
        proposal_id=name,
        proposal=envelope.digest,
        scope="notebook",
        train=None,
        notebook=documents.NOTEBOOK,
    )
    (listed,) = decisions.list_approvals(_context(world))
    assert (listed.state, listed.approval.proposal_id) == ("void", name)


def test_a_draft_under_an_older_proposal_is_removed(world: World) -> None:
    offer = world.offer()
    world.begun(offer, steps=3)
    station = _context(world)
    held = HeldJourney.of(world.stop(offer), station)
    name, envelope = keep_older_proposal(world)
    changes = {"journey": None, "proposal": envelope.digest, "proposal_id": name}
    draft = of_journey(held, station, DEFAULT_REQUEST).model_copy(update=changes)
    drafts = DraftStore(world.folder.drafts)
    drafts.open(draft).add_approval("olga", world.now())
    ApprovalSigner(world.station()).sign()
    assert list(drafts) == []
    assert list(Approvals(world.folder)) == []


def test_an_older_proposal_at_central_is_not_taken_in(world: World) -> None:
    proposal = documents.proposal(stations=("cleveland",))
    older = documents.proposal_of_version_1(proposal, identity("ada"))
    folder = StationProposals(world.folder.proposals).proposal(proposal.id)
    with raises_code(SignatureError, "document-version"):
        folder.import_versions([older], None, (), world.roster)
    assert not folder.path.exists()
