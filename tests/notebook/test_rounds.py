"""Round and combine cells: they come together, and say what they send each other."""

from __future__ import annotations

from typing import Any

import pytest

from phtlab.lab.train_preparation import train_manifest
from phtlab.notebook import Analysis, read_analysis
from phtlab.train.documents.manifest import KernelRef, Rounds

LOAD = 'import phtlab\nheart = phtlab.dataset("heart")'
ROUND = """\
beta = phtlab.receive("beta", default=0.0)
gradient = {"g": heart.age.sum() - beta}
phtlab.publish("gradient", gradient, kind="model", of=len(heart), tensors="g")
"""
COMBINE = """\
import phtlab
step = phtlab.updates("gradient").mean("g")
phtlab.report(step=abs(step))
beta = beta + step
phtlab.send(beta=beta)
if step < 0.1:
    phtlab.finish(beta=beta, last=step)
"""


def rounds(nb: Any, combine: str = COMBINE, *, load: str = LOAD, again: str = ROUND) -> Analysis:
    return read_analysis(
        nb(("station", load), (None, "x = 1"), ("round", again), ("combine", combine))
    )


def errors(analysis: Analysis) -> list[tuple[str, int | None, int | None]]:
    return [(finding.code, finding.cell, finding.line) for finding in analysis.errors]


def test_round_and_combine_cells_make_a_train_of_rounds(nb: Any) -> None:
    analysis = rounds(nb)
    assert analysis.findings == ()
    assert analysis.route == "rounds"
    assert [cell.number for cell in analysis.travelling_cells] == [1, 3, 4]
    manifest = train_manifest(
        analysis, KernelRef(name="python", language="python", digest="sha256:" + "0" * 64)
    )
    assert manifest.rounds == Rounds(cells=(3,), combine=(4,))
    assert manifest.route == "rounds"
    assert [value.name for value in manifest.received] == ["beta"]
    assert b"phtlab.finish" in analysis.travelling()


def test_neither_of_them_comes_alone(nb: Any) -> None:
    alone = read_analysis(nb(("station", LOAD), ("round", ROUND)))
    assert errors(alone) == [("round-uncombined", 2, None)]
    alone = read_analysis(nb(("station", "x = 1"), ("combine", "x = 2")))
    assert errors(alone) == [("combine-unrounded", 2, None)]


def test_other_languages_have_no_rounds(nb: Any) -> None:
    cells = [("station", "x <- 1"), ("round", "y <- 1"), ("combine", "z <- 1")]
    analysis = read_analysis(nb(*cells, language="R", kernel="ir"))
    assert errors(analysis) == [("rounds-language", 2, None)]


def test_receive_and_publish_are_for_round_cells(nb: Any) -> None:
    analysis = rounds(nb, load=f"{LOAD}\n{ROUND}", again="y = beta")
    assert errors(analysis) == [
        ("receive-outside-round", 1, 3),
        ("publish-outside-round", 1, 5),
    ]


def test_what_is_kept_is_kept_by_round_cells_alone(nb: Any) -> None:
    keeps = '\nseen = phtlab.kept("seen", default=0)\nphtlab.keep("seen", seen + 1)'
    assert errors(rounds(nb, again=ROUND + keeps)) == []
    assert errors(rounds(nb, load=LOAD + keeps)) == [
        ("keep-outside-round", 1, 3),
        ("keep-outside-round", 1, 4),
    ]
    alone = read_analysis(nb(("station", LOAD + keeps)))
    assert errors(alone) == [("keep-outside-round", 1, 3), ("keep-outside-round", 1, 4)]
    aliased = read_analysis(nb(("station", f"{LOAD}\nfrom phtlab import keep as k\nk('n', 1)")))
    assert errors(aliased) == [("keep-outside-round", 1, 4)]


def test_names_of_what_is_kept_need_not_be_written_out(nb: Any) -> None:
    again = ROUND + "for name in ('a', 'b'):\n    phtlab.keep(name, 1)\nf = phtlab.kept"
    assert errors(rounds(nb, again=again)) == []


def test_nothing_is_handed_on_to_the_next_station(nb: Any) -> None:
    again = ROUND.replace('tensors="g")', 'tensors="g", to="both")')
    assert errors(rounds(nb, again=again)) == [("rounds-hand-on", 3, 3)]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("phtlab.send(theta=1)", "send-unreceived"),
        ("def f():\n    phtlab.send(theta=1)", "send-unreceived"),
        ("phtlab.send(**{'beta': 1})", "send-computed"),
        ("phtlab.finish(**{'beta': 1})", "send-computed"),
        ("phtlab.send(1)", "send-computed"),
        ("phtlab.updates(name)", "updates-computed"),
        ("phtlab.updates(*name)", "updates-computed"),
        ("phtlab.updates('other')", "updates-unpublished"),
        ("phtlab.updates(name='other')", "updates-unpublished"),
        ("phtlab.dataset('heart')", "combine-call"),
        ("phtlab.publish('gradient', 1)", "combine-call"),
        ("phtlab.receive('beta', 0)", "combine-call"),
        ("phtlab.keep('n', 0)", "combine-call"),
        ("f = phtlab.kept", "combine-call"),
        ("phtlab.results()", "combine-call"),
        ("from phtlab import receive as r\nr('beta')", "combine-call"),
        ("f = phtlab.finish", "combine-indirect"),
    ],
)
def test_what_combine_cells_read_and_send_is_known_before(nb: Any, call: str, code: str) -> None:
    analysis = rounds(nb, f"{COMBINE}name = 'gradient'\n{call}")
    assert [found for found, _, _ in errors(analysis)] == [code]


@pytest.mark.parametrize("word", ["updates('gradient')", "send(beta=1)", "finish()", "report(x=1)"])
@pytest.mark.parametrize("cell", ["load", "again"])
def test_at_a_station_nothing_is_combined(nb: Any, word: str, cell: str) -> None:
    source = {"load": LOAD, "again": ROUND}[cell] + f"\nphtlab.{word}"
    assert [code for code, _, _ in errors(rounds(nb, **{cell: source}))] == ["not-in-sandbox"]


def test_a_value_that_is_never_sent_is_warned_of(nb: Any) -> None:
    analysis = rounds(nb, "import phtlab\nphtlab.finish(beta=1)")
    assert analysis.errors == ()
    assert [(f.code, f.cell, f.line) for f in analysis.warnings] == [("receive-unsent", 3, 1)]


@pytest.mark.parametrize(
    ("default", "warned"),
    [
        ("0.0", False),
        ("rate", False),
        ("rate * np.zeros(3)", False),
        ("{'w': [math.sqrt(i) for i in range(3)]}", False),
        ("heart.age.mean()", True),
        ("(lambda: heart)()", True),
    ],
)
def test_a_default_is_one_that_combine_cells_have_too(nb: Any, default: str, warned: bool) -> None:
    cells = [
        ("parameters", "import math\nrate: float"),
        ("station", f"{LOAD}\nimport numpy as np"),
        ("round", ROUND.replace("default=0.0", f"default={default}")),
        ("combine", COMBINE),
    ]
    analysis = read_analysis(nb(*cells))
    found = [(f.code, f.cell, f.line) for f in analysis.findings]
    assert found == ([("receive-default-name", 3, 1)] if warned else [])


def test_combine_cells_see_parameters_received_values_and_each_other(nb: Any) -> None:
    analysis = read_analysis(
        nb(
            ("parameters", "import math\nrate: float = 0.1"),
            ("station", LOAD),
            ("round", ROUND),
            ("combine", "import phtlab\nstep = math.sqrt(rate) * beta\ndef f(): return total"),
            ("combine", "total = step\nphtlab.send(beta=total)"),
        )
    )
    assert analysis.errors == ()


@pytest.mark.parametrize("owner", ["heart", "gradient", "x"])
def test_combine_cells_see_no_name_of_other_cells(nb: Any, owner: str) -> None:
    assert errors(rounds(nb, f"{COMBINE}{owner}")) == [("name-combine", 4, 8)]
    later = f"{COMBINE}def f():\n    return {owner}"
    assert errors(rounds(nb, later)) == [("name-combine", 4, 9)]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("nowhere", "name-undefined"),
        ("late\nlate = 1", "name-order"),
        ("del step\nstep", "name-undefined"),
    ],
)
def test_names_of_combine_cells_are_defined_before(nb: Any, source: str, code: str) -> None:
    assert [found for found, _, _ in errors(rounds(nb, COMBINE + source))] == [code]


def test_cells_at_stations_see_no_name_of_combine_cells(nb: Any) -> None:
    assert errors(rounds(nb, load=f"{LOAD}\nstep")) == [("name-local", 1, 3)]
    assert errors(rounds(nb, again=f"{ROUND}step")) == [("name-local", 3, 4)]


def test_station_cells_run_before_round_cells(nb: Any) -> None:
    cells = [("station", LOAD), ("round", ROUND), ("station", "y = gradient")]
    analysis = read_analysis(nb(*cells, ("combine", COMBINE)))
    assert errors(analysis) == [("name-round", 3, 1)]
    own = [*cells[:2], ("station", "gradient = 1\ny = gradient"), ("combine", COMBINE)]
    assert read_analysis(nb(*own)).errors == ()


def test_aggregate_cells_see_no_name_of_combine_cells(nb: Any) -> None:
    cells = [("station", LOAD), ("round", ROUND), ("combine", COMBINE), ("aggregate", "step")]
    assert [f.code for f in read_analysis(nb(*cells)).warnings] == ["aggregate-name"]
