"""The policy of the demonstration's hospitals: nobody sits there, and nobody waits for somebody."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import matplotlib
import nbformat
import pandas as pd
import pytest

from phtlab.demo.heart import HOSPITALS, write_patients
from phtlab.demo.world import ASKING_POLICY, POLICY
from phtlab.notebook import read_analysis
from phtlab.runtime import publishing
from phtlab.station.airlock.check_outputs import pass_outputs, released_at_twin
from phtlab.station.airlock.history import released_counts, remembered_outputs
from phtlab.station.policy.policy import Policy
from phtlab.train.documents.record import OutputVerdict
from tests.docs.generate import DOCS, ROOT
from tests.station.airlock.run_leftovers import LeftInMemory

HEART = ROOT / "notebooks" / "heart_disease.ipynb"
OUTPUTS = read_analysis(HEART).require_sound().outputs
PATIENTS = ROOT / "notebooks" / "data" / "heart_disease_uci.csv"
# What the demonstration and the workshop ask, and others' questions of few and of almost the same.
ASKED = (18, 65, 50, 51, 61, 18)


def policy(text: str) -> Policy:
    return Policy.model_validate(tomllib.loads(text))


Run = Callable[[str, int], Mapping[str, bytes]]

pytestmark = pytest.mark.filterwarnings("ignore:constrained_layout not applied")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run the showcase's station cells at a hospital; gives what the run leaves, by file."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder = tmp_path_factory.mktemp("patients")
    cells = [
        cell.source
        for cell in nbformat.read(HEART, as_version=4).cells
        if "station" in cell.metadata.get("tags", [])
    ]

    @cache
    def at(hospital: str, min_age: int) -> Mapping[str, bytes]:
        rows = folder / f"{hospital}.csv"
        write_patients(PATIENTS, hospital, rows)
        made: dict[str, publishing.Published] = {}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(publishing, "_kept", made)
            patch.setattr(publishing, "_kept_in", {})
            patch.setattr("phtlab.dataset", lambda _: pd.read_csv(rows), raising=False)
            patch.setattr("phtlab.publish", publishing.publish, raising=False)
            values: dict[str, object] = {"min_age": min_age}
            for cell in cells:
                exec(cell, values)
        plt.close("all")
        files = {f"{one.name}.json": one.index() for one in made.values()}
        for one in made.values():
            files |= {one.name + suffix: content for suffix, content in one.content.items()}
        return files

    yield at
    plt.close("all")


def journeys(
    run: Run, folder: Path, hospital: str, ages: Sequence[int], rules: Policy
) -> Iterator[Mapping[str, OutputVerdict]]:
    """One journey after the other at a hospital that remembers what left."""
    for age in ages:
        files = run(hospital, age)
        history = released_counts.ReleasedHistory(folder, ["heart"], None)
        passed = pass_outputs(OUTPUTS, LeftInMemory(files.__getitem__), rules.airlock, history)
        released_counts.note(
            folder, ["heart"], remembered_outputs.outputs_to_remember(OUTPUTS, passed)
        )
        yield {one.verdict.name: one.verdict for one in passed}


@pytest.mark.parametrize("hospital", HOSPITALS)
def test_whatever_is_asked_of_the_showcase_waits_for_nobody(run, tmp_path, hospital):
    for verdicts in journeys(run, tmp_path, hospital, ASKED, policy(POLICY)):
        found = {one.verdict for one in verdicts.values()}
        assert found <= {"released", "suppressed", "refused"}
        assert found != {"refused"}, "something leaves"
        assert all(one.sentence for one in verdicts.values() if one.verdict != "released")


def test_the_second_question_brings_what_the_teachers_page_says(run, tmp_path):
    *_, first, second = journeys(run, tmp_path, "cleveland", (18, 65, 50, 51), policy(POLICY))
    assert (first["age_hist"].verdict, second["age_hist"].verdict) == ("released", "refused")
    page = (DOCS / "teacher.md").read_text("utf-8")
    shown = page.split("$ phtlab journey results --out over51\n")[1].split("\n$ ")[0].splitlines()
    left = ", ".join(f"{v.name} ({v.kind})" for v in second.values() if v.verdict != "refused")
    assert shown[1:] == [
        f"  cleveland: {left}",
        *(
            f"    {v.name}: {'withheld. ' if v.verdict == 'refused' else ''}{v.sentence}"
            for v in second.values()
            if v.sentence
        ),
    ]


def test_by_itself_an_airlock_would_ask_a_person_about_the_second_figure(run, tmp_path):
    *_, second = journeys(run, tmp_path, "cleveland", (18, 50, 51), Policy())
    assert (second["age_hist"].verdict, second["age_hist"].rule) == ("held", "differencing")


def test_what_the_train_does_not_declare_still_waits_for_a_person():
    rules = policy(POLICY).airlock
    assert (rules.tables.uncounted, rules.figures.uncounted) == ("hold", "hold")


def test_the_twin_shows_what_hospitals_keep_back(run):
    assert policy(ASKING_POLICY).airlock == Policy().airlock
    files = run("cleveland", 65)
    airlock = policy(ASKING_POLICY).airlock
    passed = released_at_twin(pass_outputs(OUTPUTS, LeftInMemory(files.__getitem__), airlock))
    model = next(one.verdict for one in passed if one.verdict.kind == "model")
    assert (model.verdict, model.rule) == ("released", "uncounted")


def test_the_policy_page_shows_the_rules_that_are_there():
    page = (DOCS / "policy.md").read_text("utf-8").split("### Stations where nobody decides")[1]
    shown = tomllib.loads(page.split("```toml\n")[1].split("```")[0])
    assert shown["airlock"] == tomllib.loads(POLICY)["airlock"]
