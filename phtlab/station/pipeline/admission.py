"""Admission: verify an offered stop, then decide by policy or approval whether it may run."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from phtlab.errors import ApprovalError, OrderReplayedError, PhtlabError, TrainError
from phtlab.files.durable_file import sync_folder, write_durably
from phtlab.governance.risk import Assessment
from phtlab.notebook import ParameterSchema, parameterize
from phtlab.station.airlock.received_values import received_file
from phtlab.station.approvals.agreement import has_agreed
from phtlab.station.approvals.coverage import (
    Coverage,
    assessed,
    find_coverage,
    proposal_end_code,
)
from phtlab.station.approvals.store import Approvals
from phtlab.station.approvals.subject import coverage_request, study_of
from phtlab.station.backup.restore import require_issued_since, require_recorded_since
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.data.datasets import DataSet, check_columns
from phtlab.station.executor.contract import Limits
from phtlab.station.executor.sandbox import IN, data_target
from phtlab.station.pipeline.received import give_to_run, receive
from phtlab.station.pipeline.rounds.round_files import RoundFiles
from phtlab.station.policy.policy import Decision, Policy, decide, refuse_by_lists
from phtlab.station.stops import stop_files
from phtlab.station.stops.file_contents import Admission, Ending, Hold
from phtlab.station.stops.file_contents import VerifiedOffer as VerifiedOffer
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.sentences import APPROVAL
from phtlab.station.stops.stop import Stop, settings_file
from phtlab.train.canonical import canonical
from phtlab.train.documents.envelope import open_statement
from phtlab.train.documents.manifest import Train
from phtlab.train.documents.order import ORDER_TYPE, Order
from phtlab.train.documents.roster import KernelImage, Roster
from phtlab.train.image.verification import (
    ImageLimits,
    verify_image,
)
from phtlab.train.verify import (
    DepartedStop,
    SignedJourney,
    verify_order,
    verify_train,
    verify_turn,
)
from phtlab.wire.api.journeys import EarlierJourney

_GRACE_INSIDE = 2.0
_EXPIRED = "The order expired after it was admitted, before its run could start."
_ADMITTING = threading.Lock()
_log = structlog.get_logger("phtlab.station")


def verify(stop: Stop, station: DaemonContext) -> None:
    """Offered to verified: check signatures, roster, time, route, parameters and image."""
    trusted = station.roster_cache.now(at_least_as_new_as=stop.claimed_order().roster_version)
    train, order, researcher = _documents(stop, station, trusted.roster)
    require_issued_since(station.folder, order)
    before = _turn(stop, station, train, order, trusted.roster)
    if not station.stops.take_nonce(order.nonce, stop):
        raise OrderReplayedError(
            f"{station.name} has followed an order with this nonce before.",
            "An order is for one journey: dispatch the train again.",
        )
    kernel = trusted.catalogue.image(train.manifest.kernel.digest)
    parameters = ParameterSchema.from_schema(train.manifest.parameters).validate(order.parameters)
    limits = ImageLimits()
    parts = station.artifacts.fetch(train.repository, train.digest, limits)
    files = verify_image(
        parts.manifest,
        parts.config,
        parts.layer,
        train_manifest=train.manifest,
        digest=train.digest,
        kernel=kernel,
        limits=limits,
    )
    notebook = _notebook(train, dict(files))
    parameterize(notebook, parameters)
    received = None
    if before is not None:
        # Nothing is fetched for an order that would be refused anyway.
        refused = refuse_by_lists(
            station.policy(),
            order,
            train,
            researcher=researcher,
            station=station.name,
            present=station.datasets(),
        )
        if refused is not None:
            _refuse(stop, refused.code, refused.sentence)
            return
        received = receive(stop, station, train.manifest, before)
    # Reviewers of the train see what the image's settings list.
    carried = {"notebook.ipynb": notebook, "config.json": parts.config}
    newest = trusted.catalogue.named(kernel.name)
    if newest != kernel:
        carried |= _carried_by(newest, station)
    _keep_whole(stop.train, carried)
    offer = VerifiedOffer(
        train=train,
        order=order,
        researcher=researcher,
        kernel=kernel,
        roster_version=trusted.roster.version,
        parameters=parameters,
        previous=before.envelope.digest if before else None,
        received=received,
    )
    stop.write(stop_files.VERIFIED, offer)


def _turn(
    stop: Stop, station: DaemonContext, train: Train, order: Order, roster: Roster
) -> DepartedStop | None:
    """Verify that it is this station's turn; return the stop before, which handed on to it.

    Of one record at most one journey goes on here: OrderReplayedError (``order-continued``).
    """
    offer = stop.offer()
    before = verify_turn(
        order,
        journey=stop.journey,
        station=station.name,
        train=train,
        roster=roster,
        now=station.now(),
        records=offer.previous,
        continued=[SignedJourney(other.order, other.records) for other in offer.continued],
    )
    if before is None:
        return None
    require_recorded_since(station.folder, before.record)
    left_out = any(_leaves_out_own_stop(other, station) for other in offer.continued)
    if left_out or not station.stops.take_record(before.envelope.digest, stop):
        raise OrderReplayedError(
            f"{station.name} has gone on from the stop at {before.record.station} before.",
            "A journey is continued once from each stop: dispatch the train again.",
            code="order-continued",
        )
    return before


def _leaves_out_own_stop(other: EarlierJourney, station: DaemonContext) -> bool:
    """Whether this station departed in the journey `other`, and its record is not among those."""
    own = station.stops.stop(other.order.digest)
    if not own.has(Marker.RECORD) or own.final_record().outcome != "departed":
        return False
    return own.record().digest not in [record.digest for record in other.records]


def _carried_by(newest: KernelImage, station: DaemonContext) -> dict[str, bytes]:
    """Fetch the settings of the catalogue's newest image, to compare the train's image with.

    A train does not wait for a newer image: if it cannot be fetched, the review lacks the
    comparison.
    """
    try:
        return {settings_file(newest.digest): station.artifacts.settings_of(newest)}
    except PhtlabError as error:
        _log.warning("newest kernel image not compared", image=newest.digest, code=error.code)
        return {}


def admit(stop: Stop, station: DaemonContext) -> None:
    """Verified to held, admitted or refused: by the policy, or by an active approval."""
    # A held stop may have waited for days: its signer may no longer be a member.
    trusted = station.roster_cache.now()
    _documents(stop, station, trusted.roster)
    offer = stop.verified_offer()
    trusted.catalogue.image(offer.kernel.digest)
    policy = station.policy()
    if policy.approval.agreement and not has_agreed(station, trusted, offer.researcher):
        _refuse(stop, "agreement-missing", APPROVAL["agreement-missing"])
        return
    # One at a time: the limit on a proposal's journeys counts those admitted before.
    with _ADMITTING:
        _admit(stop, station, offer, policy)


def _admit(stop: Stop, station: DaemonContext, offer: VerifiedOffer, policy: Policy) -> None:
    datasets = station.datasets()
    risk = assessed(offer, station)
    decision = decide(
        policy,
        offer.order,
        offer.train,
        researcher=offer.researcher,
        station=station.name,
        present=datasets,
        risk=risk.risk,
    )
    covered = Coverage()
    if decision.verdict == "hold":
        study = study_of(offer.order.proposal, station)
        question = coverage_request(stop, offer, station, risk.risk, study)
        covered = find_coverage(station, question)
        decision = _approved(stop, decision, covered, proposal_end_code(station, offer.order))
    if decision.verdict == "refuse":
        _refuse(stop, decision.code, decision.sentence)
        return
    if decision.verdict == "hold":
        stop.write(
            stop_files.HELD, _held(decision, risk, covered, policy.approval.persons(risk.risk))
        )
        return
    combines = offer.order.aggregator == station.name
    used = {} if combines else {name: datasets[name] for name in offer.train.manifest.datasets}
    for dataset in used.values():
        dataset.require()
        if not station.settings.twin:
            check_columns(dataset)  # checked now, since a run sees the whole current file
    limits = policy.limits.limits(station.settings.gpus)
    job = _job(stop, offer, used, limits, combines=combines)
    _keep_whole(stop.job, job, readable_by_all=True)
    _keep_received(stop, offer)
    if offer.order.rounds is not None:
        RoundFiles.of(stop).create()
    admission = Admission(
        sentence=decision.sentence,
        approval=covered.digest,
        data={name: str(dataset.path.absolute()) for name, dataset in used.items()},
        schemas={name: dataset.schema.digest for name, dataset in used.items()},
        twin=station.settings.twin,
        limits=limits,
        combines=combines,
    )
    stop.write(stop_files.ADMITTED, admission)


def _refuse(stop: Stop, code: str, sentence: str) -> None:
    refusal = Ending(outcome="refused", code=code, sentence=sentence)
    stop.write(stop_files.ENDING, refusal)


def ending_of_lapsed(stop: Stop, station: DaemonContext) -> Ending | None:
    """Return how an admitted stop ends that may not continue; None if it may.

    Before it started: for an expired order, a withdrawn proposal, or an approval that is no longer
    active, since it may have waited for long. After it started: only for an approval whose
    revocation requests to stop runs.
    """
    if not stop.has(Marker.ADMITTED):
        return None
    approvals = Approvals(station.folder)
    approval = stop.read(stop_files.ADMITTED).approval
    if stop.has(Marker.STARTING):
        revoked = approval is not None and approvals.revoked(approval)
        if not (approval and revoked and approvals.requested_revocation(approval).get("stop_runs")):
            return None
        code = "approval-revoked"
        return Ending(outcome="cancelled", code=code, sentence=APPROVAL[code])
    order = stop.verified_offer().order
    if station.now() >= order.expires:
        return Ending(outcome="refused", code="order-expired", sentence=_EXPIRED)
    code = "proposal-withdrawn" if proposal_end_code(station, order) == "proposal-withdrawn" else ""
    if approval is not None:
        code = _ended(approvals, approval, station) or code
    return Ending(outcome="refused", code=code, sentence=APPROVAL[code]) if code else None


def _ended(approvals: Approvals, approval: str, station: DaemonContext) -> str:
    """Return the code for why an approval no longer applies, or "" if it does."""
    if approvals.revoked(approval):
        return "approval-revoked"
    try:
        kept = approvals.get(approval)
    except ApprovalError:
        return "approval-void"  # its file was removed
    state = approvals.state(kept, station.name, station.now(), station.roster_cache.now().roster)
    return "" if state == "active" else f"approval-{state}"


def _job(
    stop: Stop,
    offer: VerifiedOffer,
    used: Mapping[str, DataSet],
    limits: Limits,
    *,
    combines: bool,
) -> dict[str, bytes]:
    """Return the files that the run will see, by name."""
    job: dict[str, Any] = {
        "version": 1,
        "kernel": offer.kernel.kernelspec,
        "seconds": limits.seconds,
        "grace": min(_GRACE_INSIDE, limits.grace_seconds),
        "datasets": {
            name: {
                "path": data_target(name, dataset.path),
                "format": dataset.format,
                "columns": dataset.schema.column_types(),
            }
            for name, dataset in used.items()
        },
        "outputs": [output.model_dump(mode="json") for output in offer.train.manifest.outputs],
        "received": _received(offer),
    }
    rounds = offer.train.manifest.rounds
    if rounds is not None and combines:
        job["rounds"] = {"cells": rounds.combine, "combine": [], "first": 1, "aggregates": True}
        job["parameters"] = offer.parameters
    elif rounds is not None:
        job["rounds"] = {"cells": rounds.cells, "combine": rounds.combine, "first": 1}
    notebook = (stop.train / "notebook.ipynb").read_bytes()
    return {
        "job.json": canonical(job),
        "notebook.ipynb": parameterize(notebook, offer.parameters),
    }


def _received(offer: VerifiedOffer) -> list[dict[str, str | None]]:
    """Describe the values that the train receives, as the runtime reads them."""
    manifest = offer.train.manifest
    if manifest.rounds is not None:
        # What combine cells send is a model, and comes with each round.
        return [{"name": r.name, "kind": "model", "path": None} for r in manifest.received]
    outputs = {output.name: output for output in manifest.handed_on}
    return [
        {
            "name": received.name,
            "kind": outputs[received.name].kind,
            "path": f"{IN}/received/{received_file(outputs[received.name])}"
            if offer.received
            else None,
        }
        for received in manifest.received
    ]


def _keep_received(stop: Stop, offer: VerifiedOffer) -> None:
    """Copy the received values into what the run will see."""
    if offer.received is None:
        return
    give_to_run(stop.received, stop.job / "received")
    sync_folder(stop.job)


def _documents(stop: Stop, station: DaemonContext, roster: Roster) -> tuple[Train, Order, str]:
    offer = stop.offer()
    train = verify_train(offer.train, roster)
    order = verify_order(
        offer.order,
        roster,
        train=train,
        station=station.name,
        now=station.now(),
        seen=frozenset(),  # a journey received before has its folder, and is not verified again
    )
    researcher = open_statement(offer.order, ORDER_TYPE, roster.members)[1].name
    return train, order, researcher


def _approved(stop: Stop, held: Decision, covered: Coverage, study_over: str) -> Decision:
    """Decide on a journey that the policy holds: by a person's refusal, or by an approval."""
    noted = stop.read(stop_files.DECISION) if stop.has(Marker.DECISION) else None
    if noted is not None and noted.verdict == "refuse":
        reason = noted.reason.rstrip(".")
        return Decision(
            "refuse",
            f"The operator of this station refused this journey{': ' + reason if reason else ''}.",
            "operator",
        )
    if study_over == "proposal-withdrawn" or (study_over and covered.approval is None):
        return Decision("refuse", APPROVAL[study_over], study_over)
    if covered.approval is not None:
        until = f"{covered.approval.expires:%Y-%m-%d}"
        return Decision("admit", f"An approval of this station, until {until}, allows it.")
    if noted is not None:
        # The approval that allowed it is no longer active, or does not cover this journey.
        code = covered.why_not.code if covered.why_not else "approval-revoked"
        code = code if code in APPROVAL else "approval-void"
        return Decision("refuse", APPROVAL[code], code)
    return held


def _held(decision: Decision, risk: Assessment, covered: Coverage, persons: int) -> Hold:
    return Hold(
        sentence=decision.sentence,
        risk=risk.risk,
        reasons=risk.reasons,
        persons=persons,
        why_not=str(covered.why_not) if covered.why_not else "",
        code=covered.why_not.code if covered.why_not else "",
    )


def _notebook(train: Train, files: dict[str, bytes]) -> bytes:
    notebooks = [content for path, content in files.items() if path.endswith(".ipynb")]
    if len(notebooks) != 1:
        raise TrainError(
            f"The train '{train.manifest.name}' holds {len(notebooks)} notebooks instead of one.",
            "Build it again with 'phtlab train build'.",
            code="image-notebook",
        )
    return notebooks[0]


def _keep_whole(folder: Path, files: dict[str, bytes], *, readable_by_all: bool = False) -> None:
    """Create `folder` with `files`, replacing what an interrupted attempt left."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    mode = 0o600
    if readable_by_all:
        # The sandbox's user reads them; the stop's folder above is closed to others.
        folder.chmod(0o755)
        mode = 0o644
    for name, content in files.items():
        write_durably(folder / name, content, mode)
    sync_folder(folder.parent)
