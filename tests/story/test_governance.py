"""A proposal's whole life: written, asked about, approved by a rule and by a person, and audited.

Two stations, each with its operator at the console in a browser; the researcher in Lab.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from phtlab.demo.hub import HubWorld
from tests.story.desk import JOURNEY, Desk
from tests.story.operator import Operator, at_console, policies, run_phtlab
from tests.story.pictures import picture
from tests.ui.chromium import evaluate

# A story has many steps, each with a limit of its own.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

NOTEBOOK = "vessels.ipynb"
DRAFT = "vessels.proposal.toml"
TITLE = "Narrowed vessels by age and sex"
QUESTION = "Do you need those under 40? There are few of them here."
ANSWER = "No. Version 2 begins at 40."
ASKING = 'mode = "human"\n'
HOLDING = ASKING + '\n[airlock.tables]\nsmall_count = "hold"\ncomplementary = "pass"\n'
CELLS = (
    ("parameters", "min_age: int = 30  # 18..100: youngest age in years"),
    (
        "station",
        "import phtlab\n\n"
        'heart = phtlab.dataset("heart")\n'
        "cohort = heart[heart.age >= min_age]\n"
        'counts = cohort.groupby("sex").size().rename("n").reset_index()\n'
        'phtlab.publish("counts", counts, counts="n")',
    ),
    ("local", "import phtlab\n\nlab = phtlab.connect()\nlab.proposals.new('vessels.ipynb').name"),
    ("local", f"proposal = lab.proposals.submit({DRAFT!r})\nproposal"),
)
FINER = (
    "import phtlab\n\n"
    'heart = phtlab.dataset("heart")\n'
    "cohort = heart[heart.age >= min_age]\n"
    'decade = (cohort.age // 10 * 10).rename("decade")\n'
    'counts = cohort.groupby(["sex", decade]).size().rename("n").reset_index()\n'
    'phtlab.publish("counts", counts, counts="n")'
)
# A scalar that does not say of how many persons it is: of mid risk.
MEAN = "mean.ipynb"
MEAN_DRAFT = "mean.proposal.toml"
MEAN_TITLE = "Mean age"
MEAN_CELLS = (
    (
        "station",
        "import phtlab\n\n"
        'heart = phtlab.dataset("heart")\n'
        'phtlab.publish("mean_age", float(heart.age.mean()), kind="scalar")',
    ),
    ("local", f"import phtlab\n\nlab = phtlab.connect()\nlab.proposals.new({MEAN!r}).name"),
    ("local", f"lab.proposals.submit({MEAN_DRAFT!r})"),
)
FILLED = {
    'title = ""': f'title = "{TITLE}"',
    'question = """\n': 'question = """\nAt which age do the vessels of women and men narrow?\n',
    'legal_ground = """\n': 'legal_ground = """\nConsent of the patients; ethics vote 2026-17.\n',
    'stations = ["cleveland", "hungary", "switzerland", "va-long-beach"]': (
        'stations = ["cleveland", "hungary"]'
    ),
    "journeys = 1 ": "journeys = 5 ",
}


def test_a_proposal_s_whole_life(desk: Desk, hub: HubWorld, browser: Browser, tmp_path: Path):
    world = hub.consortium
    with (
        policies(world, cleveland=ASKING, hungary=ASKING) as files,
        at_console(browser, world, "olga", "cleveland") as olga,
        at_console(browser, world, "otto", "hungary") as otto,
    ):
        desk.enter()
        desk.place(NOTEBOOK, CELLS)
        desk.open(NOTEBOOK)
        panel = desk.show_panel()
        expect(panel.locator(".pht-Verdict")).to_have_text("● ok")
        desk.open_key()
        picture(otto.page, "01-empty-inbox")

        # A first train, without a proposal: each station reads it, and says yes to exactly it.
        dispatch(desk)
        for operator in (olga, otto):
            approve_train(operator, "vessels")
        desk.await_end(desk.first_journey)
        expect(desk.first_journey.locator(".pht-Row")).to_contain_text("done")

        # The proposal: a draft worked out from the notebook, which a person completes.
        propose(desk)
        entry = panel.locator(".pht-Proposals > li").first
        expect(entry).to_contain_text(TITLE)
        expect(entry).to_contain_text("0 of 2 approved")

        # One station asks; the researcher answers, and narrows what is asked for.
        page = otto.open(TITLE, "Proposal")
        page.get_by_label("Ask the researcher").fill(QUESTION)
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(entry).to_contain_text("a station asks")
        entry.get_by_role("button").first.click()
        expect(entry.locator(".pht-Proposal-question")).to_have_text(QUESTION)
        entry.get_by_label("Your comment").fill(ANSWER)
        entry.get_by_role("button", name="Comment").click()
        expect(entry.get_by_role("list", name="What was said of it")).to_contain_text(ANSWER)
        entry.scroll_into_view_if_needed()
        picture(desk.page, "02-question")
        amend(desk, {"minimum = 18": "minimum = 40", "default = 30": "default = 40"})
        run_cell(desk, 3)
        expect(entry).to_contain_text("version 2")

        # One allows by a rule what is of low risk; the other reads what changed.
        page = olga.open(TITLE, "Proposal")
        expect(page.get_by_text("version 2", exact=False).first).to_be_visible()
        page.get_by_role("radio", name="Low-risk trains").check()
        expect(page.locator("#words")).to_contain_text("of at most low risk")
        page.get_by_role("button", name="Approve", exact=True).scroll_into_view_if_needed()
        picture(page, "03-rule")
        page.get_by_role("button", name="Approve", exact=True).click()
        # What the one approved lets start is said in Lab, and that the other has not decided.
        expect(entry).to_contain_text("1 of 2 approved")
        decided = entry.locator(".pht-Proposal-stations > li")
        cleveland = decided.filter(has_text="cleveland")
        expect(cleveland).to_contain_text("approved: trains of at most low risk")
        expect(decided.filter(has_text="hungary")).not_to_contain_text("approved")
        decided.first.scroll_into_view_if_needed()
        picture(desk.page, "12-approvals")
        page = otto.open(TITLE, "Proposal")
        changed = page.locator("section").filter(has_text="What changed since version 1")
        expect(changed.locator("ins").first).to_be_visible()
        expect(page.locator("main")).to_contain_text(ANSWER)
        picture(page, "04-changes")
        with_central_s_page(desk, hub, "05-central")

        # A changed notebook under it: the rule lets it start, a person reads its diff.
        files["hungary"].write_text(HOLDING)
        desk.cell(1).locator(".cm-content").fill(FINER)
        desk.page.keyboard.press("Control+s")
        expect(panel.locator(".pht-Verdict")).to_have_text("● ok")
        dispatch(desk, proposal=TITLE)
        journey = desk.first_journey
        stop = {name: journey.locator(f'[data-station="{name}"]') for name in files}
        expect(stop["cleveland"]).to_contain_text("departed", timeout=JOURNEY)
        page = otto.open("vessels", "Train")
        expect(page.locator(".since")).to_contain_text("changed")
        frame = page.frame_locator("iframe")
        expect(frame.locator("body")).to_contain_text("decade")
        picture(page, "06-diff")
        approve(page)

        # What it published counts few people: held. The researcher is told of which kind of rule it
        # is, and reads meanwhile what has departed, with a line that says what is missing.
        expect(otto.waiting("counts", "Output held")).to_be_visible(timeout=JOURNEY)
        expect(stop["hungary"]).to_contain_text("A person at hungary will look at the output")
        expect(stop["hungary"]).to_contain_text("a rule about counts of people")
        journey.get_by_role("button", name="Results so far (1 of 2)").click()
        results = desk.page.locator(".pht-Page:visible")
        expect(results.get_by_role("heading", level=1)).to_contain_text("Results so far")
        expect(results.get_by_role("note")).to_contain_text("hungary is not in it yet (held)")
        picture(desk.page, "11-so-far")

        # Looked at there, and released without the small groups.
        picture(otto.inbox(), "07-inbox")
        page = otto.open("counts", "Output held")
        small = [row for row in page.locator("table.held tbody tr").all() if counts_few(row)]
        assert small
        for row in small:
            row.get_by_role("checkbox", name="Take out row").check()
        page.get_by_role("textbox", name="Why").fill("Without the small groups it tells of nobody.")
        picture(page, "08-held")
        page.get_by_role("button", name="Release without the marked cells").click()

        # The researcher learns the rule, and never the value.
        desk.await_end(journey)
        expect(journey.locator(".pht-Row")).to_contain_text("done")
        journey.get_by_role("button", name="Results").click()
        results = desk.page.locator(".pht-Page:visible")
        expect(results).to_contain_text("2 of 2 stop records verified")
        expect(results.get_by_role("table").first).to_be_visible()
        expect(results).to_contain_text("hungary released in part")
        expect(results).to_contain_text(f"released it without {len(small)} rows")
        expect(results.get_by_role("note")).to_contain_text("hungary withheld")
        picture(desk.page, "09-results")

        # Who said what, when, under which digest: it is all there, and verifies.
        page = otto.inbox()
        page.get_by_role("link", name="Audit", exact=True).click()
        expect(page.locator("main")).to_contain_text("output-released")
        picture(page, "10-audit")
        station = str(world.station_folder("hungary"))
        acts = {
            "hungary": ("approval-said", "approval-signed", "output-released", "stop-ended"),
            "central": ("proposal-submitted", "proposal-question", "proposal-comment", "approved"),
        }
        for log, place in (("hungary", ("-C", station)), ("central", ())):
            export = tmp_path / log
            run_phtlab(world, "audit", "export", str(export), *place)
            told = json.loads(run_phtlab(world, "audit", "verify", str(export), "--json"))
            assert told["log"].startswith(log)
            logged = "".join(file.read_text() for file in export.rglob("*.jsonl"))
            assert [act for act in acts[log] if act not in logged] == []


def test_an_approval_of_other_trains_only_is_shown_as_such(
    desk: Desk, hub: HubWorld, browser: Browser
):
    """A rule for low-risk trains, given to a study of mid risk."""
    with at_console(browser, hub.consortium, "oona", "cleveland") as oona:
        desk.enter()
        desk.place(MEAN, MEAN_CELLS)
        desk.open(MEAN)
        desk.await_notebook()  # before it has a kernel, Lab runs a cell as nothing
        panel = desk.show_panel()
        expect(panel.locator(".pht-Verdict")).to_have_text("● ok")
        desk.open_key()
        run_cell(desk, 1)
        expect(desk.cell(1).locator(".jp-OutputArea-output").last).to_contain_text(MEAN_DRAFT)
        amend(desk, FILLED | {'title = ""': f'title = "{MEAN_TITLE}"'}, MEAN_DRAFT)
        run_cell(desk, 2)
        entry = panel.locator(".pht-Proposals > li").filter(has_text=MEAN_TITLE)
        expect(entry).to_contain_text("0 of 2 approved")

        # The console has chosen what covers the study; the reviewer chooses less.
        page = oona.open(MEAN_TITLE, "Proposal")
        expect(page.get_by_role("radio", name="One notebook")).to_be_checked()
        page.get_by_role("radio", name="Low-risk trains").check()
        expect(page.locator("#words")).to_contain_text("of at most low risk")
        approve(page)

        expect(entry).to_contain_text("0 of 2 approved, 1 for other trains only")
        entry.get_by_role("button").first.click()
        cleveland = entry.locator(".pht-Proposal-stations > li").filter(has_text="cleveland")
        expect(cleveland).to_contain_text("approved, but not this study's own train")
        expect(cleveland).to_contain_text("only trains of at most low risk")
        expect(cleveland).to_contain_text("this study's are of mid risk")
        cleveland.scroll_into_view_if_needed()
        picture(desk.page, "13-other-trains")


def dispatch(desk: Desk, proposal: str | None = None) -> None:
    """Send the notebook to the two stations, as a person does in the panel."""
    expect(desk.panel.locator(".pht-Verdict")).to_have_text("● ok")
    desk.panel.get_by_role("button", name="Dispatch…").click()
    dialog = desk.page.locator(".pht-Dispatch-dialog")
    expect(dialog).to_be_visible()
    for name in ("switzerland", "va-long-beach"):
        dialog.get_by_role("checkbox", name=name).uncheck()
    if proposal is not None:
        choice = dialog.get_by_role("combobox", name="Proposal")
        choice.select_option(label=f"{proposal}, version 2")
        dialog.get_by_label("min_age").fill("45")
    dialog.get_by_role("button", name="Sign and dispatch").click()
    expect(dialog).to_have_count(0)


def approve_train(operator: Operator, title: str) -> None:
    expect(operator.waiting(title, "Train")).to_be_visible(timeout=JOURNEY)
    approve(operator.open(title, "Train"))


def approve(page: Page) -> None:
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()


def propose(desk: Desk) -> None:
    run_cell(desk, 2)
    expect(desk.cell(2).locator(".jp-OutputArea-output").last).to_contain_text(DRAFT)
    amend(desk, FILLED)
    notebooks = evaluate(
        desk.page,
        """async path => (await window.jupyterapp.serviceManager.contents.get(path)).content
            .match(/^notebooks = .*$/m)[0]""",
        DRAFT,
    )
    # Any notebook that keeps to the rest: the researcher will look closer at the same counts.
    amend(desk, {notebooks: "notebooks = []"})
    run_cell(desk, 3)


def amend(desk: Desk, changes: dict[str, str], draft: str = DRAFT) -> None:
    """Change the draft's text, as in Lab's editor."""
    missing = evaluate(
        desk.page,
        """async ([path, changes]) => {
            const contents = window.jupyterapp.serviceManager.contents;
            let text = (await contents.get(path)).content;
            const missing = Object.keys(changes).filter(before => !text.includes(before));
            for (const [before, after] of Object.entries(changes)) {
                text = text.replace(before, () => after);
            }
            await contents.save(path, {type: 'file', format: 'text', content: text});
            return missing;
        }""",
        [draft, changes],
    )
    assert missing == []


def run_cell(desk: Desk, number: int) -> None:
    desk.select(number)
    desk.page.keyboard.press("Control+Enter")
    expect(desk.cell(number).locator(".jp-InputPrompt")).not_to_contain_text("*")


def counts_few(row: Locator) -> bool:
    return int(row.locator("td").last.inner_text()) < 10


def with_central_s_page(desk: Desk, hub: HubWorld, name: str) -> None:
    with desk.page.context.new_page() as page:
        page.goto(f"{hub.url}/services/central/proposals")
        page.get_by_role("link", name=TITLE).click()
        expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
        expect(page.locator("main")).to_contain_text("of at most low risk")
        picture(page, name)
