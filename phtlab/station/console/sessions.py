"""Logins: one-time links and sessions. The console stores only hashes of browsers' secrets.

A link is a file in the station's folder, so that a command can make one for the running console;
anyone who can write there is the station's owner. Sessions are in memory, and end with the console.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from phtlab.errors import StationError
from phtlab.files.durable_file import create_durably, write_durably
from phtlab.station.settings.folder import StationFolder

_BYTES = 32
_MOST = 256


def links_of(folder: StationFolder) -> Path:
    return folder.path / "console" / "links"


def new_link(folder: StationFolder, person: str, until: datetime) -> str:
    """Create a link that logs `person` in once, before `until`. Return its secret."""
    secret = secrets.token_urlsafe(_BYTES)
    place = links_of(folder)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = {"person": person, "until": until.isoformat()}
    create_durably(place / _hashed(secret), json.dumps(content).encode())
    return secret


def use_link(folder: StationFolder, secret: str, now: datetime) -> str:
    """Use up a link and return the person whom it is for.

    Raises StationError (``login-link``) if it was used before, has expired or never existed.
    """
    refusal = StationError(
        "This link was used already, or it has expired.",
        "Make a new one with 'phtlab station people link NAME' on the station's machine.",
        code="login-link",
    )
    path = links_of(folder) / _hashed(secret)
    claimed = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        path.rename(claimed)  # of two requests at the same time, one gets it
    except FileNotFoundError:
        raise refusal from None
    try:
        kept = json.loads(claimed.read_bytes())
    finally:
        claimed.unlink()
    if now >= datetime.fromisoformat(kept["until"]):
        raise refusal
    return str(kept["person"])


def forget_links(folder: StationFolder) -> None:
    """Remove all unused links: a console starts with none."""
    for path in links_of(folder).glob("*"):
        path.unlink(missing_ok=True)


def end_logins(folder: StationFolder, person: str, now: datetime) -> None:
    """End `person`'s sessions until `now`, at each console of the folder, and remove their links.

    It also applies to a person added later by that name: the removed person's browser stays out.
    """
    for path in links_of(folder).glob("*"):
        with suppress(FileNotFoundError):  # being used just now: that login ends by the rest
            if json.loads(path.read_bytes())["person"] == person:
                path.unlink()
    place = _ended(folder, person)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_durably(place, now.isoformat().encode())


def is_ended(folder: StationFolder, session: Session) -> bool:
    """Whether the session's person was removed since it began."""
    try:
        ended = _ended(folder, session.person).read_text()
    except FileNotFoundError:
        return False
    return session.begun <= datetime.fromisoformat(ended)


def _ended(folder: StationFolder, person: str) -> Path:
    return folder.path / "console" / "ended" / person


@dataclass
class Session:
    """One login. Forms contain `csrf`; the next page shows `messages`, once."""

    person: str
    by: str
    begun: datetime
    seen: datetime
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(_BYTES), repr=False)
    messages: list[str] = field(default_factory=list)


@dataclass
class Sessions:
    """All sessions of a console. Thread-safe."""

    idle: timedelta
    longest: timedelta
    now: Callable[[], datetime]
    _open: dict[str, Session] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def begin(self, person: str, by: str) -> tuple[str, Session]:
        """Begin a session; return its secret, never one that a browser sent, and the session."""
        now = self.now()
        secret, session = secrets.token_urlsafe(_BYTES), Session(person, by, now, now)
        with self._lock:
            self._forget_old(now)
            self._open[_hashed(secret)] = session
        return secret, session

    def find(self, secret: str, *, touch: bool = True) -> Session | None:
        """Return the session that `secret` names, unless it expired; `touch` marks it as in use."""
        now = self.now()
        with self._lock:
            session = self._open.get(_hashed(secret))
            if session is None or self._over(session, now):
                return None
            if touch:
                session.seen = now
            return session

    def end(self, secret: str) -> None:
        with self._lock:
            self._open.pop(_hashed(secret), None)

    def _over(self, session: Session, now: datetime) -> bool:
        return now - session.seen >= self.idle or now - session.begun >= self.longest

    def _forget_old(self, now: datetime) -> None:
        kept = {k: s for k, s in self._open.items() if not self._over(s, now)}
        newest = sorted(kept, key=lambda k: kept[k].begun)[-(_MOST - 1) :]
        self._open = {k: kept[k] for k in newest}


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
