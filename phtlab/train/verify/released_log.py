"""A run's log that a person at the station let go: the station's signed statement about it.

The log itself is sealed as cargo is. It comes apart from the stop record, which may have been
signed long before, and changes nothing of it.
"""

from __future__ import annotations

from typing import Final

from pydantic import Field

from phtlab.errors import RecordError
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import Digest
from phtlab.train.crypto.identity import Identity, MemberName
from phtlab.train.documents.envelope import Envelope, open_statement, sign_statement
from phtlab.train.documents.moment import Moment
from phtlab.train.documents.order import Order, cargo_context, context_digest
from phtlab.train.documents.roster import Roster
from phtlab.train.verify.predicate import read_predicate, require_role, require_signer_then

LOG_TYPE: Final = "https://phtlab.org/released-log/v1"
LARGEST_LOG: Final = 16 * 2**20
"""Bytes of a sealed log."""


class ReleasedLog(StrictModel):
    """`log` is the digest of the sealed log, `size` its bytes, `context` what it is bound to."""

    journey: Digest
    train: Digest
    station: MemberName
    stop: int = Field(ge=0)
    log: Digest
    size: int = Field(ge=1, le=LARGEST_LOG)
    context: Digest
    roster_version: int = Field(ge=1)
    at: Moment

    def sign(self, identity: Identity) -> Envelope:
        return sign_statement(
            identity, LOG_TYPE, {"log": self.log}, self.model_dump(mode="json", exclude_none=True)
        )


def verify_released_log(
    envelope: Envelope, *, journey: str, order: Order, roster: Roster, station: str
) -> ReleasedLog:
    """The statement of `station` about the log of `journey`, whose verified order is `order`.

    Raises NotOnRosterError, SignatureError, RosterStaleError, or RecordError with one of the codes
    ``log-signer``, ``log-role``, ``log-form``, ``log-other``.
    """
    statement, signer = open_statement(envelope, LOG_TYPE, roster.signers(order.roster_version))
    if signer.name != station:
        raise RecordError(
            f"This log of the stop at {station} is signed by {signer.name}.",
            f"Only {station} may release it: do not use it, and tell an officer.",
            code="log-signer",
        )
    require_role(signer, order.role_at(station), RecordError, "log-role", "release logs")
    released = read_predicate(
        ReleasedLog, statement, RecordError("", code="log-form"), f"{station}'s statement on a log"
    )
    require_signer_then(signer, released.roster_version, roster)
    expected = (journey, order.train, station, order.stop_of(station))
    bound = context_digest(cargo_context(journey, order, station, "log"))
    about = [(subject.name, subject.sha256) for subject in statement.subject]
    found = (released.journey, released.train, released.station, released.stop)
    if found != expected or released.context != bound or about != [("log", released.log)]:
        raise RecordError(
            f"This log of {station} is of another journey, train or stop.",
            "It belongs elsewhere: do not use it.",
            code="log-other",
        )
    return released
