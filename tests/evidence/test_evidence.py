"""Rows are kept of tests that passed, and of tests that exist."""

from __future__ import annotations

import json

import pytest

from tests.evidence import ROOT, TABLES, Evidence, all_tests, kept, merged


def test_a_row_has_the_columns_of_its_table(tmp_path):
    told = Evidence("tests/a.py::test_a")
    with pytest.raises(ValueError):
        told("attacks", attacker="central")
    told("attacks", attacker="central", promise="cannot read", outcome="refused")
    told.write(tmp_path)
    told.write(tmp_path)
    lines = (tmp_path / "attacks.jsonl").read_text().splitlines()
    assert [json.loads(line)["test"] for line in lines] == ["tests/a.py::test_a"] * 2


def test_rows_of_tests_that_are_gone_go_and_others_stay():
    before = [{"test": "a", "outcome": "old"}, {"test": "b", "outcome": "old"}, {"test": "gone"}]
    told = [{"test": "a", "outcome": "new"}, {"test": "a", "outcome": "new"}]
    assert merged(before, told, frozenset("ab")) == [
        {"test": "a", "outcome": "new"},
        {"test": "b", "outcome": "old"},
    ]


@pytest.mark.parametrize("table", TABLES)
def test_each_row_that_was_kept_is_of_a_test_that_exists(table):
    assert {row["test"] for row in kept(table)} <= all_tests()


def test_every_attack_has_its_row():
    """Else the table would say less than what is tested: run 'make evidence'."""
    attacks = all_tests(ROOT / "tests" / "attack")
    assert attacks <= {row["test"] for row in kept("attacks")}


def test_the_tests_of_this_file_are_found():
    assert (
        f"tests/evidence/test_evidence.py::{test_every_attack_has_its_row.__name__}" in all_tests()
    )
