"""Approvals forged, altered, replayed, taken back, stretched: nothing starts that was not allowed.

Whatever a station has not approved waits there for a person, and runs nothing meanwhile.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from phtlab.demo.heart import HOSPITALS
from phtlab.demo.world import World
from phtlab.errors import ApprovalError, PhtlabError
from phtlab.files.key_file import read_key
from phtlab.governance import (
    Approval,
    CoverageRequest,
    Proposal,
    Revocation,
    open_active_approvals,
    open_approval,
    open_revocation,
)
from phtlab.governance.approval import FRESHNESS
from phtlab.governance.proposal import RequestedData, new_id
from phtlab.lab import Journey, Lab
from phtlab.lab.client.train import Train
from phtlab.lab.proposals.station_answers import SeenNumbers, station_answers
from phtlab.notebook.parameters import ParameterSchema
from phtlab.station.approvals import decisions
from phtlab.station.approvals.terms import ApprovalRequest
from phtlab.station.context.bootstrap import open_station
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import load_settings
from phtlab.station.stops import stop_files
from phtlab.train.canonical import canonical, parse_json
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.manifest import Train as SignedTrain
from phtlab.train.documents.order import Order
from phtlab.wire.api.governance import ActiveApprovalsView
from phtlab.wire.api.journeys import Offer
from phtlab.wire.central.client import CentralClient
from tests.attack.approving import ApprovingStation
from tests.attack.conftest import admitted, published
from tests.attack.judging import sign_and_offer
from tests.attack.liar import Answer, Liars
from tests.attack.liar import Asked as AskedOfCentral
from tests.e2e.written_notebook import LOAD, PUBLISH, write_notebook
from tests.evidence import Evidence
from tests.limits import LIMIT

pytestmark = pytest.mark.engine

HERE = "basel"
CENTRAL, RESEARCHER, THIEF = "hostile central", "hostile researcher", "thief of a folder"
BOUNDS = ParameterSchema(
    {"min_age": {"type": "integer", "minimum": 18, "maximum": 65, "default": 40}}
)


@pytest.fixture(scope="module")
def here(small: World, liars: Liars) -> Iterator[ApprovingStation]:
    """`basel`, whose people approve. It hears only the liars."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(HOSPITALS, HERE, HOSPITALS["switzerland"])
        admitted(small, small._found_station(HERE))
    folder = StationFolder(small.station_folder(HERE))
    folder.policy.write_text('mode = "human"\n')
    changes = {"central": liars.central.url, "roster_refresh": 1}
    settings = load_settings(folder).model_copy(update=changes)
    station = open_station(folder, settings, read_key(folder.key, small.passphrase))
    station.executor.close()
    yield ApprovingStation(station)
    station.artifacts.close()
    station.central.close()


class Trains(NamedTuple):
    low: Train
    other: Train
    high: Train


@pytest.fixture(scope="module")
def trains(small_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Trains:
    """Two of low risk, and one whose table names no column of counts."""
    place = tmp_path_factory.mktemp("trains")

    def written(name: str, *cells: str) -> Train:
        return small_lab.train(write_notebook(place / f"{name}.ipynb", *cells))

    return Trains(
        written("low", LOAD, f"{PUBLISH}# low\n"),
        written("other", LOAD, f"{PUBLISH}# other\n"),
        written("high", LOAD, PUBLISH.replace(', counts="n"', "")),
    )


@pytest.fixture(scope="module")
def known(small_lab: Lab, here: ApprovingStation, trains: Trains) -> str:
    """The approval of a train that a person gave: from here on the kernel image is known here."""
    journey = sent(small_lab, trains.low)
    assert not here.starts(journey.id)
    decisions.approve(here.station, journey.id, by="olga")
    here.daemon.step()
    assert here.starts(journey.id)
    return str(here.station.stops.stop(journey.id).read(stop_files.ADMITTED).approval)


class Study(NamedTuple):
    proposal: Proposal
    version: str
    rule: str


@pytest.fixture(scope="module")
def study(small_lab: Lab, here: ApprovingStation, trains: Trains, known: str) -> Study:
    """A proposal, and the rule by which its low-risk trains start."""
    proposal = proposed(small_lab, trains)
    signed = proposal.sign(small_lab.identity)
    small_lab.central.governance.submit_proposal(signed)
    here.daemon.exchange()
    decisions.approve(here.station, proposal.id, by="olga")
    here.daemon.step()
    here.daemon.exchange()
    (rule,) = [one.digest for one in stand(here) if one.approval.proposal == signed.digest]
    honest = sent(small_lab, trains.other, proposal=signed.digest)
    assert here.starts(honest.id)
    return Study(proposal, signed.digest, rule)


def proposed(lab: Lab, trains: Trains, **changes: Any) -> Proposal:
    now = datetime.now(UTC).replace(microsecond=0)
    values: dict[str, Any] = {
        "id": new_id(),
        "version": 1,
        "researcher": lab.name,
        "title": "Hearts by age",
        "question": "How many patients have a disease?\n",
        "legal_ground": "Consent\n",
        "datasets": (RequestedData(name="heart"),),
        "stations": (HERE,),
        "images": (trains.low.kernel.digest,),
        "parameters": BOUNDS.schema,
        "journeys": 50,
        "risk": "low",
        "issued": now,
        "until": now + timedelta(days=30),
        **changes,
    }
    return Proposal.model_validate(values)


def sent(lab: Lab, train: Train, **order: Any) -> Journey:
    return sign_and_offer(lab, train, (HERE,), **order)


def stand(here: ApprovingStation) -> list[decisions.ApprovalWithState]:
    return [one for one in decisions.list_approvals(here.station) if one.state == "active"]


def given(here: ApprovingStation, digest: str) -> Envelope:
    return Envelope.from_bytes((here.station.folder.approvals / f"{digest[7:]}.json").read_bytes())


def planted(here: ApprovingStation, envelope: Envelope) -> Path:
    """An approval that someone laid into the station's folder."""
    path = here.station.folder.approvals / f"{envelope.digest[7:]}.json"
    path.write_bytes(envelope.to_bytes())
    return path


def for_train(train: Train, lab: Lab, **changes: Any) -> Approval:
    """An approval of `train` as `basel` would sign it."""
    now = datetime.now(UTC).replace(microsecond=0)
    values: dict[str, Any] = {
        "station": HERE,
        "scope": "train",
        "researcher": lab.name,
        "train": train.digest,
        "datasets": train.manifest.datasets,
        "parameters": train.manifest.parameters,
        "risk": "high",
        "approvers": ("olga",),
        "roster_version": lab.trusted.roster.version,
        "nonce": "a" * 32,
        "issued": now,
        "expires": now + timedelta(days=30),
        **changes,
    }
    return Approval.model_validate(values)


Waited = Callable[[str, str, str], None]


@pytest.fixture
def waited(evidence: Evidence) -> Waited:
    """Tells the row of an attack after which the journey waits for a person."""

    def told(attacker: str, promise: str, code: str) -> None:
        outcome = f"not started, held for a person: `{code}`"
        evidence("attacks", attacker=attacker, promise=promise, outcome=outcome)

    return told


def test_an_approval_that_someone_else_signed(
    small_lab: Lab, here: ApprovingStation, trains: Trains, known: str, waited: Waited
) -> None:
    """By a stranger's keys, and by a member's: the researcher's own."""
    for forger in (Identity.generate(HERE), small_lab.identity):
        forged = for_train(trains.high, small_lab).sign(forger)
        laid = planted(here, forged)
        code = here.why_not(sent(small_lab, trains.high).id)
        with pytest.raises(PhtlabError):
            small_lab.central.governance.put_approval(forged)
        laid.unlink()
    assert code == "approval-role"
    waited(RESEARCHER, "cannot forge an approval of a station", code)


def test_an_approval_that_was_changed(
    small_lab: Lab, here: ApprovingStation, trains: Trains, known: str, waited: Waited
) -> None:
    """The station's own approval of one train, rewritten to another and a higher risk."""
    signed = given(here, known)
    statement = parse_json(base64.b64decode(signed.payload))
    statement["predicate"] |= {"train": trains.high.digest, "risk": "high"}
    statement["subject"][0]["digest"]["sha256"] = trains.high.digest.removeprefix("sha256:")
    payload = base64.b64encode(canonical(statement)).decode()
    laid = planted(here, signed.model_copy(update={"payload": payload}))
    code = here.why_not(sent(small_lab, trains.high).id)
    laid.unlink()
    assert code == "signature"
    waited(THIEF, "cannot change what a station approved", code)


def test_an_approval_used_for_another_train(
    small_lab: Lab, here: ApprovingStation, trains: Trains, known: str, waited: Waited
) -> None:
    """Under another name too: its digest says which it is, not its file."""
    copy = here.station.folder.approvals / f"{trains.other.digest[7:]}.json"
    copy.write_bytes(given(here, known).to_bytes())
    code = here.why_not(sent(small_lab, trains.other).id)
    copy.unlink()
    assert code == "approval-train"
    waited(RESEARCHER, "cannot use an approval for another train", code)


def test_another_station_s_approval_in_this_one_s_folder(
    small: World,
    small_lab: Lab,
    here: ApprovingStation,
    trains: Trains,
    known: str,
    waited: Waited,
) -> None:
    folder = StationFolder(small.station_folder("hungary"))
    theirs = for_train(trains.other, small_lab, station="hungary")
    signed = theirs.sign(read_key(folder.key, small.passphrase))
    assert open_approval(signed, small_lab.trusted.roster) == theirs  # it is theirs, and good
    laid = planted(here, signed)
    code = here.why_not(sent(small_lab, trains.other).id)
    laid.unlink()
    assert code == "approval-station"
    waited(THIEF, "cannot use another station's approval", code)


def test_parameters_outside_of_what_was_approved(
    small_lab: Lab, here: ApprovingStation, trains: Trains, study: Study, waited: Waited
) -> None:
    """The train itself would take them."""
    journey = sent(small_lab, trains.other, proposal=study.version, parameters={"min_age": 80})
    code = here.why_not(journey.id)
    assert code == "proposal-parameters"
    waited(RESEARCHER, "cannot run with parameters outside of the approved bounds", code)


def test_parameters_outside_of_a_narrower_approval(
    small_lab: Lab, here: ApprovingStation, trains: Trains, study: Study, waited: Waited
) -> None:
    """A person allowed less than the proposal asks for."""
    proposal = proposed(small_lab, trains)
    small_lab.central.governance.submit_proposal(proposal.sign(small_lab.identity))
    here.daemon.exchange()
    wanted = ApprovalRequest(bounds={"min_age": "40..50"})
    decisions.approve(here.station, proposal.id, by="olga", request=wanted)
    here.daemon.step()
    version = proposal.sign(small_lab.identity).digest
    journey = sent(small_lab, trains.other, proposal=version, parameters={"min_age": 60})
    code = here.why_not(journey.id)
    assert code == "approval-parameters"
    waited(RESEARCHER, "cannot go beyond bounds that a station narrowed", code)


def test_a_low_risk_rule_for_a_high_risk_train(
    small_lab: Lab, here: ApprovingStation, trains: Trains, study: Study, waited: Waited
) -> None:
    """The researcher's proposal says that its risk is low: the station works it out by itself."""
    code = here.why_not(sent(small_lab, trains.high, proposal=study.version).id)
    assert code == "approval-risk"
    waited(RESEARCHER, "cannot pass a high-risk train off under a rule for low-risk ones", code)


def test_another_version_of_a_proposal_than_the_approved_one(
    small_lab: Lab, here: ApprovingStation, trains: Trains, study: Study, waited: Waited
) -> None:
    """The next version asks for more; the approval was of the one before."""
    newer = proposed(
        small_lab,
        trains,
        id=study.proposal.id,
        version=2,
        previous=study.version,
        parameters=trains.low.manifest.parameters,
        journeys=1000,
    ).sign(small_lab.identity)
    small_lab.central.governance.submit_proposal(newer)
    here.daemon.exchange()
    journey = sent(small_lab, trains.other, proposal=newer.digest, parameters={"min_age": 80})
    code = here.why_not(journey.id)
    assert code == "approval-proposal"
    assert here.starts(sent(small_lab, trains.other, proposal=study.version).id)
    waited(RESEARCHER, "cannot swap a proposal's version after its approval", code)


def test_a_version_that_is_swapped_in_while_a_person_reads_the_one_before(
    small_lab: Lab, here: ApprovingStation, trains: Trains, evidence: Evidence
) -> None:
    """The researcher sends version 2 after the operator read version 1, and before the yes."""
    proposal = proposed(small_lab, trains)
    first = proposal.sign(small_lab.identity)
    small_lab.central.governance.submit_proposal(first)
    here.daemon.exchange()
    read = decisions.preview(here.station, proposal.id, by="olga").sentence
    newer = proposed(
        small_lab, trains, id=proposal.id, version=2, previous=first.digest, journeys=9
    )
    small_lab.central.governance.submit_proposal(newer.sign(small_lab.identity))
    here.daemon.exchange()
    with pytest.raises(ApprovalError) as by_sentence:
        decisions.approve(here.station, proposal.id, by="olga", seen=read)
    with pytest.raises(ApprovalError) as by_version:
        decisions.approve(here.station, proposal.id, by="olga", version=first.digest[7:19])
    with pytest.raises(ApprovalError) as refused:
        decisions.refuse(here.station, proposal.id, by="olga", version=first.digest)
    codes = {told.value.code for told in (by_sentence, by_version, refused)}
    assert codes == {"approval-shown"}
    here.daemon.step()
    assert not [one for one in stand(here) if one.approval.proposal_id == proposal.id]
    evidence(
        "attacks",
        attacker=RESEARCHER,
        promise="cannot slip a new version of a proposal under the yes or no to the one before",
        outcome="refused (`approval-shown`); nothing is signed",
    )


def test_another_proposal_in_the_place_of_the_approved_version(
    small_lab: Lab,
    here: ApprovingStation,
    liars: Liars,
    trains: Trains,
    study: Study,
    waited: Waited,
) -> None:
    """Its researcher signs a second version 1, and central shows it instead of the first."""
    swapped = study.proposal.model_copy(update={"parameters": trains.low.manifest.parameters})
    signed = swapped.sign(small_lab.identity)

    def lie(_: AskedOfCentral, answer: Answer) -> Answer:
        view = json.loads(answer.content)
        view["versions"] = view["versions"][:1]
        view["versions"][0] |= {
            "digest": signed.digest,
            "envelope": signed.model_dump(mode="json"),
        }
        return answer.saying(json.dumps(view).encode())

    here.again()
    with liars.central.lying("GET", rf"/proposals/{study.proposal.id}$", lie) as lying:
        here.daemon.exchange()
    assert lying.told
    assert here.station.folder.proposals.joinpath(
        study.proposal.id, f"{study.version[7:]}.json"
    ).exists()
    assert not list(here.station.folder.proposals.rglob(f"{signed.digest[7:]}.json"))
    journey = sent(small_lab, trains.other, proposal=signed.digest, parameters={"min_age": 80})
    code = here.why_not(journey.id)
    assert code == "approval-proposal"
    waited(CENTRAL, "cannot show another proposal as the approved version", code)


def test_a_revocation_that_central_holds_back(
    small_lab: Lab,
    deceived: Lab,
    here: ApprovingStation,
    liars: Liars,
    trains: Trains,
    tmp_path: Path,
    known: str,
    evidence: Evidence,
) -> None:
    """Central takes it and tells nobody. The station does not ask central; a researcher who has
    seen a newer list sees that this one is old, and others believe it a day at most."""
    journey = sent(small_lab, trains.low, nonce="b" * 32)
    assert here.starts(journey.id)
    here.daemon.exchange()
    governance = deceived.central.governance
    old = governance.active_approvals(HERE)

    def hidden(_: AskedOfCentral, answer: Answer) -> Answer:
        return Answer(200, answer.headers, old.model_dump_json().encode())

    decisions.revoke(here.station, known, by="olga", reason="a mistake")
    here.daemon.step()
    here.daemon.exchange()
    newest = governance.active_approvals(HERE)
    assert known not in peek(newest.envelope).predicate["approvals"]

    roster, now = small_lab.refresh().roster, here.now
    seen = SeenNumbers(tmp_path / "standing.json")
    asked = asked_of(small_lab, trains.low, journey)
    station_answers(governance, roster, seen, asked, now)
    with liars.central.lying("GET", f"/standing/{HERE}$", hidden):
        with pytest.raises(ApprovalError) as rolled_back:
            station_answers(governance, roster, seen, asked, now)
        assert (
            ActiveApprovalsView.model_validate(governance.active_approvals(HERE)).number
            == old.number
        )
        with pytest.raises(ApprovalError) as stale:
            later = now + FRESHNESS
            open_active_approvals(
                governance.active_approvals(HERE).envelope, roster, station=HERE, now=later
            )
        assert here.why_not(sent(small_lab, trains.low, nonce="c" * 32).id) == "approval-revoked"
    assert (rolled_back.value.code, stale.value.code) == ("standing-rolled-back", "standing-stale")
    evidence(
        "attacks",
        attacker=CENTRAL,
        promise="cannot hide a revocation from its station, nor from others past a day",
        outcome="the station held it: `approval-revoked`; an old list was refused: "
        "`standing-rolled-back`, and a day later: `standing-stale`",
    )


def asked_of(lab: Lab, train: Train, journey: Journey) -> CoverageRequest:
    return CoverageRequest(
        train=SignedTrain(
            digest=train.digest,
            repository=train.repository,
            author=lab.name,
            manifest=train.manifest,
        ),
        order=Order.model_validate(peek(journey.view.order).predicate),
        notebook=train.manifest.files[0].sha256,
        researcher=lab.name,
        parameters={"min_age": 40},
        risk="low",
    )


def test_a_revocation_that_another_signed(
    small: World,
    small_lab: Lab,
    here: ApprovingStation,
    liars: Liars,
    trains: Trains,
    study: Study,
    evidence: Evidence,
) -> None:
    """Else anyone could end what a station allowed. Central shows it all the same."""
    hungary = read_key(StationFolder(small.station_folder("hungary")).key, small.passphrase)
    revocation = Revocation(
        station=HERE,
        approval=study.rule,
        by="olga",
        roster_version=small_lab.trusted.roster.version,
        issued=datetime.now(UTC),
    ).sign(hungary)
    with (
        CentralClient(small.central_url, hungary) as central,
        pytest.raises(ApprovalError) as told,
    ):
        central.governance.put_revocation(revocation)

    def shown(_: AskedOfCentral, answer: Answer) -> Answer:
        page = json.loads(answer.content)
        forged = revocation.model_dump(mode="json")
        taken = [
            view | {"revocation": forged}
            for view in page["approvals"]
            if view["digest"] == study.rule
        ]
        return answer.saying(json.dumps(page | {"approvals": taken}).encode())

    here.again()
    with liars.central.lying("GET", f"/approvals.*station={HERE}", shown) as lying:
        here.daemon.exchange()
    assert lying.told
    assert study.rule in [one.digest for one in stand(here)]
    evidence(
        "attacks",
        attacker=CENTRAL,
        promise="cannot take a station's approval back in its name",
        outcome=f"refused: `{told.value.code}`",
    )


def test_a_revocation_that_another_station_signed_in_its_own_name(
    small: World,
    small_lab: Lab,
    here: ApprovingStation,
    liars: Liars,
    trains: Trains,
    study: Study,
    evidence: Evidence,
) -> None:
    """Each signature of it is good: it names hungary, and hungary signed. Central passes it on as
    the taking back of an approval of this station's."""
    hungary = read_key(StationFolder(small.station_folder("hungary")).key, small.passphrase)
    revocation = Revocation(
        station="hungary",
        approval=study.rule,
        by="olga",
        roster_version=small_lab.trusted.roster.version,
        issued=datetime.now(UTC),
    ).sign(hungary)
    assert open_revocation(revocation, small_lab.trusted.roster).approval == study.rule

    def shown(_: AskedOfCentral, answer: Answer) -> Answer:
        page = json.loads(answer.content)
        theirs = revocation.model_dump(mode="json")
        taken = [
            view | {"revocation": theirs}
            for view in page["approvals"]
            if view["digest"] == study.rule
        ]
        assert taken
        return answer.saying(json.dumps(page | {"approvals": taken}).encode())

    here.again()
    with liars.central.lying("GET", f"/approvals.*station={HERE}", shown) as lying:
        here.daemon.exchange()
    assert lying.told
    assert study.rule in [one.digest for one in stand(here)]
    assert here.starts(sent(small_lab, trains.other, proposal=study.version, nonce="e" * 32).id)
    evidence(
        "attacks",
        attacker=CENTRAL,
        promise="cannot take a station's approval back with another station's signature",
        outcome="not taken over: the approval stands, and its journey started",
    )


def test_an_approval_by_keys_that_were_revoked(
    small: World,
    small_lab: Lab,
    here: ApprovingStation,
    trains: Trains,
    study: Study,
    waited: Waited,
) -> None:
    """The station's keys were stolen and replaced; what the old ones signed allows nothing."""
    folder = here.station.folder
    stolen = read_key(folder.key, small.passphrase)
    forged = for_train(trains.high, small_lab).sign(stolen)
    laid = planted(here, forged)
    assert here.starts(sent(small_lab, trains.high).id)  # as long as the keys are on the roster
    consortium = small.consortium
    before = consortium.roster.member(HERE)
    fresh = Identity.generate(HERE)
    consortium.rotate_member(
        Member(name=HERE, organisation=before.organisation, roles=before.roles, keys=fresh.public),
        stolen=True,
    )
    published(small, consortium)
    until_known(here, consortium.roster.version)
    journey = sent(small_lab, trains.high, nonce="d" * 32)
    offer = next(o for o in offers(small, fresh) if o.journey == journey.id)
    here.daemon.receive(offer)
    stop = here.settle(journey.id)
    code = str(stop.read(stop_files.HELD).code)
    laid.unlink()
    assert stop.state == "held"
    assert code == "not-on-roster"
    waited(THIEF, "cannot approve with keys that a station has no more", code)


def until_known(here: ApprovingStation, version: int) -> None:
    end = time.monotonic() + LIMIT
    while here.station.roster_cache.now().roster.version < version:
        assert time.monotonic() < end
        time.sleep(0.2)


def offers(world: World, identity: Identity) -> tuple[Offer, ...]:
    with CentralClient(world.central_url, identity) as central:
        return central.inbox(0, 0).offers
