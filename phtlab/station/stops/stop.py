"""A stop is a folder; what has happened to it is which files are there.

Each file is written once, whole, and never changed (see `phtlab.files.durable_file`), so a
station killed anywhere finds on its return exactly how far it came::

    offer.json       the order, the train: offered
    taken.json       a mark of this folder: kept beside the order's nonce, which it uses up
    verified.json    both hold, and the image is what was signed: verified
    train/           the train's files
    held.json        a person is asked: held, until
    decision.json    why it is looked at again: an approval, or someone's no
    admitted.json    with the data sets and limits of the run: admitted
    job/             what the run will see: job.json, notebook.ipynb
    starting.json    from here on the run may exist: running
    started.json     it did exist; that it is gone is a fault, no reason to start again
    outcome.json     what came of the run: airlock
    airlock-held.json  a person is asked about outputs: held, until
    waiting/         the outputs as they would leave; the engine's remains can go
    word-NAME-1.json   a person's word on the output NAME; a second one's is -2
    release.json     what the words come to: airlock again
    noted.json       which of released/ holds the counts that left
    forecast.json    of a dry run: what other stations would make of its outputs
    airlock.json     the verdicts
    cargo.age        sealed
    sealed.json      its digest and size: sealed
    pushed.json      it is in the registry
    cancel.json      someone cancelled; heeded until the cargo is in the registry
    ending.json      how a stop ends that does not depart
    record.json      the station's signed word: refused, failed, cancelled or sealed
    told.json        central has it: departed, or the end of the others
    operator/        for the operator's eyes: notebook, full error, log

The order in which `state` looks is the whole of the state machine's memory.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from phtlab.errors import StationError
from phtlab.files.durable_file import create_durably, write_durably
from phtlab.train.canonical import canonical
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.record import StopRecord, StopState
from phtlab.wire.api.journeys import Offer

_HEX = re.compile(r"[0-9a-f]{64}")


def settings_file(image: str) -> str:
    """Where the settings of a kernel image of digest `image` lie among a train's files."""
    return f"{image.removeprefix('sha256:')}.json"


_REACHED: tuple[tuple[str, StopState], ...] = (
    ("sealed", "sealed"),
    ("release", "airlock"),
    ("airlock-held", "held"),
    ("outcome", "airlock"),
    ("starting", "running"),
    ("admitted", "admitted"),
    ("held", "held"),
    ("verified", "verified"),
)


@dataclass(frozen=True)
class Stop:
    """The folder of one journey's stop at this station."""

    path: Path

    @property
    def hex(self) -> str:
        return self.path.name

    @property
    def journey(self) -> str:
        return f"sha256:{self.path.name}"

    @property
    def job_id(self) -> str:
        """The run's name at the executor: the journey's, cut to what fits."""
        return f"stop-{self.path.name[:40]}"

    @property
    def job(self) -> Path:
        return self.path / "job"

    @property
    def train(self) -> Path:
        return self.path / "train"

    @property
    def operator(self) -> Path:
        return self.path / "operator"

    @property
    def cargo(self) -> Path:
        return self.path / "cargo.age"

    def has(self, name: str) -> bool:
        return (self.path / f"{name}.json").exists()

    def write(self, name: str, value: Any) -> None:
        """Write `name`.json durably."""
        write_durably(self.path / f"{name}.json", canonical(value))

    def read(self, name: str) -> Any:
        """The value of `name`.json. Raises StationError if it is not there or broken."""
        path = self.path / f"{name}.json"
        try:
            return json.loads(path.read_bytes())
        except (OSError, ValueError):
            raise StationError(
                f"{path} is missing or broken, and this stop cannot go on without it. Restore "
                "it, or move the stop's folder away: the journey then fails here.",
                code="stop-broken",
            ) from None

    def offer(self) -> Offer:
        return Offer.model_validate(self.read("offer"))

    def record(self) -> Envelope:
        return Envelope.model_validate(self.read("record"))

    def final_record(self) -> StopRecord:
        """This station's own record of the stop."""
        return StopRecord.model_validate(peek(self.record()).predicate)

    @property
    def state(self) -> StopState:
        """The state, from which files exist."""
        if self.has("record"):
            outcome = self.final_record().outcome
            return outcome if outcome != "departed" or self.has("told") else "sealed"
        for name, state in _REACHED:
            if self.has(name):
                if name == "held" and self.has("decision"):
                    return "verified"
                return state
        return "offered"

    @property
    def waits_for(self) -> Literal["approval", "release"] | None:
        """What a person is asked, while the state is ``held``: may it run, or may it leave?"""
        if self.state != "held":
            return None
        return "release" if self.has("airlock-held") else "approval"

    @property
    def held_because(self) -> str:
        """Why it is held, in a sentence that everyone may read; empty if it is not."""
        if (asked := self.waits_for) is None:
            return ""
        return str(self.read("held" if asked == "approval" else "airlock-held")["sentence"])

    @property
    def told(self) -> bool:
        return self.has("told")

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.told

    @property
    def cancelled(self) -> bool:
        """Whether a cancellation is to be heeded, unless the cargo is in the registry already."""
        return self.has("cancel") and not self.has("record")

    @property
    def occupies(self) -> bool:
        """Whether a run of this stop exists, or may exist, at the executor."""
        return self.has("starting") and not self.has("outcome") and not self.has("ending")

    def cancel(self, by: str) -> None:
        if not self.has("cancel") and not self.has("record"):
            self.write("cancel", {"by": by, "at": now_text()})

    @property
    def undecided(self) -> bool:
        """Whether it is held until an approval allows it, or somebody refuses it."""
        return self.waits_for == "approval" and not self.has("ending")

    def decide(self, verdict: Literal["approve", "refuse", "over"], **said: Any) -> None:
        """Look at a held stop again: an approval may allow it, someone refused it, or its proposal
        is over. The first one stands. Raises StationError."""
        with suppress(FileExistsError):
            if self.undecided:
                decision = {"verdict": verdict, **said, "at": now_text()}
                create_durably(self.path / "decision.json", canonical(decision))
                return
        raise StationError(
            f"The stop {self.hex[:12]} waits for no decision; it is {self.state}. "
            "'phtlab station status' shows which wait."
        )


@dataclass(frozen=True)
class Stops:
    """All stops of a station."""

    path: Path

    def __iter__(self) -> Iterator[Stop]:
        for folder in sorted(self.path.iterdir()):
            if _HEX.fullmatch(folder.name) and (folder / "offer.json").exists():
                yield Stop(folder)

    def stop(self, journey: str) -> Stop:
        return Stop(self.path / journey.removeprefix("sha256:"))

    def open(self, offer: Offer) -> Stop:
        """The stop of `offer`, its folder made if it is new. Idempotent."""
        stop = self.stop(offer.journey)
        if not stop.has("offer"):
            stop.path.mkdir(mode=0o700, exist_ok=True)
            stop.operator.mkdir(mode=0o700, exist_ok=True)
            stop.write("offer", offer.model_dump(mode="json"))
        return stop

    def unfinished(self) -> list[Stop]:
        return [stop for stop in self if not stop.ended]

    def find(self, beginning: str) -> Stop:
        """The stop whose journey begins so. Raises StationError if none or several do."""
        wanted = beginning.removeprefix("sha256:").lower()
        found = [stop for stop in self if stop.hex.startswith(wanted)]
        if len(found) != 1:
            what = "Several stops begin" if found else "There is no stop that begins"
            raise StationError(
                f"{what} with '{beginning}'. 'phtlab station status' lists them.",
                code="stop-not-found",
            )
        return found[0]

    def take_nonce(self, nonce: str, stop: Stop) -> bool:
        """Note that `stop`'s order has `nonce`. False if another stop's order had it first.

        A stop whose folder was moved away and made anew is another stop.
        """
        folder = self.path / "nonces"
        folder.mkdir(mode=0o700, exist_ok=True)
        taken = folder / nonce
        if not stop.has("taken"):
            stop.write("taken", {"mark": secrets.token_hex(16)})
        mark = stop.read("taken")["mark"]
        if not taken.exists():
            with suppress(FileExistsError):
                create_durably(taken, mark.encode())
        return bool(taken.read_text() == mark)


def now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
