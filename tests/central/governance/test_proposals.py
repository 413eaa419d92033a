"""Proposals at central: versions in order, who sees them, what is said of them, who hears."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest

from phtlab.central.db.tables import ProposalRow
from phtlab.errors import CentralError, NotOnRosterError, PhtlabError, ProposalError, SignatureError
from phtlab.governance import Proposal
from phtlab.lab.proposals.proposal import verified_versions
from phtlab.train.documents.envelope import Envelope
from phtlab.wire.api.governance import NewComment
from phtlab.wire.api.journeys import ProposalsChanged
from tests.central.hub.hub_simulator import HubSimulator
from tests.central.world import World
from tests.governance import documents
from tests.limits import LIMIT, join
from tests.raising import raises_code


def _submit(world: World, **changes: object) -> tuple[Proposal, Envelope]:
    proposal = documents.proposal(**changes)
    envelope = proposal.sign(world.identity("ada"))
    world.client("ada").governance.submit_proposal(envelope)
    return proposal, envelope


def test_a_proposal_is_submitted_once_and_seen_by_those_it_concerns(central: World) -> None:
    proposal, envelope = _submit(central)
    ada = central.client("ada").governance
    view = ada.submit_proposal(envelope)
    assert view == ada.proposal(proposal.id)
    assert view.versions[0].envelope == envelope
    assert (view.summary.state, view.summary.version, view.summary.title) == (
        "submitted",
        1,
        proposal.title,
    )
    assert [(s.station, s.state) for s in view.summary.stations] == [
        ("ulm", "submitted"),
        ("mainz", "submitted"),
    ]
    for name in ("ada", "ulm", "mainz", "vera"):
        seen = central.client(name).governance
        assert seen.proposal(proposal.id) == view
        assert [one.id for one in seen.proposals().proposals] == [proposal.id]
    for name in ("bob", "jena"):
        hidden = central.client(name).governance
        assert hidden.proposals().proposals == ()
        with raises_code(CentralError, "not-found"):
            hidden.proposal(proposal.id)


def test_a_version_directly_follows_the_newest(central: World) -> None:
    first, signed = _submit(central)
    ada, key = central.client("ada").governance, central.identity("ada")
    second = documents.successor(first, signed, title="Age, sex and heart disease")
    third = documents.successor(second, second.sign(key), stations=("mainz", "jena"))
    with raises_code(ProposalError, "proposal-version"):
        ada.submit_proposal(third.sign(key))
    ada.submit_proposal(second.sign(key))
    # Another second version, and the first one's stranger successor, come too late.
    for late in (one.model_copy(update={"journeys": 9}) for one in (second, first)):
        with raises_code(ProposalError, "proposal-version"):
            ada.submit_proposal(late.sign(key))
    view = ada.submit_proposal(third.sign(key))
    assert [version.version for version in view.versions] == [1, 2, 3]
    assert view.summary.title == "Age, sex and heart disease"
    assert [station.station for station in view.summary.stations] == ["mainz", "jena"]
    assert central.client("ulm").governance.proposal(first.id) == view, "it was named once"
    assert central.client("jena").governance.proposal(first.id) == view


def test_a_proposal_in_version_1_of_the_format_is_not_continued(central: World) -> None:
    first, signed = _submit(central)
    ada, key = central.client("ada").governance, central.identity("ada")
    with central.services.database.change() as change:
        (row,) = change.session.get_one(ProposalRow, first.id).versions
        row.envelope = documents.proposal_of_version_1(first, key).to_bytes().decode()
    with raises_code(ProposalError, "document-version"):
        ada.submit_proposal(documents.successor(first, signed).sign(key))
    approval = documents.approval(first, signed).sign(central.identity("ulm"))
    with raises_code(SignatureError, "document-version"):
        central.client("ulm").governance.decide(first.id, "ulm", approval)
    # It is still listed and read as it was signed, for people to see what became of it.
    assert ada.proposal(first.id).summary.title == first.title
    with raises_code(ProposalError, "document-version"):
        roster = central.services.publication.current().roster
        verified_versions(ada.proposal(first.id).versions, roster, first.id)


def test_of_many_second_versions_at_once_one_is_kept(central: World) -> None:
    first, signed = _submit(central)
    key = central.identity("ada")
    seconds = [documents.successor(first, signed, journeys=n).sign(key) for n in range(1, 6)]
    clients = [central.client("ada").governance for _ in seconds]
    together, outcomes = threading.Barrier(len(seconds)), []

    def submit(number: int) -> None:
        together.wait(LIMIT)
        try:
            outcomes.append(clients[number].submit_proposal(seconds[number]).summary.version)
        except PhtlabError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=submit, args=(n,)) for n in range(len(seconds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        join(thread)
    assert sorted(map(str, outcomes)) == ["2", *["proposal-version"] * 4]
    assert len(clients[0].proposal(first.id).versions) == 2


def test_what_does_not_hold_is_not_kept(small_central: World) -> None:
    ada, key = small_central.client("ada").governance, small_central.identity("ada")
    sound = documents.proposal()
    signed, other = sound.sign(key), documents.proposal(title="Something else").sign(key)
    mixed = Envelope(
        payload=other.payload, payloadType=signed.payloadType, signatures=signed.signatures
    )
    past = {"issued": sound.issued - timedelta(days=9), "until": sound.issued - timedelta(days=1)}
    for envelope, kind, code in (
        (mixed, SignatureError, "signature"),
        (sound.sign(small_central.identity("bob")), ProposalError, "proposal-signer"),
        (documents.proposal(researcher="ulm").sign(key), ProposalError, "proposal-signer"),
        (documents.proposal(stations=("bonn",)).sign(key), NotOnRosterError, "not-on-roster"),
        (documents.proposal(**past).sign(key), ProposalError, "proposal-time"),
        (documents.proposal(version=2).sign(key), ProposalError, "proposal-version"),
    ):
        with pytest.raises(kind) as refused:
            ada.submit_proposal(envelope)
        assert refused.value.code == code
    with raises_code(CentralError, "forbidden"):
        small_central.client("bob").governance.submit_proposal(signed)
    assert ada.proposals().proposals == ()


def test_a_future_and_an_expired_proposal_are_told(small_central: World) -> None:
    ada, key = small_central.client("ada").governance, small_central.identity("ada")
    future = documents.proposal(issued=documents.now() + timedelta(hours=1))
    with raises_code(ProposalError, "proposal-time"):
        ada.submit_proposal(future.sign(key))
    proposal, _ = _submit(small_central, until=documents.now() + timedelta(days=2))
    small_central.clock.ahead = timedelta(days=3)
    shown = small_central.request("GET", f"/api/v1/proposals/{proposal.id}", as_="ada").json()
    assert shown["summary"]["state"] == "expired"


def test_a_question_puts_a_proposal_under_review_until_a_new_version(central: World) -> None:
    first, signed = _submit(central)
    ulm, ada = central.client("ulm").governance, central.client("ada").governance
    view = ulm.begin_review(first.id, "ulm", signed.digest)
    assert view.summary.state == "in-review"
    view = ulm.comment(first.id, NewComment(text="Why three journeys?", question=True))
    assert [(s.state, s.question) for s in view.summary.stations] == [
        ("in-review", "Why three journeys?"),
        ("submitted", ""),
    ]
    view = ada.comment(first.id, NewComment(text="One a year.\nSee the plan."))
    assert [(c.author, c.by, c.text, c.question) for c in view.comments] == [
        ("ulm", "key", "Why three journeys?", True),
        ("ada", "key", "One a year.\nSee the plan.", False),
    ]
    assert {comment.proposal for comment in view.comments} == {signed.digest}
    second = documents.successor(first, signed, journeys=2)
    view = ada.submit_proposal(second.sign(central.identity("ada")))
    assert [(s.state, s.question) for s in view.summary.stations] == [
        ("submitted", ""),
        ("submitted", ""),
    ]
    assert len(view.comments) == 2
    late = ulm.begin_review(first.id, "ulm", signed.digest)
    assert late.summary.state == "submitted", "an older version is read, not this one"


def test_comments_are_visible_text_of_those_who_see_the_proposal(small_central: World) -> None:
    proposal, _ = _submit(small_central)
    path = f"/api/v1/proposals/{proposal.id}/comments"
    for text in ("", "a\u202eb", "a\x1b[31m", "x" * 4001):
        answer = small_central.request("POST", path, as_="ada", json={"text": text})
        assert answer.status_code == 422, text
    for name, status in (("bob", 404), ("jena", 404), ("vera", 201), ("mainz", 201)):
        answer = small_central.request("POST", path, as_=name, json={"text": "Good."})
        assert answer.status_code == status, name
    asked = {"text": "May I?", "question": True}
    for name in ("ada", "vera"):
        assert small_central.request("POST", path, as_=name, json=asked).status_code == 403


def test_a_hub_user_comments_as_such(hub_central: World, hub: HubSimulator) -> None:
    proposal, _ = _submit(hub_central)
    client = hub_central.client(None, hub.token("ada", ["read", "dispatch"])).governance
    view = client.comment(proposal.id, NewComment(text="From the page."))
    assert [(c.author, c.by) for c in view.comments] == [("ada", "hub")]
    officer = hub_central.client(None, hub.token("vera", ["read", "govern"])).governance
    assert officer.comment(proposal.id, NewComment(text="Seen.")).comments[-1].author == "vera"
    with raises_code(CentralError, "hub-scope"):
        hub_central.client(None, hub.token("ada", ["read"])).governance.comment(
            proposal.id, NewComment(text="No.")
        )


def test_only_its_researcher_withdraws_a_proposal_and_for_good(central: World) -> None:
    proposal, signed = _submit(central)
    ada, key = central.client("ada").governance, central.identity("ada")
    forged = documents.withdrawal(proposal, signed, researcher="bob").sign(central.identity("bob"))
    with raises_code(CentralError, "not-found"):
        central.client("bob").governance.withdraw(proposal.id, forged)
    other, other_signed = _submit(central)
    replayed = documents.withdrawal(other, other_signed).sign(key)
    with raises_code(ProposalError, "withdrawal-version"):
        ada.withdraw(proposal.id, replayed)
    withdrawal = documents.withdrawal(proposal, signed).sign(key)
    view = ada.withdraw(proposal.id, withdrawal)
    assert (view.summary.state, view.withdrawal) == ("withdrawn", withdrawal)
    assert ada.withdraw(proposal.id, documents.withdrawal(proposal, signed).sign(key)) == view
    with raises_code(ProposalError, "proposal-withdrawn"):
        ada.submit_proposal(documents.successor(proposal, signed).sign(key))


def test_pages_of_proposals_follow_each_other_and_a_cursor_holds_what_is_new(
    small_central: World,
) -> None:
    ids = [_submit(small_central)[0].id for _ in range(3)]
    ulm = small_central.client("ulm").governance
    first = ulm.proposals(limit=2)
    second = ulm.proposals(limit=2, before=first.next)
    assert [p.id for p in (*first.proposals, *second.proposals)] == ids[::-1]
    assert second.next is None
    cursor = small_central.client("ulm").inbox().proposals
    assert cursor == first.proposals[0].changed
    assert ulm.proposals(after=cursor).proposals == ()
    ulm.comment(ids[0], NewComment(text="Seen."))
    assert [one.id for one in ulm.proposals(after=cursor).proposals] == [ids[0]]


def test_a_waiting_station_and_the_streams_hear_of_a_proposal(central: World) -> None:
    ulm = central.client("ulm")
    before = ulm.inbox()
    heard: dict[str, list[int]] = {"ada": [], "vera": []}

    def listen(name: str) -> None:
        for event in central.client(name).changes():
            if isinstance(event, ProposalsChanged):
                heard[name].append(event.changed)
                return

    inboxes = []
    threads = [threading.Thread(target=listen, args=(name,)) for name in heard]
    threads.append(threading.Thread(target=lambda: inboxes.append(ulm.inbox(before.cursor, 50))))
    for thread in threads:
        thread.start()
    while central.services.bus.waiting < len(threads):
        time.sleep(0.005)
    proposal, _ = _submit(central)
    for thread in threads:
        join(thread)
    changed = central.client("ada").governance.proposal(proposal.id).summary.changed
    assert heard == {"ada": [changed], "vera": [changed]}
    assert (inboxes[0].cursor, inboxes[0].proposals, inboxes[0].offers) == (changed, changed, ())
    assert central.client("jena").inbox().proposals == 0
