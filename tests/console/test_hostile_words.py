"""Words of others on the console's pages, in a real browser: they are text, and nothing more."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Page

from phtlab.station.datasets import add_dataset
from phtlab.station.executor import CheckResult
from phtlab.station.self_test import keep_report, report_of
from tests.console.conftest import desk_of
from tests.evidence import Evidence
from tests.station.held_world import held, holding_world
from tests.station.test_approvals import proposed
from tests.ui.chromium import chromium, watched_page

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
    assert page.evaluate("window.ran") is None, path
    assert "1337" not in page.locator("main").inner_text(), path
    assert "‮" not in page.content(), path
    assert "\x1b" not in page.content(), path
    own = page.evaluate(
        "[...document.querySelectorAll('script')].every(s => s.src.startsWith(location.origin))"
    )
    assert own, path
    assert page.locator("main :is(svg, iframe, object, embed)").count() == 0, path
