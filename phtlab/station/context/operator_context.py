"""A station as its people decide at it: its folder, without its key.

What someone decides is written into the folder; the daemon, which holds the key, signs it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from phtlab.station.audit.log import Log
from phtlab.station.context.station import DaemonContext, utc_now
from phtlab.station.policy.policy import Policy, load_policy
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import StationSettings
from phtlab.station.stops.stop import Stops
from phtlab.train.documents.roster import Roster
from phtlab.trust_store.trust import last_roster


@dataclass(frozen=True)
class StationContext:
    """For the commands and the console, whether or not the daemon runs."""

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
        """What happened here; whoever does an act appends it."""
        return Log(self.folder.audit, self.name, self.now)

    def policy(self) -> Policy:
        """The policy as it stands now. Raises PolicyError."""
        return load_policy(self.folder.policy)

    def roster(self) -> Roster | None:
        """The roster as the daemon last believed it, for display; None before it has one."""
        return last_roster(self.folder.trust)


Place = StationContext | DaemonContext
