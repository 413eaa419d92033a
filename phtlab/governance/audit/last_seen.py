"""How far someone saw a log when it last held: what they compare it with the next time."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from phtlab.errors import AuditError
from phtlab.files.durable_file import write_durably
from phtlab.governance.audit.chain import Checkpoint, Head
from phtlab.governance.text import Line
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import Digest
from phtlab.train.documents.moment import Moment


class LastSeenHead(StrictModel):
    """That a log held as far as `number`. `serial` is of the last checkpoint of it at central."""

    log: Line
    number: int = Field(ge=0)
    digest: Digest
    at: Moment
    serial: int = 0

    @property
    def head(self) -> Head:
        return Head(self.number, self.digest)

    def by(self, reader: str, roster_version: int) -> Checkpoint | None:
        """The same as the checkpoint that `who` signed, or would have; None for an empty log."""
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
        """What `write` wrote to `path`, if it did. Raises AuditError (``audit-seen``)."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            raise unreadable(path) from None

    def write(self, path: Path) -> None:
        write_durably(path, self.model_dump_json(indent=1).encode() + b"\n")


def unreadable(path: Path) -> AuditError:
    """What is said of a broken `path`: to forget it silently is what an attacker would like."""
    return AuditError(
        f"{path} is broken: how far the log was seen is not known.",
        "Restore it from a backup; if there is none, verify the log with what others signed, then "
        "move the file away.",
        code="audit-seen",
    )
