"""Files that a person names on the command line."""

from __future__ import annotations

from pathlib import Path

from phtlab.cli.terminal.fingerprint_check import require_typed_fingerprint
from phtlab.errors import SettingsError

MAX_BYTES = 2**20


def content_of(path: Path, what: str) -> bytes:
    """The bytes of `path`, at most MAX_BYTES. Raises SettingsError saying what it should be."""
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
    """The consortium's root in `path` and its fingerprint, which is the one that a person heard.

    Asks at the terminal if `fingerprint` is None. Raises SettingsError if there is no such file,
    RosterError if it is no root or (`root-fingerprint`) another one.
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
