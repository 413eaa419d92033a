"""Where passphrases come from."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from phtlab.cli.terminal import passphrase as module
from phtlab.cli.terminal.passphrase import read_passphrase
from phtlab.errors import PassphraseError
from tests.raising import raises_code

Typed = Callable[[Iterable[str]], list[str]]


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PHTLAB_PASSPHRASE", raising=False)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Somebody at a terminal types these lines; the answer lists the prompts they saw."""

    def start(lines: Iterable[str]) -> list[str]:
        prompts: list[str] = []
        answers = iter(lines)

        def answer(prompt: str) -> str:
            prompts.append(prompt)
            try:
                return next(answers)
            except StopIteration:
                raise EOFError from None

        monkeypatch.setattr(module.getpass, "getpass", answer)
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        return prompts

    return start


def test_the_file_comes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "passphrase"
    file.write_text("from the file\n")
    monkeypatch.setenv("PHTLAB_PASSPHRASE", "from the environment")

    assert read_passphrase("the key", file) == "from the file"
    assert read_passphrase("the key", None) == "from the environment"


def test_only_the_line_end_is_taken_off_a_file(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_bytes(b"  spaces count  \r\n")

    assert read_passphrase("the key", file) == "  spaces count  "


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with raises_code(PassphraseError, "passphrase-unreadable"):
        read_passphrase("the key", tmp_path / "missing")


def test_an_existing_key_is_asked_for_once(typed: Typed) -> None:
    prompts = typed(["short"])

    assert read_passphrase("the key of alice", None) == "short"
    assert prompts == ["Passphrase for the key of alice: "]


def test_a_new_key_is_asked_for_twice(typed: Typed) -> None:
    prompts = typed(["a long passphrase", "a long passphrase"])

    assert read_passphrase("the new key", None, confirm=True) == "a long passphrase"
    assert prompts[1] == "The same again: "


def test_two_that_differ_are_refused(typed: Typed) -> None:
    typed(["a long passphrase", "a long passphrade"])

    with raises_code(PassphraseError, "passphrase-differs"):
        read_passphrase("the new key", None, confirm=True)


def test_too_short_is_told_before_it_is_typed_again(typed: Typed) -> None:
    prompts = typed(["elevenchars"])

    with raises_code(PassphraseError, "passphrase-short"):
        read_passphrase("the new key", None, confirm=True)
    assert len(prompts) == 1


def test_leaving_the_prompt_changes_nothing(typed: Typed) -> None:
    typed([])

    with raises_code(PassphraseError, "passphrase-none"):
        read_passphrase("the key", None)


def test_empty_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHTLAB_PASSPHRASE", "")

    with raises_code(PassphraseError, "passphrase-empty"):
        read_passphrase("the key", None)


def test_without_a_terminal_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)

    with raises_code(PassphraseError, "passphrase-no-terminal"):
        read_passphrase("the key of alice", None)
