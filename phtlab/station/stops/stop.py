"""A stop: a folder, whose files are its state.

Each file is written once, as a whole, and never changed (see `phtlab.files.durable_file`), so that
a station killed at any point finds after its restart exactly how far it came. `Marker` names the
files, `stop_files` defines their content, and the folder also contains::

    train/           the train's files
    job/             what the run will see: job.json, notebook.ipynb
    waiting/         held outputs as they would leave, independent of the engine
    word-NAME-1.json a person's vote on the held output NAME; a second person's is -2
    rounds/          of a stop of rounds only: see `phtlab.station.pipeline.rounds`
    received/        what the stop before handed on, opened and checked
    receiving/       the same while it is fetched, opened and checked
    cargo.age        the sealed cargo for the recipients
    next.age         the sealed cargo for the next station of a sequential route
    operator/        for operators only: notebook, full error, log

The order in which `state` checks the files defines the state machine.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from phtlab.errors import SignatureError, StationError
from phtlab.files.durable_file import create_durably, write_durably
from phtlab.station.stops import stop_files
from phtlab.station.stops.file_contents import (
    Cancellation,
    FolderMark,
    HoldDecision,
    VerifiedOffer,
)
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop_files import Content, StopFile
from phtlab.train.documents.envelope import Envelope, peek, require_type
from phtlab.train.documents.order import Order
from phtlab.train.documents.record import RECORD_TYPE, StopRecord, StopState
from phtlab.wire.api.journeys import Offer

_HEX = re.compile(r"[0-9a-f]{64}")
_TAKING_RECORD = threading.Lock()


def settings_file(image: str) -> str:
    """Return the name of the file with a kernel image's settings, in the stop's train folder."""
    return f"{image.removeprefix('sha256:')}.json"


_REACHED: tuple[tuple[Marker, StopState], ...] = (
    (Marker.SEALED, "sealed"),
    (Marker.RELEASE, "airlock"),
    (Marker.AIRLOCK_HELD, "held"),
    (Marker.OUTCOME, "airlock"),
    (Marker.STARTING, "running"),
    (Marker.ADMITTED, "admitted"),
    (Marker.HELD, "held"),
    (Marker.VERIFIED, "verified"),
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
        """The run's name at the executor: the journey's digest, shortened to fit."""
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

    @property
    def next_cargo(self) -> Path:
        return self.path / "next.age"

    @property
    def received(self) -> Path:
        return self.path / "received"

    @property
    def receiving(self) -> Path:
        return self.path / "receiving"

    @property
    def rounds(self) -> Path:
        return self.path / "rounds"

    @property
    def of_rounds(self) -> bool:
        """Whether it was admitted to compute rounds, or to combine them."""
        return self.rounds.is_dir()

    @property
    def combines(self) -> bool:
        """Whether it was admitted to combine rounds."""
        return self.of_rounds and self.read(stop_files.ADMITTED).combines

    def has(self, marker: Marker) -> bool:
        # No Path is made: a round asks for some hundred markers.
        return os.path.exists(f"{self.path}/{marker}.json")  # noqa: PTH110

    def path_of(self, name: str) -> Path:
        return self.path / f"{name}.json"

    def write(self, file: StopFile[Content], content: Content) -> None:
        """Write `file` durably."""
        write_durably(self.path_of(file.name), file.to_bytes(content))

    def create(self, file: StopFile[Content], content: Content) -> None:
        """Write `file` durably. Raises FileExistsError if it exists."""
        create_durably(self.path_of(file.name), file.to_bytes(content))

    def read(self, file: StopFile[Content]) -> Content:
        """Read `file`. Raises StationError (``stop-broken``) if it is missing or broken."""
        path = self.path_of(file.name)
        try:
            return file.from_bytes(path.read_bytes())
        except (OSError, ValueError):
            raise stop_files.broken(path) from None

    def offer(self) -> Offer:
        return self.read(stop_files.OFFER)

    def claimed_order(self) -> Order:
        """The order as claimed, before anything is verified."""
        return Order.model_validate(peek(self.offer().order).predicate)

    def verified_offer(self) -> VerifiedOffer:
        """Return what admission verified."""
        path = self.path_of(Marker.VERIFIED)
        status = path.stat() if path.exists() else None
        return _verified(self, (status.st_ino, status.st_mtime_ns) if status else None)

    def record(self) -> Envelope:
        return self.read(stop_files.RECORD)

    def final_record(self) -> StopRecord:
        """Return this station's own record of the stop."""
        return StopRecord.model_validate(peek(self.record()).predicate)

    @property
    def is_of_this_version(self) -> bool:
        """Whether its record, if it has one, is of a format that this phtlab reads.

        Its record, since the station signed it: an offer holds what central says. What is no record
        at all is not judged here: `read` reports it as broken.
        """
        if not self.has(Marker.RECORD):
            return True
        try:
            require_type(peek(self.record()).predicate_type, RECORD_TYPE)
        except SignatureError as error:
            return error.code != "document-version"
        except StationError:
            return True
        return True

    @property
    def state(self) -> StopState:
        """The state, derived from which files exist."""
        if self.has(Marker.RECORD):
            outcome = self.final_record().outcome
            return outcome if outcome != "departed" or self.has(Marker.REPORTED) else "sealed"
        for marker, state in _REACHED:
            if self.has(marker):
                if marker == Marker.HELD and self.has(Marker.DECISION):
                    return "verified"
                return state
        return "offered"

    @property
    def waits_for(self) -> Literal["approval", "release"] | None:
        """The decision that a ``held`` stop needs: an approval to run, or a release."""
        if self.state != "held":
            return None
        return "release" if self.has(Marker.AIRLOCK_HELD) else "approval"

    @property
    def held_because(self) -> str:
        """Why the stop is held, in a public sentence; empty if it is not."""
        match self.waits_for:
            case "approval":
                return self.read(stop_files.HELD).sentence
            case "release":
                return self.read(stop_files.AIRLOCK_HELD).sentence
        return ""

    @property
    def is_reported(self) -> bool:
        return self.has(Marker.REPORTED)

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.is_reported

    @property
    def cancelled(self) -> bool:
        """Whether a cancellation applies, unless the cargo is in the registry already."""
        return self.has(Marker.CANCEL) and not self.has(Marker.RECORD)

    @property
    def occupies(self) -> bool:
        """Whether a run of this stop exists, or may exist, at the executor."""
        return (
            self.has(Marker.STARTING)
            and not self.has(Marker.OUTCOME)
            and not self.has(Marker.ENDING)
        )

    def cancel(self, by: str) -> None:
        if not self.has(Marker.CANCEL) and not self.has(Marker.RECORD):
            self.write(stop_files.CANCEL, Cancellation(by=by))

    @property
    def undecided(self) -> bool:
        """Whether the stop is held until an approval allows it, or somebody refuses it."""
        return self.waits_for == "approval" and not self.has(Marker.ENDING)

    def decide(self, decision: HoldDecision) -> None:
        """Record why the policy is evaluated again for a held stop; only once per stop.

        Raises StationError if the stop waits for no decision.
        """
        with suppress(FileExistsError):
            if self.undecided:
                self.create(stop_files.DECISION, decision)
                return
        raise StationError(
            f"The stop {self.hex[:12]} waits for no decision; it is {self.state}.",
            "'phtlab station status' shows which wait.",
        )


@lru_cache(100)
def _verified(stop: Stop, written: tuple[int, int] | None) -> VerifiedOffer:
    """Cached: each step of a stop asks again, and the file that is `written` so never changes."""
    return stop.read(stop_files.VERIFIED)


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
        """Return the stop of `offer`, creating its folder if it is new. Idempotent."""
        stop = self.stop(offer.journey)
        if not stop.has(Marker.OFFER):
            stop.path.mkdir(mode=0o700, exist_ok=True)
            stop.operator.mkdir(mode=0o700, exist_ok=True)
            stop.write(stop_files.OFFER, offer)
        return stop

    def unfinished(self) -> list[Stop]:
        return [stop for stop in self if not stop.ended]

    def require_readable(self) -> None:
        """Raise StationError (``stops-version``) if another version of phtlab wrote a stop here."""
        of_others = sum(not stop.is_of_this_version for stop in self)
        if of_others:
            stops = "a stop" if of_others == 1 else f"{of_others} stops"
            raise StationError(
                f"{self.path} holds {stops} of an earlier version of phtlab, which this one does "
                "not read.",
                f"Keep them elsewhere, such as by 'mkdir {self.path}.before && mv "
                f"{self.path}/[0-9a-f]* {self.path}.before'. What had not ended is then dispatched "
                "again.",
                code="stops-version",
            )

    def find(self, beginning: str) -> Stop:
        """Find the stop whose journey begins so. Raises StationError (``stop-not-found``)."""
        digest = beginning.removeprefix("sha256:").lower()
        found = [stop for stop in self if stop.hex.startswith(digest)]
        if len(found) != 1:
            what = "Several stops begin" if found else "There is no stop that begins"
            raise StationError(
                f"{what} with '{beginning}'.",
                "'phtlab station status' lists them.",
                code="stop-not-found",
            )
        return found[0]

    def take_nonce(self, nonce: str, stop: Stop) -> bool:
        """Claim `nonce` for `stop`'s order. Return False if another stop's order used it before.

        A stop whose folder was moved away and created again counts as another stop.
        """
        return self._take(self.path / "nonces" / nonce, stop)

    def take_record(self, digest: str, stop: Stop) -> bool:
        """Claim the record of the stop before for `stop`, as `take_nonce` claims a nonce.

        A stop that ended without departing gives its claim back: another journey may continue.
        """
        claimed = self.path / "records" / digest.removeprefix("sha256:")
        # One at a time: of two stops that find the claim given back, the second would otherwise
        # remove the first one's.
        with _TAKING_RECORD:
            if claimed.exists() and (holder := self._holder(claimed)) is not None:
                over = holder.hex != stop.hex and holder.has(Marker.RECORD)
                if over and holder.final_record().outcome != "departed":
                    claimed.unlink()
            return self._take(claimed, stop)

    def _holder(self, claimed: Path) -> Stop | None:
        mark = claimed.read_text()
        return next(
            (s for s in self if s.has(Marker.TAKEN) and s.read(stop_files.TAKEN).mark == mark), None
        )

    def _take(self, claimed: Path, stop: Stop) -> bool:
        claimed.parent.mkdir(mode=0o700, exist_ok=True)
        if not stop.has(Marker.TAKEN):
            stop.write(stop_files.TAKEN, FolderMark(mark=secrets.token_hex(16)))
        mark = stop.read(stop_files.TAKEN).mark
        if not claimed.exists():
            with suppress(FileExistsError):
                create_durably(claimed, mark.encode())
        return bool(claimed.read_text() == mark)
