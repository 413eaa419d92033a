"""What is caught where it tells of few people leaves where it does not."""

from __future__ import annotations

from pathlib import Path

from phtlab.station.policy.airlock_rules import AirlockRules
from tests.attack.publishing import Airlock, bars, counts, model, scalar, table


def test_honest_outputs_of_these_forms_leave(tmp_path: Path) -> None:
    airlock = Airlock(tmp_path)
    both = {"sex": ["f", "m"], "n": [96, 208], "share": [96 / 304, 208 / 304], "ill": [40, 90]}
    outputs = {
        "a": table(both | {"age": [56.0, 54.0]}),
        "b": scalar(131.6, of=304),
        "c": model({"w": [1.0] * 5}, of=304, names=("w",)),
    }
    assert {one.verdict for one in airlock.stop(**outputs).values()} == {"released"}


def test_the_same_figure_leaves_again(tmp_path: Path) -> None:
    airlock = Airlock(tmp_path)
    for name in ("one", "two"):
        assert airlock.stop(**{name: bars((50, 80, 97, 61, 40))})[name].verdict == "released"


def test_a_total_close_to_another_is_held_or_stays_as_the_policy_says(tmp_path: Path) -> None:
    before, again = counts("sex", {"f": 96, "m": 208}), counts("age", {"old": 151, "young": 150})
    for action, verdict in (("hold", "held"), ("refuse", "refused")):
        rules = AirlockRules(close_total=action)  # type: ignore[arg-type]
        airlock = Airlock(tmp_path / action, rules=rules)
        assert airlock.stop(before=before)["before"].verdict == "released"
        found = airlock.stop(again=again)["again"]
        assert (found.verdict, found.rule) == (verdict, "differencing")


def test_figures_of_other_people_leave_beside_each_other(tmp_path: Path) -> None:
    outputs = {"young": bars((50, 80)), "old": bars((97, 61, 40, 130), axes=2)}
    assert {one.verdict for one in Airlock(tmp_path).stop(**outputs).values()} == {"released"}
