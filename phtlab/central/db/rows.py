"""Conversion of database rows to models of the API."""

from __future__ import annotations

from phtlab.central.db.tables import JourneyRow, StopRow, TrainRow
from phtlab.train.documents.envelope import Envelope
from phtlab.wire.api.journeys import JourneyView, StopView, TrainSummary
from phtlab.wire.api.rounds import RoundsView


def envelope_of(text: str) -> Envelope:
    """Parse a stored envelope."""
    return Envelope.model_validate_json(text)


def train_summary(row: TrainRow) -> TrainSummary:
    return TrainSummary(
        digest=row.digest,
        name=row.name,
        author=row.author,
        repository=row.repository,
        submitted=row.submitted,
        removed=row.removed,
        envelope=envelope_of(row.envelope),
    )


def stop_view(row: StopRow, *, with_record: bool = True) -> StopView:
    return StopView.model_validate(
        {
            "station": row.station,
            "number": row.number,
            "state": row.state,
            "code": row.code,
            "sentence": row.sentence,
            "error": row.error,
            "cell": row.cell,
            "cells": row.cells,
            "updated": row.updated,
            "record": envelope_of(row.record) if row.record and with_record else None,
            "conflict": envelope_of(row.conflict) if row.conflict and with_record else None,
            "contradicted": row.conflict is not None,
        }
    )


def rounds_view(row: JourneyRow) -> RoundsView | None:
    if row.round_number is None:
        return None
    return RoundsView(
        number=row.round_number,
        ended=row.rounds_ended,
        heard=tuple(stop.station for stop in row.stops if stop.round_number == row.round_number),
    )


def journey_view(row: JourneyRow) -> JourneyView:
    return JourneyView(
        id=row.id,
        train=row.train_digest,
        train_name=row.train.name,
        researcher=row.researcher,
        submitted=row.submitted,
        expires=row.expires,
        cancelled=row.cancelled,
        removed=row.removed,
        continued_by=row.continued_by,
        rounds=rounds_view(row),
        order=envelope_of(row.order),
        stops=tuple(stop_view(stop) for stop in row.stops),
    )
