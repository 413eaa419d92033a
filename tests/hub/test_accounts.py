"""The account file and the authenticator that reads it, without a hub."""

from __future__ import annotations

import asyncio
import io
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.web import HTTPError

from phtlab.errors import SettingsError
from phtlab_hub import accounts
from phtlab_hub.accounts import (
    MOST_WAITING,
    Account,
    LocalAccounts,
    hash_of,
    main,
    read_accounts,
    write_accounts,
)
from phtlab_hub.throttle import LoginThrottle, Throttle
from tests.raising import raises_code

PASSWORD = "correct horse 1"
LOGIN = RequestStartLine("POST", "/hub/login", "HTTP/1.1")
HEADERS = ("X-Real-IP", "X-Forwarded-For", "X-Client-IP", "Forwarded")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.toml"
    write_accounts(path, {"ada": Account(password=hash_of(PASSWORD), groups=("researcher",))})
    return path


def _ask(
    authenticator: LocalAccounts,
    name: str,
    password: str,
    address: str = "::1",
    claims: dict[str, str] | None = None,
) -> Any:
    """A login whose proxy saw `address`, from a browser that sends `claims` as headers."""
    return asyncio.run(_login(authenticator, name, password, address, claims))


async def _login(
    authenticator: LocalAccounts,
    name: str,
    password: str,
    address: str = "::1",
    claims: dict[str, str] | None = None,
) -> Any:
    headers = HTTPHeaders({"Host": "hub", **(claims or {})})
    headers.add("X-Forwarded-For", address)
    handler = SimpleNamespace(request=HTTPServerRequest(start_line=LOGIN, headers=headers))
    form = {"username": name, "password": password}
    return await authenticator.get_authenticated_user(handler, form)


def test_the_right_password_gives_name_and_groups(file: Path) -> None:
    told = _ask(LocalAccounts(file=str(file)), "Ada", PASSWORD)
    assert (told["name"], told["groups"], told["admin"]) == ("ada", ["researcher"], False)


@pytest.mark.parametrize(
    ("name", "password"),
    [("ada", "wrong"), ("ada", ""), ("eve", PASSWORD), ("", ""), ("ada\0", PASSWORD)],
)
def test_anything_else_gives_nothing(file: Path, name: str, password: str) -> None:
    assert _ask(LocalAccounts(file=str(file)), name, password) is None


def test_an_unknown_name_costs_the_same_hashing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []

    def check(expected: str, given: str) -> bool:
        checked.append((expected.split("$")[3], given))
        return False

    monkeypatch.setattr(accounts, "passwd_check", check)
    authenticator = LocalAccounts(file=str(file))
    _ask(authenticator, "ada", "wrong")
    _ask(authenticator, "eve", "wrong")
    assert checked[0] == checked[1]  # one hash each, with the same costs


def test_after_five_wrong_passwords_even_the_right_one_waits(file: Path) -> None:
    now = 0.0
    authenticator = LocalAccounts(file=str(file))
    authenticator.throttle = LoginThrottle(clock=lambda: now)
    for _ in range(5):
        assert _ask(authenticator, "ada", "wrong") is None
    with pytest.raises(HTTPError) as refused:
        _ask(authenticator, "ada", PASSWORD)
    assert refused.value.status_code == 429
    # From elsewhere she gets in, and here too when the time is over.
    assert _ask(authenticator, "ada", PASSWORD, "203.0.113.9")["name"] == "ada"
    now = 2.5
    assert _ask(authenticator, "ada", PASSWORD)["name"] == "ada"
    assert _ask(authenticator, "ada", "wrong") is None


def test_the_wait_doubles_up_to_five_minutes_and_memory_is_bounded() -> None:
    throttle = Throttle(clock=lambda: 0.0, entries=3)
    waits = []
    for _ in range(20):
        throttle.failed("ada", "a")
        waits.append(throttle.wait("ada", "a"))
    assert waits[:8] == [0, 0, 0, 0, 2, 4, 8, 16]
    assert waits[-1] == 300
    for address in "bcd":
        throttle.failed("ada", address)
    assert throttle.wait("ada", "a") == 0  # the oldest was forgotten


def test_a_made_up_address_gives_no_further_guess(file: Path) -> None:
    authenticator = LocalAccounts(file=str(file))
    authenticator.throttle = LoginThrottle(clock=lambda: 0.0)
    for number in range(6):
        lies = dict.fromkeys(HEADERS, f"198.51.100.{number}")
        if number < 5:
            assert _ask(authenticator, "ada", "wrong", claims=lies) is None
        else:
            with pytest.raises(HTTPError) as refused:
                _ask(authenticator, "ada", PASSWORD, claims=lies)
            assert refused.value.status_code == 429


def test_guesses_from_many_addresses_are_slowed_and_lock_nobody_out() -> None:
    now = 0.0
    throttle = LoginThrottle(clock=lambda: now)
    throttle.passed("ada", "192.0.2.1")
    guesses = 0
    for number in range(10_000):  # one each second, each from an address of its own
        now = float(number)
        if throttle.wait("ada", f"attacker {number}") == 0:
            throttle.failed("ada", f"attacker {number}")
            guesses += 1
    assert 300 < guesses < 400
    assert throttle.wait("ada", "192.0.2.1") == 0  # where she has logged in before
    assert throttle.wait("ada", "192.0.2.2") <= 30
    assert throttle.wait("grace", "192.0.2.2") == 0
    now += 30
    assert throttle.wait("ada", "192.0.2.2") == 0
    throttle.passed("ada", "192.0.2.2")
    throttle.failed("ada", "elsewhere")
    assert throttle.wait("ada", "elsewhere") == 0


def test_a_known_address_is_slowed_by_its_own_wrong_passwords() -> None:
    throttle = LoginThrottle(clock=lambda: 0.0, entries=2)
    throttle.passed("ada", "192.0.2.1")
    for _ in range(5):
        throttle.failed("ada", "192.0.2.1")
    assert throttle.wait("ada", "192.0.2.1") == 2
    for _ in range(5_000):  # no number of failures is too many to count with
        throttle.failed("ada", "192.0.2.1")
    assert throttle.wait("ada", "192.0.2.1") == 300


def test_above_so_many_that_wait_logins_are_refused_at_once(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def check(*_: str) -> bool:
        return go_on.wait(20)

    async def crowd() -> None:
        authenticator = LocalAccounts(file=str(file))
        waiting = [
            asyncio.create_task(_login(authenticator, f"nobody-{number}", "wrong"))
            for number in range(MOST_WAITING)
        ]
        await asyncio.sleep(0)
        # From one name and address more often than its throttle lets by: these are no tries.
        for _ in range(10):
            with pytest.raises(HTTPError) as refused:
                await _login(authenticator, "ada", PASSWORD)
            assert refused.value.status_code == 503
            assert "Wait a few seconds" in (refused.value.log_message or "")
        assert not any(task.done() for task in waiting)
        go_on.set()
        assert await asyncio.gather(*waiting) == [None] * MOST_WAITING
        assert (await _login(authenticator, "ada", PASSWORD))["name"] == "ada"

    monkeypatch.setattr(accounts, "passwd_check", check)
    try:
        asyncio.run(crowd())
    finally:
        go_on.set()


def test_a_login_that_is_given_up_counts_until_its_hash_is_made(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, begun = threading.Event(), threading.Event()

    def check(*_: str) -> bool:
        begun.set()
        return go_on.wait(20)

    async def leave() -> None:
        authenticator = LocalAccounts(file=str(file))
        task = asyncio.create_task(_login(authenticator, "nobody", "wrong"))
        assert await asyncio.to_thread(begun.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(HTTPError):
            await _login(authenticator, "ada", PASSWORD)
        go_on.set()
        await asyncio.to_thread(authenticator._hashing.shutdown)

    monkeypatch.setattr(accounts, "passwd_check", check)
    monkeypatch.setattr(accounts, "MOST_WAITING", 1)
    try:
        asyncio.run(leave())
    finally:
        go_on.set()


def test_who_is_taken_from_the_file_is_signed_out(file: Path) -> None:
    authenticator = LocalAccounts(file=str(file))
    ada, eve = SimpleNamespace(name="ada"), SimpleNamespace(name="eve")
    now = asyncio.run(authenticator.refresh_user(ada))
    assert isinstance(now, dict)
    assert now["groups"] == ["researcher"]
    assert asyncio.run(authenticator.refresh_user(eve)) is False
    assert authenticator.check_allowed("ada")
    assert not authenticator.check_allowed("eve")


def test_a_file_that_cannot_be_read_lets_nobody_in(file: Path) -> None:
    authenticator = LocalAccounts(file=str(file))
    file.write_text("[ada]\npassword = 3\n")
    with pytest.raises(HTTPError) as refused:
        _ask(authenticator, "ada", PASSWORD)
    assert refused.value.status_code == 503


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("[ada]\npassword = 'correct horse 1'\n", "accounts-form"),
        ("[ada\n", "accounts-toml"),
        ("['Ada Lovelace']\npassword = 'x'\n", "accounts-form"),
    ],
)
def test_a_wrong_file_is_told_without_its_passwords(file: Path, content: str, code: str) -> None:
    file.write_text(content)
    with raises_code(SettingsError, code) as refused:
        read_accounts(file)
    assert PASSWORD not in str(refused.value)


def test_an_unknown_group_names_those_that_there_are(file: Path) -> None:
    write_accounts(file, {"ada": Account(password=hash_of(PASSWORD), groups=("wheel",))})
    with raises_code(SettingsError, "accounts-group"):
        read_accounts(file)


def test_a_file_that_others_may_read_is_refused(file: Path) -> None:
    file.chmod(0o644)
    with raises_code(SettingsError, "not-private"):
        read_accounts(file)


def test_the_command_adds_changes_and_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "accounts.toml"

    def run(*arguments: str, password: str = "") -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
        main([str(file), *arguments])

    run("ada", "researcher", password=PASSWORD)
    run("bob", "operator", "teacher", password=PASSWORD)
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_accounts(file)["bob"].groups == ("operator", "teacher")
    assert PASSWORD not in file.read_text()
    run("--remove", "ada")
    assert list(read_accounts(file)) == ["bob"]
    for arguments, password in (
        (("eve", "researcher"), "short"),
        (("eve", "wheel"), PASSWORD),
        (("Eve!", "researcher"), PASSWORD),
        (("eve",), PASSWORD),
        (("--remove", "eve"), ""),
    ):
        with pytest.raises(SystemExit):
            run(*arguments, password=password)
    assert list(read_accounts(file)) == ["bob"]
    assert "Traceback" not in capsys.readouterr().err
