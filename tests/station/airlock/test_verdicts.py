"""What a finding does by the policy: rows taken out, a person asked, the output refused."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow.parquet
import pytest

from phtlab.station.airlock.check_outputs import CheckedOutput, pass_outputs
from phtlab.station.policy.airlock_actions import TableActions
from phtlab.station.policy.airlock_findings import MOST_CELLS, Finding, most_severe, named
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output
from tests.station.airlock.run_leftovers import LeftInMemory

CONTENT = json.dumps(
    {
        "columns": [{"name": "sex", "type": "string"}, {"name": "n", "type": "integer"}],
        "data": [["female", "male"], [12, 9]],
    }
).encode()


def passed(action: str) -> CheckedOutput:
    files = {"t.json": b'{"name": "t", "kind": "table"}', "t.table.json": CONTENT}
    rules = AirlockRules(tables=TableActions.model_validate({"small_count": action}))
    return pass_outputs((Output(name="t", counts="n"),), LeftInMemory(files.__getitem__), rules)[0]


def rows(one: CheckedOutput) -> Any:
    return pyarrow.parquet.read_table(io.BytesIO(one.files["t.parquet"])).to_pydict()


def test_a_held_output_has_the_files_that_would_leave_and_why_it_is_held() -> None:
    one = passed("hold")
    assert (one.verdict.verdict, one.verdict.rule) == ("held", "small-count")
    assert rows(one) == {"sex": ["female", "male"], "n": [12, 9]}
    (finding,) = one.findings
    assert finding.rule == "small-count"
    assert finding.detail == ("sex=male, n=9",)


def test_the_researcher_is_told_the_rule_and_no_value() -> None:
    for action in ("suppress", "hold", "refuse"):
        sentence = passed(action).verdict.sentence
        assert "male" not in sentence
        assert "9" not in sentence


@pytest.mark.parametrize(
    ("action", "verdict", "leaves"),
    [
        ("suppress", "suppressed", {"sex": ["female"], "n": [12]}),
        ("pass", "released", {"sex": ["female", "male"], "n": [12, 9]}),
        ("refuse", "refused", None),
    ],
)
def test_the_policy_says_what_a_finding_does(action: str, verdict: str, leaves: Any) -> None:
    one = passed(action)
    assert one.verdict.verdict == verdict
    assert (rows(one) if one.files else None) == leaves
    assert [finding.action for finding in one.findings] == [action]


def test_the_gravest_finding_decides() -> None:
    def finding(action: Any) -> Finding:
        return Finding(rule=action, action=action, sentence="")

    assert most_severe([]) is None
    assert most_severe([finding("pass")]) is None
    found = most_severe([finding("pass"), finding("suppress"), finding("refuse"), finding("hold")])
    assert found is not None
    assert found.rule == "refuse"


def test_a_finding_names_so_many_cells_and_counts_the_rest() -> None:
    detail = named(str(number) for number in range(MOST_CELLS + 7))
    assert len(detail) == MOST_CELLS + 1
    assert detail[-1] == "and 7 more"
