"""Verified and opened cargo: a tar of declared files, read as hostile input.

A station may be hostile, so nothing in the archive is trusted: only names that the train declares
and regular files are accepted, each within a limit.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

from phtlab.errors import SealFormatError
from phtlab.train.documents.manifest import Output

INDEX = "cargo.json"
MAX_INDEX_BYTES = 2**20
MAX_FILE_BYTES = 4 * 2**30
MAX_CARGO_BYTES = 8 * 2**30

FILES: dict[str, tuple[str, ...]] = {
    "table": (".parquet",),
    "scalar": (".json",),
    "figure": (".png", ".parquet"),
    "model": (".safetensors",),
    "file": (".bin",),
}


def unpack(archive: Path, directory: Path, declared: tuple[Output, ...]) -> dict[str, Output]:
    """Unpack `archive` into `directory`; return the outputs in it, by name.

    Raises SealFormatError for a name that is not declared, anything but a regular file, a duplicate
    name, a file or a total over the limit, or a missing index.
    """
    allowed = {output.name + ending: output for output in declared for ending in FILES[output.kind]}
    seen: set[str] = set()
    together = 0
    try:
        with tarfile.open(archive, "r:") as tar:
            for member in tar:
                limit = MAX_INDEX_BYTES if member.name == INDEX else MAX_FILE_BYTES
                # A few bytes of a sparse file expand to any size; stations send none.
                plain = member.isreg() and not member.issparse()
                if not plain or member.size > limit or member.name in seen:
                    raise _foreign(member.name)
                if member.name != INDEX and member.name not in allowed:
                    raise _foreign(member.name)
                seen.add(member.name)
                together += member.size
                if together > MAX_CARGO_BYTES:
                    raise SealFormatError(
                        f"The opened cargo holds more than {MAX_CARGO_BYTES / 2**30:g} GiB, the "
                        "most that one station's results may be. Nothing of it is shown.",
                        "Ask the station's operator what it sent.",
                        code="seal-cargo-size",
                    )
                source = tar.extractfile(member)
                if source is None:
                    raise _foreign(member.name)
                with source, (directory / member.name).open("xb") as target:
                    while block := source.read(2**20):
                        target.write(block)
    except (tarfile.TarError, EOFError) as error:
        raise SealFormatError(
            "The opened cargo is not a cargo archive.",
            "The station that sealed it runs another version or is broken: ask its operator.",
            code="seal-archive",
        ) from error
    if INDEX not in seen:
        raise SealFormatError(
            "The opened cargo has no index.", "Ask the station's operator.", code="seal-no-index"
        )
    try:
        listed = {
            entry["name"] for entry in json.loads((directory / INDEX).read_bytes())["outputs"]
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SealFormatError(
            "The cargo's index cannot be read.", "Ask the operator.", code="seal-index"
        ) from None
    by_name = {output.name: output for output in declared}
    present = {name: by_name[name] for name in by_name if name in listed}
    for name, output in present.items():
        if not {name + ending for ending in FILES[output.kind]} <= seen:
            raise SealFormatError(
                f"The cargo lists '{name}' but does not hold it.", code="seal-output"
            )
    return present


def _foreign(name: str) -> SealFormatError:
    return SealFormatError(
        f"The cargo holds an entry that the train does not declare ({name[:64]!r}). Nothing of it "
        "is shown.",
        "Tell the consortium: the station broke its contract.",
    )
