"""Index of the files in `released/` by the labels and the numbers of people of their tables.

`index.sqlite3` is derived from those files, and rebuilt from them if it is missing or broken; it
holds nothing that they do not. For each file it has the labels of the tables' dimensions, as
hashes, and how many people each table counts. A file that it has once indexed must still exist:
without it the station cannot know what has left.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

from phtlab.errors import StationError
from phtlab.train.canonical import canonical

NAME: Final = "index.sqlite3"
_VERSION: Final = 2
_TABLES: Final = """
CREATE TABLE file (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, rows INTEGER NOT NULL,
  key TEXT NOT NULL);
CREATE TABLE dataset (name TEXT, file INTEGER, PRIMARY KEY (name, file)) WITHOUT ROWID;
CREATE TABLE label (hash INTEGER, file INTEGER, PRIMARY KEY (hash, file)) WITHOUT ROWID;
CREATE TABLE total (people INTEGER, file INTEGER, PRIMARY KEY (people, file)) WITHOUT ROWID;
"""
_REMOVE: Final = (
    "DELETE FROM dataset WHERE file = (SELECT id FROM file WHERE name = ?)",
    "DELETE FROM label WHERE file = (SELECT id FROM file WHERE name = ?)",
    "DELETE FROM total WHERE file = (SELECT id FROM file WHERE name = ?)",
    "DELETE FROM file WHERE name = ?",
)
_RELATED: Final = """
SELECT name, rows FROM file WHERE id IN (
  SELECT file FROM dataset WHERE name IN (SELECT value FROM json_each(:datasets))
) AND (key NOT IN ('', :key) OR id IN (
  SELECT file FROM label WHERE hash IN (SELECT value FROM json_each(:labels))
  UNION SELECT total.file FROM json_each(:totals) AS asked JOIN total
    ON total.people > asked.value - :near AND total.people < asked.value + :near
)) ORDER BY id DESC
"""


@dataclass(frozen=True)
class IndexEntry:
    """What a file of `released/` contains.

    `key` names the key of its digests of sums, if it has any.
    """

    datasets: Collection[str]
    rows: int
    labels: Collection[tuple[str, str]]
    totals: Collection[int]
    key: str = ""


class ReleasedIndex:
    """The index of one folder; the caller has `released_counts.exclusive_access` to the folder."""

    def __init__(self, database: sqlite3.Connection, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def add_new(self, about: Callable[[Path], IndexEntry]) -> None:
        """Index the new files; `about` returns the entry of a file.

        Raises StationError (``station-error``) if an indexed file is gone, and whatever `about`
        raises.
        """
        known = {name for (name,) in self._database.execute("SELECT name FROM file")}
        stored = {path.name for path in self._folder.glob("*.json")}
        if removed := known - stored:
            raise StationError(
                f"{self._folder / min(removed)} is missing: what has left before is not known.",
                f"Restore it from a backup; or remove {self._folder / NAME} too, and later stops "
                "are not held against what it said.",
                code="station-error",
            )
        with self._database:
            for name in sorted(stored - known):
                self._add(name, about(self._folder / name))

    def _add(self, name: str, about: IndexEntry) -> None:
        run = self._database.execute
        columns = (name, about.rows, about.key)
        file = run("INSERT INTO file (name, rows, key) VALUES (?, ?, ?)", columns).lastrowid
        for statement, values in (
            ("INSERT INTO dataset VALUES (?, ?)", set(about.datasets)),
            ("INSERT INTO label VALUES (?, ?)", {_hash(*label) for label in about.labels}),
            ("INSERT INTO total VALUES (?, ?)", set(about.totals)),
        ):
            self._database.executemany(statement, ((value, file) for value in values))

    def remove(self, name: str) -> None:
        """Remove the file `name` from the index, before the file is moved away. Idempotent."""
        with self._database:
            for statement in _REMOVE:
                self._database.execute(statement, (name,))

    def related(
        self,
        datasets: Collection[str],
        labels: Iterable[tuple[str, str]],
        totals: Iterable[int],
        *,
        near: int,
        key: str,
    ) -> list[tuple[Path, int]]:
        """Find the files of any of `datasets` that share a label or nearly a total.

        Nearly: by fewer than `near` people. Also those whose digests are by another key than `key`:
        what their tables sum up to is unknown. Each with its number of rows, the newest first.
        """
        parameters = {
            "datasets": json.dumps(sorted(datasets)),
            "labels": json.dumps(sorted({_hash(*label) for label in labels})),
            "totals": json.dumps(sorted(set(totals))),
            "near": max(near, 1),
            "key": key,
        }
        found = self._database.execute(_RELATED, parameters)
        return [(self._folder / name, rows) for name, rows in found]


@contextmanager
def opened(folder: Path) -> Iterator[ReleasedIndex]:
    """Open the folder's index; create it anew if it is missing or unreadable."""
    path = folder / NAME
    try:
        database = _connected(path)
    except sqlite3.DatabaseError:
        path.unlink()
        database = _connected(path)
    with closing(database):
        yield ReleasedIndex(database, folder)


def _connected(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    try:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version != _VERSION:
            if version:
                raise sqlite3.DatabaseError("of another version")
            path.chmod(0o600)
            database.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {_VERSION}; COMMIT;")
        database.execute("SELECT count(*) FROM file").fetchone()
    except BaseException:
        database.close()
        raise
    return database


def _hash(dimension: str, label: str) -> int:
    text = canonical([dimension, label])
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big", signed=True)
