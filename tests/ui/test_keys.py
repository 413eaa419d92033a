"""The plugin phtlab:keys: what state the key is in, who can read it, and what is done with it."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from phtlab.files.key_file import read_key
from tests.ui.extension_simulator import Answer, ExtensionSimulator, a_status, refusal
from tests.ui.lab_page import LabPage
from tests.ui.lab_server import LabServer

OLD = "four random words here"
NEW = "other words than before"
A_KEY = {
    "name": "alice",
    "path": "/home/alice/.config/phtlab/keys/alice.key.age",
    "current": True,
    "fingerprint": None,
    "created": "2026-03-01T09:00:00Z",
}


@pytest.fixture
def told(lab_page: LabPage) -> ExtensionSimulator:
    simulator = ExtensionSimulator(lab_page.page)
    simulator.answers["GET keys"] = Answer([A_KEY])
    return simulator


def opened(lab_page: LabPage, told: ExtensionSimulator) -> Locator:
    told.begin()
    lab_page.open()
    return shown(lab_page)


def shown(lab_page: LabPage) -> Locator:
    lab_page.command("phtlab:open-keys")
    panel = lab_page.page.locator(".pht-Keys")
    expect(panel.get_by_role("heading", name="Keys", exact=True)).to_be_visible()
    return panel


def form(panel: Locator, button: str) -> Locator:
    return panel.locator("form").filter(has=panel.page.get_by_role("button", name=button))


def fill(form: Locator, **values: str) -> None:
    for label, value in values.items():
        form.get_by_label(label.replace("_", " "), exact=True).fill(value)


def test_state_fingerprint_and_place_of_the_key(lab_page, told):
    panel = opened(lab_page, told)
    chips = panel.get_by_role("list", name="State")
    expect(chips).to_contain_text("unlocked for this session")
    expect(chips).to_contain_text("member of heart-consortium")
    groups = panel.get_by_label("Fingerprint of your key").locator("code").all_inner_texts()
    assert groups == ["k7qd", "3mzx", "p2ra", "vt5c", "w6ye", "hb4n", "s7ju", "fg2l"]
    expect(panel).to_contain_text("read the eight groups to an officer")
    expect(panel.get_by_label("Fingerprint of the consortium's root")).to_contain_text("abcd")
    expect(panel).to_contain_text(A_KEY["path"])
    expect(panel).to_contain_text("01/03/2026")


def test_who_can_read_it_here_and_how_to_keep_it_on_a_laptop(lab_page, told):
    panel = opened(lab_page, told)
    readers = panel.locator("section").filter(has_text="Who can read a key here")
    expect(readers).to_contain_text("The administrators of this hub can copy the key file")
    expect(readers).to_contain_text("The file alone is worth as much as its passphrase.")
    readers.get_by_text("Keep it on a laptop instead").click()
    expect(readers).to_contain_text("phtlab key create alice")
    expect(readers).to_contain_text("never bring it here")
    told.tell("status", a_status(place="computer", key_readers="Whoever can read your files."))
    expect(readers).to_contain_text("Whoever can read your files.")
    expect(readers.get_by_text("Keep it on a laptop instead")).to_have_count(0)


def test_locked_and_unlocked_here(lab_page, told):
    told.status = a_status("locked")
    told.answers["POST keys/unlock"] = Answer(a_status())
    told.answers["POST keys/lock"] = Answer(a_status("locked"))
    panel = opened(lab_page, told)
    expect(panel).to_contain_text("Unlock the key to see its fingerprint.")
    panel.get_by_role("button", name="Unlock…").click()
    lab_page.page.locator(".jp-Dialog").get_by_label("Passphrase").fill(OLD)
    lab_page.page.keyboard.press("Enter")
    expect(panel.get_by_label("Fingerprint of your key")).to_be_visible()
    panel.get_by_role("button", name="Lock").click()
    expect(panel.get_by_role("list", name="State")).to_contain_text("locked")
    expect(panel.get_by_label("Fingerprint of your key")).to_have_count(0)


def test_what_is_wrong_with_a_new_key_is_said_before_it_is_asked_for(lab_page, told):
    told.status = a_status("none")
    panel = opened(lab_page, told)
    make = form(panel, "Make the key")
    expect(make.get_by_label("Your name on the roster")).to_have_value("alice")
    button = make.get_by_role("button", name="Make the key")
    words = make.get_by_role("status")
    for name, first, second, said in [
        ("Alice!", OLD, OLD, "A name has 2 to 63 characters"),
        ("alice", "short", "short", "too short: 5 of 12 characters"),
        ("alice", OLD, NEW, "The two passphrases differ"),
    ]:
        fill(make, Your_name_on_the_roster=name, Passphrase=first, The_same_again=second)
        button.click()
        expect(words).to_contain_text(said)
    assert not told.bodies("POST keys")
    expect(make).to_contain_text("not the same yet")


def test_a_new_key_says_what_remains_to_be_done(lab_page, told):
    told.status = a_status("none")

    def make_key(body: Any) -> Answer:
        told.tell("status", a_status(key_member=False))
        return Answer({**A_KEY, "name": body["name"]}, 201)

    told.answers["POST keys"] = make_key
    panel = opened(lab_page, told)
    make = form(panel, "Make the key")
    fill(make, Organisation="A clinic", Passphrase=OLD, The_same_again=OLD)
    expect(make).to_contain_text("strong")
    lab_page.page.keyboard.press("Enter")
    expect(panel).to_contain_text("Your key is made. Three things remain to be done")
    steps = panel.locator("section").filter(has_text="To become a member of heart-consortium")
    expect(steps.get_by_role("listitem")).to_have_count(3)
    expect(panel.get_by_role("list", name="State")).to_contain_text("not on the roster yet")
    assert told.bodies("POST keys") == [
        {"name": "alice", "organisation": "A clinic", "passphrase": OLD}
    ]


def test_a_refusal_stays_at_its_form(lab_page, told):
    told.status = a_status("none")
    told.answers["POST keys"] = refusal(
        "key-file-exists", "There is a key of 'alice' here already.", field="name"
    )
    panel = opened(lab_page, told)
    make = form(panel, "Make the key")
    fill(make, Passphrase=OLD, The_same_again=OLD)
    make.get_by_role("button").click()
    expect(make.get_by_role("status")).to_contain_text("There is a key of 'alice' here already.")
    expect(make.get_by_label("Your name on the roster")).to_have_attribute("aria-invalid", "true")
    expect(make.get_by_label("Passphrase", exact=True)).to_have_value(OLD)  # nothing to type anew


def test_backup_and_request_are_downloads(lab_page, told, tmp_path):
    for path, name in (("backup", "alice.key.age"), ("request", "alice.request.json")):
        told.answers[f"GET keys/{path}"] = Answer(
            name.encode(), headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )
    panel = opened(lab_page, told)
    for label, name in (
        ("Download a backup", "alice.key.age"),
        ("Download the membership request", "alice.request.json"),
    ):
        with lab_page.page.expect_download() as download:
            panel.get_by_role("button", name=label).click()
        assert download.value.suggested_filename == name
        assert download.value.path().read_bytes() == name.encode()
        expect(panel.locator(".pht-Notice")).to_contain_text(f"Downloaded {name}.")


def test_a_download_that_is_refused_says_why(lab_page, told):
    told.answers["GET keys/backup"] = refusal("key-file", "The key file cannot be read.")
    panel = opened(lab_page, told)
    panel.get_by_role("button", name="Download a backup").click()
    expect(panel.locator(".pht-Notice")).to_contain_text("The key file cannot be read.")
    panel.get_by_role("button", name="Dismiss this message").click()
    expect(panel.locator(".pht-Notice")).to_have_count(0)


def test_restoring_sends_the_file_as_it_is(lab_page, told, tmp_path):
    told.status = a_status("none")
    told.answers["POST keys/restore"] = Answer(A_KEY)
    panel = opened(lab_page, told)
    restore = form(panel, "Restore the key")
    button = restore.get_by_role("button", name="Restore the key")
    button.click()
    expect(restore.get_by_role("status")).to_contain_text("Choose the key file")
    huge, sealed = tmp_path / "huge.key.age", tmp_path / "alice.key.age"
    huge.write_bytes(b"x" * 70_000)
    sealed.write_bytes(bytes(range(256)))
    restore.get_by_label("Key file").set_input_files(huge)
    button.click()
    expect(restore.get_by_role("status")).to_contain_text("too large to be a key file")
    restore.get_by_label("Key file").set_input_files(sealed)
    fill(restore, Its_passphrase=OLD)
    button.click()
    expect(panel.locator(".pht-Notice")).to_contain_text("The key of alice is back.")
    [body] = told.bodies("POST keys/restore")
    assert base64.b64decode(body["content"]) == sealed.read_bytes()
    assert body["passphrase"] == OLD
    expect(restore.get_by_label("Its passphrase")).to_have_value("")


def test_a_wrong_passphrase_of_today_is_said_at_its_field(lab_page, told):
    told.answers["POST keys/passphrase"] = refusal(
        "passphrase", "This passphrase does not open the key.", status=422, field="old"
    )
    panel = opened(lab_page, told)
    panel.get_by_role("button", name="Change the passphrase").click()
    change = form(panel, "Change the passphrase")
    fill(change, Passphrase_of_today="wrong", New_passphrase=NEW, The_same_again=NEW)
    change.get_by_role("button").click()
    expect(change.get_by_role("status")).to_contain_text("does not open the key")
    expect(change.get_by_label("Passphrase of today")).to_have_attribute("aria-invalid", "true")


def test_revoking_says_what_follows_and_wants_the_name(lab_page, told):
    told.answers["POST keys/revoke"] = Answer({"path": "/keys/alice.removal.json", "name": "alice"})
    panel = opened(lab_page, told)
    panel.get_by_role("button", name="Revoke the key").click()
    revoke = form(panel, "Revoke the key")
    expect(revoke.get_by_role("listitem")).to_have_count(4)
    expect(revoke).to_contain_text("if it was stolen, telephone them now")
    button = revoke.get_by_role("button", name="Revoke the key")
    expect(button).to_be_disabled()
    fill(revoke, **{"To confirm, type the name of the key: alice": "alic"})
    expect(button).to_be_disabled()
    fill(revoke, **{"To confirm, type the name of the key: alice": "alice"})
    button.click()
    expect(revoke.get_by_role("status")).to_contain_text("Give the officers a reason")
    fill(revoke, **{"Reason, for the officers": "the laptop was lost", "Passphrase": OLD})
    button.click()
    expect(panel.locator(".pht-Notice")).to_contain_text("/keys/alice.removal.json")
    assert told.bodies("POST keys/revoke") == [{"passphrase": OLD, "reason": "the laptop was lost"}]


def test_a_lost_connection_is_said_here_too(lab_page, told):
    panel = opened(lab_page, told)
    told.lose()
    expect(panel.locator(".pht-Notice")).to_contain_text("this may be old")
    told.come_back()
    expect(panel.locator(".pht-Notice")).to_have_count(0)


def test_the_panel_fits_and_is_one(lab_page, told):
    panel = opened(lab_page, told)
    lab_page.command("phtlab:open-keys")
    expect(panel).to_have_count(1)
    for name in ("Change the passphrase", "Revoke the key"):
        panel.get_by_role("button", name=name).first.click()
    assert panel.evaluate("node => node.scrollWidth - node.clientWidth") <= 0


def test_a_whole_life_of_a_key(lab_page: LabPage, jupyter: LabServer, tmp_path: Path):
    """With the real server: made, backed up, its passphrase changed, revoked, restored."""
    folder = jupyter.folder / "phtlab" / "keys"
    lab_page.open()
    panel = shown(lab_page)
    make = form(panel, "Make the key")
    fill(make, Your_name_on_the_roster="ada", Passphrase=OLD, The_same_again=OLD)
    make.get_by_role("button").click()
    state = panel.get_by_role("list", name="State")
    expect(state).to_contain_text("unlocked for this session")
    identity = read_key(folder / "ada.key.age", OLD)
    groups = panel.get_by_label("Fingerprint of your key").locator("code").all_inner_texts()
    assert "".join(groups) == re.sub(r"[^a-z0-9]", "", identity.public.fingerprint)

    with lab_page.page.expect_download() as download:
        panel.get_by_role("button", name="Download a backup").click()
    backup = tmp_path / "ada.key.age"
    download.value.save_as(backup)
    with lab_page.page.expect_download() as download:
        panel.get_by_role("button", name="Download the membership request").click()
    assert json.loads(download.value.path().read_bytes())["signatures"]

    panel.get_by_role("button", name="Change the passphrase").click()
    change = form(panel, "Change the passphrase")
    fill(change, Passphrase_of_today="not this one", New_passphrase=NEW, The_same_again=NEW)
    change.get_by_role("button").click()
    expect(change.get_by_label("Passphrase of today")).to_have_attribute("aria-invalid", "true")
    fill(change, Passphrase_of_today=OLD)
    change.get_by_role("button").click()
    expect(panel.locator(".pht-Notice")).to_contain_text("The key has its new passphrase.")
    assert read_key(folder / "ada.key.age", NEW).public == identity.public

    panel.get_by_role("button", name="Revoke the key").click()
    revoke = form(panel, "Revoke the key")
    reason = {"Reason, for the officers": "a test", "Passphrase": NEW}
    fill(revoke, **reason, **{"To confirm, type the name of the key: ada": "ada"})
    revoke.get_by_role("button").click()
    expect(panel.locator(".pht-Notice")).to_contain_text("The key is set aside here.")
    assert not (folder / "ada.key.age").exists()
    assert list(folder.glob("ada-*.removal.json"))

    restore = form(panel, "Restore the key")
    restore.get_by_label("Key file").set_input_files(backup)
    fill(restore, Its_passphrase=OLD)
    restore.get_by_role("button", name="Restore the key").click()
    expect(panel.locator(".pht-Notice")).to_contain_text("The key of ada is back.")
    expect(state).to_contain_text("unlocked for this session")
    assert read_key(folder / "ada.key.age", OLD).public == identity.public
    for secret in (OLD, NEW):
        assert secret not in jupyter.log
