"""A log verified with all that members signed of it, and what that comes to in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from phtlab.errors import PhtlabError
from phtlab.governance.audit.chain import LOST, Checkpoint, Entry, open_checkpoint, verify_chain
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import canonical, digest
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.moment import Moment
from phtlab.train.documents.roster import Roster


class WitnessedHead(StrictModel):
    """What one member signed: how often, how far at most, and when that was."""

    witness: str
    checkpoints: int
    number: int
    at: Moment


class LostEntries(StrictModel):
    """Entries that a restored station's log lacks, as it says itself in entry `number`."""

    number: int
    lost: str
    actor: str
    at: Moment


class Verified(StrictModel):
    """How far a log holds. `doubtful` counts checkpoints that the roster does not vouch for."""

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
        """As far as somebody signed it: what is up to there cannot change any more unseen."""
        return max((witness.number for witness in self.witnesses), default=0)


def verify_log(
    log: str,
    entries: Iterable[Entry],
    checkpoints: Iterable[Envelope],
    roster: Roster,
    seen: Checkpoint | None = None,
) -> Verified:
    """Verify `log` with what members signed, and what whoever verifies saw of it before.

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
    """`entries`; what they say of lost ones is put into `losses` meanwhile."""
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
