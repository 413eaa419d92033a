"""`lab.proposals`: a draft becomes a version, versions differ, and stations' lists are believed
only as far as they were signed, fresh and new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from phtlab.cli.main import app
from phtlab.errors import ApprovalError, ProposalError
from phtlab.lab.client.lab import Lab
from phtlab.lab.proposals.proposal import SubmittedProposal
from phtlab.lab.proposals.station_answers import SeenNumbers, require_none_revoked
from phtlab.train.canonical import digest
from phtlab.wire.api.governance import NewComment
from tests.central.world import KERNEL, World
from tests.governance import documents
from tests.lab.proposing import (  # noqa: F401 (fixtures)
    NOTEBOOK,
    NUMBERS,
    Case,
    central_of_two,
    proposing_case,
    proposing_draft,
    proposing_lab,
)
from tests.raising import raises_code


def test_a_draft_holds_what_the_notebook_and_the_stations_tell(lab: Lab, draft: Path) -> None:
    text = draft.read_text()
    assert 'stations = ["ulm", "mainz"]' in text
    assert 'columns = ["age", "disease"]' in text and '# Not named there: "height"' in text
    assert "#   high: 'heart_rate_model' is a model" in text
    proposal, before = lab.proposals.check(draft)
    assert before == ()
    assert proposal.parameters == lab.train(NOTEBOOK).parameters
    assert proposal.images == (KERNEL.digest,)
    assert (proposal.risk, proposal.version, proposal.researcher) == ("high", 1, "ada")
    with raises_code(ProposalError, "proposal-draft"):
        lab.proposals.new(draft.with_name("heart_disease.ipynb"))
    elsewhere = draft.parent / "asked"
    elsewhere.mkdir()
    other = lab.proposals.new(draft.with_name("heart_disease.ipynb"), elsewhere / "one.toml")
    assert 'notebook = "../heart_disease.ipynb"' in other.read_text()


@pytest.mark.parametrize(
    ("line", "becomes", "told"),
    [
        ('title = "Age and heart disease"', 'title = ""', "title is still empty"),
        ('stations = ["ulm", "mainz"]', 'stations = ["bonn"]', "no station 'bonn'"),
        ("journeys = 1", "journeys = 0", "journeys: "),
        ("until = 2", "until = 1", "its year is not between"),
        ("journeys = 1", "rounds = 1", "rounds: "),
        ("minimum = 18", 'minimum = "x"', "parameters: "),
        ('notebooks = ["sha256:', 'notebooks = ["sha256:0', "notebooks.0: "),
        ("id = ", "id ", "cannot be read"),
    ],
)
def test_a_draft_that_is_not_ready_says_which_line(
    lab: Lab, draft: Path, line: str, becomes: str, told: str
) -> None:
    text = draft.read_text()
    assert line in text
    draft.write_text(text.replace(line, becomes, 1))
    with pytest.raises(ProposalError) as refused:
        lab.proposals.submit(draft)
    assert told in str(refused.value)
    assert refused.value.code == "proposal-draft"


def test_a_notebook_that_changed_is_told_and_not_proposed(lab: Lab, draft: Path) -> None:
    notebook = draft.with_name("heart_disease.ipynb")
    notebook.write_text(notebook.read_text().replace("age_hist", "age_histogram"))
    with raises_code(ProposalError, "proposal-notebook"):
        lab.proposals.check(draft)


def test_a_changed_draft_is_the_next_version_and_differs_in_words(lab: Lab, draft: Path) -> None:
    first = lab.proposals.submit(draft)
    with raises_code(ProposalError, "proposal-unchanged"):
        lab.proposals.submit(draft)
    text = draft.read_text().replace("journeys = 1", "journeys = 4")
    draft.write_text(text.replace("maximum = 100", "maximum = 90"))
    second = lab.proposals.submit(draft)
    assert second.id == first.id
    assert [version.version for version in second.versions()] == [1, 2]
    assert [
        (part.heading, [(x.mark, x.text) for x in part.lines]) for part in second.differences()
    ] == [
        (
            "Parameters",
            [
                ("-", "min_age: whole number, 18 to 100, default 18"),
                ("+", "min_age: whole number, 18 to 90, default 18"),
            ],
        ),
        ("Journeys", [("-", "1 journey"), ("+", "4 journeys")]),
    ]
    with raises_code(ProposalError, "proposal-version"):
        second.differences(1, 7)


def test_a_proposal_is_shown_with_what_stations_signed_and_asked(
    lab: Lab, draft: Path, central: World
) -> None:
    submitted = lab.proposals.submit(draft)
    ulm, key = central.client("ulm").governance, central.identity("ulm")
    ulm.comment(submitted.id, NewComment(text="Why all ages?", question=True))
    newest, signed = submitted.newest(), submitted.view.versions[0].envelope
    refusal = documents.refusal(newest, signed, station="mainz").sign(central.identity("mainz"))
    central.client("mainz").governance.decide(submitted.id, "mainz", refusal)
    text = submitted.refresh().comment("Because.").text()
    assert "asks: Why all ages?" in text
    assert "mainz refused version 1: The consent does not cover this." in text
    assert "ada:\n  Because." in text
    approval = documents.approval(newest, signed, note="Fine.").sign(key)
    ulm.decide(submitted.id, "ulm", approval)
    assert "Version 1: ulm allows trains of ada with the notebook" in submitted.refresh().text()
    shown_html = submitted._repr_html_()
    assert "asks:" not in shown_html, "it has decided since"
    assert "Age and heart disease" in shown_html and "approved" in shown_html
    summary = submitted.view.summary.model_copy(update={"title": "<script>alert(1)</script>\u202e"})
    hostile = SubmittedProposal(lab.session, submitted.view.model_copy(update={"summary": summary}))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e" in hostile._repr_html_()
    forged = submitted.view.decisions[0].model_copy(
        update={"envelope": approval, "kind": "refused"}
    )
    shown = SubmittedProposal(
        lab.session, submitted.view.model_copy(update={"decisions": (forged,)})
    )
    assert "! What central shows of mainz does not hold" in shown.text()


def test_the_whole_life_by_command(lab: Lab, draft: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(draft.parent)

    def run(*words: str, code: int = 0) -> Any:
        done = CliRunner().invoke(app, ["proposal", *words])
        assert done.exit_code == code, done.output
        return done

    checked = run("check", draft.name)
    assert "version 1" in checked.stdout and "Broad consent." in checked.stdout
    assert "draft" in run("list").stdout
    name = run("submit", draft.name).stdout.strip()
    assert name.startswith("p-")
    assert "○ ulm" in run("list").stdout
    assert '"version": 1' in run("show", name[:10], "--json").stdout
    draft.write_text(f"{draft.read_text()}\n[rounds]\nmost = 3\n")
    assert "+ at most 3 rounds" in run("check", draft.name).stdout
    run("submit", draft.name)
    assert run("diff", name).stdout.splitlines() == [
        "Rounds",
        "  - none",
        "  + at most 3 rounds",
        "  + combined by the researcher's kernel",
    ]
    run("comment", name, "Three rounds now.")
    assert "Three rounds now." in run("show", name).stdout
    asked = CliRunner().invoke(app, ["proposal", "withdraw", name], input="n\n")
    assert asked.exit_code == 1
    run("withdraw", name, "--yes", "--reason", "Done elsewhere.")
    assert "withdrawn" in run("list").stdout


def test_stations_say_whether_they_allow_a_journey(lab: Lab, case: Case) -> None:
    number = next(NUMBERS)
    approval = case.allow(number)
    case.allow(number, "mainz", notebook=digest(b"another notebook"))
    said = case.say(lab)
    assert {name: one.answer for name, one in said.items()} == {"ulm": "allows", "mainz": "asks"}
    require_none_revoked(said.values())
    # Taken back: the list is what counts, whether or not central shows the revocation.
    key, ulm = case.central.identity("ulm"), case.central.client("ulm").governance
    ulm.put_active_approvals("ulm", documents.standing(number + 1).sign(key))
    said = case.say(lab)
    assert said["ulm"].answer == "revoked"
    with raises_code(ApprovalError, "approval-revoked"):
        require_none_revoked(said.values())
    ulm.put_revocation(documents.revocation(approval).sign(key))
    assert case.say(lab)["ulm"].answer == "revoked"


def test_what_was_seen_survives_and_a_broken_file_is_told(tmp_path: Path) -> None:
    seen = SeenNumbers(tmp_path / "trust" / "standing.json")
    seen.raise_to("ulm", 7)
    seen.raise_to("ulm", 3)
    again = SeenNumbers(tmp_path / "trust" / "standing.json")
    assert (again.of("ulm"), again.of("mainz")) == (7, 1)
    for broken in ("", "[]", '{"ulm": "7"}'):
        (tmp_path / "trust" / "standing.json").write_text(broken)
        with raises_code(ApprovalError, "standing-seen"):
            again.of("ulm")
