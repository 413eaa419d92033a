"""Export and verification of a station's whole audit log, for the command and the console."""

from __future__ import annotations

from collections.abc import Iterable

from phtlab.governance.audit.chain_check import Verified, verify_log
from phtlab.governance.audit.export import Export
from phtlab.station.audit.log import Log
from phtlab.station.audit.watch import Watch
from phtlab.station.settings.folder import StationFolder
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.roster import Roster


def export_own_log(
    folder: StationFolder, name: str, roster: Roster, checkpoints: Iterable[Envelope]
) -> Export:
    """Export the log in `folder` with its `checkpoints`, unverified: the reader verifies it."""
    lines = tuple(Log(folder.audit, name).lines())
    return Export(log=name, lines=lines, checkpoints=tuple(checkpoints), roster=roster)


def verify_own_log(folder: StationFolder, export: Export) -> Verified:
    """Verify the station's log against its checkpoints and the last head seen. Raises AuditError.

    The checkpoints are those that central has from this station: `Central.audit.checkpoints`.
    """
    seen = Watch.of(folder).own.seen
    before = seen.by(export.log, export.roster.version) if seen else None
    return verify_log(export.log, export.entries(), export.checkpoints, export.roster, before)
