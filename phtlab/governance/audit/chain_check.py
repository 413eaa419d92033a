"""Verification of a log against all its checkpoints, and the result. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import BaseModel, ConfigDict

from phtlab.errors import PhtlabError
from phtlab.governance.audit.chain import LOST, Checkpoint, Entry, open_checkpoint, verify_chain
from phtlab.train.canonical import canonical, digest
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.moment import Moment
from phtlab.train.documents.roster import Roster


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WitnessedHead(_Value):
    """A member's checkpoints: how many, the highest number, and its time."""

    witness: str
    checkpoints: int
    number: int
    at: Moment


class LostEntries(_Value):
    """Entries that a restored station's log lacks, as its entry `number` declares."""

    number: int
    lost: str
    actor: str
    at: Moment


class Verified(_Value):
    """A verified log. `doubtful` counts checkpoints that do not verify with the roster."""

    log: str
    number: int
    digest: str
    witnesses: tuple[WitnessedHead, ...]
    doubtful: int
    losses: tuple[LostEntries, ...]
    roster_version: int
    roster_digest: str

    @property
    def witnessed(self) -> int:
        """The highest number in a checkpoint: no entry up to it can change undetected."""
        return max((witness.number for witness in self.witnesses), default=0)


def verify_log(
    log: str,
    entries: Iterable[Entry],
    checkpoints: Iterable[Envelope],
    roster: Roster,
    seen: Checkpoint | None = None,
) -> Verified:
    """Verify `log` against members' checkpoints, and against the verifier's own, `seen`.

    Raises AuditError with the codes of `verify_chain`.
    """
    verified, doubtful = list[Checkpoint](), 0
    for envelope in checkpoints:
        try:
            checkpoint = open_checkpoint(envelope, roster)
        except PhtlabError:
            doubtful += 1
        else:
            if checkpoint.log == log:
                verified.append(checkpoint)
    losses: list[LostEntries] = []
    entries = _entries_with_losses(entries, losses)
    head = verify_chain(entries, [*verified, *([seen] if seen else [])], log=log)
    return Verified(
        log=log,
        number=head.number,
        digest=head.digest,
        witnesses=_by_witness(verified),
        doubtful=doubtful,
        losses=tuple(losses),
        roster_version=roster.version,
        roster_digest=digest(canonical(roster.model_dump(mode="json"))),
    )


def _entries_with_losses(entries: Iterable[Entry], losses: list[LostEntries]) -> Iterator[Entry]:
    """Yield `entries`, and append the losses that they declare to `losses`."""
    for entry in entries:
        if entry.action == LOST and (lost := entry.details.get("lost")):
            losses.append(
                LostEntries(number=entry.number, lost=lost, actor=entry.actor, at=entry.at)
            )
        yield entry


def _by_witness(checkpoints: Iterable[Checkpoint]) -> tuple[WitnessedHead, ...]:
    furthest: dict[str, Checkpoint] = {}
    count: dict[str, int] = {}
    for checkpoint in checkpoints:
        name = checkpoint.witness
        count[name] = count.get(name, 0) + 1
        if name not in furthest or checkpoint.number > furthest[name].number:
            furthest[name] = checkpoint
    return tuple(
        WitnessedHead(
            witness=name,
            checkpoints=count[name],
            number=furthest[name].number,
            at=furthest[name].at,
        )
        for name in sorted(furthest)
    )
