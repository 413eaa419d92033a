"""The card of a train: what it says of the route."""

from __future__ import annotations

import json

import pytest

from phtlab.lab.display.train_html import train_html
from phtlab.notebook import Analysis, read_analysis

ROUND = """\
import phtlab
beta = phtlab.receive("beta", default=0.0)
phtlab.publish("gradient", {"g": beta}, kind="model", of=120, tensors="g")
"""
COMBINE = """\
import phtlab
phtlab.send(beta=phtlab.updates("gradient").mean("g"))
"""
HAND_ON = ROUND.replace('"gradient"', '"beta"').replace('tensors="g"', 'tensors="g", to="next"')


def analysed(*cells: tuple[str, str]) -> Analysis:
    written = [
        {"cell_type": "code", "metadata": {"tags": [role]}, "source": source}
        for role, source in cells
    ]
    content = json.dumps({"nbformat": 4, "metadata": {}, "cells": written}).encode()
    return read_analysis(content, name="analysis").require_sound()


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        ([("round", ROUND), ("combine", COMBINE)], ["Route: rounds", "cell 2", ", rounds"]),
        ([("station", HAND_ON)], ["Route: sequential", ", sequential route"]),
    ],
)
def test_the_card_says_which_route_the_train_takes(
    cells: list[tuple[str, str]], shown: list[str]
) -> None:
    made = train_html(analysed(*cells), "python", "sha256:" + "0" * 64)
    assert all(text in made for text in shown)


def test_a_parallel_train_says_nothing_of_its_route() -> None:
    made = train_html(analysed(("station", "x = 1")), "python", "sha256:" + "0" * 64)
    assert "oute" not in made
