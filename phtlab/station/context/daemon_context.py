"""The daemon's context: the station, its key and its connections."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from phtlab.rounds.received_rounds import ReceivedRounds
from phtlab.station.context.artifact_store import ArtifactStore
from phtlab.station.context.roster_cache import RosterCache
from phtlab.station.context.station_context import StationContext
from phtlab.station.context.stopwatch import Stopwatch
from phtlab.station.data.datasets import DataSet, load_datasets, twin_of
from phtlab.station.executor.contract import Executor
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
from phtlab.wire.api.rounds import Instructions, Rounds, SentInstruction, SentRound
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

    def instructions(self, journey: str, after: int, wait: float) -> Instructions: ...

    def put_instruction(self, journey: str, sent: SentInstruction) -> None: ...

    def rounds(
        self, journey: str, after: int, wait: float, *, finishing: bool = False
    ) -> Rounds: ...

    def put_round(self, journey: str, station: str, number: int, sent: SentRound) -> None: ...

    def stations(self) -> tuple[StationView, ...]: ...

    def put_profile(self, profile: StationProfile) -> None: ...

    def put_twin(self, name: str, content: bytes) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class DaemonContext(StationContext):
    """A station with its key, and its connections to central, registry and engine."""

    identity: Identity = field(repr=False)
    central: Central
    artifacts: ArtifactStore
    executor: Executor
    roster_cache: RosterCache
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    received_rounds: dict[str, ReceivedRounds] = field(default_factory=dict)
    """At an aggregator: what central shows of the rounds of each journey that it combines."""

    def roster(self) -> Roster:
        """Return the newest roster, verified. Raises what `RosterCache.now` raises."""
        return self.roster_cache.now().roster

    def declared(self) -> dict[str, DataSet]:
        """Return the data sets that the operator declared. Raises DataSetError."""
        return load_datasets(self.folder)

    def datasets(self) -> dict[str, DataSet]:
        """Return the data sets that runs get: those declared, or their twins at a twin station."""
        declared = self.declared()
        if not self.settings.twin:
            return declared
        return {name: twin_of(self.folder, dataset) for name, dataset in declared.items()}

    def close(self) -> None:
        """Close the connections. Runs in the sandbox continue."""
        self.artifacts.close()
        self.executor.close()
        self.central.close()
