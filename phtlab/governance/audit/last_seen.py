"""The head of a log when its reader last verified it, to compare with the next time."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from phtlab.errors import AuditError
from phtlab.files.durable_file import write_durably
from phtlab.governance.audit.chain import Checkpoint, Head
from phtlab.governance.text import Line
from phtlab.train.canonical import Digest
from phtlab.train.documents.moment import Moment


class LastSeenHead(BaseModel):
    """A verified head of a log. `serial` is that of the log's last checkpoint at central."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    log: Line
    number: int = Field(ge=0)
    digest: Digest
    at: Moment
    serial: int = 0

    @property
    def head(self) -> Head:
        return Head(self.number, self.digest)

    def by(self, reader: str, roster_version: int) -> Checkpoint | None:
        """Return the head as a checkpoint of `reader`; None for an empty log."""
        if not self.number:
            return None
        return Checkpoint(
            log=self.log,
            number=self.number,
            head=self.digest,
            witness=reader,
            roster_version=max(1, roster_version),
            at=self.at,
        )

    @classmethod
    def read(cls, path: Path) -> LastSeenHead | None:
        """Read what `write` wrote to `path`, or None. Raises AuditError (``audit-seen``)."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            raise unreadable(path) from None

    def write(self, path: Path) -> None:
        write_durably(path, self.model_dump_json(indent=1).encode() + b"\n")


def unreadable(path: Path) -> AuditError:
    """Return the error for a broken `path`: ignoring it silently would help an attacker."""
    return AuditError(
        f"{path} is broken: how far the log was seen is not known.",
        "Restore it from a backup; if there is none, verify the log with what others signed, then "
        "move the file away.",
        code="audit-seen",
    )
