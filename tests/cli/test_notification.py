"""`phtlab notifications`: what waits, and how one is told; central is a list here."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

import phtlab
from phtlab.cli.main import app
from phtlab.errors import SettingsError
from phtlab.wire.api.notifications import (
    EVENTS,
    DeliveryView,
    Notification,
    NotificationsView,
    Preferences,
)


class Central:
    """Keeps what was chosen, as central does."""

    def __init__(self) -> None:
        self.preferences = Preferences()
        self.read_up_to = 1
        self.secrets = 0

    def get(self) -> NotificationsView:
        at = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
        failed = DeliveryView(channel="mail", state="failed", tries=10, reason="it is away")
        told = tuple(
            Notification(
                number=number,
                event="proposal-waits",
                sentence=f"A decision waits for you on proposal p-{number}.",
                subject=f"p-{number}",
                link="",
                at=at,
                read=number <= self.read_up_to,
                deliveries=(failed,) if number == 2 else (),
            )
            for number in (2, 1)
        )
        unread = sum(not one.read for one in told)
        return NotificationsView(
            preferences=self.preferences, mail_sent=True, unread=unread, notifications=told
        )

    def put(self, preferences: Preferences, *, new_secret: bool = False) -> NotificationsView:
        self.preferences = preferences
        self.secrets += new_secret
        secret = "whsec_new" if new_secret else None
        return self.get().model_copy(update={"secret": secret})

    def read(self, number: int) -> NotificationsView:
        self.read_up_to = number
        return self.get()


@pytest.fixture
def central(monkeypatch: pytest.MonkeyPatch) -> Central:
    made = Central()
    lab = SimpleNamespace(central=SimpleNamespace(notifications=made))
    monkeypatch.setattr(phtlab, "connect", lambda: lab, raising=False)
    return made


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["notifications", *words])


def test_what_is_new_is_told_from_what_was_read(central: Central) -> None:
    result = run("list")
    assert result.stdout.splitlines() == [
        "● 2026-11-25 09:30  A decision waits for you on proposal p-2.",
        "    mail failed: it is away",
        "○ 2026-11-25 09:30  A decision waits for you on proposal p-1.",
    ]
    assert "phtlab notifications read" in result.stderr
    assert [one["number"] for one in json.loads(run("list", "--unread", "--json").stdout)] == [2]
    run("read")
    assert "nothing new" in run("list", "--unread").stderr


def test_a_new_address_is_told_of_everything_and_the_rest_stays(central: Central) -> None:
    run("set", "--mail", "ada@uni.test")
    assert central.preferences.channels("train-waits") == ("page", "mail")
    run("set", "--notify", "train-waits=mail", "--notify", "roster-published=")
    assert central.preferences.mail == "ada@uni.test"
    assert central.preferences.channels("train-waits") == ("mail",)
    assert central.preferences.channels("roster-published") == ()
    run("set", "--mail", "ada@hospital.test")
    assert central.preferences.channels("train-waits") == ("mail",)
    run("set", "--mail", "none", "--notify", "all=page")
    assert central.preferences == Preferences(events=dict.fromkeys(EVENTS, ("page",)))


def test_a_secret_is_shown_once_and_how_one_is_told_is_a_table(central: Central) -> None:
    result = run("set", "--webhook", "https://example.org/hook", "--new-secret")
    assert "whsec_new" in result.stderr and "whsec_new" not in result.stdout
    assert "webhook  https://example.org/hook" in run("how").stdout
    assert "proposal-waits" in run("how").stdout
    assert json.loads(run("how", "--json").stdout)["secret"] is None


@pytest.mark.parametrize(
    "words",
    [
        ("--notify", "everything=mail"),
        ("--notify", "train-waits=pigeon"),
        ("--notify", "train-waits"),
        ("--mail", "two@a.test, three@b.test"),
    ],
)
def test_what_cannot_be_meant_is_refused(central: Central, words: tuple[str, str]) -> None:
    assert isinstance(run("set", *words).exception, SettingsError)
    assert central.preferences == Preferences()
