"""Restore of a station from its backup, without repeating what it did after the backup.

A restored station does not know what happened after the backup. So:

- It refuses an order that was issued before the restore and is not in the backup, since it may
  have run it already. This relies on nobody's statement, so a hostile central cannot replay old
  orders.
- A stop that was unfinished in the backup does not continue: `backup.comparison` takes over its
  record from central, if this station signed it, or ends the stop.
- The daemon does not start before that comparison; then the station is paused until somebody
  resumes it after seeing what was lost.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from pydantic import AwareDatetime, ValidationError

from phtlab.clock import utc_now
from phtlab.errors import OrderReplayedError, SettingsError, StationError
from phtlab.files.durable_file import sync_folder, write_durably
from phtlab.station.backup.archive import INDEX, TAKEN, Index
from phtlab.station.context import maintenance
from phtlab.station.context.station_context import (
    StationContext,
)
from phtlab.station.data.datasets import load_datasets, twin_of
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import load_settings
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import Digest, canonical
from phtlab.train.crypto.age import AgeIdentity, decrypt
from phtlab.train.documents.order import Order
from phtlab.train.documents.record import StopRecord
from phtlab.train.verify import CLOCK_SKEW

MOST_BYTES: Final = 1 << 30
"""Maximum size of one file in a backup: the log of many years."""
COMPARE: Final = "phtlab station compare"


class Restored(StrictModel):
    """`restored.json`: which backup the station was restored from, and when."""

    backed_up: AwareDatetime
    at: AwareDatetime
    """Orders issued before this are refused, unless they are in the backup."""
    entries: int
    head: Digest


def restore(
    source: IO[bytes],
    directory: Path,
    identities: Sequence[AgeIdentity],
    *,
    by: str,
    now: Callable[[], datetime] = utc_now,
) -> tuple[StationContext, Index]:
    """Restore the station of the backup `source` into `directory`, which must be empty or absent.

    The station is held: its daemon does not start before `comparison.compare`. Raises SettingsError
    (``station-folder``) if `directory` contains anything, SealError if none of `identities` opens
    the backup or it was changed, StationError (``backup-form``, ``backup-…``) if it is not a valid
    backup.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise SettingsError(
            f"{directory} is not empty.",
            "A station is restored into a new folder, so that nothing of another is overwritten: "
            "name one that does not exist.",
            code="station-folder",
        )
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = StationFolder(directory.absolute())
    try:
        with tempfile.TemporaryFile(dir=directory) as archive:
            # Decrypt to the end before using anything: age authenticates the last chunk last.
            decrypt(source, archive, identities)
            archive.seek(0)
            index = _unpack(archive, folder.path)
        folder.create()
        settings = load_settings(folder)
        if settings.name != index.station:
            raise _no_backup("its settings are another station's", code="backup-station")
        restored = Restored(
            backed_up=index.at, at=max(now(), index.at), entries=index.entries, head=index.head
        )
        _keep(folder, restored)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    for dataset in load_datasets(folder).values():
        twin_of(folder, dataset)
    station = StationContext(folder, settings, now)
    maintenance.hold(
        station,
        by=by,
        reason=f"Restored from the backup of {index.at:%Y-%m-%d %H:%M} UTC",
        held=f"First compare it with what central knows of it: {COMPARE}",
    )
    # `comparison.compare` logs the restore, once it knows how far others have seen the log.
    return station, index


def restored_of(folder: StationFolder) -> Restored | None:
    """Return what the station was restored from, or None. Raises StationError (``backup-form``)."""
    try:
        return Restored.model_validate_json(folder.restored.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise StationError(
            f"{folder.restored} is damaged.",
            "It says which orders may have been followed before this station was restored: "
            "restore the backup again.",
            code="backup-form",
        ) from None


def require_issued_since(folder: StationFolder, order: Order) -> None:
    """Raise OrderReplayedError (``order-before-restore``) if the order may have run before."""
    _require_since(
        folder,
        order.issued,
        "This station was restored from a backup after the order was issued, and cannot know "
        "whether it has followed it before.",
    )


def require_recorded_since(folder: StationFolder, record: StopRecord) -> None:
    """Raise OrderReplayedError (``order-before-restore``) if the station may have gone on from it.

    `record` is of the stop before: the restored station does not know what followed it here.
    """
    _require_since(
        folder,
        record.finished,
        "This station was restored from a backup after the stop before it ended, and cannot "
        "know whether it has gone on from there before.",
    )


def _require_since(folder: StationFolder, moment: datetime, sentence: str) -> None:
    restored = restored_of(folder)
    # What is dated ahead by up to the clock skew is accepted, so the limit includes it too.
    if restored is not None and moment <= restored.at + CLOCK_SKEW:
        raise OrderReplayedError(sentence, "Dispatch the train again.", code="order-before-restore")


def postpone_orders(folder: StationFolder, until: datetime) -> None:
    """Also refuse orders issued before `until`, if that is later."""
    restored = restored_of(folder)
    if restored is not None and until > restored.at:
        _keep(folder, restored.model_copy(update={"at": until}))


def _keep(folder: StationFolder, restored: Restored) -> None:
    write_durably(folder.restored, canonical(restored.model_dump(mode="json")))


def _unpack(archive: IO[bytes], folder: Path) -> Index:
    try:
        with tarfile.open(fileobj=archive, mode="r:") as tar:
            index = None
            while (member := tar.next()) is not None:
                if index is not None:
                    raise _no_backup("something follows its index", code="backup-index")
                if member.name == INDEX:
                    index = Index.model_validate_json(_read(tar, member))
                    continue
                if not TAKEN.fullmatch(member.name) or ".." in member.name.split("/"):
                    raise _no_backup(f"it holds {member.name[:80]!r}", code="backup-name")
                path = folder / member.name
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with path.open("xb") as target:
                    path.chmod(0o600)
                    target.write(_read(tar, member))
            if index is None:
                raise _no_backup("it has no index, and so no end", code="backup-index")
    except (tarfile.TarError, ValidationError, FileExistsError, EOFError):
        raise _no_backup("it cannot be read as one", code="backup-form") from None
    sync_folder(folder)
    return index


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    source = tar.extractfile(member) if member.isreg() and not member.issparse() else None
    if source is None or member.size > MOST_BYTES:
        raise _no_backup(
            f"it holds {member.name[:80]!r}, which is no file of one", code="backup-file"
        )
    return source.read()


def _no_backup(why: str, *, code: str) -> StationError:
    return StationError(
        f"This is no backup of a station that this release can restore: {why}. Nothing was "
        "restored.",
        code=code,
    )
