"""Retention: removes expired cargo and trains.

The rows stay, with the time of removal: orders and signed documents remain readable, and each
removal is visible. The registry frees disk space when its own garbage collection runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from phtlab.central.audit.log import audited
from phtlab.central.context import CentralContext
from phtlab.central.db.database import Change
from phtlab.central.db.tables import InstructionRow, JourneyRow, RoundRow, TrainRow
from phtlab.central.journeys.journeys import close
from phtlab.central.registry.token import parse_scopes
from phtlab.wire.registry.cargo import delete_cargo, delete_values
from phtlab.wire.registry.client import Registry
from phtlab.wire.registry.released_log import delete_log

BATCH = 100
_log = structlog.get_logger("phtlab.central")


@dataclass(frozen=True)
class RemovalCount:
    """How much one round of retention removed."""

    journeys: int
    cargo: int
    trains: int


def remove_expired(services: CentralContext) -> RemovalCount:
    """Remove what has expired, at most a batch of each kind.

    If the registry refuses or central stops, the next round removes the rest. Raises
    RegistryUnreachableError.
    """
    with registry_as_central(services) as registry:
        journeys, cargo = _remove_journeys(services, registry)
        trains = _remove_trains(services, registry)
    for kind, number in (("journey", journeys), ("cargo", cargo), ("train", trains)):
        services.metrics.removed.labels(kind).inc(number)
    if journeys or trains:
        _log.info("retention", journeys=journeys, cargo=cargo, trains=trains)
    return RemovalCount(journeys, cargo, trains)


def remove_all_expired(services: CentralContext) -> RemovalCount:
    """Remove everything that has expired, batch by batch."""
    total = RemovalCount(0, 0, 0)
    while True:
        some = remove_expired(services)
        total = RemovalCount(
            total.journeys + some.journeys, total.cargo + some.cargo, total.trains + some.trains
        )
        if max(some.journeys, some.trains) < BATCH:
            return total


def registry_as_central(services: CentralContext) -> Registry:
    """Return the registry's client, with the only token that may delete."""

    def authorize(scopes: list[str]) -> str:
        accesses = parse_scopes(scopes)
        return services.registry_tokens.sign("central", accesses, services.clock()).token

    return Registry(services.settings.registry_url, authorize)


def _remove_journeys(services: CentralContext, registry: Registry) -> tuple[int, int]:
    before = services.clock() - services.settings.journey_age
    with services.database.read() as session:
        query = select(JourneyRow).where(
            JourneyRow.submitted < before, JourneyRow.removed.is_(None)
        )
        due = list(session.scalars(query.order_by(JourneyRow.number).limit(BATCH)).unique())
    cargo = 0
    for journey in due:
        # Close first, so that no station pushes more during the removal.
        _close(services, journey.id)
        for stop in journey.stops:
            cargo += delete_cargo(registry, journey.id, stop.station)
            delete_log(registry, journey.id, stop.station)
        if journey.route == "rounds":
            cargo += delete_values(registry, journey.id)
        with services.database.change() as change:
            _forget_payloads(change, journey.id)
            row = change.session.get_one(JourneyRow, journey.id)
            row.removed = change.now
            audited(change, actor=change.log, action="journey-removed", subject=journey.id)
    return len(due), cargo


def _forget_payloads(change: Change, journey: str) -> None:
    """Remove the sealed content of rounds that came beside its documents."""
    reports = or_(InstructionRow.payload.is_not(None), InstructionRow.report.is_not(None))
    instructions = update(InstructionRow).where(InstructionRow.journey_id == journey, reports)
    change.session.execute(instructions.values(payload=None, report=None))
    rounds = update(RoundRow).where(RoundRow.journey_id == journey, RoundRow.payload.is_not(None))
    change.session.execute(rounds.values(payload=None))


def _close(services: CentralContext, journey: str) -> None:
    with services.database.change() as change:
        row = change.session.get_one(JourneyRow, journey)
        for stop in row.stops:
            if not stop.final:
                sentence = f"{stop.station} did not finish before the journey's time was over."
                close(change, row, stop, "retention", sentence)


def _remove_trains(services: CentralContext, registry: Registry) -> int:
    with services.database.read() as session:
        due = _old_trains(session, services)
    for train in due:
        # Other trains share the layers: the registry's garbage collection drops them.
        registry.delete(train.repository, train.digest)
        with services.database.change() as change:
            row = change.session.get_one(TrainRow, (train.digest, train.author))
            row.removed = change.now
            audited(change, actor=change.log, action="train-removed", subject=train.digest)
    return len(due)


def _old_trains(session: Session, services: CentralContext) -> list[TrainRow]:
    """Return trains whose submission and last journey are older than `train_age`."""
    before = services.clock() - services.settings.train_age
    last = (
        select(func.max(JourneyRow.submitted))
        .where(
            JourneyRow.train_digest == TrainRow.digest, JourneyRow.train_author == TrainRow.author
        )
        .correlate(TrainRow)
        .scalar_subquery()
    )
    query = select(TrainRow).where(
        TrainRow.removed.is_(None),
        TrainRow.submitted < before,
        func.coalesce(last, TrainRow.submitted) < before,
    )
    return list(session.scalars(query.order_by(TrainRow.number).limit(BATCH)))
