"""What a station has seen of central's log and of its own, and whether they hold: one file.

`audit/seen.json` is written after each look that held, so that the next one goes on from there;
an alarm stays in it until its log holds again.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, ValidationError

from phtlab.files.durable_file import write_durably
from phtlab.governance.audit.last_seen import LastSeenHead, unreadable
from phtlab.governance.text import Line
from phtlab.station.settings.folder import StationFolder
from phtlab.strict_model import StrictModel

Which = Literal["central", "own"]


class Alarm(StrictModel):
    """Why a log does not hold."""

    log: Line
    code: str
    sentence: str
    at: AwareDatetime


class WatchState(StrictModel):
    """One of the two logs: how far it held, and why it does not now, if so."""

    seen: LastSeenHead | None = None
    alarm: Alarm | None = None


class Watch(StrictModel):
    """Both logs, as the station knows them."""

    central: WatchState = WatchState()
    own: WatchState = WatchState()

    @classmethod
    def of(cls, folder: StationFolder) -> Watch:
        """What is kept in `folder`. Raises AuditError (``audit-seen``) if it cannot be read."""
        path = folder.audit / "seen.json"
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return cls()
        except ValidationError:
            raise unreadable(path) from None

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        return tuple(log.alarm for log in (self.central, self.own) if log.alarm is not None)

    def log(self, which: Which) -> WatchState:
        return self.central if which == "central" else self.own

    def keep(self, folder: StationFolder, which: Which, watched: WatchState) -> Watch:
        """This with `watched`, written to `folder`."""
        changed = self.model_copy(update={which: watched})
        if changed != self:
            folder.audit.mkdir(mode=0o700, exist_ok=True)
            content = changed.model_dump_json(indent=1).encode() + b"\n"
            write_durably(folder.audit / "seen.json", content)
        return changed
