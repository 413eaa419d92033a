"""What is said at a terminal that asks for a passphrase."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from phtlab.cli.terminal import passphrase
from phtlab.cli.terminal.passphrase import read_passphrase
from tests.raising import wrong_messages


def test_passphrases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PHTLAB_PASSPHRASE", raising=False)
    assert not wrong_messages(
        {"cannot be read as text": lambda: read_passphrase("the key", tmp_path / "missing")}
    )
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert not wrong_messages(
        {
            "The key of alice needs a passphrase and there is no terminal to ask at. Set "
            "PHTLAB_PASSPHRASE": lambda: read_passphrase("the key of alice", None)
        }
    )
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    for typed, sentence in (
        (["a long passphrase", "a long passphrade"], "The two passphrases differ"),
        (["elevenchars"], "11 characters; at least 12"),
        ([""], "is empty"),
    ):
        answers = iter(typed)
        monkeypatch.setattr(passphrase.getpass, "getpass", lambda _, left=answers: next(left))
        assert not wrong_messages(
            {sentence: lambda: read_passphrase("the new key", None, confirm=True)}
        )
