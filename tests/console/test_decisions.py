"""Saying yes, no and asking at the console: what is signed is what was shown."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from phtlab.governance import open_approval
from phtlab.station.approvals.store import Approvals
from phtlab.station.console.views.proposals import proposal_page
from tests.console.conftest import Browser, Desk, desk_of
from tests.evidence import Evidence
from tests.station.approvals.test_approvals import held, proposed
from tests.station.station_world import make_world


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A station whose policy lets every train wait for a person."""
    world = make_world(tmp_path)
    world.add_hearts()
    world.folder.policy.write_text('mode = "human"\n')
    with desk_of(world) as desk:
        yield desk


def _sentence(text: str) -> str:
    found = re.search(r'name="sentence" value="([^"]+)"', text)
    assert found, text
    return html.unescape(found[1])


def _approve(browser: Browser, target: str, status: int = 303, **form: str) -> str:
    sentence = _sentence(browser.post(f"/decisions/{target}/words", 200, **form).text)
    browser.post(f"/decisions/{target}/approval", status, sentence=sentence, **form)
    return sentence


def test_a_train_is_approved_in_the_words_that_were_shown(desk: Desk) -> None:
    daemon, _, stop = held(desk.world)
    browser = desk.login("rev")
    shown = _sentence(browser.get(f"/decisions/{stop.hex}").text)
    assert _approve(browser, stop.hex) == shown
    for _ in range(12):
        daemon.step()
    assert stop.state == "departed"
    (kept,) = Approvals(desk.world.folder)
    approval = open_approval(kept.envelope, desk.world.roster)
    assert approval.approvers == ("rev",)
    assert shown.startswith(approval.sentence())
    page = browser.get("/approvals").text
    assert "active" in page
    assert approval.train is not None
    assert approval.train in page


def test_what_was_not_shown_is_not_signed(desk: Desk, evidence: Evidence) -> None:
    _, _, stop = held(desk.world)
    browser = desk.login("rev")
    shown = _sentence(browser.post(f"/decisions/{stop.hex}/words", 200, days="1").text)
    # Nothing, another sentence, and the sentence for other terms.
    for sentence, days in (("", ""), ("cleveland allows it.", ""), (shown, "3")):
        answer = browser.post(f"/decisions/{stop.hex}/approval", 409, sentence=sentence, days=days)
        assert "approval-shown" in answer.text
    assert not list(Approvals(desk.world.folder))
    assert stop.state == "held"
    evidence(
        "attacks",
        attacker="whoever changes terms while they are read",
        promise="a person's yes counts for the sentence that the page showed, and no other",
        outcome="refused (approval-shown); nothing is signed",
    )


def test_bounds_and_days_are_in_the_sentence_before_it_is_signed(desk: Desk) -> None:
    _, _, stop = held(desk.world)
    browser = desk.login("rev")
    form = {"bound-min_age": "40..60", "days": "2"}
    sentence = _approve(browser, stop.hex, **form)
    assert "min_age 40 to 60" in sentence
    told = browser.post(f"/decisions/{stop.hex}/words", 200, **{"bound-min_age": "60..70"}).text
    assert 'role="alert"' in told, "it would not let this journey start"


@pytest.mark.parametrize(
    "form",
    [
        {"days": "0"},
        {"days": "-1"},
        {"days": "²"},
        {"days": "9" * 30},
        {"scope": "everything"},
        {"scope": "low-risk"},
        {"scope": "notebook", "notebook": "sha256:x"},
        {"bound-nothing": "1..2"},
        {"bound-min_age": "<script>alert(1)</script>"},
    ],
)
def test_terms_that_cannot_be_are_said_so_and_offer_no_button(
    desk: Desk, form: dict[str, str]
) -> None:
    _, _, stop = held(desk.world)
    told = desk.login("rev").post(f"/decisions/{stop.hex}/words", 200, **form).text
    assert 'role="alert"' in told
    assert "<button" not in told
    assert "<script" not in told


def test_of_two_persons_both_must_say_yes_and_both_are_named(desk: Desk) -> None:
    desk.world.folder.policy.write_text(
        'mode = "human"\n[approval]\ntwo_persons = ["low", "mid", "high"]\n'
    )
    daemon, _, stop = held(desk.world)
    first = desk.login("rev")
    _approve(first, stop.hex)
    assert "1 more must approve" in first.get("/").text
    for _ in range(5):
        daemon.step()
    assert stop.state == "held"
    told = first.post(f"/decisions/{stop.hex}/words", 200).text
    sentence = _sentence(told) if 'name="sentence"' in told else ""
    first.post(f"/decisions/{stop.hex}/approval", 409, sentence=sentence)
    second = desk.login("all")
    assert "rev approved, 1 more needed" in second.get("/").text
    _approve(second, stop.hex)
    for _ in range(12):
        daemon.step()
    assert stop.state == "departed"


def test_the_second_person_agrees_to_the_narrower_terms_that_the_page_shows(desk: Desk) -> None:
    """As a browser sends it: with the radio button that nobody touched."""
    desk.world.folder.policy.write_text(
        'mode = "human"\n[approval]\ntwo_persons = ["low", "mid", "high"]\n'
    )
    daemon, _, stop = held(desk.world)
    narrow = {"scope": "train", "bound-min_age": "40..60", "note": "<b>only</b> these"}
    _approve(desk.login("rev"), stop.hex, **narrow)
    second = desk.login("all")
    page = second.get(f"/decisions/{stop.hex}").text
    shown = _sentence(page)
    assert "min_age 40 to 60" in shown
    assert shown.endswith('Note: "<b>only</b> these"')
    assert "<b>only" not in page
    assert _sentence(second.post(f"/decisions/{stop.hex}/words", 200, scope="train").text) == shown
    second.post(f"/decisions/{stop.hex}/approval", sentence=shown, scope="train")
    for _ in range(12):
        daemon.step()
    assert stop.state == "departed"


def test_the_version_that_the_page_showed_is_refused_and_no_other(desk: Desk) -> None:
    envelope, proposal = proposed(desk.world)
    browser = desk.login("rev")
    page = browser.get(f"/proposals/{proposal.id}").text
    (version,) = re.findall(r'name="version" value="([^"]+)"', page)
    assert version == envelope.digest
    proposed(desk.world, id=proposal.id, version=2, previous=envelope.digest, journeys=50)
    path = f"/decisions/{proposal.id}/refusal"
    assert "approval-shown" in browser.post(path, 409, reason="No", version=version).text
    browser.post(path, 409, reason="No")
    page = browser.get(f"/proposals/{proposal.id}").text
    (version,) = re.findall(r'name="version" value="([^"]+)"', page)
    browser.post(path, reason="No", version=version)


def test_a_version_that_comes_while_the_page_is_made_is_not_approved_by_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    envelope, proposal = proposed(desk.world)
    browser = desk.login("rev")

    def meanwhile(place: Any, name: str) -> Any:
        proposed(desk.world, id=proposal.id, version=2, previous=envelope.digest, journeys=50)
        return proposal_page(place, name)

    with monkeypatch.context() as patch:
        patch.setattr("phtlab.station.console.routes.proposals.proposal_page", meanwhile)
        shown = _sentence(browser.get(f"/proposals/{proposal.id}").text)
    answer = browser.post(f"/decisions/{proposal.id}/approval", 409, sentence=shown)
    assert "approval-shown" in answer.text


def test_a_refusal_takes_a_reason_which_the_researcher_reads(desk: Desk) -> None:
    daemon, offer, stop = held(desk.world)
    browser = desk.login("rev")
    browser.post(f"/decisions/{stop.hex}/refusal", 409, reason=" ")
    browser.post(f"/decisions/{stop.hex}/refusal", reason="Too many ages")
    for _ in range(5):
        daemon.step()
    assert "Too many ages" in desk.world.record(offer).sentence


def test_a_proposal_is_asked_about_approved_by_a_rule_and_taken_back(desk: Desk) -> None:
    _, proposal = proposed(desk.world, title="Hearts <b>by</b> age")
    browser = desk.login("rev")
    page = browser.get(f"/proposals/{proposal.id}").text
    assert "Hearts &lt;b&gt;by&lt;/b&gt; age" in page
    browser.post(f"/decisions/{proposal.id}/question", text="Why below 18?\r\nPlease say.")
    assert "on its way to central" in browser.get(f"/proposals/{proposal.id}").text
    sentence = _approve(browser, proposal.id)
    assert f"at most low risk under proposal {proposal.id}" in sentence
    desk.world.daemon().step()
    page = browser.get("/approvals").text
    (approval,) = re.findall(r"/approvals/([0-9a-f]{64})/revocation", page)
    browser.post(f"/approvals/{approval}/revocation", reason="The study ended", stop_runs="true")
    page = browser.get("/approvals").text
    assert "revoked" in page
    assert "The study ended" in page


def test_a_new_version_shows_what_changed(desk: Desk) -> None:
    envelope, proposal = proposed(desk.world)
    proposed(
        desk.world,
        id=proposal.id,
        version=2,
        previous=envelope.digest,
        journeys=50,
        until=proposal.until + timedelta(days=30),
    )
    page = desk.login("rea").get(f"/proposals/{proposal.id}").text
    assert "What changed since version 1" in page
    assert re.search(r"<del>.*<bdi>3 journeys</bdi></del>", page)
    assert re.search(r"<ins>.*<bdi>50 journeys</bdi></ins>", page)
    assert "It waits for a reviewer." in page


def test_what_waits_for_nobody_any_more_says_so(desk: Desk) -> None:
    daemon, _, stop = held(desk.world)
    browser = desk.login("rev")
    _approve(browser, stop.hex)
    for _ in range(12):
        daemon.step()
    assert "waits for nobody" in browser.get(f"/decisions/{stop.hex}", 404).text
    told = browser.post(f"/decisions/{stop.hex}/words", 200).text
    assert "waits for no decision" in told
