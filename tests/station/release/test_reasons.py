"""A hold names its rule to the author at once, and tells nothing of the data by doing so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from phtlab.station.airlock.capacity import capacities
from phtlab.station.policy import airlock_actions
from phtlab.station.policy.policy import parse_policy
from phtlab.station.policy.release_rules import COUNTS, OF_STRUCTURE, ReleaseRules
from phtlab.station.release.waiting import waiting_at
from phtlab.train.documents.record import OutputVerdict
from tests.station.release.held_world import change_release, held, holding_world, tables
from tests.station.station_world import FakeRun, table_files

RULES = sorted(
    {
        name.replace("_", "-")
        for kind in vars(airlock_actions).values()
        if isinstance(kind, type) and issubclass(kind, airlock_actions._Actions)
        for name in kind.model_fields
    }
    | {"amount"}
)
OF_DATA = {
    *("small-count", "complementary", "differencing", "class-disclosure"),
    *("dominance", "p-percent", "group"),
}


def verdict(rule: str, name: str = "counts", said: str = "held") -> OutputVerdict:
    return OutputVerdict.model_validate(
        {
            "name": name,
            "kind": "table",
            "verdict": said,
            "rule": rule,
            "sentence": "It has rows with a count below 10.",
            "suppressed_rows": 3,
        }
    )


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_told_as_one_of_structure_or_as_one_of_counts(rule: str) -> None:
    told = ReleaseRules().why_held([verdict(rule)])
    assert (f"({rule})" in told) == (rule not in OF_DATA)
    assert (f"({COUNTS})" in told) == (rule in OF_DATA)
    assert set(OF_STRUCTURE).isdisjoint(OF_DATA)


def test_what_is_told_by_default_is_the_same_whatever_a_rule_found_in_the_counts() -> None:
    """By which one it is a run could tell what is in the data, before a person has looked."""
    told = {ReleaseRules().why_held([verdict(rule)]) for rule in OF_DATA}
    (sentence,) = told
    assert not any(character.isdigit() for character in sentence)


def test_a_policy_tells_the_rule_or_nothing() -> None:
    def told(reasons: str) -> str:
        return ReleaseRules(reasons=reasons).why_held([verdict("differencing")])  # type: ignore[arg-type]

    assert told("none") == ""
    assert told("rule").startswith("counts (differencing): a rule about counts of people")
    assert "below" not in told("rule")


def test_outputs_that_are_held_for_the_same_reason_are_told_together_and_not_without_end() -> None:
    held_ones = [verdict("uncounted", f"t{n}") for n in range(8)]
    found = ReleaseRules().why_held([*held_ones, verdict("", "other", "released")])
    assert found.startswith("t0, t1, t2, t3, t4 and 3 more (uncounted): it does not say which")
    assert "other" not in found
    many = [verdict(rule, rule.replace("-", "_")) for rule in OF_STRUCTURE]
    assert ReleaseRules().why_held(many).endswith("And 3 more reasons.")


def test_the_researcher_reads_at_central_why_an_output_is_held(tmp_path: Path) -> None:
    world = holding_world(tmp_path)
    held(world)
    update = world.central.updates[-1]
    assert update.state == "held"
    assert update.sentence.startswith(
        "A person at cleveland will look at the output wards before anything leaves. "
        "wards (counts): a rule about counts of people: few of them"
    )


def test_a_hold_for_what_the_train_declares_says_what_to_declare(tmp_path: Path) -> None:
    world = holding_world(tmp_path)
    source = """\
import phtlab
heart = phtlab.dataset("heart")
phtlab.publish("ages", heart[["age"]])
"""
    columns: dict[str, tuple[str, list[Any]]] = {"age": ("integer", [50, 51])}
    world.scripted.script = FakeRun(files=table_files("ages", columns))
    held(world, world.offer(world.train(source)))
    sentence = world.central.updates[-1].sentence
    assert "ages (uncounted): it does not say which column counts people (counts=)" in sentence


def _wards(*cells: tuple[str, str, int]) -> dict[str, bytes]:
    married, work, n = (list(values) for values in zip(*cells, strict=True))
    columns = {"married": ("string", married), "work": ("string", work), "n": ("integer", n)}
    return {**tables(), **table_files("wards", columns)}


ALIKE = _wards(("yes", "full", 40), ("no", "full", 30), ("no", "part", 30))
FEW = _wards(("yes", "full", 40), ("yes", "part", 3), ("no", "full", 30), ("no", "part", 30))


def test_a_hold_tells_nothing_of_the_data_before_a_person_has_looked(tmp_path: Path) -> None:
    """The attack: a run that chooses by a patient's value which rule will hold its output."""
    said, found = [], []
    for name, files in (("alike", ALIKE), ("few", FEW)):
        (tmp_path / name).mkdir()
        world = holding_world(tmp_path / name)
        world.scripted.script = FakeRun(files=files)
        _, stop = held(world)
        found.append(waiting_at(stop).output("wards").verdict.rule)
        said.append(world.central.updates[-1].sentence)
    assert found == ["class-disclosure", "small-count"]
    assert said[0] == said[1]


@pytest.mark.parametrize(("reasons", "bits"), [("none", 1), ("general", 4), ("rule", 5)])
def test_the_capacity_of_what_is_told_follows_the_policy(reasons: str, bits: int) -> None:
    policy = parse_policy(f'[release]\nreasons = "{reasons}"\n')
    (found,) = [one for one in capacities(policy) if one.what == "why it is held, of an output"]
    assert found.bits == bits


def test_a_policy_may_keep_the_reasons(tmp_path: Path) -> None:
    world = holding_world(tmp_path)
    change_release(world, 'reasons = "none"')
    held(world)
    assert world.central.updates[-1].sentence.endswith("before anything leaves.")
