"""View of the station's public keys: nothing in this module decrypts the key file."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from datetime import UTC, datetime

from phtlab.consortium.enrolment import open_request
from phtlab.errors import PhtlabError
from phtlab.station.context.bootstrap import trust_of
from phtlab.station.context.station_context import StationContext
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.roster import Roster
from phtlab.trust_store.trust import Trusted
from phtlab.wire.central.client import CentralClient

_HEAD = 4096


@dataclass(frozen=True)
class KeysPage:
    """View of the keys: `public` from the station's enrolment request, `listed` from the roster."""

    public: Member | None
    listed: Member | None
    roster: Roster | None
    expires: datetime | None
    written: datetime | None
    open_to_others: bool
    locked_by: str

    @property
    def agree(self) -> bool:
        """Whether the roster has the keys of the enrolment request."""
        return bool(self.public and self.listed and self.public.keys == self.listed.keys)


def last_verified_roster(station: StationContext) -> Trusted | None:
    """Return the daemon's stored roster and catalogue; None if there are none or they expired.

    It does not query central, so that a page never waits for it.
    """
    if station.settings.central is None:
        return None
    try:
        with CentralClient(station.settings.central) as central:
            return trust_of(station.folder, central).cached()
    except PhtlabError:
        return None


def keys_page(station: StationContext, trusted: Trusted | None) -> KeysPage:
    """View of the keys in the station's folder and in the last verified roster, if any."""
    roster = trusted.roster if trusted else None
    try:
        about = station.folder.key.stat()
    except FileNotFoundError:
        about = None
    return KeysPage(
        public=_requested_member(station),
        listed=_listed(roster, station.name),
        roster=roster,
        expires=trusted.expires if trusted else None,
        written=datetime.fromtimestamp(about.st_mtime, UTC) if about else None,
        open_to_others=bool(about and stat.S_IMODE(about.st_mode) & 0o077),
        locked_by=_locked_by(station),
    )


def _requested_member(station: StationContext) -> Member | None:
    try:
        return open_request(Envelope.from_bytes(station.folder.request.read_bytes()))
    except (OSError, PhtlabError):
        return None


def _listed(roster: Roster | None, name: str) -> Member | None:
    members = roster.members if roster else ()
    return next((member for member in members if member.name == name), None)


def _locked_by(station: StationContext) -> str:
    """Read how the key file is locked from its age stanza (c2sp.org/age)."""
    try:
        with station.folder.key.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return ""
    for line in head.splitlines():
        if line.startswith(b"-> "):
            words = line[3:].decode("ascii", "replace").split()
            if words[:1] == ["scrypt"] and len(words) == 3:
                return f"a passphrase (scrypt, work factor 2^{words[2]})"
            return words[0]
    return ""
