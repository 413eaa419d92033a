"""A station's backup: what cannot be made anew, in one encrypted file.

In it: settings, policy, people, the key file as it is (under its own passphrase), the pinned root
and the roster's cache, the declarations of data sets, approvals and revocations, proposals, what
stands, the audit log, and of each stop what happened to it, with the nonces that it used up.

Not in it: data and twins (those are made anew), what a train ran and left behind (notebooks, logs,
outputs that are held, sealed cargo), what people had half decided, and anything of this engine's.

The file is an age file of a tar archive (c2sp.org/age), so that it opens with `age` and `tar` too.
A station may be at work meanwhile: each file is written whole, and is copied in such an order that
what ends something is copied after what it ends, and the log last.
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

from phtlab import __version__
from phtlab.files.durable_file import replaced_durably
from phtlab.governance.audit.chain import Entry, verify_chain
from phtlab.station.context.station_context import StationContext
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import Digest, canonical
from phtlab.train.crypto.age import Recipient, encrypt

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
    r"|stops/nonces/[0-9a-f]{32}"
    rf"|audit/(\d{{4}}-\d{{2}}\.jsonl|seen\.json|torn/{_HEX})"
)
"""The files of a station's folder that are in a backup, by their path there."""
_ORDER: Final = (
    *("station.toml", "policy.toml", "people.toml", "key.age", "request.json"),
    *("trust", "datasets", "proposals", "approvals", "revocations", "standing.json"),
    *("released", "restored.json", "forgotten.json", "contradictions", "stops", "audit"),
)


class Index(StrictModel):
    """`backup.json`, the archive's last file: what the backup is of."""

    version: Literal[1] = 1
    station: str
    at: AwareDatetime
    phtlab: str
    entries: int
    """How far the audit log goes."""
    head: Digest
    stops: int


def back_up(
    station: StationContext, target: Path, recipients: Sequence[Recipient], *, by: str
) -> Index:
    """Write the backup to `target`, whole or not at all, for `recipients` of one kind.

    The station's log says so, before and therefore also within. Raises AuditError if the log does
    not hold: what is wrong with it should be looked into before it is kept; OSError; SealKeyError.
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
            phtlab=__version__,
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
            # Sorted: months of the log one after the other, so that none is there without the last.
            yield from sorted(below for below in _below(path) if below.is_file())
        elif path.is_file():
            yield path


def _below(folder: Path) -> Iterator[Path]:
    """What lies below, also while others make and remove folders there."""
    for place, _, names in os.walk(folder, onerror=_unless_gone):
        yield from (Path(place) / name for name in names)


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _content(path: Path, name: str) -> bytes | None:
    """The file as it is; None if it is none of ours, or gone meanwhile."""
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
