"""Received values and outputs that are handed on, read from the calls."""

from __future__ import annotations

from typing import Any

import pytest

from phtlab.notebook import Analysis, Finding, read_analysis
from phtlab.notebook.declared_received import DeclaredReceived

LOAD = 'from phtlab import dataset, publish, receive\nheart = dataset("heart")\n'
HAND_ON = 'publish("model", model, kind="model", of=len(heart), tensors="w", to="next")'


def station(nb: Any, source: str) -> Analysis:
    return read_analysis(nb(("station", LOAD + source)))


def error_in(analysis: Analysis, code: str) -> Finding:
    (found,) = [finding for finding in analysis.errors if finding.code == code]
    return found


def test_the_route_follows_from_the_calls(nb: Any) -> None:
    sequential = station(nb, f'model = receive("model", default={{"w": 0.0}})\n{HAND_ON}')
    assert (sequential.route, sequential.received) == ("sequential", (DeclaredReceived("model"),))
    assert [output.to for output in sequential.outputs] == ["next"]
    assert sequential.errors == ()
    assert station(nb, 'publish("n", len(heart), "scalar", counts="n")').route == "parallel"


def test_what_no_cell_receives_is_found_at_its_call(nb: Any) -> None:
    found = error_in(station(nb, f'model = {{"w": 0.0}}\n{HAND_ON}'), "output-unreceived")
    assert (found.cell, found.line) == (1, 4)


def test_what_no_cell_hands_on_is_found_at_its_call(nb: Any) -> None:
    found = error_in(station(nb, 'model = receive("model", 0.0)'), "receive-unpublished")
    assert (found.cell, found.line) == (1, 3)


def test_a_missing_default_is_added_for_its_author_to_fill_in(nb: Any) -> None:
    source = f'model = receive("model")\n{HAND_ON}'
    fix = error_in(station(nb, source), "receive-default").fix
    assert fix is not None
    changed = fix.apply(LOAD + source).removeprefix(LOAD)
    assert changed.startswith('model = receive("model", default=...)\n')
    assert fix.select is not None
    again = error_in(station(nb, changed), "receive-default")
    assert (again.line, again.fix) == (3, None)


@pytest.mark.parametrize("default", ["0.0", "None", "{'w': 0.0}"])
def test_any_other_default_is_the_author_s(nb: Any, default: str) -> None:
    source = f'model = receive("model", {default})\n{HAND_ON}'
    assert station(nb, source).errors == ()
