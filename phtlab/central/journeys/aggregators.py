"""Journeys whose rounds an aggregator combines: how such rounds are ended."""

from __future__ import annotations

from phtlab.central.audit.log import audited
from phtlab.central.db.database import Change, Database
from phtlab.central.db.rows import journey_view
from phtlab.central.db.tables import JourneyRow, StopRow
from phtlab.central.journeys.events import rounds_changed
from phtlab.central.journeys.journeys import cancel_stops, require_researcher, visible_journey
from phtlab.errors import JourneyError
from phtlab.train.crypto.identity import Member
from phtlab.wire.api.journeys import JourneyView


def finish_rounds(database: Database, member: Member, journey: str) -> JourneyView:
    """Ask the aggregator to end the rounds, and wake it.

    Asking twice, or after the rounds have ended, has no further effect. Raises CentralError
    (``forbidden``) unless `member` ordered the journey; JourneyError: ``rounds-not-aggregated`` if
    no aggregator combines its rounds, ``journey-over`` if it is cancelled, ``journey-done``.
    """
    with database.change() as change:
        row = visible_journey(change.session, member, journey)
        require_researcher(row, member, "end its rounds")
        if row.aggregator is None:
            raise JourneyError(
                f"No aggregator combines rounds of the journey {journey}: central has nobody to "
                "ask.",
                "End the rounds where the journey's key is: journey.finish() there.",
                code="rounds-not-aggregated",
            )
        if row.rounds_finishing or row.rounds_ended:
            return journey_view(row)
        if all(stop.final for stop in row.stops):
            raise JourneyError(
                f"The journey {journey} is done at all of its stations: there are no rounds to "
                "end.",
                code="journey-done",
            )
        if row.cancelled:
            raise JourneyError(
                f"The journey {journey} is cancelled: its rounds end without a result.",
                "Open the results of its last round, or dispatch the train again.",
                code="journey-over",
            )
        row.rounds_finishing = True
        audited(change, actor=member.name, action="rounds-finishing", subject=row.id)
        rounds_changed(change, row, _own_stop(row))
        return journey_view(row)


def cancel_uncombined(change: Change, journey: JourneyRow, stop: StopRow) -> None:
    """Cancel `journey` if `stop`, which is final, is its aggregator's and rounds have not ended.

    Without an aggregator, its stations would wait for instructions until the order expires.
    """
    if stop.station != journey.aggregator or journey.cancelled:
        return
    if journey.rounds_ended and stop.state == "departed":
        return
    if all(other.final for other in journey.stops):
        return
    audited(
        change,
        actor=change.log,
        action="journey-cancelled",
        subject=journey.id,
        details={"aggregator": stop.station, "outcome": stop.state},
    )
    cancel_stops(change, journey, f"The aggregator {stop.station} ended ({stop.state})")


def _own_stop(journey: JourneyRow) -> StopRow:
    """Return the aggregator's stop of a journey that has one: the last."""
    return journey.stops[-1]
