"""`phtlab demo`, the first thing that anyone runs: what it tells, and what it leaves."""

import json

import pytest
from typer.testing import CliRunner

from phtlab.cli.demo import Steps, print_finding, print_next_commands, run
from phtlab.cli.main import app
from phtlab.demo.world import World

pytestmark = pytest.mark.engine


def test_the_demonstration_tells_its_story(world: World, capsys, monkeypatch):
    steps = Steps()
    shown = run(world, steps, fresh=False)
    print_finding(shown)
    told = capsys.readouterr()
    assert "age (years)" in told.out
    assert "50.5 ± 9.4 (403)" in told.out and "55.9 ± 8.7 (509)" in told.out
    assert "disease costs 14.2 beats/min" in told.out
    assert "largest relative difference" in told.out
    assert str(shown.html) in told.out.replace("\n", "")
    assert shown.png.stat().st_size > 10_000
    finding = json.loads((world.report / "finding.json").read_text())
    assert finding["columns"][:2] == ["variable", "disease"]
    assert list(steps.seconds)[-1] == "The notebook's aggregate cells put them together"


def test_how_to_go_on_names_commands_that_exist(world: World, capsys):
    print_next_commands(world)
    told = capsys.readouterr()
    commands = [line.split() for line in told.out.splitlines() if line.startswith("  phtlab ")]
    assert len(commands) >= 4
    for words in commands:
        noun = words[1:3] if words[1] in {"journey", "station"} else words[1:2]
        result = CliRunner().invoke(app, [*noun, "--help"])
        assert result.exit_code == 0, words
