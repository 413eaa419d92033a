"""The stages: what counts as passed, which failures are run again, and the closing lines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.stages import reruns
from tests.stages.checks import Check, run_checks
from tests.stages.files import files_with, may_have
from tests.stages.report import Report, read_report, report_of
from tests.stages.reruns import FLAKY_LIMIT, Flaky, may_be_rerun, rerun, too_many
from tests.stages.scheduling import APART, TOGETHER
from tests.stages.stage import FAST, NAMES, STAGES
from tests.stages.summary import StageResult, closing_lines

ROOT = Path(__file__).parents[2]
pytest_plugins = ["pytester"]


def entry(test: str, when: str, outcome: str, seconds: float = 0.0, why: object = None):
    return {
        "$report_type": "TestReport",
        "nodeid": test,
        "when": when,
        "outcome": outcome,
        "duration": seconds,
        "longrepr": why,
    }


def test_a_test_passes_only_if_each_part_of_it_did():
    crash = {"reprcrash": {"message": "assert 1 == 2\nmore"}}
    report = report_of(
        [
            *(entry("a", when, "passed", 1.0) for when in ("setup", "call", "teardown")),
            *(entry("b", "setup", "passed"), entry("b", "call", "failed", 2.0, crash)),
            *(entry("c", "call", "passed"), entry("c", "teardown", "failed", 0.5, "x\nlost")),
            entry("d", "setup", "failed", 0.5, "no engine"),
            entry("e", "setup", "skipped"),
            entry("f", "???", "failed", 0.0, "worker 'gw1' crashed"),
            {"$report_type": "CollectReport", "nodeid": "g.py", "outcome": "failed"},
            {"$report_type": "SessionFinish", "exitstatus": 1},
        ]
    )
    assert report.passed == {"a"}
    assert report.skipped == {"e"}
    assert report.failed == {
        "b": "assert 1 == 2",
        "c": "lost",
        "d": "no engine",
        "f": "worker 'gw1' crashed",
        "g.py": "None",
    }
    assert report.slowest(2) == [("a", 3.0), ("b", 2.0)]


def test_what_pytest_writes_is_what_is_read(pytester: pytest.Pytester):
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def broken():
            yield
            raise OSError("left behind")

        def test_good(): pass
        def test_bad(): assert False, "why"
        def test_left(broken): pass
        @pytest.mark.parametrize("text", ["a b", "x::y[z]"])
        def test_text(text): pass
        """
    )
    pytester.runpytest_subprocess("--report-log=log.jsonl", "-p", "no:cacheprovider")
    report = read_report(pytester.path / "log.jsonl")
    name = "test_what_pytest_writes_is_what_is_read.py"
    assert report.passed == {
        f"{name}::{test}" for test in ("test_good", "test_text[a b]", "test_text[x::y[z]]")
    }
    assert report.failed[f"{name}::test_bad"] == "AssertionError: why"
    assert "left behind" in report.failed[f"{name}::test_left"]


def test_without_a_report_nothing_passed(tmp_path: Path):
    assert read_report(tmp_path / "none.jsonl") == Report(frozenset(), {}, frozenset())


def test_where_a_race_is_a_finding_nothing_is_run_again():
    for test in (
        "tests/attack/test_thief.py::test_x",
        "tests/canary/test_canaries.py::test_x[a]",
        "tests/sandbox/test_probes.py::test_x",
        "tests/crash/test_clocks.py::test_x",
        "tests/airlock/test_cases.py::test_x",
        "tests/station/airlock/test_tables.py::test_x",
        "tests/runtime/test_airlock_reads_outputs.py::test_x",
    ):
        assert not may_be_rerun(test), test
    assert may_be_rerun("tests/hub/test_login.py::test_x[tests/attack/]")


def test_each_folder_that_is_never_run_again_exists():
    named = re.findall(r"[a-z]+", reruns._NEVER.pattern.split("(")[1].split(")")[0])
    assert len(named) == 5
    for folder in named:
        assert (ROOT / "tests" / folder).is_dir()


def test_what_the_fast_stage_leaves_out_exists():
    for folder in (*FAST.without, *TOGETHER, *APART):
        assert (ROOT / "tests" / folder.removeprefix("tests/")).exists(), folder


def test_a_stage_collects_what_its_file_its_folder_or_a_conftest_marks():
    tests = ROOT / "tests"
    for path, marker, may in (
        ("ui/test_keys.py", "browser", True),  # by its folder
        ("ui/test_keys.py", "engine", False),
        ("ui/test_tour.py", "engine", True),  # by itself
        ("central/api/test_access.py", "engine", True),  # by central/conftest.py
        ("central/api/test_access.py", "build", False),
        ("train/test_sealing.py", "engine", False),
    ):
        assert may_have(tests / path, marker) is may, (path, marker)
        assert (tests / path in files_with(marker)) is may, (path, marker)


def test_a_failed_test_that_passes_alone_is_flaky():
    failed = {"tests/a.py::x": "slow", "tests/b.py::y": "wrong", "tests/crash/c.py::z": "race"}
    tried: list[str] = []

    def passes(test: str) -> bool:
        tried.append(test)
        return test == "tests/a.py::x"

    flaky, lost = rerun(failed, "unit", passes)
    assert flaky == [Flaky("tests/a.py::x", "unit", "slow")]
    assert lost == ["tests/b.py::y", "tests/crash/c.py::z"]
    assert tried == ["tests/a.py::x", "tests/b.py::y"]


def test_more_failures_than_may_be_flaky_are_not_run_again():
    failed = {f"tests/a.py::t{number}": "" for number in range(FLAKY_LIMIT + 1)}
    flaky, lost = rerun(failed, "unit", lambda test: pytest.fail("run again"))
    assert (flaky, lost) == ([], list(failed))


def test_a_run_with_more_flaky_tests_than_the_limit_fails():
    one = Flaky("t", "unit", "")
    assert not too_many([one] * FLAKY_LIMIT)
    assert too_many([one] * (FLAKY_LIMIT + 1))


def test_the_last_line_is_the_total():
    lines = closing_lines(
        [
            StageResult("lint", 7, (), 0, (), 61.0),
            StageResult("unit", 10, ("tests/b.py::y",), 0, (Flaky("a", "unit", "slow"),), 9.5),
        ]
    )
    assert lines[0] == "lint     7 passed, 0 failed in 1:01"
    assert lines[1] == "unit     10 passed, 1 failed, 1 of the passed flaky in 0:09"
    assert "flaky    a: slow" in lines
    assert "failed   tests/b.py::y" in lines
    assert lines[-1] == "17 passed, 1 failed"


def test_every_stage_has_its_target_in_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    for name in NAMES:
        target = name if name == "lint" else f"test-{name}"
        assert re.search(rf"^{target}: .*## one stage", makefile, re.MULTILINE), name
    assert len({stage.expression for stage in STAGES}) == len(STAGES)


def test_a_test_that_drives_a_browser_is_marked_so():
    folders = [ROOT / "tests" / name for name in ("ui", "story")]
    found = []
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        text = file.read_text()
        if "import chromium" in text or re.search(
            r"from tests\.ui\.chromium import .*\bchromium", text
        ):
            found.append(file.name)
            assert file.parent in folders or "mark.browser" in text, file
    assert len(found) > 3


def test_a_check_fails_by_its_exit_code_and_by_its_absence():
    ended = []
    made = (
        Check("good", ("python", "-c", "")),
        Check("bad", ("python", "-c", "print('why'); raise SystemExit(3)")),
        Check("absent", ("no-such-program",)),
    )
    results = run_checks(lambda result: ended.append(result.name), made)
    assert [result.passed for result in results] == [True, False, False]
    assert results[1].output == "why\n"
    assert "no-such-program" in results[2].output
    assert ended == ["good", "bad", "absent"]
