"""`lab.proposals`: a draft becomes a version, versions differ, and stations' lists are believed
only as far as they were signed, fresh and new."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner

import phtlab
from phtlab.cli.main import app
from phtlab.errors import ApprovalError, ProposalError, SignatureError
from phtlab.governance import Asked, Proposal
from phtlab.lab.lab import Lab
from phtlab.lab.proposal import SubmittedProposal
from phtlab.lab.proposal_standing import (
    SeenNumbers,
    StationSays,
    require_none_revoked,
    stations_say,
)
from phtlab.train.canonical import digest
from phtlab.train.envelope import Envelope
from phtlab.train.manifest import KernelRef, Train, TrainManifest
from phtlab.train.order import Order
from phtlab.train.trust import Trust
from phtlab.wire.api import Column, DataSetDescription, StationProfile
from phtlab.wire.governance import NewComment
from tests.central.conftest import _migrate, run_central
from tests.central.world import KERNEL, World, found
from tests.governance import documents

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "heart_disease.ipynb"


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    place = tmp_path_factory.mktemp("proposals")
    url = f"sqlite:///{place / 'central.sqlite'}"
    _migrate(url)
    for world in run_central(url, found(place)):
        columns = [Column(name=name, type="integer") for name in ("age", "disease", "height")]
        heart = DataSetDescription(
            name="heart", columns=tuple(columns), schema_digest=digest(b"schema")
        )
        for station in ("ulm", "mainz"):
            world.client(station).put_profile(StationProfile(datasets=(heart,)))
        yield world


@pytest.fixture
def lab(central: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    client = central.client("ada")
    trust = Trust(tmp_path / "trust", client.tuf_fetcher(), client.metadata_url, client.targets_url)
    trust.pin(central.founding.consortium.root)
    made = Lab(central.identity("ada"), client, trust)
    monkeypatch.setattr(phtlab, "connect", lambda: made, raising=False)
    return made


@pytest.fixture
def draft(lab: Lab, tmp_path: Path) -> Path:
    """A draft that is filled in."""
    notebook = tmp_path / "heart_disease.ipynb"
    shutil.copy(NOTEBOOK, notebook)
    path = lab.proposals.new(notebook)
    text = path.read_text()
    text = text.replace('title = ""', 'title = "Age and heart disease"')
    text = text.replace('question = """\n', 'question = """\nDoes it grow with age?\n')
    path.write_text(text.replace('legal_ground = """\n', 'legal_ground = """\nBroad consent.\n'))
    return path


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
    with pytest.raises(ProposalError, match="is there already"):
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
        ("until = 2", "until = 1", "which is over"),
        ("rounds = 1", "rond = 1", "rond: "),
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
    assert told in refused.value.message
    assert refused.value.code == "proposal-draft"


def test_a_notebook_that_changed_is_told_and_not_proposed(lab: Lab, draft: Path) -> None:
    notebook = draft.with_name("heart_disease.ipynb")
    notebook.write_text(notebook.read_text().replace("age_hist", "age_histogram"))
    with pytest.raises(ProposalError, match="If the change is meant") as refused:
        lab.proposals.check(draft)
    assert refused.value.code == "proposal-notebook"


def test_a_changed_draft_is_the_next_version_and_differs_in_words(lab: Lab, draft: Path) -> None:
    first = lab.proposals.submit(draft)
    with pytest.raises(ProposalError, match="asks for the same") as refused:
        lab.proposals.submit(draft)
    assert refused.value.code == "proposal-unchanged"
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
    with pytest.raises(ProposalError, match="no version 7"):
        second.differences(1, 7)


def test_versions_that_central_shows_wrongly_are_refused(lab: Lab, draft: Path) -> None:
    lab.proposals.submit(draft)
    draft.write_text(draft.read_text().replace("journeys = 1", "journeys = 4"))
    view = lab.proposals.submit(draft).view
    other = documents.proposal().sign(lab.identity)
    first, second = view.versions
    swapped = first.model_copy(update={"envelope": other})
    mixed = Envelope(
        payload=second.envelope.payload,
        payloadType=second.envelope.payloadType,
        signatures=first.envelope.signatures,
    )
    for shown, error in (
        ((second,), ProposalError),  # the first one is hidden
        ((second, first), ProposalError),
        ((first, second, second), ProposalError),
        ((swapped, second), ProposalError),
        ((), ProposalError),
        ((first, second.model_copy(update={"envelope": mixed})), SignatureError),
    ):
        forged = SubmittedProposal(lab, view.model_copy(update={"versions": shown}))
        with pytest.raises(error):
            forged.newest()


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
    forged = submitted.view.decisions[0].model_copy(
        update={"envelope": approval, "kind": "refused"}
    )
    shown = SubmittedProposal(lab, submitted.view.model_copy(update={"decisions": (forged,)}))
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
    draft.write_text(draft.read_text().replace("rounds = 1", "rounds = 3"))
    assert "+ 3 rounds" in run("check", draft.name).stdout
    run("submit", draft.name)
    assert run("diff", name).stdout.splitlines() == ["Rounds", "  - 1 round", "  + 3 rounds"]
    run("comment", name, "Three rounds now.")
    assert "Three rounds now." in run("show", name).stdout
    asked = CliRunner().invoke(app, ["proposal", "withdraw", name], input="n\n")
    assert asked.exit_code == 1
    run("withdraw", name, "--yes", "--reason", "Done elsewhere.")
    assert "withdrawn" in run("list").stdout


# What stations say before a journey


@dataclass
class Case:
    """A submitted proposal, and a journey of it that was asked for."""

    central: World
    proposal: Proposal
    signed: Envelope
    asked: Asked
    seen: SeenNumbers

    def allow(self, number: int, station: str = "ulm", **changes: Any) -> Envelope:
        key, client = self.central.identity(station), self.central.client(station).governance
        approval = documents.approval(self.proposal, self.signed, station=station, **changes)
        envelope = approval.sign(key)
        client.decide(self.proposal.id, station, envelope)
        client.put_standing(
            station, documents.standing(number, envelope, station=station).sign(key)
        )
        return envelope

    def say(self, lab: Lab, now: datetime | None = None) -> dict[str, StationSays]:
        said = stations_say(
            lab.central.governance,
            lab.trusted.roster,
            self.seen,
            self.asked,
            now or datetime.now(UTC),
        )
        return {one.station: one for one in said}


_NUMBER = iter(range(1, 10_000, 10))


@pytest.fixture
def case(central: World, lab: Lab, tmp_path: Path) -> Case:
    proposal = documents.proposal(images=(KERNEL.digest,))
    signed = proposal.sign(lab.identity)
    lab.central.governance.submit_proposal(signed)
    manifest = TrainManifest(
        name="heart",
        kernel=KernelRef(name="python", language="python", digest=KERNEL.digest),
        parameters=documents.BOUNDS,
        outputs=(),
        datasets=("heart",),
        files=(),
    )
    train = Train(
        digest=digest(b"train"), repository="trains/ada/heart", author="ada", manifest=manifest
    )
    order = Order.new(
        train.digest, ("ulm", "mainz"), {"min_age": 40}, ("ada",), 1, proposal=signed.digest
    )
    asked = Asked(
        train=train,
        order=order,
        notebook=documents.NOTEBOOK,
        researcher="ada",
        parameters={"min_age": 40},
        risk="low",
        proposal=proposal,
    )
    return Case(central, proposal, signed, asked, SeenNumbers(tmp_path / "standing.json"))


def test_stations_say_whether_they_allow_a_journey(lab: Lab, case: Case) -> None:
    number = next(_NUMBER)
    approval = case.allow(number)
    case.allow(number, "mainz", notebook=digest(b"another notebook"))
    said = case.say(lab)
    assert {name: one.says for name, one in said.items()} == {"ulm": "allows", "mainz": "asks"}
    require_none_revoked(said.values())
    # Taken back: the list is what counts, whether or not central shows the revocation.
    key, ulm = case.central.identity("ulm"), case.central.client("ulm").governance
    ulm.put_standing("ulm", documents.standing(number + 1).sign(key))
    said = case.say(lab)
    assert said["ulm"].says == "revoked"
    with pytest.raises(ApprovalError, match="leave it out: ulm") as refused:
        require_none_revoked(said.values())
    assert refused.value.code == "approval-revoked"
    ulm.put_revocation(documents.revocation(approval).sign(key))
    assert case.say(lab)["ulm"].says == "revoked"


def test_a_list_that_central_rolls_back_hides_or_swaps_is_an_error(lab: Lab, case: Case) -> None:
    number = next(_NUMBER)
    for station in ("ulm", "mainz"):
        case.allow(number, station)
    key = case.central.identity("ulm")
    older, newer = lab.central.governance.standing("ulm"), number + 1
    case.central.client("ulm").governance.put_standing("ulm", documents.standing(newer).sign(key))
    assert case.say(lab)["ulm"].says == "revoked"
    mainz = lab.central.governance.standing("mainz")
    altered = Envelope(
        payload=mainz.envelope.payload,
        payloadType=mainz.envelope.payloadType,
        signatures=older.envelope.signatures,
    )
    for envelope, code in (
        (older.envelope, "standing-rolled-back"),
        (mainz.envelope, "standing-station"),
        (altered, "signature"),
    ):
        hostile = _Showing(lab.central.governance, older.model_copy(update={"envelope": envelope}))
        with pytest.raises((ApprovalError, SignatureError)) as refused:
            stations_say(hostile, lab.trusted.roster, case.seen, case.asked, datetime.now(UTC))
        assert refused.value.code == code
    hiding = _Showing(lab.central.governance, None)
    with pytest.raises(ApprovalError, match="was seen before") as hidden:
        stations_say(hiding, lab.trusted.roster, case.seen, case.asked, datetime.now(UTC))
    assert hidden.value.code == "standing-rolled-back"


def test_a_revocation_can_be_held_back_for_a_day_and_no_longer(lab: Lab, case: Case) -> None:
    case.allow(next(_NUMBER))
    assert case.say(lab)["ulm"].says == "allows"
    late = case.say(lab, datetime.now(UTC) + timedelta(hours=24))["ulm"]
    assert late.says == "unknown"
    assert "ask the station whether its approval stands" in late.sentence


def test_what_was_seen_survives_and_a_broken_file_is_told(tmp_path: Path) -> None:
    seen = SeenNumbers(tmp_path / "trust" / "standing.json")
    seen.raise_to("ulm", 7)
    seen.raise_to("ulm", 3)
    again = SeenNumbers(tmp_path / "trust" / "standing.json")
    assert (again.of("ulm"), again.of("mainz")) == (7, 1)
    for broken in ("", "[]", '{"ulm": "7"}'):
        (tmp_path / "trust" / "standing.json").write_text(broken)
        with pytest.raises(ApprovalError, match="Delete it"):
            again.of("ulm")


class _Showing:
    """A central that shows one list for every station, or none."""

    def __init__(self, real: Any, shown: Any) -> None:
        self.approvals = real.approvals
        self._shown = shown

    def standing(self, station: str) -> Any:
        from phtlab.central.problems import not_found

        if self._shown is None:
            raise not_found("none")
        return self._shown
