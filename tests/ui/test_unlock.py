"""The plugin phtlab:unlock: a passphrase asked once a session, and found nowhere afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.ui.chromium import evaluate
from tests.ui.extension_simulator import Answer, ExtensionSimulator, a_status, refusal
from tests.ui.lab_page import LabPage, write_notebook
from tests.ui.lab_server import LabServer
from tests.ui.train_panel import CELLS, NOTEBOOK

RIGHT = "correct-horse-battery-staple"
WRONG = "another-horse"


@pytest.fixture
def told(lab_page: LabPage) -> ExtensionSimulator:
    simulator = ExtensionSimulator(lab_page.page, a_status("locked"))
    simulator.answers["POST keys/unlock"] = only(RIGHT)
    return simulator


def only(passphrase: str) -> Any:
    def answer(body: Any) -> Answer:
        if body["passphrase"] == passphrase:
            return Answer(a_status())
        return refusal("passphrase", "This passphrase does not open the key.", status=422)

    return answer


def ask(lab_page: LabPage) -> None:
    """Run the command; its answer is `window.opened` once there is one."""
    evaluate(
        lab_page.page,
        """() => { window.opened = null; void jupyterapp.commands.execute('phtlab:unlock')
            .then(opened => { window.opened = opened; }); }""",
    )


def answered(lab_page: LabPage) -> Any:
    lab_page.page.wait_for_function("window.opened !== null")
    return evaluate(lab_page.page, "window.opened")


def dialog(lab_page: LabPage) -> Locator:
    return lab_page.page.locator(".jp-Dialog")


def field(lab_page: LabPage) -> Locator:
    return dialog(lab_page).get_by_label("Passphrase of the key alice")


def test_the_right_passphrase_opens_it(lab_page, told):
    told.begin()
    lab_page.open()
    ask(lab_page)
    expect(field(lab_page)).to_be_focused()
    expect(field(lab_page)).to_have_attribute("type", "password")
    expect(field(lab_page)).to_have_attribute("autocomplete", "off")
    expect(dialog(lab_page)).to_contain_text("Asked once a session. The passphrase is kept nowhere")
    field(lab_page).fill(RIGHT)
    lab_page.page.keyboard.press("Enter")
    expect(dialog(lab_page)).to_have_count(0)
    assert answered(lab_page) is True
    ask(lab_page)
    assert answered(lab_page) is True  # no second question
    assert len(told.bodies("POST keys/unlock")) == 1


def test_a_wrong_passphrase_is_said_and_the_dialog_stays(lab_page, told):
    told.begin()
    lab_page.open()
    ask(lab_page)
    expect(field(lab_page)).to_be_focused()
    lab_page.page.keyboard.press("Enter")
    expect(dialog(lab_page).get_by_role("status")).to_contain_text("Type the passphrase")
    assert not told.bodies("POST keys/unlock")
    field(lab_page).fill(WRONG)
    dialog(lab_page).get_by_role("button", name="Unlock").click()
    expect(dialog(lab_page).get_by_role("status")).to_contain_text("does not open the key")
    expect(field(lab_page)).to_have_attribute("aria-invalid", "true")
    expect(field(lab_page)).to_be_focused()
    lab_page.page.keyboard.type(RIGHT)  # over what is selected
    lab_page.page.keyboard.press("Enter")
    assert answered(lab_page) is True
    bodies = told.bodies("POST keys/unlock")
    assert [body["passphrase"] for body in bodies] == [WRONG, RIGHT]


def test_giving_up_opens_nothing(lab_page, told):
    told.begin()
    lab_page.open()
    for way in ("Escape", "Cancel"):
        ask(lab_page)
        expect(field(lab_page)).to_be_focused()  # before, Escape is nobody's
        if way == "Escape":
            lab_page.page.keyboard.press("Escape")
        else:
            dialog(lab_page).get_by_role("button", name="Cancel").click()
        expect(dialog(lab_page)).to_have_count(0)
        assert answered(lab_page) is False
    assert not told.bodies("POST keys/unlock")


def test_several_who_need_the_key_at_once_ask_once(lab_page, told):
    told.begin()
    lab_page.open()
    evaluate(
        lab_page.page,
        """() => { window.all = null; void Promise.all([1, 2, 3].map(() =>
            jupyterapp.commands.execute('phtlab:unlock'))).then(all => { window.all = all; }); }""",
    )
    field(lab_page).fill(RIGHT)
    lab_page.page.keyboard.press("Enter")
    lab_page.page.wait_for_function("window.all !== null")
    assert evaluate(lab_page.page, "window.all") == [True, True, True]
    expect(dialog(lab_page)).to_have_count(0)
    assert len(told.bodies("POST keys/unlock")) == 1


def test_without_a_key_it_leads_to_the_keys(lab_page, told):
    told.status = a_status("none")
    told.begin()
    lab_page.open()
    ask(lab_page)
    expect(dialog(lab_page)).to_contain_text("There is no key here yet")
    dialog(lab_page).get_by_role("button", name="Open the Keys panel").click()
    expect(lab_page.page.locator(".pht-Keys")).to_be_visible()
    assert answered(lab_page) is False


def test_locking_forgets_it_and_the_next_use_asks_again(lab_page, told):
    told.status = a_status()
    told.answers["POST keys/lock"] = Answer(a_status("locked"))
    told.begin()
    lab_page.open()
    lab_page.palette("Lock the Key")
    expect(lab_page.page.locator(".Toastify__toast")).to_contain_text("Your key is locked.")
    ask(lab_page)
    expect(field(lab_page)).to_be_visible()
    lab_page.page.keyboard.press("Escape")


def test_the_passphrase_is_found_nowhere(lab_page, told, jupyter):
    file = jupyter.root / NOTEBOOK
    write_notebook(file, CELLS)
    requests: list[tuple[str, str]] = []
    lab_page.page.on("request", lambda r: requests.append((r.url, r.post_data or "")))
    told.begin()
    lab_page.open(NOTEBOOK)
    ask(lab_page)
    field(lab_page).fill(RIGHT)
    lab_page.page.keyboard.press("Enter")
    assert answered(lab_page) is True
    lab_page.cell(4).locator(".cm-content").fill("changed = 1")
    lab_page.save()
    assert "changed = 1" in file.read_text()
    everything = [
        file.read_text(),
        lab_page.page.url,
        lab_page.page.content(),
        evaluate(
            lab_page.page,
            "() => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])",
        ),
        *(
            part
            for url, body in requests
            for part in (url, "" if "/phtlab/keys/unlock" in url else body)
        ),
        jupyter.log,
        *(
            path.read_text(errors="replace")
            for path in jupyter.folder.rglob("*")
            if path.is_file() and path.stat().st_size < 10_000_000
        ),
    ]
    assert any("/phtlab/keys/unlock" in url for url, _ in requests)
    assert not [text for text in everything if RIGHT in text]


def test_a_real_key_and_a_real_wrong_passphrase(lab_page: LabPage, jupyter: LabServer):
    """With the real server: the words that it has, and a session that outlives the page."""
    lab_page.open()
    made = evaluate(
        lab_page.page,
        """async passphrase => {
            const settings = jupyterapp.serviceManager.serverSettings;
            const headers = { 'Content-Type': 'application/json',
                Authorization: `token ${settings.token}` };
            const answer = await fetch(`${settings.baseUrl}phtlab/keys`, { method: 'POST', headers,
                body: JSON.stringify({ name: 'alice', organisation: '', passphrase }) });
            return answer.status;
        }""",
        RIGHT,
    )
    assert made in (200, 201)
    lab_page.command("phtlab:lock")
    ask(lab_page)
    field(lab_page).fill(WRONG)
    lab_page.page.keyboard.press("Enter")
    said = dialog(lab_page).get_by_role("status")
    expect(said.locator(".pht-Refused")).to_contain_text("passphrase")
    expect(said).not_to_contain_text(WRONG)
    field(lab_page).fill(RIGHT)
    lab_page.page.keyboard.press("Enter")
    assert answered(lab_page) is True
    lab_page.open()
    lab_page.page.wait_for_function(
        "!jupyterapp.commands.isEnabled('phtlab:unlock')"
    )  # another page of the session
    assert RIGHT not in jupyter.log
