"""A station's append-only audit log.

Each month has a file in the station's folder, one entry per line, in canonical JSON::

    audit/2026-11.jsonl
    audit/lock             held by each writer: the daemon, a command, the console
    audit/torn/            incomplete entries of killed writers, never acknowledged

The chain of digests runs through all of them (`phtlab.governance.audit.chain`). Checkpoints by
other members keep it from being rewritten: `audit_witness.py`.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from phtlab.clock import utc_now
from phtlab.errors import AuditError
from phtlab.files.durable_file import sync_folder, write_durably
from phtlab.governance.audit.chain import START, Entry, Head, after_loss, following
from phtlab.train.canonical import digest as digest_of

_MONTH: Final = re.compile(r"\d{4}-\d{2}\.jsonl")
_TAIL: Final = 64 * 1024


class Piece(NamedTuple):
    """A file of the log, and its size when it was listed."""

    path: Path
    size: int


@dataclass(frozen=True)
class Log:
    """Append-only audit log `name` in `folder`. Safe between processes and threads.

    Every method raises AuditError (``audit-form``) if the newest file is not of the log's form.
    """

    folder: Path
    name: str
    now: Callable[[], datetime] = utc_now

    def append(
        self,
        *,
        actor: str,
        action: str,
        subject: str = "",
        digest: str | None = None,
        details: Mapping[str, str] | None = None,
    ) -> Entry:
        """Append an entry. Once this returns, the entry survives a power failure.

        Raises OSError if the entry cannot be written: then nothing was added.
        """
        with self._locked():
            head = self._repaired()
            entry = following(
                head,
                log=self.name,
                at=self.now(),
                actor=actor,
                action=action,
                subject=subject,
                digest=digest,
                details=details,
            )
            self._write(entry)
        return entry

    def go_on_after_loss(
        self, last: int, *, actor: str, details: Mapping[str, str] | None = None
    ) -> Entry:
        """Record that the entries up to number `last` were lost, and continue above it."""
        with self._locked():
            head = self._repaired()
            entry = after_loss(
                head, last, log=self.name, at=self.now(), actor=actor, details=details
            )
            self._write(entry)
        return entry

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Yield the entries after the first `after`, as many as there are now.

        Each line is checked for its form only; `verify_chain` checks the chain.
        """
        return map(Entry.from_line, islice(self.lines(), after, None))

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of the files as they are now, each without its line feed."""
        for piece in self._written():
            remaining = piece.size
            with piece.path.open("rb") as file:
                while remaining > 0 and (line := file.readline(remaining)):
                    remaining -= len(line)
                    if line.endswith(b"\n"):
                        yield line[:-1]

    def head(self) -> Head:
        """Return the number and digest of the newest entry."""
        return _head(self._written())

    def _repaired(self) -> Head:
        """Repair what a killed writer left, and return the head. The lock is held."""
        pieces = self._pieces()
        torn = _torn(pieces[-1]) if pieces else b""
        head = _head(pieces)
        if not torn:
            return head
        path = pieces[-1].path
        if _follows(torn, head):
            # Complete except for the line feed: its writer may already have relied on it.
            _append(path, b"\n")
            return _head(self._pieces())
        kept = self.folder / "torn"
        kept.mkdir(mode=0o700, exist_ok=True)
        write_durably(kept / digest_of(torn).removeprefix("sha256:"), torn)
        with path.open("r+b") as file:
            file.truncate(pieces[-1].size - len(torn))
            os.fsync(file.fileno())
        self._write(
            following(
                _head(self._pieces()),
                log=self.name,
                at=self.now(),
                actor=self.name,
                action="log-mended",
                digest=digest_of(torn),
                details={"reason": "a writer was killed in the middle of an entry"},
            )
        )
        return _head(self._pieces())

    def _write(self, entry: Entry) -> None:
        # If the clock was set back, write to the newest file, since file names define the order.
        newest = max((piece.path.name for piece in self._pieces()), default="")
        path = self.folder / max(f"{entry.at.astimezone(UTC):%Y-%m}.jsonl", newest)
        new = not path.exists()
        _append(path, entry.to_line() + b"\n")
        if new:
            sync_folder(self.folder)

    def _written(self) -> list[Piece]:
        """List the files while no writer holds the lock, without entries that may be undone."""
        try:
            lock = (self.folder / "lock").open("rb")
        except FileNotFoundError:  # a copy, or nothing was written yet
            return self._pieces()
        with lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            return self._pieces()

    def _pieces(self) -> list[Piece]:
        if not self.folder.is_dir():
            return []
        paths = sorted(path for path in self.folder.iterdir() if _MONTH.fullmatch(path.name))
        return [Piece(path, path.stat().st_size) for path in paths]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.folder / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _head(pieces: list[Piece]) -> Head:
    for piece in reversed(pieces):
        if line := _last_line(piece):
            entry = Entry.from_line(line)
            return Head(entry.number, entry.name)
    return START


def _append(path: Path, content: bytes) -> None:
    """Append all of `content` to `path`, or nothing, and sync it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        before = os.fstat(descriptor).st_size
        try:
            written = os.write(descriptor, content)
            if written != len(content):
                raise OSError(28, "No space left on device")
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, before)
            raise
    finally:
        os.close(descriptor)


def _last_line(piece: Piece) -> bytes:
    """Return the last complete line of a file, or b"" if there is none."""
    block = _end(piece)
    if b"\n" not in block and piece.size > len(block):
        raise AuditError(
            f"{piece.path} does not end as an audit log does.",
            "Restore it from the backup; 'phtlab audit verify' says how far it holds.",
            code="audit-form",
        )
    lines = block[: block.rfind(b"\n") + 1].split(b"\n")
    return lines[-2] if len(lines) > 1 else b""


def _torn(piece: Piece) -> bytes:
    """Return what follows the last line feed of a file."""
    block = _end(piece)
    return block[block.rfind(b"\n") + 1 :]


def _end(piece: Piece) -> bytes:
    with piece.path.open("rb") as file:
        file.seek(max(0, piece.size - _TAIL))
        return file.read(min(piece.size, _TAIL))


def _follows(line: bytes, head: Head) -> bool:
    try:
        entry = Entry.from_line(line)
    except AuditError:
        return False
    return (entry.number, entry.previous) == (head.number + 1, head.digest)
