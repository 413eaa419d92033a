"""What others chose to call things, and what goes wrong around us: said as text, nothing executed.

Script tags, characters that turn the direction of text or are seen by nobody, 10,000 characters,
and what looks like a template, in every place of the interface; then central away, a station
offline, an expired login and a wrong passphrase.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Dialog, Locator, expect

from tests.ui.chromium import evaluate
from tests.ui.extension_simulator import (
    Answer,
    ExtensionSimulator,
    a_journey,
    a_status,
    a_stop,
    refusal,
)
from tests.ui.lab_page import LabPage, write_notebook
from tests.ui.lab_server import LabServer
from tests.ui.told_results import a_table, a_verdict, an_output, histogram
from tests.ui.told_shapes import (
    a_check,
    a_column,
    a_consortium,
    a_data_set,
    a_finding,
    a_member,
    a_station,
)
from tests.ui.train_panel import CELLS, NOTEBOOK

SCRIPT = (
    "<img src=x onerror='alert(1);window.pwned=1'><script>alert(2);window.pwned=1</script>"
    "<style>body{display:none!important}</style>"
)
TURNED = "\u202egnitide\u2066\u200f\u200b\u0007"
LONG = "W" * 10_000
TEMPLATE = "%1 %2 ${alert(3)} {{alert(4)}} </textarea><svg/onload=alert(5)>"
HOSTILE = [SCRIPT, TURNED, LONG, TEMPLATE]

# Lab's own pages hold some of these elements; those of a name would be new.
ELEMENTS = "body :is(script, style, iframe, object, embed, [onload], [onerror], [src=x])"


@pytest.fixture
def told(lab_page: LabPage, jupyter: LabServer) -> Iterator[ExtensionSimulator]:
    """Whatever a test does, no dialog of the browser opens and nothing is executed."""
    write_notebook(jupyter.root / NOTEBOOK, CELLS)
    opened: list[str] = []

    def on_dialog(dialog: Dialog) -> None:
        opened.append(dialog.message)
        dialog.dismiss()

    lab_page.page.on("dialog", on_dialog)
    simulator = ExtensionSimulator(lab_page.page, hostile=True)
    simulator.answers |= {
        "POST check": Answer(a_check()),
        "GET kernels": Answer([]),
        "GET members": Answer([a_member("alice", "researcher")]),
    }
    yield simulator
    assert opened == []
    assert evaluate(lab_page.page, "window.pwned") is None
    expect(lab_page.page.locator("img[src=x]")).to_have_count(0)


def elements(lab_page: LabPage) -> int:
    return lab_page.page.locator(ELEMENTS).count()


def expect_fits(*parts: Locator) -> None:
    """No part is wider than its place, none reaches beyond the window."""
    for part in parts:
        assert part.evaluate("node => node.scrollWidth - node.clientWidth") <= 0, part
        assert part.evaluate("node => node.getBoundingClientRect().right <= innerWidth"), part
    width = evaluate(parts[0].page, "document.documentElement.scrollWidth")
    assert width <= 1280


def expect_plain(*parts: Locator) -> None:
    """What is shown, and what is only told, holds no character that nobody sees."""
    for part in parts:
        words = part.evaluate(
            """node => [node.innerText, ...Array.from(node.querySelectorAll('*')).flatMap(
                one => ['title', 'aria-label', 'alt', 'aria-valuetext']
                    .map(name => one.getAttribute(name) ?? ''))].join(' ')"""
        )
        # The isolates that phtlab itself puts around a name come in pairs.
        assert "\u202e" not in words
        assert words.count("\u2068") == words.count("\u2069")
        assert not set("\u200f\u200b\u0007\u2066") & set(words)


def hostile_journey(number: int, name: str, **more: Any) -> dict[str, Any]:
    error = {"type": name, "cell": 1, "line": 1, "message": name}
    stop = a_stop(name, 0, "failed", sentence=name, words=name, code=name, error=error)
    return a_journey(
        stop,
        id=f"sha256:{number:064x}",
        short=f"{number:012x}",
        train_name=name,
        researcher=name,
        mine=number % 2 == 0,
        parameters={name: name},
        recipients=[name],
        route="sequential",
        continues=name,
        continued_by=name,
        resumable=True,
        **more,
    )


def hostile_results(journey: dict[str, Any]) -> dict[str, Any]:
    stations = [
        {
            "station": name,
            "outputs": [
                an_output(name, table=a_table((name, SCRIPT), [(name, LONG), (TURNED, name)])),
                an_output(f"{name}2", "scalar", scalar=name),
                {**histogram(1), "name": f"{name}3", "png": "PHN2Zy9vbmxvYWQ9YWxlcnQoMSk+"},
                an_output(f"{name}4", "model", shapes={name: [1]}),
                an_output(f"{name}5", "file", bytes=1),
            ],
            "verdicts": [a_verdict(name, verdict=name, rule=name, sentence=name)],
            "handed_on": [{"output": name, "station": name}],
            "rounds": None,
            "forecasts": [
                {"stations": [name], "verdicts": [a_verdict(name, verdict=name, rule=name)]}
            ],
        }
        for name in HOSTILE
    ]
    error = {"type": SCRIPT, "cell": 1, "line": None, "message": LONG}
    failures = [
        {"station": f"{n} failed", "outcome": n, "code": n, "sentence": n, "error": error}
        | {"forecasts": []}
        for n in HOSTILE
    ]
    unsigned = [{"station": f"{name} unsigned", "words": name} for name in HOSTILE]
    return {
        "journey": journey,
        "stations": stations,
        "failures": failures,
        "unsigned": unsigned,
        "waiting": [{"station": f"{name} waiting", "words": name} for name in HOSTILE],
        "rounds": None,
        "missing": [{"output": n, "station": n, "words": n} for n in HOSTILE],
    }


def test_the_train_panel_and_the_dispatch_dialog(lab_page, told):
    columns = [a_column(name, "string", unit=name, description=name) for name in HOSTILE]
    columns.append(a_column("all", "string", categories=HOSTILE))
    for number, name in enumerate(HOSTILE):
        data = a_data_set(name, title=name, description=name, columns=columns)
        told.stations.append(
            a_station(name, organisation=name, version=name, datasets=[data, a_data_set()])
        )
        told.journeys.append(hostile_journey(number, name))
    told.answers["POST check"] = Answer(
        a_check(
            name=SCRIPT,
            kernel=TURNED,
            findings=[a_finding(3, name, severity="warning") for name in HOSTILE],
            outputs=[{"name": name, "kind": name, "to": name} for name in HOSTILE],
            route="sequential",
            received=HOSTILE,
        )
    )
    told.answers["GET kernels"] = Answer(
        [{"name": name, "language": name, "digest": name} for name in HOSTILE]
    )
    told.answers["GET members"] = Answer([a_member(name, "researcher", name) for name in HOSTILE])
    told.begin()
    lab_page.open(NOTEBOOK)
    before = elements(lab_page)
    lab_page.command("phtlab:open-train")
    panel = lab_page.page.locator("#phtlab-train-panel")
    panel.get_by_role("button", name="Kernel images").click()
    for row in panel.locator(".pht-Row").all():
        row.click()
    scroll = panel.locator(".pht-TrainPanel-scroll")
    expect(scroll).to_contain_text("<img src=x")
    expect(scroll).to_contain_text("\\u202egnitide\\u2066\\u200f\\u200b\\u0007")
    expect_fits(panel, scroll)
    expect_plain(panel)

    panel.get_by_role("button", name="Dispatch…").click()
    asked = lab_page.page.locator(".pht-Dispatch-dialog")
    for box in asked.get_by_role("checkbox").all():
        box.check()
    expect(asked.locator(".pht-Dispatch-summary")).to_contain_text("\\u202egnitide")
    expect_fits(asked.locator(".jp-Dialog-content"))
    expect_plain(asked)
    told.answers["POST journeys"] = refusal(SCRIPT, TURNED + SCRIPT + LONG)
    asked.get_by_role("button", name="Sign and dispatch").click()
    expect(asked.get_by_role("alert")).to_contain_text("\\u202egnitide")
    expect_fits(asked.locator(".jp-Dialog-content"))
    expect_plain(asked)
    lab_page.page.keyboard.press("Escape")
    assert elements(lab_page) == before


def test_what_is_told_when_a_journey_ends(lab_page, told):
    told.journeys = [hostile_journey(2 * n, name) for n, name in enumerate(HOSTILE)]
    told.begin()
    lab_page.open()
    before = elements(lab_page)
    told.tell("journeys", [{**journey, "done": False} for journey in told.journeys])
    expect(lab_page.page.locator(".pht-Travelling")).to_contain_text("4 travelling")
    told.tell("journeys", told.journeys)
    toasts = lab_page.page.locator(".Toastify__toast")
    expect(toasts).to_have_count(4)
    for toast in toasts.all():
        expect_plain(toast)
        lab_page.page.wait_for_function(  # it slides in
            "toast => toast.getBoundingClientRect().right <= innerWidth",
            arg=toast.element_handle(),
        )
        box = toast.bounding_box()
        assert box is not None
        assert box["height"] < 300
    expect(toasts.filter(has_text="\\u202egnitide")).to_have_count(1)
    assert elements(lab_page) == before


def test_the_page_of_results(lab_page, told):
    journey = hostile_journey(0, SCRIPT)
    told.journeys = [journey]
    told.answers[f"GET journeys/{journey['id']}/results"] = Answer(hostile_results(journey))
    told.begin()
    lab_page.open()
    before = elements(lab_page)
    lab_page.command("phtlab:open-results", {"journey": journey["id"]})
    page = lab_page.page.locator(".pht-Results")
    tabs = page.get_by_role("tab")
    expect(tabs).to_have_count(5 * len(HOSTILE))
    for tab in tabs.all():
        tab.click()
        expect(page.get_by_role("tabpanel")).to_be_visible()
        expect_fits(page)
        expect_plain(page)
    assert elements(lab_page) == before
    expect(lab_page.page.locator(".lm-TabBar-tabLabel", has_text="Results")).to_be_visible()


@pytest.mark.parametrize("message", HOSTILE)
def test_a_refusal_of_results(lab_page, told, message):
    journey = hostile_journey(0, message)
    told.journeys = [journey]
    told.answers[f"GET journeys/{journey['id']}/results"] = refusal("signature", message)
    told.begin()
    lab_page.open()
    before = elements(lab_page)
    lab_page.command("phtlab:open-results", {"journey": journey["id"]})
    page = lab_page.page.locator(".pht-Results")
    expect(page.get_by_role("alert")).to_contain_text("Not shown, because it does not verify")
    expect_fits(page)
    expect_plain(page)
    assert elements(lab_page) == before


@pytest.mark.parametrize("name", HOSTILE)
def test_the_keys_and_the_unlock_dialog(lab_page, told, name):
    told.status = a_status(
        "locked",
        user=name,
        key_name=name,
        key_path=f"/home/{name}",
        key_readers=name,
        key_member=False,
        central={"url": name, "state": "unreachable", "consortium": name, "sentence": name},
        root={"fingerprint": name},
    )
    told.answers["POST keys/unlock"] = refusal("passphrase", name, status=422)
    told.answers["GET keys/backup"] = refusal("key-file", name)
    told.begin()
    lab_page.open()
    before = elements(lab_page)
    lab_page.command("phtlab:open-keys")
    panel = lab_page.page.locator(".pht-Keys")
    panel.get_by_role("button", name="Revoke the key").click()
    panel.get_by_role("button", name="Download a backup").click()
    expect(panel.locator(".pht-Notice.pht-mod-bad")).to_be_visible()
    expect_fits(panel)
    expect_plain(panel)
    evaluate(lab_page.page, "void jupyterapp.commands.execute('phtlab:unlock')")
    dialog = lab_page.page.locator(".jp-Dialog")
    dialog.locator("input").fill("wrong")
    lab_page.page.keyboard.press("Enter")
    expect(dialog.locator(".pht-Refused")).to_be_visible()
    expect_fits(dialog.locator(".jp-Dialog-content"))
    expect_plain(dialog)
    box = dialog.locator(".jp-Dialog-content").bounding_box()
    assert box is not None
    assert box["height"] <= 800
    lab_page.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert elements(lab_page) == before


def test_a_notebook_of_a_hostile_name(lab_page, told, jupyter):
    name = "\u202e<img src=x onerror=alert(1)>" + "n" * 180 + ".ipynb"
    write_notebook(jupyter.root / name, CELLS)
    told.stations = a_consortium()
    told.begin()
    lab_page.open()
    before = elements(lab_page)
    lab_page.command("docmanager:open", {"path": name})
    lab_page.ready(name)
    lab_page.command("phtlab:open-train")
    panel = lab_page.page.locator("#phtlab-train-panel")
    head = panel.locator(".pht-Head")
    expect(head).to_contain_text("<img src=x")
    expect_fits(panel, head)
    expect_plain(panel)
    panel.get_by_role("button", name="Dispatch…").click()
    asked = lab_page.page.locator(".pht-Dispatch-dialog")
    expect(asked).to_contain_text("<img src=x")
    expect_fits(asked.locator(".jp-Dialog-content"))
    expect_plain(asked)
    lab_page.page.keyboard.press("Escape")
    assert elements(lab_page) == before


def test_central_away_and_a_station_offline(lab_page, told):
    told.stations = a_consortium()
    told.begin()
    lab_page.open(NOTEBOOK)
    lab_page.command("phtlab:open-train")
    panel = lab_page.page.locator("#phtlab-train-panel")
    away = "Central at http://10.1.0.1 does not answer. Trying again; what travels goes on."
    central = {**a_status()["central"], "state": "unreachable", "sentence": away}
    told.tell("status", a_status(central=central))
    expect(panel.locator(".pht-Banner")).to_contain_text(away)
    expect(panel.locator(".pht-Row").filter(has_text="hungary")).to_contain_text("offline")
    told.answers["POST journeys"] = refusal("central-unreachable", away, status=503)
    panel.get_by_role("button", name="Dry run").click()
    expect(panel.get_by_role("alert")).to_contain_text(away)
    told.tell("status", a_status())
    expect(panel.locator(".pht-Banner")).to_have_count(0)


# Jupyter Server's own refusal of whoever shows no token that counts.
FORBIDDEN = Answer({"message": "Forbidden", "reason": None}, 403)
# A hub's answer to whose session is over.
LOGIN_PAGE = Answer(b"<html><script>alert(1)</script>", headers={"Content-Type": "text/html"})
LOGIN = "You are not logged in at your Jupyter server any more."


def test_a_part_that_the_server_does_not_give_says_so_and_can_be_tried_again(lab_page, told):
    told.begin()
    lab_page.open()
    # What is asked for from now on is a part: a build for use gives them numbers, not names.
    away = re.compile(r"/extensions/phtlab/static/.*\.js")
    lab_page.page.route(away, lambda route: route.abort())
    dialog = lab_page.page.locator(".jp-Dialog")
    told.tell("status", a_status("locked"))
    for command in ("open-keys", "open-results", "unlock"):
        evaluate(
            lab_page.page,
            "([name, args]) => void jupyterapp.commands.execute(name, args)",
            [f"phtlab:{command}", {"journey": a_journey()["id"]}],
        )
        expect(dialog).to_contain_text("your Jupyter server does not give it now")
        expect(dialog.get_by_role("button").last).to_be_focused()
        lab_page.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    lab_page.page.unroute(away)
    lab_page.command("phtlab:open-keys")
    expect(lab_page.page.locator(".pht-Keys")).to_be_visible()


@pytest.mark.parametrize(
    ("answer", "words"),
    [(FORBIDDEN, LOGIN), (LOGIN_PAGE, "perhaps you have to log in again")],
    ids=["403", "login page"],
)
def test_an_expired_login_is_said_and_what_is_open_stays(lab_page, told, answer, words):
    told.begin()
    lab_page.open(NOTEBOOK)
    lab_page.cell(4).locator(".cm-content").fill("unsaved = 1")
    lab_page.command("phtlab:open-train")
    panel = lab_page.page.locator("#phtlab-train-panel")
    expect(panel.locator(".pht-Verdict")).to_have_text("● ok")
    told.instead = answer
    told.refuse()
    banner = panel.locator(".pht-Banner")
    expect(banner).to_contain_text(words)
    expect(banner).to_contain_text("What is shown may be old.")
    lab_page.command("phtlab:open-results", {"journey": a_journey()["id"]})
    expect(lab_page.page.locator(".pht-Results")).to_contain_text(words)
    lab_page.command("application:activate-previous-tab")
    expect(lab_page.cell(4)).to_contain_text("unsaved = 1")
    told.instead = None
    expect(banner).to_have_count(0)  # by itself, with the next stream


def test_a_login_that_is_over_at_the_real_server(lab_page: LabPage, jupyter: LabServer):
    """The server's cookies and token are taken away under an open page."""
    write_notebook(jupyter.root / NOTEBOOK, CELLS)
    lab_page.open(NOTEBOOK)
    lab_page.command("phtlab:open-train")
    panel = lab_page.page.locator("#phtlab-train-panel")
    expect(panel.locator(".pht-Banner").first).to_contain_text("phtlab join")
    said = evaluate(
        lab_page.page,
        """async () => {
            const address = jupyterapp.serviceManager.serverSettings.baseUrl + 'phtlab/keys';
            const told = await fetch(address, { credentials: 'omit' });
            return [told.status, await told.text()];
        }""",
    )
    status, body = said
    problem = json.loads(body)
    assert status in (401, 403)
    assert "log in" in problem["hint"].lower()
