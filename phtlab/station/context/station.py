"""What a station works with: its settings, its keys, and its ways to the outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from phtlab.station.audit.log import Log
from phtlab.station.context.artifact_store import ArtifactStore
from phtlab.station.context.roster_cache import RosterCache
from phtlab.station.context.stopwatch import Stopwatch
from phtlab.station.data.datasets import DataSet, load_datasets, twin_of
from phtlab.station.executor.contract import Executor
from phtlab.station.policy.policy import Policy, load_policy
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import StationSettings
from phtlab.station.stops.stop import Stops
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.roster import Roster
from phtlab.wire.api.journeys import (
    Inbox,
    JourneyView,
    StationProfile,
    StationView,
    StopUpdate,
    StopView,
)
from phtlab.wire.central.audit import AuditSource
from phtlab.wire.central.governance import GovernanceClient


class Central(Protocol):
    """Central, as a station uses it: `phtlab.wire.central.client.CentralClient`."""

    @property
    def governance(self) -> GovernanceClient: ...

    @property
    def audit(self) -> AuditSource: ...

    def inbox(self, after: int = 0, wait: float = 0.0) -> Inbox: ...

    def journey(self, journey: str) -> JourneyView: ...

    def update_stop(self, journey: str, station: str, update: StopUpdate) -> StopView: ...

    def put_record(self, journey: str, station: str, record: Envelope) -> StopView: ...

    def stations(self) -> tuple[StationView, ...]: ...

    def put_profile(self, profile: StationProfile) -> None: ...

    def put_twin(self, name: str, content: bytes) -> None: ...

    def close(self) -> None: ...


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class DaemonContext:
    """One station at work. Settings are read once; policy and data sets at each use."""

    folder: StationFolder
    settings: StationSettings
    identity: Identity = field(repr=False)
    central: Central
    freight: ArtifactStore
    executor: Executor
    believed: RosterCache
    now: Callable[[], datetime] = utc_now
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def stops(self) -> Stops:
        return Stops(self.folder.stops)

    @property
    def audit(self) -> Log:
        """What happened here; whoever does an act appends it."""
        return Log(self.folder.audit, self.name, self.now)

    def policy(self) -> Policy:
        """The policy as it stands now. Raises PolicyError."""
        return load_policy(self.folder.policy)

    def roster(self) -> Roster | None:
        """The roster as it is believed now. Raises what `RosterCache.now` raises."""
        return self.believed.now().roster

    def declared(self) -> dict[str, DataSet]:
        """The data sets as the operator declared them. Raises DataSetError."""
        return load_datasets(self.folder)

    def datasets(self) -> dict[str, DataSet]:
        """What runs are given: the data sets, or at a twin station their twins."""
        declared = self.declared()
        if not self.settings.twin:
            return declared
        return {name: twin_of(self.folder, dataset) for name, dataset in declared.items()}

    def close(self) -> None:
        """End its connections. Runs in the sandbox go on."""
        self.freight.close()
        self.executor.close()
        self.central.close()
