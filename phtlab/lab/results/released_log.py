"""A run's log that a person at its station released: fetched, verified and opened."""

from __future__ import annotations

import io

from phtlab.errors import JourneyError, RegistryError, SealChangedError
from phtlab.lab.session.session import Session
from phtlab.printable import escaped_lines
from phtlab.train.canonical import digest
from phtlab.train.documents.order import Order, cargo_context
from phtlab.train.sealing import open_sealed
from phtlab.train.verify.released_log import verify_released_log
from phtlab.wire.registry.released_log import pull_log


def released_log(session: Session, journey: str, order: Order, station: str) -> str:
    """Return the log of `station` on `journey`, as visible text; `order` is the verified order.

    Raises JourneyError (``no-log``), RegistryError, SignatureError, RosterError, RecordError,
    SealError.
    """
    if station not in order.stations:
        raise JourneyError(
            f"{station} is not on this journey's route: {', '.join(order.stations)}.",
            code="no-such-station",
        )
    try:
        sealed, statement = pull_log(session.registry, journey, station)
    except RegistryError as error:
        if error.code != "registry-missing":
            raise
        raise JourneyError(
            f"{station} has let no log of this journey go.",
            "Logs stay at a station unless a person there releases one: ask its operator.",
            code="no-log",
        ) from None
    released = verify_released_log(
        statement, journey=journey, order=order, roster=session.trusted.roster, station=station
    )
    if digest(sealed) != released.log:
        raise SealChangedError(
            f"The log of {station} is not what it signed: it was changed or replaced on its way.",
            "Nothing of it is shown; tell whoever runs central.",
        )
    opened = io.BytesIO()
    open_sealed(
        io.BytesIO(sealed),
        opened,
        session.identity.age,
        cargo_context(journey, order, station, "log"),
        recipients=len(order.recipients),
    )
    return escaped_lines(opened.getvalue().decode("utf-8", "replace"))
