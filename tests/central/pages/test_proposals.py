"""The pages of proposals: what is shown to whom, what changed, and comments from nowhere else."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from phtlab.central.db.tables import ProposalRow
from phtlab.central.hub.users import SCOPES
from phtlab.governance import Proposal
from phtlab.train.documents.envelope import Envelope
from phtlab.wire.api.governance import NewComment
from tests.central.hub.hub_simulator import HubSimulator
from tests.central.pages.test_consortium import HOME, Browser
from tests.central.world import World
from tests.governance import documents

HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(1)>" onmouseover="x'


@pytest.fixture
def browser(hub_central: World, hub: HubSimulator):
    made = Browser(hub_central, hub)
    yield made
    made.http.close()


@pytest.fixture
def proposed(hub_central: World) -> tuple[Proposal, Envelope]:
    """Two versions, a question, an approval of the first version and a refusal."""
    ada = hub_central.client("ada").governance
    first = documents.proposal()
    signed = first.sign(hub_central.identity("ada"))
    ada.submit_proposal(signed)
    approval = documents.approval(first, signed).sign(hub_central.identity("ulm"))
    hub_central.client("ulm").governance.decide(first.id, "ulm", approval)
    second = documents.successor(first, signed, journeys=9, title="Age, sex and heart disease")
    second_signed = second.sign(hub_central.identity("ada"))
    ada.submit_proposal(second_signed)
    hub_central.client("ulm").governance.comment(
        first.id, NewComment(text="Why nine?", question=True)
    )
    refusal = documents.refusal(second, second_signed, station="mainz")
    hub_central.client("mainz").governance.decide(
        first.id, "mainz", refusal.sign(hub_central.identity("mainz"))
    )
    return second, second_signed


def test_a_proposal_is_shown_with_its_changes_and_what_was_signed_in_words(
    browser: Browser, hub: HubSimulator, proposed: tuple[Proposal, Envelope]
) -> None:
    browser.log_in(hub.token("ada", ["read", "dispatch"]))
    listed = browser.get(f"{HOME}proposals").text
    assert "Age, sex and heart disease" in listed
    assert "… ulm" in listed and "✗ mainz" in listed
    assert "Age, sex and heart disease" in browser.get().text
    page = browser.get(f"{HOME}proposals/{proposed[0].id}").text
    for shown in (
        "What changed from version 1 to version 2",
        "3 journeys</del>",
        "9 journeys</ins>",
        "ulm allows trains of ada with the notebook",
        "Refused: The consent does not cover this.",
        "<strong>Asks:</strong> Why nine?",
        f"phtlab proposal withdraw {proposed[0].id}",
    ):
        assert shown in page
    first = browser.get(f"{HOME}proposals/{proposed[0].id}?version=1").text
    assert "What version 1 asks for" in first and "What changed" not in first


def test_a_proposal_is_shown_to_those_it_concerns_only(
    browser: Browser, hub: HubSimulator, proposed: tuple[Proposal, Envelope]
) -> None:
    place = f"{HOME}proposals/{proposed[0].id}"
    for name, scopes, status in (
        ("bob", ["read", "dispatch"], 404),
        ("eve", SCOPES, 422),
        ("ulm", SCOPES, 422),
        ("ada", ["dispatch"], 403),
        ("vera", ["read", "govern"], 200),
    ):
        browser.http.cookies.clear()
        browser.log_in(hub.token(name, scopes))
        assert browser.get(place).status_code == status, name
        assert ("Age, sex" in browser.get(f"{HOME}proposals").text) is (status == 200), name
    officer = browser.get(place).text
    assert "phtlab proposal withdraw" not in officer and "<form" in officer


def test_who_may_only_read_has_no_form(
    browser: Browser, hub: HubSimulator, proposed: tuple[Proposal, Envelope]
) -> None:
    browser.log_in(hub.token("ada", ["read"]))
    answer = browser.get(f"{HOME}proposals/{proposed[0].id}")
    assert "<form" not in answer.text
    assert "form-action 'none'" in answer.headers["content-security-policy"]
    posted = browser.http.post(f"{HOME}proposals/{proposed[0].id}", data={"text": "x"})
    assert posted.status_code == 403


def test_a_comment_from_the_page_is_there_afterwards(
    browser: Browser, hub: HubSimulator, hub_central: World, proposed: tuple[Proposal, Envelope]
) -> None:
    browser.log_in(hub.token("ada", ["read", "dispatch"]))
    place = f"{HOME}proposals/{proposed[0].id}"
    page = browser.get(place)
    assert "form-action 'self'" in page.headers["content-security-policy"]
    (token,) = re.findall(r'name="token" value="([0-9a-f]{64})"', page.text)
    said = browser.http.post(place, data={"text": "Three a year.\r\nSee the plan.", "token": token})
    assert (said.status_code, said.headers["location"]) == (303, f"{place}#comments")
    (_, comment) = hub_central.client("ada").governance.proposal(proposed[0].id).comments
    assert (comment.author, comment.by, comment.text) == (
        "ada",
        "hub",
        "Three a year.\nSee the plan.",
    )
    assert "Three a year." in browser.get(place).text
    assert "Comment" in browser.get(place).text
    for data in (
        {"text": "forged"},
        {"text": "forged", "token": ""},
        {"text": "forged", "token": "0" * 64},
        {"text": "forged", "token": "é"},
        {"text": "", "token": token},
        {"text": "a\u202eb", "token": token},
        {"text": ["a", "b"], "token": token},
    ):
        assert browser.http.post(place, data=data).status_code in (403, 422)
    other = browser.http.post(f"{HOME}proposals/p-{'0' * 16}", data={"text": "x", "token": token})
    assert other.status_code == 403, "the form of one proposal is for that one"
    # Another site's form comes without the cookie.
    browser.http.cookies.clear()
    assert browser.http.post(place, data={"text": "x", "token": token}).status_code == 302
    assert len(hub_central.client("ada").governance.proposal(proposed[0].id).comments) == 2


def test_words_of_others_are_text_on_the_pages(
    browser: Browser, hub: HubSimulator, hub_central: World
) -> None:
    proposal = documents.proposal(title=HOSTILE, question=HOSTILE, reasons=(HOSTILE,))
    signed = proposal.sign(hub_central.identity("ada"))
    hub_central.client("ada").governance.submit_proposal(signed)
    ulm = hub_central.client("ulm").governance
    ulm.comment(proposal.id, NewComment(text=HOSTILE, question=True))
    refusal = documents.refusal(proposal, signed, station="mainz", reason=HOSTILE)
    hub_central.client("mainz").governance.decide(
        proposal.id, "mainz", refusal.sign(hub_central.identity("mainz"))
    )
    browser.log_in(hub.token("ada", SCOPES))
    for path in ("", "proposals", f"proposals/{proposal.id}"):
        text = browser.get(f"{HOME}{path}").text
        assert "&lt;script&gt;" in text
        assert not re.search(r'<(script|img)|" onmouseover', text)
        assert not re.search(r'style=|(?:src|href)="(?!/services/central/|/hub/)', text)


def test_a_login_leads_back_to_the_proposal_that_was_asked_for(
    browser: Browser, hub: HubSimulator
) -> None:
    for path, back in (
        (f"proposals/p-{'1' * 16}", f"proposals/p-{'1' * 16}"),
        ("proposals", "proposals"),
        ("", ""),
    ):
        asked = urlsplit(browser.get(f"{HOME}{path}").headers["location"])
        query = {name: value for name, (value,) in parse_qs(asked.query).items()}
        code = hub.code(hub.token("ada", ["read"]), query["code_challenge"])
        answer = browser.http.get(
            query["redirect_uri"], params={"code": code, "state": query["state"]}
        )
        assert answer.headers["location"] == f"{HOME}{back}"
        browser.http.cookies.clear()


def test_a_proposal_in_version_1_of_the_format_is_named_as_such(
    hub_central: World, hub: HubSimulator, browser: Browser, proposed: tuple[Proposal, Envelope]
) -> None:
    proposal, _ = proposed
    older = documents.proposal_of_version_1(proposal, hub_central.identity("ada"))
    with hub_central.services.database.change() as change:
        for row in change.session.get_one(ProposalRow, proposal.id).versions:
            row.envelope = older.to_bytes().decode()
    browser.log_in(hub.token("ada", ["read"]))
    answer = browser.get(f"{HOME}proposals/{proposal.id}")
    assert answer.status_code == 422
    assert "This proposal is of version 1 of its format" in answer.text


@pytest.mark.parametrize(
    "path", ["proposals/../secret", "proposals/p-1", "proposals/p-x?version=a"]
)
def test_an_address_that_is_no_proposal_is_told(
    browser: Browser, hub: HubSimulator, path: str
) -> None:
    browser.log_in(hub.token("ada", SCOPES))
    assert browser.get(f"{HOME}{path}").status_code in (404, 422)
