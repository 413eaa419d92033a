"""Which members accepted the consortium's agreement, checked by their signed acceptances.

The station stores every acceptance that it has verified, so that a central that is offline, or that
stops showing the acceptance, blocks nobody::

    acceptances/<member>-<agreement's digest>.json
"""

from __future__ import annotations

from contextlib import suppress

import structlog

from phtlab.errors import ApprovalError, NotOnRosterError, SignatureError
from phtlab.files.durable_file import write_durably
from phtlab.governance.agreement import Acceptance, open_acceptance
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.roster import Agreement, Roster
from phtlab.trust_store.trust import Trusted

_log = structlog.get_logger("phtlab.station")


def has_agreed(station: DaemonContext, trusted: Trusted, researcher: str) -> bool:
    """Whether `researcher` accepted the catalogue's agreement; True if the catalogue has none.

    Queries central if no acceptance is stored, and then raises what central's client raises.
    """
    agreement = trusted.catalogue.agreement
    if agreement is None or _kept(station, agreement, researcher, trusted.roster):
        return True
    found = False
    for view in station.central.governance.acceptances():
        acceptance = _opened(view.envelope, trusted.roster)
        if acceptance and (acceptance.member, acceptance.agreement) == (
            researcher,
            agreement.digest,
        ):
            _keep(station, acceptance, view.envelope)
            found = True
    return found


def _kept(station: DaemonContext, agreement: Agreement, researcher: str, roster: Roster) -> bool:
    path = station.folder.acceptances / f"{researcher}-{agreement.digest[7:]}.json"
    with suppress(FileNotFoundError):
        acceptance = _opened(Envelope.from_bytes(path.read_bytes()), roster)
        found = acceptance and (acceptance.member, acceptance.agreement)
        return found == (researcher, agreement.digest)
    return False


def _keep(station: DaemonContext, acceptance: Acceptance, envelope: Envelope) -> None:
    folder = station.folder.acceptances
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{acceptance.member}-{acceptance.agreement[7:]}.json"
    write_durably(path, envelope.to_bytes())


def _opened(envelope: Envelope, roster: Roster) -> Acceptance | None:
    """Return the verified acceptance, or None if its signature or form is invalid."""
    try:
        return open_acceptance(envelope, roster)
    except (SignatureError, NotOnRosterError, ApprovalError) as error:
        _log.warning("acceptance not believed", code=error.code)
        return None
