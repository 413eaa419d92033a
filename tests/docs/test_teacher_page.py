"""The lessons of docs/teacher.md are those of the notebooks, and end as the page says."""

from __future__ import annotations

import io
import re

import nbformat
import pandas as pd
import pytest

from phtlab.demo.heart import write_patients
from phtlab.notebook import read_analysis
from phtlab.station.policy.policy import Policy
from tests.docs.generate import DOCS, ROOT

PAGE = (DOCS / "teacher.md").read_text("utf-8")
NOTEBOOKS = ROOT / "notebooks"
EXERCISES = sorted((NOTEBOOKS / "exercises").glob("*.ipynb"))


def shown(command: str) -> str:
    """What the page shows after `command`, up to the next one."""
    return PAGE.split(f"$ {command}\n")[1].split("\n$ ")[0].split("\n```")[0]


def station_cell(name: str) -> str:
    cells = nbformat.read(NOTEBOOKS / "exercises" / name, as_version=4).cells
    (cell,) = (c for c in cells if "station" in c.metadata.get("tags", []))
    return str(cell.source)


@pytest.fixture
def patients(tmp_path):
    """The rows of a hospital of the demonstration."""

    def read(hospital: str) -> pd.DataFrame:
        path = tmp_path / f"{hospital}.csv"
        write_patients(NOTEBOOKS / "data" / "heart_disease_uci.csv", hospital, path)
        return pd.read_csv(path)

    return read


@pytest.fixture
def run(patients, monkeypatch):
    """Run an exercise's station cell on a hospital's rows; returns what it published."""

    def at(name: str, hospital: str) -> dict[str, object]:
        published: dict[str, object] = {}
        monkeypatch.setattr("phtlab.dataset", lambda _: patients(hospital), raising=False)
        monkeypatch.setattr(
            "phtlab.publish",
            lambda name, value, **_: published.update({name: value}),
            raising=False,
        )
        exec(station_cell(name), {})
        return published

    return at


@pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.stem)
def test_every_exercise_is_in_a_lesson_and_is_as_sound_as_it_should_be(path):
    assert f"exercises/{path.name})" in PAGE
    assert bool(read_analysis(path).errors) is (path.stem == "mistakes")
    assert not any(c.get("outputs") for c in nbformat.read(path, as_version=4).cells)


def test_the_mistakes_are_found_in_the_pages_words():
    analysis = read_analysis(NOTEBOOKS / "exercises" / "mistakes.ipynb")
    answer = shown("phtlab train check notebooks/exercises/mistakes.ipynb")
    found = {f"{f.severity} {f.code}: {f.message}" for f in analysis.findings}
    told = re.findall(r"^(?:error|warning) .*$", answer, re.MULTILINE)
    assert len(told) == len(found)
    for finding in analysis.findings:
        assert any(finding.code in line and finding.message in line for line in told)


def test_the_mended_mistakes_are_sound(tmp_path):
    mended = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("min_age: int = 18", metadata={"tags": ["parameters"]}),
            nbformat.v4.new_code_cell(mended, metadata={"tags": ["station"]}),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "", "language": "python"}},
    )
    nbformat.write(notebook, tmp_path / "mended.ipynb")
    assert read_analysis(tmp_path / "mended.ipynb").findings == ()


def test_the_cell_on_the_page_is_the_notebooks():
    assert f"```python\n{station_cell('small_cells.ipynb')}\n```" in PAGE


def test_small_cells_are_those_of_the_page(run):
    counts = run("small_cells.ipynb", "switzerland")["counts"]
    left = counts[counts.n >= Policy().airlock.minimum_count]
    page = pd.read_csv(io.StringIO(shown("cat small/switzerland/counts.csv")))
    pd.testing.assert_frame_equal(
        left.reset_index(drop=True), page, check_dtype=False, check_index_type=False
    )


def test_undeclared_counts_wait_for_a_person_who_sees_and_takes_out_what_the_page_says(run):
    assert Policy().airlock.tables.uncounted == "hold"
    counts = run("undeclared_counts.ipynb", "switzerland")["counts"]
    where = "0b1daa1f3596 -C .state/demo/stations/switzerland"
    looked = re.findall(
        r"^ \d+ +(.+?)  +(\w+) +(\d+)$", shown(f"phtlab station output show {where}"), re.M
    )
    seen = pd.DataFrame(looked, columns=["age", "sex", "n"]).astype({"n": int})
    pd.testing.assert_frame_equal(counts, seen, check_dtype=False)
    taken = {int(n) for n in re.findall(r"--without-row (\d+)", PAGE)}
    assert taken == {row for row, n in enumerate(counts.n, start=1) if n < 10}
    left = counts[counts.n >= 10].reset_index(drop=True)
    page = pd.read_csv(io.StringIO(shown("cat undeclared/switzerland/counts.csv")))
    pd.testing.assert_frame_equal(left, page, check_dtype=False)


def test_the_oldest_patient_is_the_pages(run):
    assert f'{{"value": {run("oldest.ipynb", "cleveland")["oldest"]}}}' in PAGE


def by_sex(heart, age):
    heart = heart[heart.age >= age].assign(
        disease=lambda rows: rows.num.gt(0).map({True: "yes", False: "no"})
    )
    return heart.groupby(["disease", "sex"]).size().to_dict()


def test_the_two_harmless_questions_have_the_pages_answers_and_no_pair_of_few(patients):
    heart = patients("cleveland")
    seen = [by_sex(heart, 18)]
    for age in (50, 51):
        page = pd.read_csv(io.StringIO(shown(f"cat over{age}/cleveland/by_sex.csv")))
        answer = page.set_index(["disease", "sex"]).n.to_dict()
        truth = by_sex(heart, age)
        assert answer.items() <= truth.items()
        for before in seen:
            close = {g for g in truth if 0 < abs(truth[g] - before.get(g, truth[g])) < 10}
            assert not close & set(answer)
        seen.append(answer)
