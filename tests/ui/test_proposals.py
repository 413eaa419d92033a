"""`phtlab:propose`, and proposals in the panel and in a dispatch: live, answered in place."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.story.pictures import picture
from tests.ui.extension_simulator import Answer, ExtensionSimulator, a_journey, a_stop, refusal
from tests.ui.lab_page import LabPage, write_notebook
from tests.ui.lab_server import LabServer
from tests.ui.told_shapes import a_check, a_consortium, a_member
from tests.ui.train_panel import CELLS, NOTEBOOK, ago, open_by_key, opened

ID, DIGEST = "p-0123456789abcdef", "sha256:" + "7" * 64
QUESTION = "Why the ages below 40?"
LOW = "trains of at most low risk"
LACKS = "only trains of at most low risk, and this study's are of mid risk"
NOTHING = {"lacks": "", "question": ""}


def a_proposal(**more: Any) -> dict[str, Any]:
    return {
        "id": ID,
        "title": "Age and narrowed vessels",
        "researcher": "alice",
        "version": 2,
        "digest": DIGEST,
        "state": "in-review",
        "until": "2099-03-31T00:00:00Z",
        "updated": ago(60),
        "comments": 0,
        "stations": [
            {"state": "approved", "allows": LOW, **NOTHING, "station": "cleveland"},
            {"state": "in-review", "allows": "", "lacks": "", "question": QUESTION}
            | {"station": "hungary"},
        ],
        **more,
    }


def a_detail(said: list[dict[str, Any]]) -> dict[str, Any]:
    allowed = "cleveland allows trains of alice of at most low risk, on heart, until 2099-03-31."
    return {
        **a_proposal(),
        "decisions": [
            {"station": "cleveland", "kind": "approved", "at": ago(90), "sentence": allowed}
        ],
        "discussion": said,
    }


@pytest.fixture
def told(lab_page: LabPage, jupyter: LabServer) -> ExtensionSimulator:
    write_notebook(jupyter.root / NOTEBOOK, CELLS)
    simulator = ExtensionSimulator(lab_page.page)
    simulator.stations = a_consortium()
    simulator.proposals = [a_proposal()]
    simulator.answers |= {
        "POST check": Answer(a_check()),
        "GET kernels": Answer([]),
        "GET members": Answer([a_member("alice", "researcher")]),
        "POST journeys": Answer(a_journey(a_stop("cleveland", 0)), 201),
        f"GET proposals/{ID}": Answer(
            a_detail([{"author": "hungary", "at": ago(70), "text": QUESTION, "question": True}])
        ),
    }
    return simulator


DRAFT = "heart_disease.proposal.toml"


def a_draft_check(version: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": ID,
        "title": "Age and narrowed vessels",
        "version": version,
        "stations": ["cleveland", "hungary"],
        "checked": DIGEST,
        "parts": [
            {"heading": "Title", "lines": [{"mark": " ", "text": "Age and narrowed vessels"}]},
            {"heading": "Journeys", "lines": [{"mark": " ", "text": "3 journeys"}]},
        ],
        **more,
    }


def entry(panel: Locator) -> Locator:
    return panel.locator(f'li[data-proposal="{ID}"]')


def test_a_question_stands_before_all_else_and_is_answered_in_place(lab_page, told):
    answer = "They are few, and the airlock keeps them."

    def comment(body: Any) -> Answer:
        said = [
            {"author": "hungary", "at": ago(70), "text": QUESTION, "question": True},
            {"author": "alice", "at": ago(0), "text": body["text"], "question": False},
        ]
        told.answers[f"GET proposals/{ID}"] = Answer(a_detail(said))
        return Answer(a_detail(said))

    told.answers[f"POST proposals/{ID}/comments"] = comment
    panel = opened(lab_page, told)
    proposal = entry(panel)
    expect(proposal).to_contain_text("a station asks")
    open_by_key(proposal.get_by_role("button").first)
    expect(proposal).to_contain_text("cleveland allows trains of alice of at most low risk")
    expect(proposal.locator(".pht-Proposal-question")).to_have_text(QUESTION)
    proposal.get_by_label("Your comment").fill(answer)
    proposal.get_by_role("button", name="Comment").click()
    expect(proposal.get_by_label("Your comment")).to_have_value("")
    expect(proposal.get_by_role("list", name="What was said of it")).to_contain_text(answer)
    assert told.bodies(f"POST proposals/{ID}/comments") == [{"text": answer}]


def test_what_stations_decide_is_shown_as_it_happens(lab_page, told):
    panel = opened(lab_page, told)
    expect(entry(panel)).to_contain_text("a station asks")
    decided = copy.deepcopy(a_proposal(state="decided", updated=ago(0)))
    decided["stations"][1] |= {"state": "approved", "question": ""}
    told.tell("proposals", [decided])
    expect(entry(panel)).to_contain_text("2 of 2 approved")
    told.tell("proposals", [])
    expect(entry(panel)).to_have_count(0)


def test_an_approval_of_other_trains_only_is_not_counted_as_one(lab_page, told):
    """Before, the panel said "1 of 4 approved", and no train of the study could start."""
    decided = a_proposal(state="decided")
    decided["stations"] = [
        {"station": "cleveland", "state": "approved", "allows": LOW, "lacks": LACKS}
        | {"question": ""},
        {"station": "hungary", "state": "approved", "allows": "trains of at most mid risk"}
        | NOTHING,
        {"station": "switzerland", "state": "void", "allows": ""} | NOTHING,
        {"station": "va-long-beach", "state": "refused", "allows": ""} | NOTHING,
    ]
    told.proposals = [decided]
    told.answers[f"GET proposals/{ID}"] = Answer(a_detail([]) | {"stations": decided["stations"]})
    panel = opened(lab_page, told)
    expect(entry(panel)).to_contain_text("1 of 4 approved, 1 for other trains only")
    open_by_key(entry(panel).get_by_role("button").first)
    stations = entry(panel).locator(".pht-Proposal-stations > li")
    expect(stations.nth(0)).to_contain_text(f"approved, but not this study's own train: {LACKS}")
    expect(stations.nth(1)).to_contain_text("approved: trains of at most mid risk")
    expect(stations.nth(2)).to_contain_text("void: signed with keys, or in a format, of before")
    expect(stations.nth(3)).to_contain_text("refused")
    stations.nth(3).scroll_into_view_if_needed()
    picture(lab_page.page, "lab-approvals-of-other-trains")
    # Nor does a dispatch count it.
    panel.get_by_role("button", name="Dispatch…").click()
    asked = lab_page.page.locator(".pht-Dispatch-dialog")
    asked.get_by_role("combobox", name="Proposal").select_option(index=1)
    asked.get_by_role("checkbox", name="switzerland").uncheck()
    expect(asked).to_contain_text(re.compile("cleveland.? has not approved this train"))


def test_a_refused_comment_is_said_and_not_lost(lab_page, told):
    told.answers[f"POST proposals/{ID}/comments"] = refusal(
        "proposal-withdrawn", "This proposal was withdrawn: there is nothing to say of it."
    )
    panel = opened(lab_page, told)
    entry(panel).get_by_role("button").first.click()
    entry(panel).get_by_label("Your comment").fill("Please read it.")
    entry(panel).get_by_role("button", name="Comment").click()
    expect(entry(panel).get_by_role("alert")).to_contain_text("was withdrawn")
    expect(entry(panel).get_by_label("Your comment")).to_have_value("Please read it.")


def test_an_order_is_made_under_the_proposal_and_version_that_was_shown(lab_page, told):
    panel = opened(lab_page, told)
    expect(panel.locator(".pht-Verdict")).to_have_text("● ok")
    panel.get_by_role("button", name="Dispatch…").click()
    asked = lab_page.page.locator(".pht-Dispatch-dialog")
    choice = asked.get_by_role("combobox", name="Proposal")
    expect(choice).to_have_value("")
    choice.select_option(label="Age and narrowed vessels, version 2")
    expect(asked).to_contain_text("have not approved this train")
    asked.get_by_role("checkbox", name="switzerland").uncheck()
    asked.get_by_role("checkbox", name="hungary").uncheck()
    expect(asked).not_to_contain_text("not approved this train")
    summary = asked.locator(".pht-Dispatch-summary")
    expect(summary).to_contain_text("made under the proposal")
    # A newer version is another choice, which nobody made yet.
    told.tell("proposals", [a_proposal(version=3, digest="sha256:" + "8" * 64)])
    expect(choice).to_have_value("")
    told.tell("proposals", [a_proposal()])
    expect(choice).to_have_value(DIGEST)
    asked.get_by_role("button", name="Sign and dispatch").click()
    expect(asked).to_have_count(0)
    assert told.bodies("POST journeys")[0]["proposal"] == {"id": ID, "digest": DIGEST}


def test_nothing_can_travel_under_what_is_over(lab_page, told):
    told.proposals = [a_proposal(state="withdrawn")]
    panel = opened(lab_page, told)
    expect(entry(panel)).to_contain_text("withdrawn")
    panel.get_by_role("button", name="Dispatch…").click()
    asked = lab_page.page.locator(".pht-Dispatch-dialog")
    expect(asked.get_by_role("button", name="Sign and dispatch")).to_be_visible()
    expect(asked.get_by_role("combobox", name="Proposal")).to_have_count(0)


def test_what_others_wrote_is_text(lab_page, told):
    hostile = "<img src=x onerror=alert(1)>\u202eevil"
    told.proposals = [a_proposal(title=hostile)]
    told.answers[f"GET proposals/{ID}"] = Answer(
        a_detail([{"author": "hungary", "at": ago(1), "text": hostile, "question": False}])
    )
    panel = opened(lab_page, told)
    entry(panel).get_by_role("button").first.click()
    said = entry(panel).get_by_role("list", name="What was said of it")
    expect(said).to_contain_text("<img src=x onerror=alert(1)>\\u202eevil")
    expect(panel.locator("img")).to_have_count(0)


def test_a_draft_is_written_beside_the_notebook_and_opened(lab_page, told, jupyter):
    told.proposals = []

    def draft(body: Any) -> Answer:
        (jupyter.root / DRAFT).write_text('title = ""  # one line\n')
        return Answer({"path": DRAFT, "made": True})

    told.answers["POST proposals/draft"] = draft
    panel = opened(lab_page, told)
    panel.get_by_role("button", name="Propose…").click()
    page = lab_page.page
    expect(page.get_by_role("tab", name=DRAFT)).to_be_visible()
    expect(page.locator(".jp-FileEditor:visible")).to_contain_text('title = ""')
    expect(page.locator(".jp-toast-message, .Toastify__toast").first).to_contain_text("Fill in")
    # It is still the notebook that is proposed.
    expect(panel.locator(".pht-Head-name")).to_have_text(NOTEBOOK)
    assert told.bodies("POST proposals/draft") == [{"path": NOTEBOOK}]
    assert told.bodies("POST proposals/check") == []


def test_what_is_submitted_is_what_was_shown(lab_page, told, jupyter):
    (jupyter.root / DRAFT).write_text('title = "Age"\n')
    told.proposals = []
    told.answers |= {
        "POST proposals/draft": Answer({"path": DRAFT, "made": False}),
        "POST proposals/check": Answer(a_draft_check()),
        "POST proposals/submit": Answer(a_detail([])),
    }
    panel = opened(lab_page, told)
    panel.get_by_role("button", name="Propose…").click()
    asked = lab_page.page.get_by_role("dialog")
    expect(asked.get_by_label("What it asks for")).to_contain_text("3 journeys")
    signed = "You sign: version 1 of this proposal, to .?cleveland.? and .?hungary.?\\."
    expect(asked.locator(".pht-Dispatch-summary")).to_contain_text(re.compile(signed))
    asked.get_by_role("button", name="Sign and submit").click()
    expect(asked).to_have_count(0)
    assert told.bodies("POST proposals/submit") == [{"path": NOTEBOOK, "checked": DIGEST}]


def test_what_is_typed_into_the_draft_is_saved_before_it_is_checked(lab_page, told, jupyter):
    file = jupyter.root / DRAFT
    file.write_text('title = ""\n')
    checked: list[str] = []

    def check(body: Any) -> Answer:
        checked.append(file.read_text())
        return refusal("proposal-draft", f"{DRAFT} is not ready: question is still empty.")

    told.answers |= {
        "POST proposals/draft": Answer({"path": DRAFT, "made": False}),
        "POST proposals/check": check,
    }
    panel = opened(lab_page, told)
    propose = panel.get_by_role("button", name="Propose…")
    propose.click()
    problem = panel.locator(".pht-Head").get_by_role("alert")
    expect(problem).to_contain_text("question is still empty")
    editor = lab_page.page.locator(".jp-FileEditor:visible .cm-content")
    editor.fill('title = ""\njourneys = 2')
    propose.click()
    expect(problem).to_contain_text("question is still empty")
    expect(propose).to_have_attribute("aria-disabled", "false")
    assert checked == ['title = ""\n', 'title = ""\njourneys = 2']
    assert told.bodies("POST proposals/submit") == []


def test_of_a_later_version_the_changes_are_shown_and_a_refusal_is_said(lab_page, told, jupyter):
    (jupyter.root / DRAFT).write_text('title = "Age"\n')
    lines = [{"mark": "-", "text": "3 journeys"}, {"mark": "+", "text": "5 journeys"}]
    parts = [{"heading": "Journeys", "lines": lines}]
    told.answers |= {
        "POST proposals/draft": Answer({"path": DRAFT, "made": False}),
        "POST proposals/check": Answer(a_draft_check(3, parts=parts)),
        "POST proposals/submit": refusal("proposal-changed", "It was changed meanwhile."),
    }
    panel = opened(lab_page, told)
    panel.get_by_role("button", name="Propose…").click()
    asked = lab_page.page.get_by_role("dialog")
    expect(asked).to_contain_text("Propose version 3")
    changes = asked.get_by_label("What differs from version 2").locator("dd")
    expect(changes).to_have_text(["- 3 journeys", "+ 5 journeys"])
    asked.get_by_role("button", name="Sign and submit").click()
    expect(asked.get_by_role("alert")).to_contain_text("changed meanwhile")
    asked.get_by_role("button", name="Back to the draft").click()
    expect(asked).to_have_count(0)


def test_one_s_own_proposal_is_withdrawn_with_a_reason(lab_page, told):
    told.proposals = [a_proposal(), a_proposal(id="p-" + "f" * 16, researcher="bob")]
    told.answers[f"GET proposals/p-{'f' * 16}"] = Answer(a_detail([]))
    told.answers[f"POST proposals/{ID}/withdraw"] = Answer(a_detail([]))
    panel = opened(lab_page, told)
    for proposal in panel.locator("li[data-proposal]").all():
        proposal.get_by_role("button").first.click()
    expect(panel.get_by_role("button", name="Withdraw…")).to_have_count(1)
    entry(panel).get_by_role("button", name="Withdraw…").click()
    asked = lab_page.page.get_by_role("dialog")
    asked.get_by_role("textbox").fill("Answered elsewhere.")
    asked.get_by_role("button", name="Withdraw").click()
    expect(asked).to_have_count(0)
    assert told.bodies(f"POST proposals/{ID}/withdraw") == [{"reason": "Answered elsewhere."}]
