"""A researcher with a draft, and a proposal of which stations say something: fixtures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import phtlab
from phtlab.central.problems import not_found
from phtlab.governance import CoverageRequest, Proposal
from phtlab.lab.client.lab import Lab
from phtlab.lab.proposals.station_answers import SeenNumbers, StationAnswer, station_answers
from phtlab.lab.session.session import Session
from phtlab.train.canonical import digest
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.manifest import KernelRef, Train, TrainManifest
from phtlab.train.documents.order import Order
from phtlab.trust_store.trust import Trust
from phtlab.wire.api.journeys import Column, DataSetDescription, StationProfile
from tests.central.conftest import _migrate, run_central
from tests.central.world import KERNEL, World, found
from tests.governance import documents

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "heart_disease.ipynb"


@pytest.fixture(scope="module", name="central")
def central_of_two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
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


@pytest.fixture(name="lab")
def proposing_lab(central: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    client = central.client("ada")
    trust = Trust(tmp_path / "trust", client.tuf_fetcher(), client.metadata_url, client.targets_url)
    trust.pin(central.founding.consortium.root)
    made = Lab(Session(central.identity("ada"), client, trust))
    monkeypatch.setattr(phtlab, "connect", lambda: made, raising=False)
    return made


@pytest.fixture(name="draft")
def proposing_draft(lab: Lab, tmp_path: Path) -> Path:
    """A draft that is filled in."""
    notebook = tmp_path / "heart_disease.ipynb"
    shutil.copy(NOTEBOOK, notebook)
    path = lab.proposals.new(notebook)
    text = path.read_text()
    text = text.replace('title = ""', 'title = "Age and heart disease"')
    text = text.replace('question = """\n', 'question = """\nDoes it grow with age?\n')
    path.write_text(text.replace('legal_ground = """\n', 'legal_ground = """\nBroad consent.\n'))
    return path


@dataclass
class Case:
    """A submitted proposal, and a journey of it that was asked for."""

    central: World
    proposal: Proposal
    signed: Envelope
    asked: CoverageRequest
    seen: SeenNumbers

    def allow(self, number: int, station: str = "ulm", **changes: Any) -> Envelope:
        key, client = self.central.identity(station), self.central.client(station).governance
        approval = documents.approval(self.proposal, self.signed, station=station, **changes)
        envelope = approval.sign(key)
        client.decide(self.proposal.id, station, envelope)
        client.put_active_approvals(
            station, documents.standing(number, envelope, station=station).sign(key)
        )
        return envelope

    def say(self, lab: Lab, now: datetime | None = None) -> dict[str, StationAnswer]:
        said = station_answers(
            lab.central.governance,
            lab.trusted.roster,
            self.seen,
            self.asked,
            now or datetime.now(UTC),
        )
        return {one.station: one for one in said}


NUMBERS = iter(range(1, 10_000, 10))


@pytest.fixture(name="case")
def proposing_case(central: World, lab: Lab, tmp_path: Path) -> Case:
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
        train.digest,
        ("ulm", "mainz"),
        {"min_age": 40},
        ("ada",),
        1,
        proposal=signed.digest,
        now=datetime.now(UTC),
    )
    asked = CoverageRequest(
        train=train,
        order=order,
        notebook=documents.NOTEBOOK,
        researcher="ada",
        parameters={"min_age": 40},
        risk="low",
        proposal=proposal,
    )
    return Case(central, proposal, signed, asked, SeenNumbers(tmp_path / "standing.json"))


class Showing:
    """A central that shows one list for every station, or none."""

    def __init__(self, real: Any, shown: Any) -> None:
        self.approvals = real.approvals
        self._shown = shown

    def active_approvals(self, station: str) -> Any:
        if self._shown is None:
            raise not_found("none")
        return self._shown
