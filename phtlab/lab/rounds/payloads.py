"""Sealed payloads of rounds: in the message with their document, or in the registry.

What is fetched is compared with the size and digest that the signed document names before any of it
is parsed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from phtlab.errors import SealChangedError, SealFormatError
from phtlab.train.canonical import digest
from phtlab.train.documents.round import RoundCargo
from phtlab.wire.api.rounds import INLINE_BYTES, inline_of, sealed_of
from phtlab.wire.registry.cargo import pull_cargo, pull_values, push_values
from phtlab.wire.registry.client import Registry

MAX_PAYLOAD: Final = 2**30
"""Most bytes of one sealed payload: the updates of a round are in memory together."""


def fetch_update(
    registry: Callable[[], Registry],
    journey: str,
    station: str,
    cargo: RoundCargo,
    inline: str | None,
) -> bytes:
    """Return the sealed update of `station`, which its record names as `cargo`.

    `inline` is what came with the record. Raises SealFormatError (``seal-cargo-size``) for one that
    is too large, SealChangedError for another than the record names, and RegistryError or
    RegistryUnreachableError if it cannot be fetched.
    """
    if cargo.size > MAX_PAYLOAD:
        raise SealFormatError(
            f"The update of {station} has {cargo.size} bytes; at most {MAX_PAYLOAD} are opened.",
            "Publish fewer numbers in a round.",
            code="seal-cargo-size",
        )
    if inline is not None:
        return _decoded(inline, cargo, station)
    with tempfile.TemporaryDirectory(prefix="phtlab-update-") as folder:
        path = Path(folder) / "update.age"
        pull_cargo(registry(), journey, station, cargo.digest, path, limit=cargo.size)
        return _as_named(path.read_bytes(), cargo, station)


def fetch_values(
    registry: Callable[[], Registry], journey: str, cargo: RoundCargo, inline: str | None
) -> bytes:
    """Return the sealed values that an instruction names as `cargo`. Raises as `fetch_update`."""
    if inline is not None:
        return _decoded(inline, cargo, "the last instruction")
    with tempfile.TemporaryDirectory(prefix="phtlab-values-") as folder:
        path = Path(folder) / "values.age"
        pull_values(registry(), journey, cargo.digest, path, limit=cargo.size)
        return _as_named(path.read_bytes(), cargo, "the last instruction")


def fetch_report(
    registry: Callable[[], Registry], journey: str, cargo: RoundCargo, inline: str | None
) -> bytes:
    """Return the sealed report that an instruction names as `cargo`. Raises as `fetch_update`.

    SealChangedError also where central withholds one that comes with its instruction.
    """
    if cargo.size > MAX_PAYLOAD:
        raise SealFormatError(
            f"The report of a round has {cargo.size} bytes; at most {MAX_PAYLOAD} are opened.",
            "End the rounds with fewer numbers.",
            code="seal-cargo-size",
        )
    if inline is None and cargo.size <= INLINE_BYTES:
        raise _changed("an instruction")
    return fetch_values(registry, journey, cargo, inline)


def send_values(registry: Callable[[], Registry], journey: str, sealed: bytes) -> str | None:
    """Return sealed values, or a report, for the message; None if it is too large for one.

    It is pushed to the registry then.
    """
    if (inline := inline_of(sealed)) is not None:
        return inline
    with tempfile.TemporaryDirectory(prefix="phtlab-values-") as folder:
        path = Path(folder) / "values.age"
        path.write_bytes(sealed)
        push_values(registry(), journey, path)
    return None


def _decoded(inline: str, cargo: RoundCargo, sender: str) -> bytes:
    sealed = sealed_of(inline, cargo)
    if sealed is None:
        raise _changed(sender)
    return sealed


def _as_named(sealed: bytes, cargo: RoundCargo, sender: str) -> bytes:
    if (len(sealed), digest(sealed)) != (cargo.size, cargo.digest):
        raise _changed(sender)
    return sealed


def _changed(sender: str) -> SealChangedError:
    return SealChangedError(
        f"The sealed content of {sender} is not the one that its signed record names.",
        "Wait for the journey again; if that does not help, tell whoever runs central.",
    )
