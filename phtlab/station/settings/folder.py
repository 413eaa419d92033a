"""Paths in a station's folder, which only its owner can read."""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from phtlab.errors import SettingsError, StationError
from phtlab.files.durable_file import remove_dead_drafts, write_durably


@dataclass(frozen=True)
class StationFolder:
    """The paths of one station::

    station.toml  policy.toml  key.age  request.json
    trust/                 the pinned root and the roster's cache
    datasets/<name>.toml   what each data set is, and where
    twins/<name>.csv       synthetic, from the schema alone
    stops/<journey>/       one folder per stop; see `stops/stop.py`
    audit/                 the audit log; see `audit/log.py`
    released/              counts that have left; see `airlock/history/released_counts.py`
    approvals/<digest>.json       signed approvals; see `approvals/store.py`
    revocations/<digest>.json     signed revocations of approvals
    drafts/<digest>/              terms under vote; see `approvals/drafts.py`
    proposals/<id>/<digest>.json  versions of proposals that name this station
    acceptances/                  accepted agreements; see `approvals/agreement.py`
    standing.json                 the newest signed list of active approvals
    self-test.json                the last self-test's report; see `context/self_test_result.py`
    trial.json                    an interrupted trial; see `executor/unfinished_trial.py`
    restored.json                 the backup this was restored from; see `backup/restore.py`
    forgotten.json                data sets with an unknown release history
    contradictions/<journey>.json two records of one stop, both this station's
    pause.json                    the current pause; see `context/maintenance.py`
    runs/                         the executor's, for runs and their outputs
    local/  self-test/            as a station's folder: local trains, the self-test's train
    """

    path: Path

    @property
    def settings(self) -> Path:
        return self.path / "station.toml"

    @property
    def policy(self) -> Path:
        return self.path / "policy.toml"

    @property
    def key(self) -> Path:
        return self.path / "key.age"

    @property
    def request(self) -> Path:
        return self.path / "request.json"

    @property
    def trust(self) -> Path:
        return self.path / "trust"

    @property
    def datasets(self) -> Path:
        return self.path / "datasets"

    @property
    def twins(self) -> Path:
        return self.path / "twins"

    @property
    def stops(self) -> Path:
        return self.path / "stops"

    @property
    def audit(self) -> Path:
        return self.path / "audit"

    @property
    def released(self) -> Path:
        return self.path / "released"

    @property
    def approvals(self) -> Path:
        return self.path / "approvals"

    @property
    def revocations(self) -> Path:
        return self.path / "revocations"

    @property
    def drafts(self) -> Path:
        return self.path / "drafts"

    @property
    def proposals(self) -> Path:
        return self.path / "proposals"

    @property
    def acceptances(self) -> Path:
        return self.path / "acceptances"

    @property
    def active_approvals(self) -> Path:
        return self.path / "standing.json"

    @property
    def pause(self) -> Path:
        return self.path / "pause.json"

    @property
    def contradictions(self) -> Path:
        return self.path / "contradictions"

    @property
    def restored(self) -> Path:
        return self.path / "restored.json"

    @property
    def forgotten(self) -> Path:
        return self.path / "forgotten.json"

    @property
    def self_test(self) -> Path:
        return self.path / "self-test.json"

    @property
    def runs(self) -> Path:
        """The executor's own folder: what runs write is below it."""
        return self.path / "runs"

    @property
    def local(self) -> StationFolder:
        """Folder of local trains, in the form of a station's folder."""
        return StationFolder(self.path / "local")

    @property
    def self_test_train(self) -> StationFolder:
        """Folder of the self-test's train during its journey, in the form of a station's folder."""
        return StationFolder(self.path / "self-test")

    @property
    def unfinished_trial(self) -> Path:
        return self.path / "trial.json"

    def mark(self) -> str:
        """Return the folder's mark, which distinguishes stations of one name on a shared engine.

        It is created once, and moves with the folder.
        """
        path = self.path / "mark"
        if not path.exists():
            write_durably(path, secrets.token_hex(4).encode())
        return path.read_text()

    def create(self) -> None:
        """Create the folder and its subfolders, accessible to their owner only."""
        for folder in (
            self.path,
            self.trust,
            self.datasets,
            self.twins,
            self.stops,
        ):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)

    def remove_dead_drafts(self, data: Iterable[Path] = ()) -> int:
        """Remove temporary files that a killed station or command left.

        Searches every folder except `data`, which is the operator's, and what runs write. Returns
        how many files were removed. Raises OSError if one cannot be removed.
        """
        runs = (place.runs.absolute() for place in (self, self.local, self.self_test_train))
        skip = {*runs, *(path.absolute() for path in data)}
        return remove_dead_drafts(self.path, below=True, skip=skip)

    @contextmanager
    def occupied(self) -> Iterator[None]:
        """Lock the folder against a second daemon. Raises StationError (``station-runs``)."""
        with (self.path / "lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StationError(
                    f"A station is already running in {self.path.absolute()}.",
                    "End that one first.",
                    code="station-runs",
                ) from None
            yield

    def require(self) -> None:
        """Raise SettingsError (``station-absent``) if this is not a station's folder."""
        if not self.settings.exists():
            raise SettingsError(
                f"There is no station in {self.path.absolute()} (no station.toml).",
                "Go to the station's folder, name it with --directory, or create one with 'phtlab "
                "station init DIRECTORY --name NAME --organisation ORGANISATION'.",
                code="station-absent",
            )
