"""Files of rounds in a stop's folder: one folder for the round in work, one file for those before.

::

    rounds/finished.json   the newest round whose record central has; replaced with each round
    rounds/kept/6.safetensors  what the rounds until 6 kept for those that follow, if anything
    rounds/7/              the round in work, removed once it is finished

Each file of a round's folder is written as a whole, as those of the stop itself, and which of them
exist says how far the round came. So a thousand rounds leave no more than one does.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from phtlab.files.durable_file import replaced_whole, sync_folder, write_durably
from phtlab.station.policy.month_limits import Amount
from phtlab.station.stops.file_contents import StopFileContent, Timestamp
from phtlab.station.stops.stop import Stop
from phtlab.station.stops.stop_files import broken
from phtlab.train.canonical import Digest, canonical
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.record import OutputVerdict, RoundsDone
from phtlab.train.documents.round import RoundCargo

MOST_RESTARTS: Final = 5
"""How often a run that is lost is started anew in one round."""


class RoundMarker(StrEnum):
    """The name of a file or folder of a round, each later one written after those before it."""

    INSTRUCTION = "instruction.json"
    """The verified instruction; round 1 has none."""
    GATHERED = "gathered.json"
    """At an aggregator: the records whose updates are combined."""
    ENDED_EARLY = "ended-early.json"
    """At an aggregator: why the rounds end before this one is combined."""
    VALUES = "values"
    """What the run works on, opened and checked: at a station what the combine cells sent, at an
    aggregator the updates of the stations."""
    REQUESTED = "requested.json"
    """Since when the run is to compute this round."""
    RESTARTED = "restarted.json"
    """The run was lost in this round, and started anew: replaced each time."""
    OUTPUTS = "outputs"
    """A copy of what the run left of this round: only the copy is judged."""
    KEPT = "kept-values.safetensors"
    """A checked copy of what the round kept for those that follow; missing if it kept nothing."""
    SEALED = "sealed.json"
    """`update.age` is sealed, of what the airlock released."""
    RECORD = "record.json"
    """The station signed its record of the round; an aggregator the instruction after it."""


class RestartedRun(Timestamp):
    """`restarted.json`: since when a run was first to compute the round, and how often the run was
    lost since and started anew.

    Until the new run has `started`, it was not lost: a start that failed or was cut off is repeated
    and does not count.
    """

    times: int = 1
    started: bool = True


class SeriesLimits(StopFileContent):
    """What each round may release, as the first one did: how many people its outputs are of, and
    how much."""

    of: Mapping[str, int] = {}
    amount: Amount


class SealedRound(StopFileContent):
    """`sealed.json`: the sealed update, the airlock's verdicts, and the limits of the series."""

    update: RoundCargo
    outputs: tuple[OutputVerdict, ...]
    limits: SeriesLimits


class FinishedRounds(StopFileContent):
    """`finished.json`: how many rounds were computed, and the newest: its number, its instruction
    (the journey for round 1), and the station's record of it. `kept` is the number of the newest
    round that kept anything.

    At an aggregator: how many instructions it signed, after which round the newest, and the digest
    of this, also as `record`. `ends` says that it ended the rounds, `code` why before their time.
    """

    count: int
    number: int
    instruction: Digest
    record: Digest
    outputs: tuple[OutputVerdict, ...] = ()
    limits: SeriesLimits | None = None
    kept: int | None = None
    ends: bool = False
    code: str = ""


Content = TypeVar("Content", bound=StopFileContent)


@dataclass(frozen=True)
class RoundFolder:
    """The folder of the round `number`."""

    path: Path
    number: int

    def has(self, marker: RoundMarker) -> bool:
        return self.path_of(marker).exists()

    def path_of(self, marker: RoundMarker) -> Path:
        return self.path / marker

    @property
    def update(self) -> Path:
        return self.path / "update.age"

    def write(self, marker: RoundMarker, content: StopFileContent | Envelope) -> None:
        """Write the file durably, and with it what was written whole before."""
        write_durably(self.path_of(marker), canonical(content.model_dump(mode="json")))

    def write_whole(self, marker: RoundMarker, content: StopFileContent | Envelope) -> None:
        """Write a file that a power cut may take back: then its step is taken again.

        Nothing has left the station yet that depends on it.
        """
        with replaced_whole(self.path_of(marker)) as target:
            target.write(canonical(content.model_dump(mode="json")))

    def read(self, marker: RoundMarker, model: type[Content]) -> Content:
        """Read the file. Raises StationError (``stop-broken``) if it is missing or broken."""
        return _read(self.path_of(marker), model)

    def sealed(self) -> SealedRound:
        return self.read(RoundMarker.SEALED, SealedRound)

    def requested(self) -> Timestamp:
        return self.read(RoundMarker.REQUESTED, Timestamp)

    def first_requested(self) -> Timestamp:
        """Since when the round is computed, by a run that was lost since or by this one."""
        return self.restarted() or self.requested()

    def restarted(self) -> RestartedRun | None:
        """Return how often the run was started anew in this round; None if never."""
        has = self.has(RoundMarker.RESTARTED)
        return self.read(RoundMarker.RESTARTED, RestartedRun) if has else None

    @property
    def may_restart(self) -> bool:
        """Whether a run that is lost in this round is started anew once more."""
        restarted = self.restarted()
        return restarted is None or not restarted.started or restarted.times < MOST_RESTARTS

    def record(self) -> Envelope:
        return _envelope(self.path_of(RoundMarker.RECORD))

    def instruction(self) -> Envelope | None:
        """Return the round's instruction; None for round 1."""
        return _envelope(self.path_of(RoundMarker.INSTRUCTION)) if self.number > 1 else None


@dataclass(frozen=True)
class RoundFiles:
    """All rounds of a stop."""

    path: Path

    @classmethod
    def of(cls, stop: Stop) -> RoundFiles:
        return cls(stop.rounds)

    @property
    def finished(self) -> FinishedRounds | None:
        """What was finished; None before round 1 was."""
        path = self.path / "finished.json"
        return _read(path, FinishedRounds) if path.exists() else None

    def create(self) -> None:
        """Create the folder: the stop is one of rounds."""
        self.path.mkdir(mode=0o700, exist_ok=True)

    def in_work(self) -> RoundFolder | None:
        """Return the round that is not finished; None while the next instruction is awaited."""
        if self.finished is None:
            folder = RoundFolder(self.path / "1", 1)
            folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            return folder
        return self.unfinished()

    def unfinished(self) -> RoundFolder | None:
        """Return the round that was begun and is not finished, if there is one."""
        finished = self.finished
        after = finished.number if finished else 0
        for path in self.path.iterdir() if self.path.is_dir() else ():
            if path.name.isdecimal() and int(path.name) > after:
                return RoundFolder(path, int(path.name))
        return None

    @contextmanager
    def begun(self, number: int) -> Iterator[RoundFolder]:
        """Create the folder of the round `number`, which is there once the block has ended."""
        self._remove_rounds()
        draft = RoundFolder(self.path / "draft", number)
        draft.path.mkdir(mode=0o700)
        yield draft
        sync_folder(draft.path)
        draft.path.rename(self.path / str(number))
        sync_folder(self.path)

    def clear(self) -> None:
        """Remove the folders of all rounds, and what they kept."""
        self._remove_rounds()
        shutil.rmtree(self._kept, ignore_errors=True)

    def _remove_rounds(self) -> None:
        """Remove the folders of finished rounds, and of one that was never begun."""
        if self.path.is_dir():
            for path in self.path.iterdir():
                if path.is_dir() and path != self._kept:
                    shutil.rmtree(path)

    def kept(self) -> Path | None:
        """Return the file of what the finished rounds kept; None if that is nothing."""
        finished = self.finished
        if finished is None or finished.kept is None:
            return None
        return self._kept_by(finished.kept)

    def finish(self, folder: RoundFolder, finished: FinishedRounds) -> None:
        """Remember that the round in `folder` is finished, and remove its folder.

        What it kept replaces what was kept before; until `finished.json` is written, both are
        there, and that of the round before counts.
        """
        kept = self._kept_by(folder.number)
        if folder.has(RoundMarker.KEPT):
            self._kept.mkdir(mode=0o700, exist_ok=True)
            folder.path_of(RoundMarker.KEPT).replace(kept)
            sync_folder(self._kept)
            sync_folder(self.path)
        if kept.exists():  # moved now, or before this station was interrupted
            finished = finished.model_copy(update={"kept": folder.number})
        content = canonical(finished.model_dump(mode="json"))
        write_durably(self.path / "finished.json", content)
        shutil.rmtree(folder.path)
        if self._kept.is_dir():
            for path in self._kept.iterdir():
                if finished.kept is None or path != self._kept_by(finished.kept):
                    path.unlink()

    @property
    def _kept(self) -> Path:
        return self.path / "kept"

    def _kept_by(self, number: int) -> Path:
        return self._kept / f"{number}.safetensors"


def done_of(stop: Stop) -> RoundsDone | None:
    """What the stop's record says of its rounds; None on another route, or before any."""
    if not stop.of_rounds:
        return None
    finished = RoundFiles.of(stop).finished
    if finished is None:
        return RoundsDone(count=0)
    return RoundsDone(count=finished.count, last=finished.record)


def _read(path: Path, model: type[Content]) -> Content:
    try:
        return model.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        raise broken(path) from None


def _envelope(path: Path) -> Envelope:
    try:
        return Envelope.from_bytes(path.read_bytes())
    except (OSError, ValueError):
        raise broken(path) from None
