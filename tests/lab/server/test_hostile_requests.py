"""Requests that no page of ours makes: each gets a sentence, and nothing happens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from phtlab.lab.server import routes
from phtlab.lab.server.exchange import KIB
from phtlab.train.canonical import digest
from tests.lab.server.conftest import PASSPHRASE, Asking
from tests.lab.server.test_access import JOURNEY, path_of

POSTS = [route for route in routes() if "POST" in route.verbs]
LONG = "x" * 10_000
SCRIPT = "<script>alert(1)</script>"
RIGHT_TO_LEFT = "\u202egpj.exe"


@pytest.fixture
def before(home: Path, jp_root_dir: Path) -> dict[Path, bytes]:
    return _files(home, jp_root_dir)


def _files(*folders: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for f in folders for p in f.rglob("*") if p.is_file()}


async def test_ten_megabytes_are_refused_by_all_but_the_check(asking: Asking):
    body = b'{"passphrase": "' + b"x" * (10 * KIB * KIB) + b'"}'
    for route in POSTS:
        if route.path == "check":
            continue
        status, problem = await asking.refused("POST", path_of(route), content=body)
        assert (status, problem["code"]) == (413, "too-large"), route.path


async def test_a_body_of_unknown_length_is_counted(asking: Asking):
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * (64 * KIB)

    for path in ("keys/unlock", "journeys"):
        status, problem = await asking.refused("POST", path, content=pieces())
        assert (status, problem["code"]) == (413, "too-large")


async def test_more_than_a_notebook_is_no_notebook(asking: Asking):
    status, problem = await asking.refused("POST", "check", content=b"x" * (33 * KIB * KIB))
    assert (status, problem["code"]) == (413, "too-large")


NO_BODIES = (
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"{}{}",
    b"\xff\xfe",
    b'{"surprise": 1}',
    b"[" * 10_000 + b"]" * 10_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
)


async def test_what_is_no_body_of_ours_is_refused(asking: Asking):
    for body in NO_BODIES:
        for route in POSTS:
            status, problem = await asking.refused("POST", path_of(route), content=body)
            assert (status, problem["code"]) == (400, "request"), (route.path, body[:20])


PATHS_OUT = (
    "../outside.ipynb",
    "/../outside.ipynb",
    "a/../../outside.ipynb",
    "..\\outside.ipynb",
    "link.ipynb",
    "folder/outside.ipynb",
    ".hidden.ipynb",
    "a\0b.ipynb",
    RIGHT_TO_LEFT,
    LONG,
    "%2e%2e/outside.ipynb",
    "~/outside.ipynb",
)


async def test_no_path_leads_out_of_the_root(asking: Asking, jp_root_dir: Path, tmp_path: Path):
    outside = tmp_path / "outside.ipynb"
    outside.write_text(json.dumps({"nbformat": 4, "cells": [], "metadata": {}}))
    (jp_root_dir / "link.ipynb").symlink_to(outside)
    (jp_root_dir / "folder").symlink_to(tmp_path)
    (jp_root_dir / ".hidden.ipynb").write_text(outside.read_text())
    for path in PATHS_OUT:
        for place, body in [
            ("journeys", {"path": path, "checked": digest(b""), "stations": "all"}),
            (f"journeys/{JOURNEY}/aggregate", {"path": path}),
        ]:
            status, problem = await asking.refused("POST", place, json=body)
            assert status in (400, 404), (path, place, problem)
            assert problem["code"] in ("path", "notebook-missing", "request"), (path, problem)
            assert "outside" not in problem["message"]


async def test_nothing_is_exported_out_of_the_root(
    asking: Asking, jp_root_dir: Path, tmp_path: Path
):
    (jp_root_dir / "folder").symlink_to(tmp_path)
    for path in ("../out", "/../out", "folder/out", ".out", "a\0b", RIGHT_TO_LEFT, "..\\out", LONG):
        place = f"journeys/{JOURNEY}/export"
        status, problem = await asking.refused("POST", place, json={"directory": path})
        assert (status, problem["code"]) in [(400, "path"), (400, "request")], (path, problem)


async def test_no_such_name_becomes_a_key(
    asking: Asking, before: dict[Path, bytes], home: Path, jp_root_dir: Path
):
    for name in (LONG, SCRIPT, RIGHT_TO_LEFT, "../../../etc/cron", "Ada", "\0"):
        body = {"name": name, "organisation": "", "passphrase": PASSPHRASE}
        status, problem = await asking.refused("POST", "keys", json=body)
        told = (status, problem["code"], problem["field"])
        assert told in [(400, "request", "name"), (422, "request", "name")], (name[:20], problem)
        assert LONG not in problem["message"]
    assert _files(home, jp_root_dir) == before


async def test_a_foreign_organisation_is_refused_at_its_field(asking: Asking):
    body = {"name": "ada", "organisation": RIGHT_TO_LEFT, "passphrase": PASSPHRASE}
    _, problem = await asking.refused("POST", "keys", json=body)
    assert (problem["code"], problem["field"]) == ("request", "organisation")


NO_IDS = (
    "x",
    LONG,
    "sha256:" + "A" * 64,
    "sha256:..%2f..%2fetc",
    "sha256:" + "a" * 63,
    "%00",
    "%3Cscript%3E",
    "%E2%80%AE",
)


async def test_what_is_no_journey_s_id_is_asked_of_nobody(asking: Asking):
    for journey in NO_IDS:
        for route in (route for route in routes() if "{journey}" in route.path):
            path = route.path.replace("{journey}", journey)
            body = {"directory": "out"} if route.path.endswith("export") else {}
            status, problem = await asking.refused(route.verbs[0], path, json=body)
            assert (status, problem["code"]) == (404, "no-such-journey"), (route.path, journey[:20])
            assert journey not in problem["message"].split()


NO_ORDERS: tuple[dict[str, Any], ...] = (
    {"stations": "everywhere"},
    {"stations": []},
    {"stations": [LONG]},
    {"stations": [SCRIPT]},
    {"stations": ["ulm"] * 300},
    {"recipients": [RIGHT_TO_LEFT]},
    {"recipients": ["bob"] * 100},
    {"parameters": []},
    {"path": ""},
    {"path": 1},
    {"twin": True},
    {"checked": None},
    {"checked": "sha256:0"},
)


async def test_no_such_order_is_read(asking: Asking):
    for change in NO_ORDERS:
        order = {"path": "a.ipynb", "checked": digest(b""), "stations": "all"} | change
        status, problem = await asking.refused("POST", "journeys", json=order)
        assert (status, problem["code"]) == (400, "request"), (str(change)[:40], problem)
        assert LONG not in problem["message"] and SCRIPT not in problem["message"]


async def test_no_refusal_and_no_log_repeats_a_passphrase(
    asking: Asking, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    secret = "never-to-be-seen"
    await asking.post("keys", {"name": "ada", "organisation": "", "passphrase": PASSPHRASE})
    bodies: list[tuple[str, Any]] = [
        ("keys/unlock", {"passphrase": secret}),
        ("keys/unlock", {"passphrase": secret, "more": secret}),
        ("keys/unlock", {"passphrase": [secret]}),
        ("keys/unlock", {"passphrase": secret * 1000}),
        ("keys/passphrase", {"old": secret, "new": secret}),
        ("keys/restore", {"content": "AAAA", "passphrase": secret}),
        ("keys/revoke", {"passphrase": secret, "reason": ""}),
        ("keys", {"name": secret, "organisation": secret, "passphrase": 1, secret: secret}),
    ]
    for path, body in bodies:
        response = await asking.request("POST", path, json=body)
        assert response.status_code >= 400
        if body.get("name") != secret:
            assert secret not in response.text, path
    out, err = capfd.readouterr()
    for told in (caplog.text, out, err):
        assert secret not in told and PASSPHRASE not in told


async def test_a_failure_of_ours_tells_where_and_not_what(
    asking: Asking, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: Any) -> None:
        raise RuntimeError("a row of somebody's data")

    monkeypatch.setattr("phtlab.lab.server.status.status_answer", broken)
    status, problem = await asking.refused("GET", "status")
    assert (status, problem["code"]) == (500, "server-failed")
    assert "Whether it was done is not known" in problem["hint"]
    assert "StatusExchange failed: RuntimeError" in caplog.text
    assert "in broken" in caplog.text
    assert "somebody" not in caplog.text + problem["message"] + problem["hint"]
