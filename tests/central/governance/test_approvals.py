"""Decisions, approvals, revocations and what stands, at central: kept as signed, never mixed up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from phtlab.central.db.tables import ProposalRow
from phtlab.central.governance.proposal_views import keys_of_stations, proposal_summary
from phtlab.errors import ApprovalError, CentralError, ProposalError, SignatureError
from phtlab.governance import Proposal
from phtlab.train.documents.envelope import Envelope
from tests.central.world import World
from tests.governance import documents
from tests.raising import raises_code


@pytest.fixture
def proposed(small_central: World) -> tuple[Proposal, Envelope]:
    return _propose(small_central)


def _propose(world: World) -> tuple[Proposal, Envelope]:
    proposal = documents.proposal()
    signed = proposal.sign(world.identity("ada"))
    world.client("ada").governance.submit_proposal(signed)
    return proposal, signed


def test_each_station_decides_for_itself_and_both_make_it_decided(central: World) -> None:
    proposal, signed = _propose(central)
    approval = documents.approval(proposal, signed).sign(central.identity("ulm"))
    ulm = central.client("ulm").governance
    view = ulm.decide(proposal.id, "ulm", approval)
    assert [s.state for s in view.summary.stations] == ["approved", "submitted"]
    assert view.summary.state == "in-review"
    assert ulm.decide(proposal.id, "ulm", approval) == view, "the same again"
    refusal = documents.refusal(proposal, signed, station="mainz").sign(central.identity("mainz"))
    view = central.client("mainz").governance.decide(proposal.id, "mainz", refusal)
    assert [s.state for s in view.summary.stations] == ["approved", "refused"]
    assert view.summary.state == "decided"
    assert [(d.station, d.kind, d.envelope) for d in view.decisions] == [
        ("ulm", "approved", approval),
        ("mainz", "refused", refusal),
    ]
    (listed,) = central.client("ada").governance.approvals(station="ulm", proposal=proposal.id)
    assert (listed.envelope, listed.revocation) == (approval, None)


def test_a_decision_stays_with_its_version(
    small_central: World, proposed: tuple[Proposal, Envelope]
) -> None:
    first, signed = proposed
    ulm, key = small_central.client("ulm").governance, small_central.identity("ulm")
    approval = documents.approval(first, signed).sign(key)
    ulm.decide(first.id, "ulm", approval)
    second = documents.successor(first, signed, journeys=99)
    second_signed = second.sign(small_central.identity("ada"))
    view = small_central.client("ada").governance.submit_proposal(second_signed)
    assert [s.state for s in view.summary.stations] == ["submitted", "submitted"]
    assert [d.proposal for d in view.decisions] == [signed.digest]
    late = documents.refusal(first, signed).sign(key)
    view = ulm.decide(first.id, "ulm", late)
    assert view.summary.stations[0].state == "submitted", "it is of the first version"
    again = documents.approval(second, second_signed).sign(key)
    view = ulm.decide(first.id, "ulm", again)
    assert view.summary.stations[0].state == "approved"
    assert len(small_central.client("ada").governance.approvals(proposal=signed.digest)) == 1


def test_a_decision_that_does_not_fit_is_refused(
    small_central: World, proposed: tuple[Proposal, Envelope]
) -> None:
    proposal, signed = proposed
    other, other_signed = _propose(small_central)
    ulm, key = small_central.client("ulm").governance, small_central.identity("ulm")
    jena = small_central.client("jena").governance
    unknown = documents.proposal(id=proposal.id, title="Another").sign(
        small_central.identity("ada")
    )
    for decision in (
        documents.approval(other, other_signed),  # replayed to another proposal
        documents.approval(proposal, unknown),  # a version that nobody submitted
        documents.approval(proposal, signed, researcher="bob"),
    ):
        with pytest.raises(ApprovalError) as refused:
            ulm.decide(proposal.id, "ulm", decision.sign(key))
        assert refused.value.code == "decision-proposal"
    with pytest.raises(ApprovalError) as refused:
        ulm.decide(
            proposal.id,
            "ulm",
            documents.approval(proposal, signed, station="mainz").sign(key),
        )
    assert refused.value.code == "approval-signer"
    mainz = documents.approval(proposal, signed, station="mainz").sign(
        small_central.identity("mainz")
    )
    with raises_code(CentralError, "forbidden"):
        ulm.decide(proposal.id, "ulm", mainz)
    with raises_code(CentralError, "forbidden"):
        ulm.decide(proposal.id, "mainz", mainz)
    stranger = documents.approval(proposal, signed, station="jena")
    with raises_code(CentralError, "not-found"):
        jena.decide(proposal.id, "jena", stranger.sign(small_central.identity("jena")))
    assert ulm.proposal(proposal.id).decisions == ()


def test_a_forged_or_altered_approval_is_refused(
    small_central: World, proposed: tuple[Proposal, Envelope]
) -> None:
    proposal, signed = proposed
    ulm, key = small_central.client("ulm").governance, small_central.identity("ulm")
    narrow = documents.approval(proposal, signed).sign(key)
    wide = documents.approval(proposal, signed, risk="high").sign(key)
    altered = Envelope(
        payload=wide.payload, payloadType=narrow.payloadType, signatures=narrow.signatures
    )
    with pytest.raises(SignatureError):
        ulm.put_approval(altered)
    by_ada = documents.approval(proposal, signed).sign(small_central.identity("ada"))
    with pytest.raises(ApprovalError) as refused:
        ulm.put_approval(by_ada)
    assert refused.value.code == "approval-role"


def test_an_aggregator_approves_what_it_combines(central: World) -> None:
    key, adder = central.identity("adder"), central.client("adder").governance
    approval = documents.approval(None, None, station="adder").sign(key)
    adder.put_approval(approval)
    for name in ("adder", "ada", "vera"):
        (seen,) = central.client(name).governance.approvals()
        assert (seen.station, seen.envelope) == ("adder", approval)
    for name in ("ulm", "tally", "bob"):
        assert central.client(name).governance.approvals() == ()
    newest = documents.standing(1, approval, station="adder").sign(key)
    assert adder.put_active_approvals("adder", newest).number == 1
    revocation = documents.revocation(approval, station="adder").sign(key)
    assert adder.put_revocation(revocation).revocation == revocation
    with raises_code(CentralError, "forbidden"):
        central.client("ulm").governance.put_approval(approval)


def test_an_aggregator_has_no_proposals_as_a_station(
    central: World, proposed: tuple[Proposal, Envelope]
) -> None:
    proposal, signed = proposed
    adder, key = central.client("adder").governance, central.identity("adder")
    decision = documents.approval(proposal, signed, station="adder").sign(key)
    with raises_code(CentralError, "not-found"):
        adder.decide(proposal.id, "adder", decision)
    assert central.client("adder").inbox().proposals == 0


def test_an_approval_without_a_proposal_is_seen_by_whom_it_concerns(central: World) -> None:
    approval = documents.approval(None, None).sign(central.identity("ulm"))
    ulm = central.client("ulm").governance
    assert ulm.put_approval(approval) == ulm.put_approval(approval)
    for name, number in (("ada", 1), ("ulm", 1), ("vera", 1), ("bob", 0), ("mainz", 0)):
        assert len(central.client(name).governance.approvals()) == number, name
    assert central.client("vera").governance.approvals(station="mainz") == ()


def test_a_revocation_shows_with_the_approval_and_in_the_state(central: World) -> None:
    proposal, signed = _propose(central)
    ulm, key = central.client("ulm").governance, central.identity("ulm")
    approval = documents.approval(proposal, signed).sign(key)
    second = documents.approval(proposal, signed).sign(key)
    for one in (approval, second):
        ulm.decide(proposal.id, "ulm", one)
    revocation = documents.revocation(approval).sign(key)
    assert ulm.put_revocation(revocation).revocation == revocation
    view = central.client("ada").governance.proposal(proposal.id)
    assert view.summary.stations[0].state == "approved", "another one still stands"
    assert [decision.revocation for decision in view.decisions] == [revocation, None]
    ulm.put_revocation(documents.revocation(second).sign(key))
    view = central.client("ada").governance.proposal(proposal.id)
    assert view.summary.stations[0].state == "revoked"
    again = documents.revocation(approval, reason="Another reason.").sign(key)
    assert ulm.put_revocation(again).revocation == revocation, "the first one stays"


def test_nobody_revokes_another_s_approval(small_central: World) -> None:
    approval = documents.approval(None, None).sign(small_central.identity("ulm"))
    small_central.client("ulm").governance.put_approval(approval)
    mainz, key = small_central.client("mainz").governance, small_central.identity("mainz")
    with raises_code(CentralError, "not-found"):
        mainz.put_revocation(documents.revocation(approval, station="mainz").sign(key))
    with pytest.raises(ApprovalError) as forged:
        mainz.put_revocation(documents.revocation(approval).sign(key))
    assert forged.value.code == "approval-signer"
    assert small_central.client("ada").governance.approvals()[0].revocation is None


def test_an_approval_that_ended_is_no_approval_of_now(
    small_central: World, proposed: tuple[Proposal, Envelope]
) -> None:
    proposal, signed = proposed
    short = documents.approval(proposal, signed, expires=documents.now() + timedelta(hours=1))
    small_central.client("ulm").governance.decide(
        proposal.id, "ulm", short.sign(small_central.identity("ulm"))
    )
    small_central.clock.ahead = timedelta(hours=2)
    shown = small_central.request("GET", f"/api/v1/proposals/{proposal.id}", as_="ada").json()
    assert shown["summary"]["stations"][0]["state"] == "expired"


def test_nothing_is_decided_of_a_withdrawn_proposal(
    small_central: World, proposed: tuple[Proposal, Envelope]
) -> None:
    proposal, signed = proposed
    withdrawal = documents.withdrawal(proposal, signed).sign(small_central.identity("ada"))
    small_central.client("ada").governance.withdraw(proposal.id, withdrawal)
    approval = documents.approval(proposal, signed).sign(small_central.identity("ulm"))
    with raises_code(ProposalError, "proposal-withdrawn"):
        small_central.client("ulm").governance.decide(proposal.id, "ulm", approval)


def test_what_stands_only_ever_gets_newer(central: World) -> None:
    ulm, key = central.client("ulm").governance, central.identity("ulm")
    approval = documents.approval(None, None).sign(key)
    first, second = documents.standing(1, approval).sign(key), documents.standing(2).sign(key)
    assert ulm.put_active_approvals("ulm", first).number == 1
    assert ulm.put_active_approvals("ulm", second) == ulm.put_active_approvals("ulm", second)
    for late in (first, documents.standing(2, approval).sign(key)):
        with pytest.raises(ApprovalError) as refused:
            ulm.put_active_approvals("ulm", late)
        assert refused.value.code == "standing-rolled-back"
    assert central.client("ada").governance.active_approvals("ulm").envelope == second
    with raises_code(CentralError, "not-found"):
        central.client("ada").governance.active_approvals("mainz")
    with raises_code(CentralError, "forbidden"):
        ulm.put_active_approvals("mainz", documents.standing(1, station="mainz").sign(key))
    with pytest.raises(ApprovalError) as forged:
        ulm.put_active_approvals("ulm", documents.standing(3).sign(central.identity("mainz")))
    assert forged.value.code == "approval-signer"


def test_what_an_approval_allows_and_lacks_is_told_with_its_state(small_central: World) -> None:
    proposal = documents.proposal(risk="mid")
    signed = proposal.sign(small_central.identity("ada"))
    small_central.client("ada").governance.submit_proposal(signed)
    ulm, key = small_central.client("ulm").governance, small_central.identity("ulm")
    low = documents.approval(proposal, signed, scope="low-risk", notebook=None)
    station = ulm.decide(proposal.id, "ulm", low.sign(key)).summary.stations[0]
    assert (station.state, station.allows) == ("approved", "trains of at most low risk")
    assert station.lacks == "only trains of at most low risk, and this study's are of mid risk"
    # An approval that covers the study counts, also once a later one that does not is there.
    own = ulm.decide(proposal.id, "ulm", documents.approval(proposal, signed, risk="mid").sign(key))
    assert own.summary.stations[0].lacks == ""
    again = documents.approval(proposal, signed, scope="low-risk", notebook=None)
    station = ulm.decide(proposal.id, "ulm", again.sign(key)).summary.stations[0]
    assert "with the notebook" in station.allows
    (listed,) = small_central.client("ada").governance.proposals().proposals
    assert listed.stations[0] == station


def test_an_approval_of_keys_that_the_station_has_no_more_is_void(
    small_central: World, proposed: tuple[Proposal, Envelope]
) -> None:
    proposal, signed = proposed
    approval = documents.approval(proposal, signed).sign(small_central.identity("ulm"))
    small_central.client("ulm").governance.decide(proposal.id, "ulm", approval)
    other = small_central.identity("mainz").public.key_ids().values()
    with small_central.services.database.read() as session:
        row = session.get_one(ProposalRow, proposal.id)
        for keys, state in (
            (keys_of_stations(small_central.services.publication.current().roster), "approved"),
            ({"ulm": " ".join(sorted(other))}, "void"),
            ({}, "void"),  # it is no station any more
        ):
            summary = proposal_summary(row, keys, small_central.clock())
            assert summary.stations[0].state == state
            assert summary.state == "in-review"
