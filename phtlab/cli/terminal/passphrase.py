"""Read a passphrase from a file, the environment, or a prompt at the terminal."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

from phtlab.errors import PassphraseError

VARIABLE = "PHTLAB_PASSPHRASE"


def read_passphrase(
    what: str, file: Path | None, confirm: bool = False, *, variable: str = VARIABLE
) -> str:
    """Return the passphrase for `what` ("the key of alice"), from `file`, `variable` or a prompt.

    With `confirm`, for a new key, it must be long enough, and the prompt asks twice.
    Raises PassphraseError.
    """
    if file is not None:
        passphrase = _from_file(file)
    elif (value := os.environ.get(variable)) is not None:
        passphrase = value
    else:
        return _from_terminal(what, confirm, variable)
    _require_usable(passphrase, what, confirm)
    return passphrase


def guard_opened_key(*, variable: str = VARIABLE) -> None:
    """Keep passphrase and key within a long-running process that has opened a key.

    Child processes do not inherit the passphrase, and a crash leaves no core file with the key.
    """
    import resource  # Unix only; keys are opened elsewhere too, but stations run on Unix

    os.environ.pop(variable, None)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _from_file(file: Path) -> str:
    try:
        content = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise PassphraseError(
            f"The passphrase file {file} cannot be read as text.",
            "Check that it exists and that you may read it.",
            code="passphrase-unreadable",
        ) from None
    # An editor or echo appends a line end; it is not part of the passphrase.
    return content.removesuffix("\n").removesuffix("\r")


def _from_terminal(what: str, confirm: bool, variable: str) -> str:
    if not sys.stdin.isatty():
        raise PassphraseError(
            f"{what[:1].upper()}{what[1:]} needs a passphrase and there is no terminal to ask at.",
            f"Set {variable}, or give --passphrase-file.",
            code="passphrase-no-terminal",
        )
    passphrase = _prompt(f"Passphrase for {what}: ")
    _require_usable(passphrase, what, confirm)
    if confirm and _prompt("The same again: ") != passphrase:
        raise PassphraseError(
            "The two passphrases differ.",
            "Nothing was written; try again.",
            code="passphrase-differs",
        )
    return passphrase


def _prompt(text: str) -> str:
    try:
        return getpass.getpass(text)
    except (EOFError, KeyboardInterrupt):
        raise PassphraseError(
            "No passphrase was given. Nothing was changed.", code="passphrase-none"
        ) from None


def _require_usable(passphrase: str, what: str, new: bool) -> None:
    if not passphrase:
        raise PassphraseError(
            f"The passphrase for {what} is empty.", "Give one.", code="passphrase-empty"
        )
    if new:
        from phtlab.files.key_file import require_new_passphrase

        require_new_passphrase(passphrase, what)
