"""Cargo before it is sealed: a tar archive of what the airlock let pass.

Uncompressed (what is sealed should not be a decompression bomb to its reader), in PAX
format, in a fixed order with nothing of this machine in it: no time, owner or path.
`cargo.json` comes first and lists the rest.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from typing import BinaryIO

from phtlab.station.airlock.passage import Passed
from phtlab.train.canonical import digest

INDEX = "cargo.json"


def write_cargo(target: BinaryIO, journey: str, station: str, passed: Sequence[Passed]) -> None:
    """Write the archive of all released outputs of `passed` to `target`."""
    leaving = [one for one in passed if one.files]
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, INDEX, _index(journey, station, leaving))
        for one in leaving:
            for name, content in sorted(one.files.items()):
                _add(archive, name, content)


def _index(journey: str, station: str, leaving: Sequence[Passed]) -> bytes:
    index = {
        "version": 1,
        "journey": journey,
        "station": station,
        "outputs": [
            {
                "name": one.verdict.name,
                "kind": one.verdict.kind,
                "suppressed_rows": one.verdict.suppressed_rows,
                "files": _files(one.files),
            }
            for one in leaving
        ],
    }
    return json.dumps(index, indent=1, sort_keys=True).encode() + b"\n"


def _files(files: Mapping[str, bytes]) -> list[dict[str, object]]:
    return [
        {"path": name, "size": len(content), "sha256": digest(content)}
        for name, content in sorted(files.items())
    ]


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = 0o600
    archive.addfile(entry, io.BytesIO(content))
