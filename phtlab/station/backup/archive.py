"""Station backup: everything that cannot be recreated, in one encrypted file.

It contains settings, policy, people, the key file as it is (under its own passphrase), the pinned
root and the roster's cache, the declarations of data sets, approvals and revocations, proposals,
the list of active approvals, released counts, the audit log, and the state files of each stop, with
the nonces used.

It does not contain: data and twins (twins are recreated), what a train ran and left (notebooks,
logs, held outputs, sealed cargo), drafts with votes, and any state of the engine.

The file is an age file of a tar archive (c2sp.org/age), so that `age` and `tar` can open it too.
The station may run during a backup: each file is written as a whole, and files are copied in such
an order that what ends something is copied after what it ends, and the log last.
"""

from __future__ import annotations

import io
import os
import re
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Final, Literal

from pydantic import AwareDatetime

from phtlab.files.durable_file import replaced_durably
from phtlab.governance.audit.chain import Entry, verify_chain
from phtlab.station.context.station_context import StationContext
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import Digest, canonical
from phtlab.train.crypto.age import Recipient, encrypt
from phtlab.version import VERSION

INDEX: Final = "backup.json"
_HEX: Final = r"[0-9a-f]{64}"
TAKEN: Final = re.compile(
    r"station\.toml|policy\.toml|people\.toml|key\.age|request\.json|standing\.json|restored\.json"
    r"|forgotten\.json"
    r"|trust/[A-Za-z0-9._/-]+\.json"
    r"|datasets/[a-z0-9_]+\.toml"
    rf"|approvals/{_HEX}\.json"
    rf"|revocations/{_HEX}\.(json|word)"
    rf"|proposals/[A-Za-z0-9_:-]+/((refusal-)?{_HEX}|withdrawal)\.(json|word)"
    rf"|acceptances/[a-z0-9-]+-{_HEX}\.json"
    rf"|contradictions/{_HEX}\.json"
    rf"|released/(key|{_HEX}\.json|amounts/\d{{4}}-\d{{2}}/{_HEX}\.json)"
    rf"|stops/{_HEX}/[a-z-]+\.json"
    r"|stops/nonces/[0-9a-f]{32}|stops/records/[0-9a-f]{64}"
    rf"|audit/(\d{{4}}-\d{{2}}\.jsonl|seen\.json|torn/{_HEX})"
)
"""The files of a station's folder that a backup contains, by their relative path."""
_ORDER: Final = (
    *("station.toml", "policy.toml", "people.toml", "key.age", "request.json"),
    *("trust", "datasets", "proposals", "approvals", "revocations", "standing.json"),
    *("released", "restored.json", "forgotten.json", "contradictions", "stops", "audit"),
)


class Index(StrictModel):
    """`backup.json`, the archive's last file: which station and state the backup is of."""

    version: Literal[1] = 1
    station: str
    at: AwareDatetime
    phtlab: str
    entries: int
    """Number of the last entry of the audit log."""
    head: Digest
    stops: int


def back_up(
    station: StationContext, target: Path, recipients: Sequence[Recipient], *, by: str
) -> Index:
    """Write the backup to `target`, completely or not at all, for `recipients` of one kind.

    The station's log records it first, so that the backup contains that entry. Raises AuditError if
    the log fails verification, which should be investigated before it is backed up; OSError;
    SealKeyError.
    """
    station.audit.append(actor=by, action="station-backed-up")
    with tempfile.TemporaryFile(dir=station.folder.path) as archive:
        index = _write(station, archive, station.now())
        archive.seek(0)
        with replaced_durably(target) as sealed:
            encrypt(archive, sealed, recipients)
    return index


def _write(station: StationContext, archive: IO[bytes], now: datetime) -> Index:
    folder = station.folder.path
    stops, lines = 0, list[bytes]()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in _files(folder):
            name = path.relative_to(folder).as_posix()
            content = _content(path, name)
            if content is None:
                continue
            _add(tar, name, content)
            stops += name.endswith("/offer.json")
            if name.endswith(".jsonl"):
                lines += content.splitlines()
        head = verify_chain(map(Entry.from_line, lines), log=station.name)
        index = Index(
            station=station.name,
            at=now,
            phtlab=VERSION,
            entries=head.number,
            head=head.digest,
            stops=stops,
        )
        _add(tar, INDEX, canonical(index.model_dump(mode="json")))
    return index


def _files(folder: Path) -> Iterator[Path]:
    for name in _ORDER:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            # Sorted, so that the log's months are copied in order, without gaps.
            yield from sorted(below for below in _below(path) if below.is_file())
        elif path.is_file():
            yield path


def _below(folder: Path) -> Iterator[Path]:
    """Yield all files below `folder`, even while others create and remove folders there."""
    for place, _, names in os.walk(folder, onerror=_unless_gone):
        yield from (Path(place) / name for name in names)


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _content(path: Path, name: str) -> bytes | None:
    """Return the file's content; None if a backup does not contain such files, or it is gone."""
    if not TAKEN.fullmatch(name) or path.is_symlink():
        return None
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    if name.endswith(".jsonl"):
        return content[: content.rfind(b"\n") + 1]  # an entry is being written
    return content


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    tar.addfile(entry, io.BytesIO(content))
