"""Keys over HTTP: made, opened, locked, changed, backed up, restored, revoked."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from phtlab.consortium.enrolment import REMOVAL_TYPE, open_request
from phtlab.files.key_file import read_key
from phtlab.lab.server.threads import MOST_WAITING
from phtlab.train.canonical import digest
from phtlab.train.documents.envelope import Envelope, peek
from tests.central.world import World
from tests.lab.server.conftest import PASSPHRASE, Asking

NEW = "another horse battery"


@pytest.fixture
def _key(home: Path) -> Path:
    return home / "config" / "keys" / "ada.key.age"


async def made(asking: Asking) -> dict[str, Any]:
    body = {"name": "ada", "organisation": "Ulm", "passphrase": PASSPHRASE}
    key: dict[str, Any] = await asking.post("keys", body)
    return key


async def test_a_new_key_is_the_current_one_and_open(asking: Asking, _key: Path):
    assert (await asking.get("status"))["key"]["state"] == "none"
    assert await asking.get("keys") == []
    key = await made(asking)
    identity = read_key(_key, PASSPHRASE)
    assert key == {
        "name": "ada",
        "path": str(_key),
        "current": True,
        "fingerprint": identity.public.fingerprint,
        "created": key["created"],
    }
    status = await asking.get("status")
    assert (status["key"]["state"], status["key"]["name"]) == ("unlocked", "ada")
    assert await asking.get("keys") == [key]
    assert _key.stat().st_mode & 0o777 == 0o600


async def test_a_key_is_never_made_twice(asking: Asking, _key: Path):
    await made(asking)
    before = _key.read_bytes()
    body = {"name": "ada", "organisation": "", "passphrase": PASSPHRASE}
    status, problem = await asking.refused("POST", "keys", json=body)
    assert (status, problem["code"], problem["field"]) == (409, "key-file-exists", "name")
    assert _key.read_bytes() == before


async def test_a_short_passphrase_is_refused_where_it_is_typed(asking: Asking, _key: Path):
    body = {"name": "ada", "organisation": "", "passphrase": "short"}
    _, problem = await asking.refused("POST", "keys", json=body)
    assert (problem["code"], problem["field"]) == ("passphrase-short", "passphrase")
    assert not _key.exists()
    await made(asking)
    change = {"old": PASSPHRASE, "new": "short"}
    _, problem = await asking.refused("POST", "keys/passphrase", json=change)
    assert (problem["code"], problem["field"]) == ("passphrase-short", "new")


async def test_lock_and_unlock(asking: Asking):
    await made(asking)
    status = await asking.post("keys/lock", {})
    assert status["key"]["state"] == "locked"
    # The request beside the key tells whose it is, though it is locked.
    assert status["key"]["fingerprint"] is not None
    status = await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
    assert status["key"]["state"] == "unlocked"


async def test_a_wrong_passphrase_opens_nothing_and_takes_longer_each_time(
    asking: Asking, slept: list[float]
):
    await made(asking)
    await asking.post("keys/lock", {})
    for _ in range(3):
        status, problem = await asking.refused(
            "POST", "keys/unlock", json={"passphrase": "wrong one"}
        )
        assert (status, problem["code"], problem["field"]) == (422, "passphrase", "passphrase")
    assert (await asking.get("status"))["key"]["state"] == "locked"
    assert slept == [0.5, 1.0, 2.0]


async def test_who_guesses_many_at_once_is_sent_away(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
):
    await made(asking)
    thought = threading.Event()  # what a wrong guess costs lasts until the test has looked
    keys = asking.extension.workspace.keys
    monkeypatch.setattr(keys._unlock, "_sleep", lambda seconds: thought.wait(30))
    guesses = [
        asyncio.create_task(asking.request("POST", "keys/unlock", json={"passphrase": "wrong one"}))
        for _ in range(MOST_WAITING + 3)
    ]
    sent_away = [await answer for answer in islice(asyncio.as_completed(guesses), 3)]
    thought.set()
    answers = await asyncio.gather(*guesses)
    assert {answer.json()["code"] for answer in sent_away} == {"too-many-tries"}
    assert sorted(a.status_code for a in answers) == [422] * MOST_WAITING + [429] * 3


async def test_without_a_key_there_is_nothing_to_unlock(asking: Asking):
    for verb, path, body in [
        ("POST", "keys/unlock", {"passphrase": PASSPHRASE}),
        ("POST", "keys/passphrase", {"old": PASSPHRASE, "new": NEW}),
        ("POST", "keys/revoke", {"passphrase": PASSPHRASE, "reason": ""}),
        ("GET", "keys/backup", None),
        ("GET", "keys/request", None),
    ]:
        status, problem = await asking.refused(verb, path, json=body)
        assert (status, problem["code"]) == (409, "key-missing"), path


async def test_the_passphrase_is_changed(asking: Asking, _key: Path):
    key = await made(asking)
    _, problem = await asking.refused(
        "POST", "keys/passphrase", json={"old": "wrong one", "new": NEW}
    )
    assert (problem["code"], problem["field"]) == ("passphrase", "old")
    changed = await asking.post("keys/passphrase", {"old": PASSPHRASE, "new": NEW})
    assert changed["fingerprint"] == key["fingerprint"]
    assert read_key(_key, NEW).name == "ada"


async def test_a_backup_restores_elsewhere(asking: Asking, _key: Path):
    key = await made(asking)
    backup = await asking.request("GET", "keys/backup")
    assert backup.headers["Content-Disposition"] == 'attachment; filename="ada.key.age"'
    assert backup.headers["Cache-Control"] == "no-store"
    assert backup.content == _key.read_bytes()
    assert backup.content.startswith(b"age-encryption.org/v1\n")
    for file in _key.parent.iterdir():
        file.unlink()
    assert (await asking.get("status"))["key"]["state"] == "none"

    content = base64.b64encode(backup.content).decode()
    _, problem = await asking.refused(
        "POST", "keys/restore", json={"content": content, "passphrase": "wrong one"}
    )
    assert (problem["code"], problem["field"]) == ("passphrase", "passphrase")
    assert not _key.exists()
    restored = await asking.post("keys/restore", {"content": content, "passphrase": PASSPHRASE})
    assert (restored["path"], restored["fingerprint"]) == (str(_key), key["fingerprint"])
    assert (await asking.get("status"))["key"]["state"] == "unlocked"


async def test_what_is_no_key_file_is_not_restored(asking: Asking, _key: Path):
    for content in ("not base64!", base64.b64encode(b"no key file").decode(), ""):
        _, problem = await asking.refused(
            "POST", "keys/restore", json={"content": content, "passphrase": PASSPHRASE}
        )
        assert problem["field"] == "content", problem
    assert not _key.exists()


async def test_the_request_for_membership_is_a_file_for_an_officer(asking: Asking):
    key = await made(asking)
    answer = await asking.request("GET", "keys/request")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="ada.request.json"'
    member = open_request(Envelope.from_bytes(answer.content))
    assert (member.name, member.organisation, member.roles) == ("ada", "Ulm", ("researcher",))
    assert member.keys.fingerprint == key["fingerprint"]


async def test_a_revoked_key_is_put_aside_with_a_request_for_an_officer(asking: Asking, _key: Path):
    await made(asking)
    content = _key.read_bytes()
    body = {"passphrase": "wrong one", "reason": "lost"}
    await asking.refused("POST", "keys/revoke", json=body)
    assert _key.exists()
    _, problem = await asking.refused(
        "POST", "keys/revoke", json={"passphrase": PASSPHRASE, "reason": "two\nlines"}
    )
    assert (problem["code"], problem["field"]) == ("request", "reason")
    assert _key.exists()

    told = await asking.post("keys/revoke", {"passphrase": PASSPHRASE, "reason": "lost"})
    statement = peek(Envelope.from_bytes(Path(told["path"]).read_bytes()))
    assert told["name"] == "ada"
    assert statement.predicate_type == REMOVAL_TYPE
    assert (statement.predicate["name"], statement.predicate["reason"]) == ("ada", "lost")
    assert not _key.exists()
    assert [file.read_bytes() for file in (_key.parent / "revoked").iterdir()] == [content]
    assert (await asking.get("status"))["key"]["state"] == "none"


async def test_the_status_says_who_may_read_the_key(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
):
    assert "on this computer" in (await asking.get("status"))["key"]["readers"]
    monkeypatch.setenv("JUPYTERHUB_USER", "Ada.Lovelace")
    status = await asking.get("status")
    assert (status["place"], status["user"]) == ("hub", "Ada.Lovelace")
    assert "administrators of this hub" in status["key"]["readers"]
    assert status["key"]["path"].endswith("/keys/ada-lovelace.key.age")


async def test_a_profile_that_cannot_be_read_is_said_and_mended(asking: Asking, home: Path):
    profile = home / "config" / "profile.toml"
    profile.parent.mkdir(parents=True, exist_ok=True)
    profile.write_text("central = ")
    asking.extension.workspace.profile_changed()
    status = await asking.get("status")
    assert (status["problem"]["code"], status["key"]["state"]) == ("settings", "none")
    assert "not valid TOML" in status["problem"]["message"]
    profile.unlink()
    asking.extension.workspace.profile_changed()
    assert (await asking.get("status"))["problem"]["code"] == "central-missing"


async def test_after_a_lock_nothing_of_the_key_s_is_shown(central: World, asking: Asking):
    await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
    central.journey()
    await asking.post("keys/lock", {})
    order = {"path": "a.ipynb", "checked": digest(b""), "stations": "all"}
    status, problem = await asking.refused("POST", "journeys", json=order)
    assert problem["code"] in ("key-locked", "notebook-missing")
    for route in ("results", "cancel", "export", "aggregate"):
        verb = "GET" if route == "results" else "POST"
        body = json.loads('{"directory": "out"}') if route == "export" else {}
        status, problem = await asking.refused(
            verb, f"journeys/sha256:{'a' * 64}/{route}", json=body
        )
        assert (status, problem["code"]) == (423, "key-locked"), route
