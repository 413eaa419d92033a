"""What this station has released of its data sets: counts, with the labels of the people counted.

One file for each set of tables that left together, named by the digest of its content, so that the
same tables are kept once however often they leave::

    released/<digest hex>.json
    {"version": 1, "datasets": ["heart"], "outputs": [
      {"name": "by_sex", "dimensions": ["sex"], "rows": [
        {"cell": {"sex": "female"}, "count": 96}, {"cell": {"sex": "other"}, "count": null}]}]}

A count is null where the row was withheld: the file keeps its labels, but not its count. So the
folder holds nothing that a recipient does not have, except the labels of withheld rows, and marks
of the sums that include those (digests by the folder's `key`), by which the station recognizes
tables of the same people under any names. Nothing is forgotten: an index (`released_index.py`)
finds what a stop has to be compared with. What waits for a person is in `pending/` meanwhile, by
stop; what a person has decided to disregard (`disregard`), in `disregarded/`.
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
"""In the index, in place of a key: marks that cannot be compared any more."""
MOST_ROWS: Final = 100_000
"""Most rows that a stop is compared with; a stop that would need more waits for a person."""


@contextmanager
def exclusive_access(folder: Path) -> Iterator[None]:
    """Wait for exclusive access to `folder`, so that stops that end together are compared too."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def note(folder: Path, datasets: Collection[str], outputs: Sequence[Mapping[str, Any]]) -> str:
    """Remember `outputs` (see `outputs_to_remember`), which have left or are about to. Idempotent.

    Returns the name of their file, without its suffix; "" if there is nothing to keep.
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
    """Return the outputs in the file of this `name`.

    Raises FileNotFoundError; StationError (``station-error``) if the file is not as written.
    """
    outputs: Sequence[Mapping[str, Any]] = _read(folder / f"{name}.json")["outputs"]
    return outputs


def disregard(folder: Path, name: str) -> None:
    """Stop comparing later stops with the outputs in the file of this `name`. Idempotent.

    Moves the file into `disregarded/`.
    """
    path, aside = folder / f"{name}.json", folder / DISREGARDED
    with exclusive_access(folder):
        if not path.exists():
            return
        aside.mkdir(mode=0o700, exist_ok=True)
        # The index first: a file that it lists must exist.
        with released_index.opened(folder) as index:
            index.remove(path.name)
        path.rename(aside / path.name)


def note_pending(
    folder: Path, stop: str, datasets: Collection[str], outputs: Sequence[Mapping[str, Any]]
) -> None:
    """Remember what the stop with the hex name `stop` may release, until people have decided.

    Other stops are meanwhile compared with both cases: that the outputs leave, and that they do
    not.
    """
    place = folder / PENDING
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = [_sealed(folder, output) for output in outputs]
    content = {"version": VERSION, "datasets": sorted(datasets), "outputs": kept}
    write_durably(place / f"{stop}.json", canonical(content))


def remove_pending(folder: Path, stop: str) -> None:
    """Remove the pending outputs of `stop`, once people have decided. Idempotent."""
    (folder / PENDING / f"{stop}.json").unlink(missing_ok=True)


_DIMENSION: Final = f"{NO_COLUMN}dimension"
_EVERYBODY: Final = (f"{NO_COLUMN}everybody", "")
_FIGURE: Final = (f"{NO_COLUMN}figure", "")
"""Index label of each figure: figures are compared mark by mark, under any names."""
"""Index labels of a dimension's name, and of a count of everybody or of those of one label."""


@dataclass(frozen=True)
class ReleasedHistory(History):
    """What has left of any of `datasets`, or waits for a person's decision.

    The caller has `exclusive_access` until what leaves now is noted. `rows` is the largest number
    of rows of the data sets, where they are several or publish none.
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
        """Find the releases that share a label with `readings`, directly or through other releases.

        And those that count as many people in all, or fewer than `near` more or fewer. Raises
        TooManyCellsError beyond `MOST_ROWS`; StationError (``station-error``) if a file is not as
        written: without it the station cannot know what has left.
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
                # A reading with only a close total does not identify its people: its labels are not
                # followed.
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
    """Index labels of a reading: its dimensions, its rows' labels, and its kind of table."""
    named = {(_DIMENSION, name) for name in reading.dimensions if name != OF}
    if reading.within or not reading.dimensions:
        named.add(_EVERYBODY)
    if is_drawn(reading.dimensions):
        named.add(_FIGURE)
    return named | {part for row in reading.rows for part in row.cell}


def _people_counts(reading: CountReading) -> set[int]:
    """How many people a reading counts: its total, and the sum of its known counts."""
    return {people for people in (sum(reading.known_counts), reading.total) if people}


def _label_of_mark(mark: str) -> tuple[str, str]:
    """The index label of a mark: for a table with withheld rows, how many people it counts."""
    return "\0sum", mark


def _with_parts(wholes: Sequence[CountReading], steps: WorkLimit) -> list[CountReading]:
    """Return each distinct table with its parts."""
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
        # Rows that no column identifies are never those of another stop.
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
        # Older files have no `values` for an output about a number of people (OF); it has some.
        values=bool(output.get("values")) or OF in output["dimensions"],
        known=output.get("told", True),
    )


def _folds(output: Mapping[str, Any]) -> bool:
    """Return whether the rows stay distinct once names and labels are folded."""
    cells = [row["cell"].items() for row in output["rows"]]
    compared = {frozenset((folded(n), folded(v)) for n, v in cell) for cell in cells}
    return len(compared) == len(set(map(frozenset, cells)))


def _marks(folder: Path, output: Mapping[str, Any]) -> SumMarks:
    name, key = _key(folder)
    if output.get("key") != name:
        return SumMarks()  # made by another key: the marks cannot be compared any more
    by_cell = {frozenset(mark["cell"].items()): mark["mark"] for mark in output.get("marks", ())}
    return SumMarks(by_cell, partial(_mark, key))


def _sealed(folder: Path, output: Mapping[str, Any]) -> dict[str, Any]:
    """Return `output` with marks in place of its sums."""
    kept = {name: value for name, value in output.items() if name != "sums"}
    if "sums" not in output:
        return kept
    name, key = _key(folder)
    marks = [
        {"cell": entry["cell"], "mark": _mark(key, entry["count"])} for entry in output["sums"]
    ]
    return {**kept, "marks": marks, "key": name}


def _mark(key: bytes, count: int) -> str:
    """Keyed digest of a sum: equal sums have equal marks, and no sum can be read from a mark."""
    return hmac.new(key, canonical({"count": count}), "sha256").hexdigest()


def _key(folder: Path) -> tuple[str, bytes]:
    """Return the folder's key, created at its first use, and a name for it."""
    path = folder / KEY
    if not path.exists():
        write_durably(path, secrets.token_hex(32).encode())
    key = path.read_bytes()
    return digest(key)[-16:], key
