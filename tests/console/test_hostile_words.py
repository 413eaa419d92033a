"""Words of others on the console's pages, in a real browser: they are text, and nothing more."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page
from pydantic import ValidationError

from phtlab.errors import PhtlabError
from phtlab.station.console.pages import exactly, since, when
from phtlab.station.context.self_test_result import keep_report, report_of
from phtlab.station.data.datasets import add_dataset
from phtlab.station.executor.contract import CheckResult
from phtlab.wire.api.governance import CommentView, NewComment, ProposalView
from phtlab.wire.central.answer import parsed
from tests.console.conftest import desk_of
from tests.evidence import Evidence
from tests.station.approvals.test_approvals import proposed
from tests.station.release.held_world import held, holding_world
from tests.station.station_world import make_world
from tests.ui.chromium import chromium, evaluate, watched_page

pytestmark = pytest.mark.browser

EVIL = (
    "<script>window.ran='script'</script><img src=x onerror=\"window.ran='img'\">"
    "<svg onload=\"window.ran='svg'\"></svg>{{7*191}}'\"`"
)
TURNED = "‮txt.exe"
SCHEMA = f"""\
title = {json.dumps(EVIL)}
description = {json.dumps(EVIL)}

[[columns]]
name = "age"
type = "integer"
description = {json.dumps(EVIL)}
unit = "<b>years</b>"

[[columns]]
name = {json.dumps(EVIL[:100])}
type = "string"
categories = [{json.dumps(EVIL)}, {json.dumps(TURNED)}]
""".encode()


def test_no_word_of_others_runs_asks_or_turns_anything_round(
    tmp_path: Path, evidence: Evidence
) -> None:
    world = holding_world(tmp_path)
    _, stop = held(world)
    add_dataset(world.folder, "evil", None, SCHEMA)
    one_line = EVIL[:190]
    _, proposal = proposed(
        world, title=one_line, question=EVIL, legal_ground=EVIL, reasons=(one_line,)
    )
    found = CheckResult("evil", False, f"{EVIL} {TURNED}", EVIL)
    keep_report(world.folder, report_of(world.settings, [found], world.now()))
    world.station().audit.append(
        actor=one_line, action=one_line, subject=one_line, details={"reason": one_line}
    )
    log = stop.operator / "log"
    log.write_bytes(f"{EVIL} \x1b]0;evil\x07 {TURNED}".encode())
    world.folder.policy.write_text(f"# </textarea>{EVIL}\n" + world.folder.policy.read_text())
    pages = [
        "/",
        "/journeys",
        f"/journeys/{stop.hex}",
        f"/journeys/{stop.hex}/log",
        f"/outputs/{stop.hex}/wards",
        "/datasets",
        "/datasets/evil",
        "/approvals",
        f"/proposals/{proposal.id}",
        "/policy",
        "/keys",
        "/health",
        "/audit",
        f"/audit?about={one_line[:60]}",
    ]
    with desk_of(world) as desk, chromium() as browser, watched_page(browser) as (page, watch):
        page.goto(f"{desk.home}/login?link={desk.link('all')}")
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{desk.home}/")
        dialogs: list[str] = []
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        for path in pages:
            page.goto(desk.home + path)
            page.wait_for_function("document.readyState === 'complete'")
            _require_plain(page, path)
        watch.require_nothing()
        assert not dialogs
    evidence(
        "attacks",
        attacker="hostile researcher",
        promise="words in names, proposals, logs and audit entries do nothing on the console",
        outcome="shown as text on each page: nothing ran, nothing was asked for",
    )


def _require_plain(page: Page, path: str) -> None:
    assert evaluate(page, "window.ran") is None, path
    assert "1337" not in page.locator("main").inner_text(), path
    assert "‮" not in page.content(), path
    assert "\x1b" not in page.content(), path
    own = evaluate(
        page,
        "[...document.querySelectorAll('script')].every(s => s.src.startsWith(location.origin))",
    )
    assert own, path
    assert page.locator("main :is(svg, iframe, object, embed)").count() == 0, path


def test_a_date_that_no_other_zone_has_breaks_no_page(tmp_path: Path, evidence: Evidence) -> None:
    """Central's answer with one is refused (`train.documents.moment`); a page would show it."""
    world = make_world(tmp_path)
    world.add_hearts()
    signed, proposal = proposed(world)
    dated = {
        "number": 1,
        "author": "hungary",
        "by": "key",
        "at": "2026-01-01T00:00:00Z",
        "text": "When?",
        "proposal": signed.digest,
    }
    comment = CommentView.model_validate(dated)
    view = world.central.governance.proposal(proposal.id)
    for written in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
        with pytest.raises(ValidationError):
            CommentView.model_validate(dated | {"at": written})
        wrong = datetime.fromisoformat(written)
        assert when(wrong).startswith(f"{wrong.year}-")
        assert exactly(wrong)
        assert since(wrong, world.now())
        hostile = view.model_copy(update={"comments": (comment.model_copy(update={"at": wrong}),)})
        answer = hostile.model_dump_json()
        world.central.governance.proposal = lambda _, answer=answer: parsed(ProposalView, answer)
        world.central.governance.changed += 1
        with suppress(PhtlabError):
            world.daemon().exchange()
        with desk_of(world) as desk:
            browser = desk.login("all")
            for path in ("/", "/approvals", f"/proposals/{proposal.id}"):
                browser.get(path)
    evidence(
        "attacks",
        attacker="hostile central",
        promise="cannot break the console's pages with the date of a comment",
        outcome="its answer is refused; a page shows any date",
    )


def test_it_is_said_of_what_central_shows_that_nobody_signed_it(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.add_hearts()
    _, proposal = proposed(world)
    said = "Words here are as central shows them; nobody signed them."
    with desk_of(world) as desk:
        browser = desk.login("all")
        assert said in browser.get(f"/proposals/{proposal.id}").text
        world.central.governance.comment(proposal.id, NewComment(text="A word of central's"))
        world.central.governance.changed += 1
        world.daemon().exchange()
        page = browser.get(f"/proposals/{proposal.id}").text
    assert "A word of central" in page
    assert said in page
