"""A station's folder and settings, shared by its commands, its console and its daemon.

The console and the commands have no key: people's decisions are written into the folder, and the
daemon, which holds the key, signs them (`DaemonContext`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from phtlab.clock import utc_now
from phtlab.station.audit.log import Log
from phtlab.station.policy.policy import Policy, load_policy
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import StationSettings
from phtlab.station.stops.stop import Stops
from phtlab.train.documents.roster import Roster
from phtlab.trust_store.trust import last_roster


@dataclass(frozen=True)
class StationContext:
    """One station, running or not. Settings are read once, the policy at each use."""

    folder: StationFolder
    settings: StationSettings
    now: Callable[[], datetime] = utc_now

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def stops(self) -> Stops:
        return Stops(self.folder.stops)

    @property
    def audit(self) -> Log:
        """The station's audit log; every part that acts appends its own entries."""
        return Log(self.folder.audit, self.name, self.now)

    def policy(self) -> Policy:
        """Return the policy in force. Raises PolicyError."""
        return load_policy(self.folder.policy)

    def roster(self) -> Roster | None:
        """Return the roster that the daemon last verified; None before there is one."""
        return last_roster(self.folder.trust)
