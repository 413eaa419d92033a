"""Export of a log, to be read and verified anywhere, without a running service.

A folder, or a zip file, with

    log.json            the log's name, and the format's version
    entries.jsonl       its entries as they were written, one per line
    checkpoints.jsonl   members' checkpoints of it, one envelope per line
    roster.json         the roster that the exporter trusted

The signatures are worth as much as the roster: compare its digest with one from an officer.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from phtlab.errors import AuditError, SignatureError
from phtlab.files.durable_file import replaced_durably, sync_folder, write_durably
from phtlab.governance.audit.chain import Entry
from phtlab.train.canonical import canonical, parse_json
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.roster import Roster

VERSION: Final = 1
_LOG, _ENTRIES, _CHECKPOINTS, _ROSTER = (
    "log.json",
    "entries.jsonl",
    "checkpoints.jsonl",
    "roster.json",
)
_FILES: Final = (_LOG, _ENTRIES, _CHECKPOINTS, _ROSTER)
_MOST: Final = 2**30


@dataclass(frozen=True)
class Export:
    """An exported log, not verified: see `phtlab.governance.audit.chain_check.verify_log`."""

    log: str
    lines: tuple[bytes, ...]
    checkpoints: tuple[Envelope, ...]
    roster: Roster

    def entries(self) -> Iterator[Entry]:
        """Parse the entries. Raises AuditError (``audit-form``)."""
        return map(Entry.from_line, self.lines)

    def write(self, target: Path) -> None:
        """Write the export as a new folder, or as a zip file if `target` ends in ``.zip``.

        Raises AuditError (``audit-export``) if `target` exists.
        """
        if target.exists():
            raise AuditError(
                f"{target} is there already.",
                "Name a new folder, or a new .zip file.",
                code="audit-export",
            )
        files = self._files()
        if target.suffix == ".zip":
            with (
                replaced_durably(target) as file,
                zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
            ):
                for name, content in files.items():
                    archive.writestr(name, content)
            return
        target.mkdir(mode=0o700, parents=True)
        for name, content in files.items():
            write_durably(target / name, content)
        sync_folder(target.parent)

    @classmethod
    def read(cls, source: Path) -> Export:
        """Read what `write` wrote to `source`. Raises AuditError (``audit-export``)."""
        try:
            files = _zipped(source) if source.is_file() else _in_folder(source)
            named = parse_json(files[_LOG])
            if named["version"] != VERSION:
                raise ValueError("another version")
            return cls(
                log=str(named["log"]),
                lines=tuple(_lines(files[_ENTRIES])),
                checkpoints=tuple(map(Envelope.from_bytes, _lines(files[_CHECKPOINTS]))),
                roster=Roster.model_validate_json(files[_ROSTER]),
            )
        except (OSError, KeyError, TypeError, ValueError, ValidationError, SignatureError) as error:
            raise _unreadable(source, error) from None
        except zipfile.BadZipFile as error:
            raise _unreadable(source, error) from None

    def _files(self) -> Mapping[str, bytes]:
        return {
            _LOG: json.dumps({"version": VERSION, "log": self.log}).encode() + b"\n",
            _ENTRIES: _joined(self.lines),
            _CHECKPOINTS: _joined(envelope.to_bytes() for envelope in self.checkpoints),
            _ROSTER: canonical(self.roster.model_dump(mode="json")) + b"\n",
        }


def _joined(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def _lines(content: bytes) -> list[bytes]:
    if content and not content.endswith(b"\n"):
        raise ValueError("its last line is torn")
    return content.split(b"\n")[:-1]


def _in_folder(source: Path) -> dict[str, bytes]:
    return {name: (source / name).read_bytes() for name in _FILES}


def _zipped(source: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(source) as archive:
        # Reads the expected files only, and no more than a log can have.
        if sum(archive.getinfo(name).file_size for name in _FILES) > _MOST:
            raise ValueError("it is larger than a log can be")
        return {name: archive.read(name) for name in _FILES}


def _unreadable(source: Path, error: Exception) -> AuditError:
    what = "is missing" if isinstance(error, FileNotFoundError) else "cannot be read"
    return AuditError(
        f"{source} is no exported log, or part of it {what} ({type(error).__name__}).",
        "Export it again with 'phtlab audit export'.",
        code="audit-export",
    )
