"""`phtlab notifications`: what waits for a member, and how the member is notified."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from phtlab.cli.station.folder import PassphraseOption, identity_of, station_at
from phtlab.cli.terminal.output import JsonOption, err, out, print_json, print_next_steps
from phtlab.errors import SettingsError

if TYPE_CHECKING:
    from phtlab.wire.api.notifications import Channel, Event, NotificationsView, Preferences
    from phtlab.wire.central.notifications import NotificationClient

app = typer.Typer(
    help="List your notifications, and choose how you receive them: page, mail, webhook.",
    no_args_is_help=True,
)

StationOption = Annotated[
    Path | None,
    typer.Option(
        "--directory", "-C", help="A station's folder: act for that station instead of yourself."
    ),
]


@app.command("list")
def list_(
    unread: Annotated[bool, typer.Option("--unread", help="Only unread notifications.")] = False,
    directory: StationOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """List your notifications, newest first."""
    with _client(directory, passphrase_file) as client:
        view = client.get()
    found = [
        notification for notification in view.notifications if not (unread and notification.read)
    ]
    if as_json:
        print_json(found)
        return
    if not found:
        err.print("There is nothing new." if unread else "There is nothing yet.")
        return
    for notification in found:
        mark, moment = "○" if notification.read else "●", f"{notification.at:%Y-%m-%d %H:%M}"
        out.print(f"{mark} {moment}  {notification.sentence}", markup=False)
        for by in notification.deliveries:
            if by.state == "failed":
                out.print(f"    {by.channel} failed: {by.reason}", markup=False)
    if view.unread:
        print_next_steps("phtlab notifications read")


@app.command()
def read(
    directory: StationOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Mark all notifications as read."""
    with _client(directory, passphrase_file) as client:
        view = client.get()
        if view.notifications:
            view = client.read(view.notifications[0].number)
    if as_json:
        print_json(view)
    else:
        err.print("You have read all of it.")


@app.command()
def how(
    directory: StationOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show by which channels you are notified of which events."""
    with _client(directory, passphrase_file) as client:
        _print_how(client.get(), as_json)


@app.command("set")
def set_(
    mail: Annotated[
        str | None, typer.Option(help="Your mail address; 'none' for no mail.", metavar="ADDRESS")
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(help="An https:// address to call; 'none' for no call.", metavar="URL"),
    ] = None,
    notify: Annotated[
        list[str] | None,
        typer.Option(
            help="The channels of an event: EVENT=CHANNELS, as proposal-waits=page,mail; 'all' is "
            "every event, and an empty list is no channel. May be repeated. Without this option, a "
            "new address receives all events.",
            metavar="EVENT=CHANNELS",
        ),
    ] = None,
    new_secret: Annotated[
        bool, typer.Option("--new-secret", help="Create a new secret to sign the webhook's calls.")
    ] = False,
    directory: StationOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Choose how you are notified. What you do not name stays unchanged."""
    with _client(directory, passphrase_file) as client:
        before = client.get().preferences
        addresses = {
            "mail": _address(mail, before.mail),
            "webhook": _address(webhook, before.webhook),
        }
        events = _events(before, addresses, notify)
        view = client.put(_preferences(addresses, events), new_secret=new_secret)
    if view.secret:
        err.print("The webhook's secret, shown once: keep it where the calls are checked.")
        err.print(f"  {view.secret}", markup=False)
    _print_how(view, as_json)


@contextmanager
def _client(directory: Path | None, passphrase_file: Path | None) -> Iterator[NotificationClient]:
    """Yield the notification client of the profile's member, or of the station in `directory`."""
    if directory is None:
        import phtlab

        yield phtlab.connect().central.notifications
        return
    from phtlab.station.context.bootstrap import require_central, trust_of
    from phtlab.wire.central.client import CentralClient

    folder, settings = station_at(directory)
    identity = identity_of(folder, settings, passphrase_file)
    url = require_central(folder, settings)
    with CentralClient(url, identity, consortium=lambda: trust.consortium) as central:
        trust = trust_of(folder, central)
        yield central.notifications


def _address(given: str | None, before: str) -> str:
    """Return the new address: as given, empty for 'none', else as before."""
    return before if given is None else "" if given == "none" else given


def _events(
    before: Preferences, addresses: dict[str, str], notify: list[str] | None
) -> dict[Event, tuple[Channel, ...]]:
    from phtlab.wire.api.notifications import EVENTS

    events = {event: list(before.events.get(event, ("page",))) for event in EVENTS}
    if notify is None:
        for channel, address in addresses.items():
            if address and not getattr(before, channel):
                for channels in events.values():
                    channels.append(channel)  # type: ignore[arg-type]
    for text in notify or ():
        event, equals, channels_of = text.partition("=")
        named = [channel for channel in channels_of.split(",") if channel]
        known = event == "all" or event in events
        if not equals or not known or not set(named) <= {"page", "mail", "webhook"}:
            raise SettingsError(
                f"'{text}' is not of the form EVENT=CHANNELS.",
                f"Write EVENT=CHANNELS, with an event of: all, {', '.join(events)}; and channels "
                "of: page, mail, webhook.",
            )
        for name in events if event == "all" else (event,):
            events[name] = named  # type: ignore[index, assignment]
    return {event: tuple(dict.fromkeys(channels)) for event, channels in events.items()}


def _preferences(
    addresses: dict[str, str], events: dict[Event, tuple[Channel, ...]]
) -> Preferences:
    from pydantic import ValidationError

    from phtlab.wire.api.notifications import Preferences

    try:
        return Preferences(mail=addresses["mail"], webhook=addresses["webhook"], events=events)
    except ValidationError:
        raise SettingsError(
            "This is no address of mail or of a webhook.",
            "Write one address, as ada@example.org or https://example.org/hook.",
        ) from None


def _print_how(view: NotificationsView, as_json: bool) -> None:
    from phtlab.wire.api.notifications import EVENTS, SENTENCES

    if as_json:
        print_json(view)
        return
    preferences = view.preferences
    out.print(f"mail     {preferences.mail or 'none'}", markup=False)
    out.print(f"webhook  {preferences.webhook or 'none'}", markup=False)
    table = Table(box=None, pad_edge=False)
    for heading in ("event", "told by", "what is said"):
        table.add_column(heading)
    for event in EVENTS:
        words = SENTENCES[event].format(subject="…")
        table.add_row(event, ", ".join(preferences.channels(event)) or "nothing", Text(words))
    out.print(table)
