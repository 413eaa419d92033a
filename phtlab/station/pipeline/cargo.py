"""Cargo before sealing: a tar archive of what the airlock released.

Uncompressed, so that it cannot be a decompression bomb for its recipient; in PAX format, in a fixed
order, without any time, owner or path of this machine. `cargo.json` is the first file, and lists
the others.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence

from phtlab.station.airlock.check_outputs import CheckedOutput
from phtlab.station.airlock.formats.content import Content, Joined, digest_of

INDEX = "cargo.json"


def open_cargo(journey: str, station: str, passed: Sequence[CheckedOutput]) -> io.BufferedReader:
    """Return the archive of all released outputs of `passed`, readable once, in constant memory.

    Raises AirlockError, as reading it does, if a file of the run has changed.
    """
    leaving = [output for output in passed if output.files]
    return io.BufferedReader(Joined(list(_archive(journey, station, leaving))))


def _archive(journey: str, station: str, leaving: Sequence[CheckedOutput]) -> Iterator[Content]:
    """Yield the pieces of the archive, padded as `tarfile` pads it."""
    entries: list[tuple[str, Content]] = [(INDEX, _index(journey, station, leaving))]
    entries += [
        (name, content) for output in leaving for name, content in sorted(output.files.items())
    ]
    size = 2 * tarfile.BLOCKSIZE
    for name, content in entries:
        header = _header(name, len(content))
        padding = bytes(-len(content) % tarfile.BLOCKSIZE)
        yield from (header, content, padding)
        size += len(header) + len(content) + len(padding)
    yield bytes(2 * tarfile.BLOCKSIZE + -size % tarfile.RECORDSIZE)


def _index(journey: str, station: str, leaving: Sequence[CheckedOutput]) -> bytes:
    index = {
        "version": 1,
        "journey": journey,
        "station": station,
        "outputs": [
            {
                "name": output.verdict.name,
                "kind": output.verdict.kind,
                "suppressed_rows": output.verdict.suppressed_rows,
                "files": _files(output.files),
            }
            for output in leaving
        ],
    }
    return json.dumps(index, indent=1, sort_keys=True).encode() + b"\n"


def _files(files: Mapping[str, Content]) -> list[dict[str, object]]:
    return [
        {"path": name, "size": len(content), "sha256": digest_of(content)}
        for name, content in sorted(files.items())
    ]


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size = size
    entry.mode = 0o600
    return entry.tobuf(tarfile.PAX_FORMAT)
