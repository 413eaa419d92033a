"""A station made again from its backup, without doing again what it has forgotten.

Whatever happened after the backup is unknown to what is restored. So:

- An order that was issued before the moment of restoring and is not in the backup is refused: the
  station may have followed it. That needs nobody's word, so a hostile central that offers an old
  order again gets nothing.
- A stop that had not ended in the backup does not go on: `backup_comparison` takes over the record
  that central has of it, if this station signed it, or ends it.
- The daemon does not begin before that comparison was made, and then the station is paused until
  someone resumes it, who was shown what was lost.
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
from phtlab.train.verify import CLOCK_SKEW

MOST_BYTES: Final = 1 << 30
"""Of one file in a backup: the log of many years."""
COMPARE: Final = "phtlab station compare"


class Restored(StrictModel):
    """`restored.json`: what the station was made again from, and when."""

    backed_up: AwareDatetime
    at: AwareDatetime
    """No order issued before this is followed, unless it is in the backup."""
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
    """Make the station of the backup `source` in `directory`, which must be empty or not there.

    It is held: its daemon does not begin before `backup_comparison.compare`. Raises SettingsError
    if `directory` holds something, SealError if none of `identities` opens the backup or it was
    changed, StationError (``backup-form``, ``backup-…``) if it is none.
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
            # To its end before anything is believed: age authenticates the last piece last.
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
    # The log says so once it is known how far others have seen it: `backup_comparison`.
    return station, index


def restored_of(folder: StationFolder) -> Restored | None:
    """What the station was restored from, if it was. Raises StationError (``backup-form``)."""
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
    """Raises OrderReplayedError (``order-before-restore``) if this station may have followed it."""
    restored = restored_of(folder)
    # An order of the future is refused, by as much as clocks may differ: so much later as well.
    if restored is not None and order.issued <= restored.at + CLOCK_SKEW:
        raise OrderReplayedError(
            "This station was restored from a backup after the order was issued, and cannot know "
            "whether it has followed it before.",
            "Dispatch the train again.",
            code="order-before-restore",
        )


def postpone_orders(folder: StationFolder, until: datetime) -> None:
    """Refuse orders that were issued before `until` too, if that is later."""
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
