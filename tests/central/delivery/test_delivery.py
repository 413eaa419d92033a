"""What people are told: that something waits, once, by the way they chose, and nothing more."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from phtlab.central.context import CentralContext
from phtlab.central.delivery import webhook
from phtlab.central.delivery.due import DueDelivery, Undelivered
from phtlab.central.delivery.preferences import (
    forget_notifications,
    notifications_of,
    set_preferences,
)
from phtlab.central.delivery.sender import (
    CLAIM,
    MAX_TRIES,
    MOST_OF_A_MEMBER,
    Deliveries,
    claim,
    retry_delay,
)
from phtlab.central.delivery.webhook import resolve_public_address, signature
from phtlab.central.notifications.outbox import notify
from phtlab.errors import AuditError, CentralError
from phtlab.governance.audit.chain import Checkpoint
from phtlab.train.crypto.identity import Member
from phtlab.wire.api.governance import NewComment
from phtlab.wire.api.journeys import StopUpdate
from phtlab.wire.api.notifications import EVENTS, NewPreferences, Notification, Preferences
from tests.central.conftest import copied, run_central
from tests.central.delivery.receivers import (
    PASSWORD,
    USER,
    Mailbox,
    Webhook,
    dripping_server,
    mail_server,
    webhook_server,
)
from tests.central.world import Clock, Founding, World
from tests.evidence import Evidence
from tests.governance import documents
from tests.limits import LIMIT, join

HIDDEN = ("Which legal ground?", "Age and heart disease", "heart", "min_age")


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook_server() as made:
        yield made


@pytest.fixture
def telling(
    prepared_sqlite: Path, tmp_path: Path, founding: Founding
) -> Iterator[tuple[World, Mailbox]]:
    """A central that sends mail, with TLS and a password, and may call webhooks on loopback."""
    with mail_server(tmp_path) as (box, port, certificate):
        for world in run_central(
            copied(prepared_sqlite, tmp_path),
            founding,
            smtp_host="127.0.0.1",
            smtp_port=port,
            smtp_user=USER,
            smtp_password=PASSWORD,
            smtp_ca_file=certificate,
            mail_from="phtlab@hospital.test",
            public_url="https://hub.test/services/central",
            webhook_private=True,
            notification_seconds=0.1,
        ):
            yield world, box


@pytest.fixture
def dripping() -> Iterator[Webhook]:
    """Ends after the central that calls it, if the test names it first."""
    with dripping_server() as made:
        yield made


def told(world: World, name: str) -> list[Notification]:
    """Without a token: it would not hold once the clock was set forward."""
    with world.services.database.read() as session:
        return list(notifications_of(session, world.services, name).notifications)


def events(world: World, name: str) -> list[str]:
    return [one.event for one in reversed(told(world, name)) if one.event != "roster-published"]


def until(holds: Callable[[], Any], seconds: float = LIMIT) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def everywhere(**addresses: str) -> Preferences:
    channels = ("page", *addresses)
    return Preferences(events=dict.fromkeys(EVENTS, channels), **addresses)  # type: ignore[misc]


def test_who_is_concerned_is_told_and_nobody_else(small_central: World) -> None:
    world = small_central
    proposal = documents.proposal()
    signed = proposal.sign(world.identity("ada"))
    ada, ulm = (world.client(name).governance for name in ("ada", "ulm"))
    ada.submit_proposal(signed)
    ada.submit_proposal(signed)
    ulm.comment(proposal.id, NewComment(text=HIDDEN[0], question=True))
    ada.comment(proposal.id, NewComment(text="Consent."))
    approval = documents.approval(proposal, signed)
    ulm.decide(proposal.id, "ulm", approval.sign(world.identity("ulm")))
    journey = world.journey("ulm")
    held = StopUpdate(state="held", sentence="It waits for the operator.")
    world.client("ulm").update_stop(journey.id, "ulm", held)
    world.client("ulm").put_record(journey.id, "ulm", world.record(journey, "ulm"))
    assert events(world, "ada") == ["proposal-said", "proposal-decided", "journey-done"]
    assert events(world, "ulm") == ["proposal-waits", "proposal-said", "train-waits"]
    assert events(world, "mainz") == ["proposal-waits", "proposal-said", "proposal-said"]
    assert events(world, "bob") == events(world, "jena") == []
    assert [one.event for one in told(world, "bob")] == ["roster-published"]
    for machine in ("ulm", "adder"):
        assert "roster-published" not in [one.event for one in told(world, machine)]
    text = json.dumps([one.model_dump(mode="json") for one in told(world, "ada")])
    assert not any(word in text for word in HIDDEN)
    (first, *_) = reversed(told(world, "ulm"))
    assert first.sentence == f"A decision waits for you on proposal {proposal.id}."


def test_an_officer_hears_of_a_checkpoint_that_does_not_fit(small_central: World) -> None:
    checkpoint = Checkpoint(
        log="central of pht",
        number=1,
        head="sha256:" + "f" * 64,
        witness="ulm",
        roster_version=1,
        at=small_central.clock(),
    )
    signed = checkpoint.sign(small_central.identity("ulm"))
    for _ in range(2):
        with pytest.raises(AuditError):
            small_central.client("ulm").audit.put_checkpoint(signed)
    assert events(small_central, "vera") == events(small_central, "otto") == ["log-doubted"]
    assert events(small_central, "ulm") == []


def test_what_was_read_is_read(small_central: World) -> None:
    small_central.journey("ulm")
    bob = small_central.client("bob").notifications
    view = bob.get()
    assert view.unread == len(view.notifications) == 1
    read = bob.read(view.notifications[0].number)
    assert read.unread == 0 and read.notifications[0].read
    assert small_central.client("ada").notifications.get().unread == 1, "one's own only"


def test_a_mail_and_a_signed_call_go_out_once_with_a_link_and_nothing_else(
    telling: tuple[World, Mailbox], hook: Webhook
) -> None:
    world, box = telling
    ulm = world.client("ulm").notifications
    chosen = ulm.put(everywhere(mail="ward@ulm.test", webhook=f"{hook.url}/hook"))
    assert chosen.secret is not None and chosen.mail_sent
    assert ulm.get().secret is None and ulm.put(chosen.preferences).secret is None
    proposal = documents.proposal()
    world.client("ada").governance.submit_proposal(proposal.sign(world.identity("ada")))
    link = f"https://hub.test/services/central/proposals/{proposal.id}"
    until(lambda: all(d.state == "sent" for d in told(world, "ulm")[0].deliveries))
    (mail,), (call,) = box.mails, hook.calls
    assert box.recipients == ["ward@ulm.test"] and mail["From"] == "phtlab@hospital.test"
    assert mail["Subject"] == f"[pht] A decision waits for you on proposal {proposal.id}."
    assert link in mail.get_content() and mail["Message-ID"]
    assert call.path == "/hook" and call.is_signed_by(chosen.secret)
    assert not call.is_signed_by("whsec_AAAA")
    assert json.loads(call.body)["data"] == {
        "sentence": f"A decision waits for you on proposal {proposal.id}.",
        "subject": proposal.id,
        "link": link,
    }
    sent = mail.as_string() + call.body.decode()
    assert not any(word in sent for word in (*HIDDEN, proposal.title))
    time.sleep(0.3)
    assert len(box.mails) == len(hook.calls) == 1


def test_what_does_not_arrive_is_tried_again_and_given_up_at_last(
    telling: tuple[World, Mailbox], hook: Webhook
) -> None:
    world, box = telling
    box.refusing = ["451 later"]
    hook.answers = [500, 302, 410]
    world.client("ulm").notifications.put(everywhere(mail="ward@ulm.test", webhook=hook.url))
    world.client("jena").notifications.put(everywhere(mail="nobody@jena.test"))
    proposal = documents.proposal(stations=("ulm", "jena"))
    world.client("ada").governance.submit_proposal(proposal.sign(world.identity("ada")))
    until(lambda: told(world, "jena")[0].deliveries[0].state == "failed")
    assert "does not take this address" in told(world, "jena")[0].deliveries[0].reason

    def tried(channel: str) -> tuple[str, int]:
        (one,) = [d for d in told(world, "ulm")[0].deliveries if d.channel == channel]
        return one.state, one.tries

    def reasons() -> str:
        """A try is counted as it begins; it has a reason, and its next time, once it has failed."""
        return " ".join(d.reason for d in told(world, "ulm")[0].deliveries)

    until(lambda: (tried("mail"), tried("webhook")) == (("waiting", 1), ("waiting", 1)))
    until(lambda: "451" in reasons() and "500" in reasons())
    world.clock.ahead = timedelta(minutes=1)
    until(lambda: (tried("mail"), tried("webhook")) == (("sent", 2), ("waiting", 2)))
    until(lambda: "302" in reasons())
    world.clock.ahead = timedelta(minutes=5)
    until(lambda: tried("webhook") == ("failed", 3))  # 410: whoever is there wants no more
    assert [call.path for call in hook.calls] == ["/", "/", "/"], "no redirect is followed"
    assert len({call.headers["webhook-id"] for call in hook.calls}) == 1
    assert retry_delay(1) < retry_delay(2) < retry_delay(MAX_TRIES) <= timedelta(hours=6)


def test_a_mail_server_without_the_right_certificate_gets_nothing(
    telling: tuple[World, Mailbox],
) -> None:
    world, box = telling
    object.__setattr__(world.services.settings, "smtp_ca_file", None)
    world.client("ulm").notifications.put(everywhere(mail="ward@ulm.test"))
    proposal = documents.proposal()
    world.client("ada").governance.submit_proposal(proposal.sign(world.identity("ada")))
    until(lambda: told(world, "ulm")[0].deliveries[0].tries == 1)
    until(lambda: told(world, "ulm")[0].deliveries[0].reason)
    assert "SSLCertVerificationError" in told(world, "ulm")[0].deliveries[0].reason
    assert box.mails == []


def test_replicas_claim_each_delivery_once_and_a_dead_one_s_claim_ends(
    ready_database_url: str, founding: Founding
) -> None:
    settings = founding.central.settings.model_copy(update={"database": ready_database_url})
    clock = Clock()
    replicas = [CentralContext.of(settings, clock) for _ in range(2)]
    ada = Member(name="ada", roles=("researcher",), keys=founding.identities["ada"].public)
    new = NewPreferences(preferences=everywhere(webhook="https://example.org/hook"))
    set_preferences(replicas[0], ada, new)
    with replicas[1].database.change() as change:
        for number in range(15):
            notify(change, "journey-done", ["ada", "ada"], f"sha256:{number}")
            notify(change, "journey-done", ["ada"], f"sha256:{number}")
    claimed: list[int] = []

    def take() -> None:
        threads = [
            threading.Thread(target=lambda s=one: claimed.extend(due.number for due in claim(s)))
            for one in replicas * 2
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            join(thread)

    take()
    assert len(claimed) == len(set(claimed)) == 15
    take()
    assert len(claimed) == 15, "what one has claimed, no other takes"
    clock.ahead = CLAIM + timedelta(seconds=1)
    take()
    assert len(claimed) == 30, "until the claim is over: it may have died"
    for one in replicas:
        one.close()


def test_an_address_that_was_removed_gets_nothing_more(small_central: World) -> None:
    world = small_central
    ada = world.services.publication.current().roster.member("ada")
    chosen = NewPreferences(preferences=everywhere(webhook="https://example.org/hook"))
    set_preferences(world.services, ada, chosen)
    world.clock.ahead = timedelta(hours=1)
    with world.services.database.change() as change:
        notify(change, "journey-done", ["ada"], "sha256:1")
    world.clock.ahead = timedelta(0)
    set_preferences(world.services, ada, NewPreferences(preferences=Preferences()))
    world.clock.ahead = timedelta(hours=1, seconds=1)
    Deliveries(world.services).start_due()
    until(lambda: told(world, "ada")[0].deliveries[0].state == "failed")
    assert "no such address" in told(world, "ada")[0].deliveries[0].reason


def test_a_webhook_that_never_ends_keeps_nobody_else_waiting(
    dripping: Webhook,
    hook: Webhook,
    telling: tuple[World, Mailbox],
    monkeypatch: pytest.MonkeyPatch,
    evidence: Evidence,
) -> None:
    """Nor the end of central: these calls would go on for an hour."""
    monkeypatch.setattr(webhook, "_IN_ALL", 3600.0)
    world, _ = telling
    for name, there in (("ada", dripping), ("ulm", hook)):
        member = world.services.publication.current().roster.member(name)
        chosen = NewPreferences(preferences=everywhere(webhook=there.url))
        set_preferences(world.services, member, chosen)
    with world.services.database.change() as change:
        for number in range(30):
            notify(change, "journey-done", ["ada"], f"sha256:{number}")
    until(lambda: dripping.calls)
    with world.services.database.change() as change:
        notify(change, "journey-done", ["ulm"], "sha256:1")
    until(lambda: hook.calls)
    until(lambda: told(world, "ulm")[0].deliveries[0].state == "sent")
    assert len(dripping.calls) <= 2 * MOST_OF_A_MEMBER < 30
    evidence(
        "attacks",
        attacker="a member",
        promise="cannot hold up what others are told with a webhook that never ends",
        outcome="given up after 20 s, few at once; others' go out meanwhile, and central stops",
    )


def test_a_call_ends_however_lively_who_answers_is(
    dripping: Webhook, small_central: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "_IN_ALL", 1.0)
    world = small_central
    due = DueDelivery(
        number=1,
        member="ada",
        channel="webhook",
        tries=0,
        event="journey-done",
        subject="sha256:1",
        sentence="It is done.",
        link="",
        at=world.clock(),
        preferences=everywhere(webhook=dripping.url),
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )
    private = world.services.settings.model_copy(update={"webhook_private": True})
    with pytest.raises(Undelivered) as late:
        webhook.call_webhook(due, private, world.clock())
    assert not late.value.final
    assert dripping.calls


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"mail": "ada@uni.test"}, "notification-mail"),
        ({"webhook": "http://example.org/hook"}, "notification-webhook"),
        ({"webhook": "https://user:secret@example.org"}, "notification-webhook"),
        ({"webhook": "file:///etc/passwd"}, "notification-webhook"),
        ({"webhook": "https://"}, "notification-webhook"),
        ({"webhook": "https://example.org/\r\nHost: x"}, "notification-webhook"),
    ],
)
def test_a_way_that_this_central_does_not_go_is_refused(
    small_central: World, changes: dict[str, str], code: str
) -> None:
    with pytest.raises(CentralError) as refused:
        small_central.client("ada").notifications.put(Preferences(**changes))
    assert refused.value.code == code


@pytest.mark.parametrize(
    "address", ["a@b\r\nBcc: c@d", "a b@c.test", "two@a.test,three@b.test", "@"]
)
def test_an_address_cannot_carry_another_header_or_recipient(address: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Preferences(mail=address)
    assert [fault["loc"] for fault in caught.value.errors()] == [("mail",)]


def test_a_name_that_leads_to_a_private_address_too_is_not_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a name does that its owner turns to another address between two look-ups."""
    found = [(0, 0, 0, "", ("93.184.216.34", 443)), (0, 0, 0, "", ("127.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(Undelivered) as refused:
        resolve_public_address("rebinding.test", 443, private=False)
    assert refused.value.final
    assert resolve_public_address("rebinding.test", 443, private=True) == "93.184.216.34"
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found[:1])
    assert resolve_public_address("public.test", 443, private=False) == "93.184.216.34"


def test_a_private_webhook_is_not_called_by_default(small_central: World, hook: Webhook) -> None:
    """Its address is https; what its name leads to is seen only when it is called."""
    world = small_central
    ada = world.services.publication.current().roster.member("ada")
    loopback = hook.url.replace("http:", "https:")
    set_preferences(world.services, ada, NewPreferences(preferences=everywhere(webhook=loopback)))
    with world.services.database.change() as change:
        notify(change, "journey-done", ["ada"], "sha256:1")
    until(
        lambda: Deliveries(world.services).start_due() or told(world, "ada")[0].deliveries[0].reason
    )
    until(lambda: told(world, "ada")[0].deliveries[0].state == "failed")
    assert "not a public one" in told(world, "ada")[0].deliveries[0].reason
    assert hook.calls == []


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """https://github.com/standard-webhooks/standard-webhooks: the example of its libraries."""
    assert (
        signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            b'{"test": 2432232314}',
        )
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_what_is_old_is_forgotten(small_central: World) -> None:
    assert told(small_central, "bob")
    small_central.clock.ahead = timedelta(days=31)
    forget_notifications(small_central.services)
    small_central.clock.ahead = timedelta(0)
    assert told(small_central, "bob") == []
