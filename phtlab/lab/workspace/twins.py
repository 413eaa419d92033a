"""The twins that stations publish, as data sets of this workspace's kernels.

A twin is stored only if its content has the published digest. `PHTLAB_DATASETS` names the file that
lists the twins: a station cell then runs in Lab as it does at a station, on made-up rows.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from phtlab.errors import PhtlabError
from phtlab.files.durable_file import write_durably
from phtlab.lab.workspace.central_follower import CentralSnapshot
from phtlab.train.canonical import digest
from phtlab.user_settings import cache_directory
from phtlab.wire.api.journeys import DataSetDescription, StationView
from phtlab.wire.central.client import MAX_TWIN_BYTES, CentralClient

log = logging.getLogger(__name__)

VARIABLE: Final = "PHTLAB_DATASETS"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_PARQUET: Final = b"PAR1"


class Twins:
    """Twins in `folder`, and the file `datasets.json` that kernels read."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._known: dict[str, str] | None = None
        self._keeping = threading.Lock()

    @property
    def folder(self) -> Path:
        return self._folder or cache_directory() / "twins"

    @property
    def declared(self) -> Path:
        """The file that `PHTLAB_DATASETS` names."""
        return self.folder / "datasets.json"

    def announce(self) -> None:
        """Set `PHTLAB_DATASETS` for kernels that start from now on, unless it is set already."""
        if VARIABLE in os.environ:
            return
        if not self.declared.exists():
            self._write({})
        os.environ[VARIABLE] = str(self.declared)

    def keep(self, client: CentralClient | None, changes: CentralSnapshot) -> None:
        """Fetch what is new among the twins of `changes`; what cannot be had is left out."""
        with self._keeping:
            self._keep(client, changes)

    def _keep(self, client: CentralClient | None, changes: CentralSnapshot) -> None:
        chosen = dict(_chosen(changes))
        digests = {name: data.twin_digest or "" for name, (_, data) in chosen.items()}
        if client is None or not chosen or digests == self._known:
            return
        found: dict[str, dict[str, Any]] = {}
        for name, (station, data) in chosen.items():
            try:
                found[name] = self._entry(client, station, data)
            except (PhtlabError, OSError) as error:
                log.warning("phtlab: no twin of %r: %s", name, error)
        self._write(found)
        self._known = digests if len(found) == len(chosen) else None

    def _entry(
        self, client: CentralClient, station: StationView, data: DataSetDescription
    ) -> dict[str, Any]:
        twin_digest = data.twin_digest or ""
        path = self.folder / twin_digest.removeprefix("sha256:")
        if not path.is_file() or digest(path.read_bytes()) != twin_digest:
            content = client.twin(station.name, data.name)
            if len(content) > MAX_TWIN_BYTES or digest(content) != twin_digest:
                raise PhtlabError(
                    f"central sent another twin of {station.name} than the one it names.",
                    code="twin-digest",
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, content)
        with path.open("rb") as file:
            form = "parquet" if file.read(4) == _PARQUET else "csv"
        columns = {column.name: column.type for column in data.columns}
        return {"path": path.name, "format": form, "columns": columns}

    def _write(self, declared: dict[str, dict[str, Any]]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_durably(self.declared, json.dumps(declared, indent=1, sort_keys=True).encode())


def _chosen(
    changes: CentralSnapshot,
) -> Iterator[tuple[str, tuple[StationView, DataSetDescription]]]:
    """Yield the twins by data set, the twin station's last: the last of a name is used."""
    twins = {m.name for m in changes.roster.with_role("twin")} if changes.roster else set()
    for station in sorted(changes.stations, key=lambda station: station.name in twins):
        for data in station.datasets:
            if data.twin_digest and _NAME.fullmatch(data.name):
                yield data.name, (station, data)
