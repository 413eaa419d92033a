"""What this station has let leave of its data sets: counts, with the labels of the people counted.

One file for each set of tables that left together, named by the digest of its content, so that the
same tables are kept once however often they leave::

    released/<digest hex>.json
    {"version": 1, "datasets": ["heart"], "outputs": [
      {"name": "by_sex", "dimensions": ["sex"], "rows": [
        {"cell": {"sex": "female"}, "count": 96}, {"cell": {"sex": "other"}, "count": null}]}]}

A count is null where the row stayed: its labels are kept, not how many there are. So the folder
holds nothing that a recipient does not have, but the labels of withheld rows, and marks of the sums
that those are part of (digests by the folder's `key`), by which tables of the same people are told,
under whatever names. Nothing is forgotten: an index (`released_index.py`) finds what a stop has to
be held against. What waits for a person lies in `pending/` meanwhile, by its stop; what a person
has put aside (`disregard`), in `disregarded/`.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from phtlab.errors import StationError
from phtlab.files.durable_file import write_durably
from phtlab.station.airlock.cells import (
    NO_COLUMN,
    OF,
    PLACE,
    Cell,
    CountedRow,
    folded,
    is_drawn,
)
from phtlab.station.airlock.disclosure.count_reading import CountReading, SumMarks, parts_of
from phtlab.station.airlock.disclosure.linked_tables import History, TooManyCellsError
from phtlab.station.airlock.disclosure.table_groups import Everybody
from phtlab.station.airlock.history import released_index
from phtlab.station.airlock.work_limit import WorkLimit
from phtlab.train.canonical import canonical, digest

VERSION: Final = 1
PENDING: Final = "pending"
DISREGARDED: Final = "disregarded"
KEY: Final = "key"
_OLD: Final = "old"
"""In the index, in place of a key: marks that cannot be told from each other any more."""
MOST_ROWS: Final = 100_000
"""Rows that a stop is held against; what would need more waits for a person."""


@contextmanager
def exclusive_access(folder: Path) -> Iterator[None]:
    """Wait for one's turn: two stops that leave at once are held against each other too."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def note(folder: Path, datasets: Collection[str], outputs: Sequence[Mapping[str, Any]]) -> str:
    """Remember `outputs` (see `outputs_to_remember`), which have left or are about to. Idempotent.

    Returns the name by which they are kept; empty if nothing is.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    kept = [_sealed(folder, output) for output in outputs if output["rows"]]
    if not kept:
        return ""
    content = canonical({"version": VERSION, "datasets": sorted(datasets), "outputs": kept})
    name = digest(content).removeprefix("sha256:")
    path = folder / f"{name}.json"
    if not path.exists():
        write_durably(path, content)
    return name


def outputs_of(folder: Path, name: str) -> Sequence[Mapping[str, Any]]:
    """The outputs that are kept by `name`.

    Raises FileNotFoundError; StationError (``station-error``) for a file that is not as written.
    """
    outputs: Sequence[Mapping[str, Any]] = _read(folder / f"{name}.json")["outputs"]
    return outputs


def disregard(folder: Path, name: str) -> None:
    """Hold nothing against the outputs that are kept by `name` any more. Idempotent.

    They are put aside, into `disregarded/`.
    """
    path, aside = folder / f"{name}.json", folder / DISREGARDED
    with exclusive_access(folder):
        if not path.exists():
            return
        aside.mkdir(mode=0o700, exist_ok=True)
        # Not the other way round: what the index knows has to be there.
        with released_index.opened(folder) as index:
            index.remove(path.name)
        path.rename(aside / path.name)


def note_pending(
    folder: Path, stop: str, datasets: Collection[str], outputs: Sequence[Mapping[str, Any]]
) -> None:
    """Remember what the stop with the hex name `stop` may let go, once people have decided.

    Stops meanwhile are held against both: that it leaves, and that it does not.
    """
    place = folder / PENDING
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = [_sealed(folder, output) for output in outputs]
    content = {"version": VERSION, "datasets": sorted(datasets), "outputs": kept}
    write_durably(place / f"{stop}.json", canonical(content))


def remove_pending(folder: Path, stop: str) -> None:
    """It is decided: nothing of `stop` is pending any more. Idempotent."""
    (folder / PENDING / f"{stop}.json").unlink(missing_ok=True)


_DIMENSION: Final = f"{NO_COLUMN}dimension"
_EVERYBODY: Final = (f"{NO_COLUMN}everybody", "")
_FIGURE: Final = (f"{NO_COLUMN}figure", "")
"""Of each figure: they are compared mark by mark, whatever their marks are called."""
"""In the index: a dimension's name; a count of everybody, or of those of one label."""


@dataclass(frozen=True)
class ReleasedHistory(History):
    """What has left of any of `datasets`, or waits for people to decide.

    For whoever has the folder's turn, until what leaves now is noted. `rows` are those of the data
    sets at most, where they are several or publish none.
    """

    folder: Path
    datasets: Collection[str]
    everybody: Everybody = None
    forgotten: bool = False
    rows: int | None = None

    @property
    def most(self) -> int | None:
        return self.rows if self.everybody is None else self.everybody[1]

    def related(
        self, readings: Sequence[CountReading], near: int, steps: WorkLimit
    ) -> list[CountReading]:
        """What shares a label with `readings`, or with what does: they are held against it.

        And what counts as many people in all, or but for fewer than `near` more or fewer. Raises
        TooManyCellsError beyond `MOST_ROWS`; StationError (``station-error``) for a file that is
        not what was written: without it nobody knows what has left.
        """
        if not self.folder.is_dir():
            return []
        found = self._pending()
        totals = {people for reading in readings for people in _people_counts(reading)}
        labels: set[tuple[str, str]] = set()
        waiting = {label for reading in readings for label in _labels(reading)}
        key_name, key = _key(self.folder)
        waiting |= {_label_of_mark(_mark(key, total)) for total in totals}
        seen: set[Path] = set()
        rows = 0
        with released_index.opened(self.folder) as index:
            index.add_new(self._about)
            while waiting or totals:
                fresh: list[CountReading] = []
                for path, size in index.related(
                    self.datasets, waiting, totals, near=near, key=key_name
                ):
                    if path not in seen:
                        seen.add(path)
                        rows += size
                        if rows > MOST_ROWS:
                            raise TooManyCellsError
                        fresh += self._of_file(path)
                found += fresh
                labels |= waiting
                # One that only counts about as many people says nothing of who they are.
                waiting = {
                    label
                    for reading in fresh
                    if labels & _labels(reading)
                    for label in _labels(reading)
                } - labels
                totals = set()
        return _with_parts(found, steps)

    def _pending(self) -> list[CountReading]:
        found = []
        for path in (self.folder / PENDING).glob("*.json"):
            content = json.loads(path.read_bytes())
            if set(content["datasets"]) & set(self.datasets):
                for output in content["outputs"]:
                    found.append(replace(_reading(self.folder, path.stem, output), pending=True))
        return found

    def _of_file(self, path: Path) -> list[CountReading]:
        return [_reading(self.folder, path.stem, output) for output in _read(path)["outputs"]]

    def _about(self, path: Path) -> released_index.IndexEntry:
        content = _read(path)
        readings = self._of_file(path)
        marked = [output for output in content["outputs"] if "key" in output]
        marks = [mark for output in marked for mark in output.get("marks", ())]
        sums = {_label_of_mark(mark["mark"]) for mark in marks if not mark["cell"]}
        return released_index.IndexEntry(
            datasets=content["datasets"],
            rows=sum(len(reading.rows) for reading in readings),
            labels={label for reading in readings for label in _labels(reading)} | sums,
            totals={people for reading in readings for people in _people_counts(reading)},
            key=min(
                (output["key"] if "marks" in output else _OLD for output in marked), default=""
            ),
        )


def _labels(reading: CountReading) -> set[tuple[str, str]]:
    """What it is found by: its dimensions, their labels, and that it counts all or one of them."""
    named = {(_DIMENSION, name) for name in reading.dimensions if name != OF}
    if reading.within or not reading.dimensions:
        named.add(_EVERYBODY)
    if is_drawn(reading.dimensions):
        named.add(_FIGURE)
    return named | {part for row in reading.rows for part in row.cell}


def _people_counts(reading: CountReading) -> set[int]:
    """How many people it counts in all, and as far as its rows tell."""
    return {people for people in (sum(reading.known_counts), reading.total) if people}


def _label_of_mark(mark: str) -> tuple[str, str]:
    """In the index, for a table with withheld rows: how many people it counts."""
    return "\0sum", mark


def _with_parts(wholes: Sequence[CountReading], steps: WorkLimit) -> list[CountReading]:
    """Each table once, with its parts."""
    seen: set[tuple[object, ...]] = set()
    found: list[CountReading] = []
    for whole in wholes:
        key = (whole.dimensions, whole.rows, whole.pending, whole.values, whole.known)
        if key not in seen:
            seen.add(key)
            found += [whole, *parts_of(whole, steps)]
    return found


def _read(path: Path) -> Any:
    written = path.read_bytes()
    if digest(written) != f"sha256:{path.stem}":
        raise StationError(
            f"{path} is not what was written: what has left cannot be known.",
            "Restore it from a backup; or remove it, and later stops are not held against what it "
            "said.",
            code="station-error",
        )
    return json.loads(written)


def _reading(folder: Path, source: str, output: Mapping[str, Any]) -> CountReading:
    def local_name(name: str) -> str:
        # Rows that nothing tells apart are none of those of another stop.
        if name.startswith(NO_COLUMN) and name not in (OF, PLACE):
            return f"{NO_COLUMN}{source}/{name}"
        return spell(name)

    spell = folded if _folds(output) else str

    def cell(kept: Mapping[str, str]) -> Cell:
        return frozenset((local_name(name), spell(label)) for name, label in kept.items())

    rows = tuple(CountedRow(cell(row["cell"]), row["count"]) for row in output["rows"])
    return CountReading(
        f"{source}/{output['name']}",
        tuple(map(local_name, output["dimensions"])),
        rows,
        within=cell(output.get("within", {})),
        marks=_marks(folder, output),
        # Of a value nothing but of how many people it is was kept before the others were noted.
        values=bool(output.get("values")) or OF in output["dimensions"],
        known=output.get("told", True),
    )


def _folds(output: Mapping[str, Any]) -> bool:
    """Whether all rows are still told apart by names and labels as they are compared."""
    cells = [row["cell"].items() for row in output["rows"]]
    compared = {frozenset((folded(n), folded(v)) for n, v in cell) for cell in cells}
    return len(compared) == len(set(map(frozenset, cells)))


def _marks(folder: Path, output: Mapping[str, Any]) -> SumMarks:
    name, key = _key(folder)
    if output.get("key") != name:
        return SumMarks()  # by another key: nobody can tell any more
    by_cell = {frozenset(mark["cell"].items()): mark["mark"] for mark in output.get("marks", ())}
    return SumMarks(by_cell, partial(_mark, key))


def _sealed(folder: Path, output: Mapping[str, Any]) -> dict[str, Any]:
    """`output` with marks in place of the sums that withheld rows are part of."""
    kept = {name: value for name, value in output.items() if name != "sums"}
    if "sums" not in output:
        return kept
    name, key = _key(folder)
    marks = [
        {"cell": entry["cell"], "mark": _mark(key, entry["count"])} for entry in output["sums"]
    ]
    return {**kept, "marks": marks, "key": name}


def _mark(key: bytes, count: int) -> str:
    """By a key of the folder's own: equal sums are seen to be equal, and none can be read."""
    return hmac.new(key, canonical({"count": count}), "sha256").hexdigest()


def _key(folder: Path) -> tuple[str, bytes]:
    """The folder's key, made at its first use, and a name for it."""
    path = folder / KEY
    if not path.exists():
        write_durably(path, secrets.token_hex(32).encode())
    key = path.read_bytes()
    return digest(key)[-16:], key
