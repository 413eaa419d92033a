"""What lies at a station once people said yes to a train: their approval, and a stop under it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from phtlab.governance.approval import Approval
from phtlab.station.approvals.store import Approvals
from phtlab.station.stops import stop_files
from phtlab.station.stops.file_contents import HoldDecision
from phtlab.station.stops.stop import Stop
from tests.station.station_world import World, identity


def said_yes(world: World, stop: Stop, day: int = 1, **changes: Any) -> str:
    """On that day of November 2026 `eve` approved the train of `stop`; the approval's digest."""
    arrived = stop.verified_offer()
    issued = datetime(2026, 11, day, 10, tzinfo=UTC)
    values: dict[str, Any] = {
        "station": "cleveland",
        "scope": "train",
        "researcher": arrived.researcher,
        "train": arrived.train.digest,
        "datasets": arrived.train.manifest.datasets,
        "parameters": arrived.train.manifest.parameters,
        "risk": "high",
        "approvers": ("eve",),
        "roster_version": 1,
        "nonce": stop.hex[:32],
        "issued": issued,
        "expires": issued + timedelta(days=365),
        **changes,
    }
    signed = Approval(**values).sign(identity("cleveland"))
    Approvals(world.folder).keep(signed)
    decision = HoldDecision(
        verdict="approve", by=values["approvers"], approval=signed.digest, at=issued
    )
    stop.write(stop_files.DECISION, decision)
    return signed.digest
