"""Opening of sealed cargo, from a file into another that appears whole or not at all."""

from __future__ import annotations

import hashlib
from io import BufferedReader
from pathlib import Path

from phtlab.errors import SealChangedError, SealError
from phtlab.files.durable_file import replaced_at_once, replaced_durably
from phtlab.train.crypto.age import HybridIdentity
from phtlab.train.sealing import open_sealed


def open_file(
    path: Path,
    target_path: Path,
    identity: HybridIdentity,
    context: bytes,
    expected_digest: str,
    recipients: int | None = None,
    *,
    durably: bool = True,
) -> None:
    """Open the sealed cargo at `path` into `target_path`, which appears whole or not at all.

    `expected_digest` (``sha256:…``) is the one in the station's signed record; it is compared
    before any of the file is parsed. What is not opened `durably` may be torn by a power cut.
    Raises SealChangedError if it differs, else as
    `open_sealed`; SealError if a file cannot be read or written.
    """
    replaced = replaced_durably if durably else replaced_at_once
    try:
        with path.open("rb") as source:
            _require_digest(source, path, expected_digest)
            # 0600: the content is plaintext, and the folder may be shared.
            with replaced(target_path) as target:
                open_sealed(source, target, identity, context, recipients)
    except OSError as error:
        raise SealError(
            f"The cargo {path.name} cannot be opened into {target_path}: {error.strerror}.",
            "Check that both folders exist, may be written, and have room.",
        ) from error


def _require_digest(source: BufferedReader, path: Path, expected: str) -> None:
    found = hashlib.file_digest(source, "sha256")  # in blocks of 256 KiB
    source.seek(0)
    if f"sha256:{found.hexdigest()}" != expected:
        raise SealChangedError(
            f"The cargo {path.name} is not what the station sealed: its digest differs from the "
            "one in the signed stop record.",
            "Fetch it again; if that does not help, tell the station and whoever runs central.",
        )
