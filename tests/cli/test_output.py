"""What commands print: other people's words stay words."""

import io

import pytest
from rich.table import Table
from rich.text import Text

from phtlab.cli.terminal.output import Terminal

HOSTILE = "Clinic\x1b[1A\x9b2J\u202e"
SEEN = "Clinic\\x1b[1A\\x9b2J\\u202e"


def table() -> Table:
    made = Table(box=None)
    made.add_row(Text(HOSTILE + " " * 20), HOSTILE + " " * 20)
    return made


@pytest.mark.parametrize("shown", [HOSTILE, Text(HOSTILE), table()])
def test_no_control_character_reaches_the_terminal(shown):
    target = io.StringIO()
    Terminal(file=target, width=400, color_system=None).print(shown, markup=False)
    printed = target.getvalue()
    assert SEEN in printed
    assert all(line.isprintable() for line in printed.split("\n"))


def test_lines_and_colours_of_our_own_stay(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    target = io.StringIO()
    terminal = Terminal(file=target, force_terminal=True, color_system="standard", width=80)
    terminal.print("[green]one[/]\ntwo")
    assert target.getvalue() == "\x1b[32mone\x1b[0m\ntwo\n"
