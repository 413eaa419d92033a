"""Files that a person names on the command line."""

from __future__ import annotations

from pathlib import Path

from phtlab.cli.terminal.fingerprint_check import require_typed_fingerprint
from phtlab.errors import SettingsError

MAX_BYTES = 2**20


def content_of(path: Path, what: str) -> bytes:
    """Read `path`, at most MAX_BYTES. Raises SettingsError with what the file should be."""
    try:
        with path.open("rb") as source:
            content = source.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read ({error.strerror}).", f"It should be {what}."
        ) from None
    if len(content) > MAX_BYTES:
        raise SettingsError(f"{path} is longer than {MAX_BYTES} bytes.", f"It should be {what}.")
    return content


def confirmed_root(path: Path, fingerprint: str | None) -> tuple[bytes, str]:
    """Return the consortium's root in `path` and its fingerprint, after comparing the fingerprint.

    Asks at the terminal if `fingerprint` is None. Raises SettingsError if the file cannot be read,
    RosterError if it is no root or (`root-fingerprint`) has another fingerprint.
    """
    from phtlab.trust_store.repository import root_fingerprint

    content = content_of(path, "root.json, from an officer of the consortium")
    found = root_fingerprint(content)
    require_typed_fingerprint(
        found,
        fingerprint,
        reader="an officer",
        otherwise=f"{path} is not used.",
        code="root-fingerprint",
    )
    return content, found
