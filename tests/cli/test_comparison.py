"""A fingerprint counts as compared only if someone typed what is not shown."""

from __future__ import annotations

import re

import pytest
import typer
from typer.testing import CliRunner

from phtlab.cli.terminal.fingerprint_check import require_typed_fingerprint
from phtlab.errors import RosterError
from tests.raising import raises_code

FOUND = "i4tl-345b-ph5z-ryuf-vxdl-sq3u-tfc6-xx2f"
app = typer.Typer()


@app.command()
def compare() -> None:
    require_typed_fingerprint(FOUND, None, reader="ada", otherwise="Nothing was done.")


def asked(answer: str) -> tuple[bool, list[int]]:
    """Whether it was taken, and which groups were asked for."""
    result = CliRunner().invoke(app, [], input=answer)
    shown = re.search(r"fingerprint   (\S+)", result.stderr)
    assert shown
    hidden = [number for number, group in enumerate(shown[1].split("-")) if group == "????"]
    return result.exception is None, hidden


@pytest.mark.parametrize("answer", ["y\n", "yes\n", "\n", "????????\n", "i4tl\n", ""])
def test_a_yes_is_no_comparison(answer: str) -> None:
    taken, hidden = asked(answer)
    assert (taken, len(hidden)) == (False, 2)


def test_who_has_heard_it_types_what_is_hidden() -> None:
    taken = []
    for _ in range(200):
        # What will be hidden is not known before: these two groups are, one time in 28.
        taken.append(asked("345b ryuf\n") == (True, [1, 3]))
    assert 0 < sum(taken) < 60


@pytest.mark.parametrize("heard", [FOUND, FOUND.upper(), FOUND.replace("-", " "), f" {FOUND} "])
def test_all_of_it_is_taken_too(heard: str) -> None:
    assert asked(f"{heard}\n")[0]
    require_typed_fingerprint(FOUND, heard, reader="ada", otherwise="")


def test_another_one_on_the_command_line_is_refused() -> None:
    with raises_code(RosterError, "fingerprint"):
        require_typed_fingerprint(
            FOUND, FOUND.replace("i", "j"), reader="ada", otherwise="Not added."
        )
