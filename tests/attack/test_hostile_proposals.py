"""A central that is hostile to a researcher who proposes: versions, lists and decisions forged,
left out, put back or moved. What it does to a station is in test_approvals.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from phtlab.errors import ApprovalError, ProposalError, SignatureError
from phtlab.governance.proposal import open_proposal
from phtlab.lab.client.lab import Lab
from phtlab.lab.proposals.proposal import SubmittedProposal
from phtlab.lab.proposals.station_answers import require_none_revoked, station_answers
from phtlab.train.documents.envelope import Envelope
from tests.evidence import Evidence
from tests.governance import documents
from tests.lab.proposing import (  # noqa: F401 (fixtures)
    NUMBERS,
    Case,
    Showing,
    central_of_two,
    proposing_case,
    proposing_draft,
    proposing_lab,
)
from tests.raising import raises_code

CENTRAL = "hostile central"


def test_versions_that_central_shows_wrongly_are_refused(
    lab: Lab, draft: Path, evidence: Evidence
) -> None:
    lab.proposals.submit(draft)
    draft.write_text(draft.read_text().replace("journeys = 1", "journeys = 4"))
    view = lab.proposals.submit(draft).view
    other = documents.proposal().sign(lab.identity)
    first, second = view.versions
    swapped = first.model_copy(update={"envelope": other})
    mixed = Envelope(
        payload=second.envelope.payload,
        payloadType=second.envelope.payloadType,
        signatures=first.envelope.signatures,
    )
    for shown, error in (
        ((second,), ProposalError),  # the first one is hidden
        ((second, first), ProposalError),
        ((first, second, second), ProposalError),
        ((swapped, second), ProposalError),
        ((), ProposalError),
        ((first, second.model_copy(update={"envelope": mixed})), SignatureError),
    ):
        forged = SubmittedProposal(lab.session, view.model_copy(update={"versions": shown}))
        with pytest.raises(error):
            forged.newest()
    evidence(
        "attacks",
        attacker=CENTRAL,
        promise="cannot hide, reorder, repeat, swap or change a version of a proposal",
        outcome="refused by its reader: `proposal-version`, `signature`",
    )


def test_a_list_that_central_rolls_back_hides_or_swaps_is_an_error(
    lab: Lab, case: Case, evidence: Evidence
) -> None:
    number = next(NUMBERS)
    for station in ("ulm", "mainz"):
        case.allow(number, station)
    key = case.central.identity("ulm")
    older, newer = lab.central.governance.active_approvals("ulm"), number + 1
    case.central.client("ulm").governance.put_active_approvals(
        "ulm", documents.standing(newer).sign(key)
    )
    assert case.say(lab)["ulm"].answer == "revoked"
    mainz = lab.central.governance.active_approvals("mainz")
    altered = Envelope(
        payload=mainz.envelope.payload,
        payloadType=mainz.envelope.payloadType,
        signatures=older.envelope.signatures,
    )
    for envelope, code in (
        (older.envelope, "standing-rolled-back"),
        (mainz.envelope, "standing-station"),
        (altered, "signature"),
    ):
        hostile = Showing(lab.central.governance, older.model_copy(update={"envelope": envelope}))
        with pytest.raises((ApprovalError, SignatureError)) as refused:
            station_answers(hostile, lab.trusted.roster, case.seen, case.asked, datetime.now(UTC))
        assert refused.value.code == code
    hiding = Showing(lab.central.governance, None)
    with raises_code(ApprovalError, "standing-rolled-back"):
        station_answers(hiding, lab.trusted.roster, case.seen, case.asked, datetime.now(UTC))
    evidence(
        "attacks",
        attacker=CENTRAL,
        promise="cannot show a researcher an older, another's or a changed list of what stands, or "
        "none where one was seen",
        outcome="nothing is sent: `standing-rolled-back`, `standing-station`, `signature`",
    )


def test_a_revocation_can_be_held_back_for_a_day_and_no_longer(
    lab: Lab, case: Case, evidence: Evidence
) -> None:
    case.allow(next(NUMBERS))
    assert case.say(lab)["ulm"].answer == "allows"
    late = case.say(lab, datetime.now(UTC) + timedelta(hours=24))["ulm"]
    assert late.answer == "unknown"
    assert "ask the station whether its approval is active" in late.sentence
    evidence(
        "attacks",
        attacker=CENTRAL,
        promise="cannot hide from a researcher for more than a day that an approval was revoked",
        outcome="told as unknown after 24 hours: `standing-stale`",
    )


def test_a_decision_that_central_moves_forges_or_leaves_unrevoked_is_not_believed(
    lab: Lab, case: Case, evidence: Evidence
) -> None:
    number = next(NUMBERS)
    approval = case.allow(number)
    (view,) = lab.central.governance.approvals(proposal=case.proposal.id)
    other = documents.proposal()
    elsewhere = documents.approval(other, other.sign(lab.identity)).sign(
        case.central.identity("ulm")
    )
    by_ada = documents.approval(case.proposal, case.signed).sign(lab.identity)
    altered = Envelope(
        payload=documents.approval(case.proposal, case.signed, risk="high")
        .sign(case.central.identity("ulm"))
        .payload,
        payloadType=approval.payloadType,
        signatures=approval.signatures,
    )
    for shown in (elsewhere, by_ada, altered):
        hostile = Showing(lab.central.governance, lab.central.governance.active_approvals("ulm"))
        forged = view.model_copy(update={"envelope": shown})
        hostile.approvals = lambda forged=forged, **_: (forged,)
        one = replace(case.asked, order=case.asked.order.model_copy(update={"stations": ("ulm",)}))
        (said,) = station_answers(hostile, lab.trusted.roster, case.seen, one, datetime.now(UTC))
        assert said.answer == "asks"
    # Its list says that nothing stands: then that central hides the revocation helps nobody.
    ulm = case.central.client("ulm").governance
    ulm.put_active_approvals(
        "ulm", documents.standing(number + 1).sign(case.central.identity("ulm"))
    )
    assert lab.central.governance.approvals(proposal=case.proposal.id)[0].revocation is None
    said = case.say(lab)["ulm"]
    with pytest.raises(ApprovalError) as refused:
        require_none_revoked([said])
    assert refused.value.code == "approval-revoked"
    evidence(
        "attacks",
        attacker=CENTRAL,
        promise="cannot pass off another's, another proposal's or a changed approval, nor hide "
        "that one was taken back from who has a fresh list",
        outcome="not counted; `approval-revoked` before anything is sent",
    )


def test_a_date_that_nobody_can_count_with_is_refused(lab: Lab, evidence: Evidence) -> None:
    """In UTC it is before year 1, or after 9999: an error wherever it is shown or stored."""
    honest = documents.proposal()
    for changes in (
        {"issued": datetime.fromisoformat("0001-01-01T00:00:00+14:00")},
        {"until": datetime.fromisoformat("9999-12-31T23:59:59-12:00")},
    ):
        signed = honest.model_copy(update=changes).sign(lab.identity)
        with pytest.raises(ProposalError) as shown:
            open_proposal(signed, lab.trusted.roster)
        with pytest.raises(ProposalError) as sent:
            lab.central.governance.submit_proposal(signed)
        assert (shown.value.code, sent.value.code) == ("proposal-form", "proposal-form")
    evidence(
        "attacks",
        attacker="hostile researcher",
        promise="cannot break pages or central with a date that no other time zone has",
        outcome="refused by central and by each station: `proposal-form`",
    )
