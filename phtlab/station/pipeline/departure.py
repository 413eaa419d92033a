"""Airlock to departed: check outputs, seal and push what may leave, sign and send the record."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from phtlab.errors import (
    AirlockError,
    EngineMissingError,
    PhtlabError,
    SandboxError,
    SignatureError,
    UnreachableError,
)
from phtlab.files.durable_file import replaced_durably
from phtlab.station.airlock.check_outputs import (
    CheckedOutput,
    check_read,
    pass_outputs,
    read_outputs,
    released_at_twin,
)
from phtlab.station.airlock.forecast import forecast
from phtlab.station.airlock.history import monthly_amount, released_counts, remembered_outputs
from phtlab.station.airlock.received_values import require_as_received
from phtlab.station.approvals.coverage import assessed
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.executor.untrusted_files import LeftFiles
from phtlab.station.pipeline.cargo import open_cargo
from phtlab.station.pipeline.received import forget_received
from phtlab.station.pipeline.released_history import released_history
from phtlab.station.pipeline.rounds.release import count_released
from phtlab.station.pipeline.rounds.round_files import RoundFiles, done_of
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.station.policy.policy import Policy, refuse_to_hand_on
from phtlab.station.policy.release_rules import ReleaseRules
from phtlab.station.release import waiting
from phtlab.station.release.redaction import apply_decision
from phtlab.station.release.votes import EXPIRED, RELEASE, Release, outcome_of, votes_on
from phtlab.station.stops import stop_files
from phtlab.station.stops.file_contents import (
    Ending,
    NotedCounts,
    RecordReported,
    SealedCargo,
    SealedFile,
    Timestamp,
    VerifiedOffer,
)
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.sentences import RUN, run_failed
from phtlab.station.stops.stop import Stop
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.manifest import Output, OutputTarget, TrainManifest
from phtlab.train.documents.order import CargoKind, Order, cargo_context, context_digest
from phtlab.train.documents.record import OutputVerdict, RecordedCargo, StopRecord
from phtlab.train.sealing import seal

_PATIENCE = 20
_log = structlog.get_logger("phtlab.station")


def check_outputs_of_run(stop: Stop, station: DaemonContext) -> None:
    """Airlock to sealed or held; or to an ending, if the run failed or nothing may leave."""
    outcome = stop.read(stop_files.OUTCOME)
    if outcome.code:
        _end(stop, run_failed(outcome.code, outcome.error))
        return
    offer = stop.verified_offer()
    if stop.of_rounds:
        _close_rounds(stop)
        return
    policy = station.policy()
    try:
        folder = station.executor.outputs(stop.job_id)
    except SandboxError:
        _end(stop, run_failed("run-lost"))
        return
    # The run's files stay open until they are sealed, so that they need neither copies nor memory.
    with LeftFiles(folder, "outputs") as left_files:
        passed = _passed(stop, station, offer, left_files, policy)
        held = any(output.verdict.verdict == "held" for output in passed)
        if held:
            _hold(stop, station, offer, passed, policy.release)
        else:
            _seal(stop, station, offer, passed)
    if held:
        # If the engine fails now, the stop continues: the next sweep removes the run and reports
        # errors.
        with suppress(EngineMissingError, SandboxError):
            station.executor.remove(stop.job_id)


def _close_rounds(stop: Stop) -> None:
    """Seal nothing: what the rounds released has left with each of them."""
    finished = RoundFiles.of(stop).finished
    stop.write(stop_files.AIRLOCK, finished.outputs if finished else ())
    stop.write(stop_files.SEALED, SealedCargo(files=()))


def _passed(
    stop: Stop, station: DaemonContext, offer: VerifiedOffer, left_files: LeftFiles, policy: Policy
) -> tuple[CheckedOutput, ...]:
    """Check the outputs against what has left before, and record what leaves now."""
    manifest = offer.train.manifest
    # What the run used, not the station's present setting: only a run on a twin has no personal
    # data.
    if stop.read(stop_files.ADMITTED).twin:
        passed = pass_outputs(manifest.outputs, left_files, policy.airlock)
        _foresee(
            stop,
            station,
            offer,
            left_files,
            (policy.airlock, [output.verdict for output in passed]),
        )
        return released_at_twin(passed)
    # Read and draw the run's outputs before other stops have to wait for the lock.
    read = read_outputs(manifest.outputs, left_files, policy.airlock)
    with released_counts.exclusive_access(station.folder.released):
        history = released_history(station, manifest.datasets)
        passed = check_read(read, policy.airlock, history)
        month = monthly_amount.amounts_of_month(station.folder.released, station.now())
        before = monthly_amount.most_left(month, offer.researcher, manifest.datasets)
        values = monthly_amount.values_left(month, offer.researcher, manifest.datasets)
        passed = monthly_amount.hold_beyond(passed, before, policy.month, values, history.most)
        if any(output.verdict.verdict == "held" for output in passed):
            may_leave = remembered_outputs.outputs_to_remember(manifest.outputs, passed, held=True)
            released_counts.note_pending(
                station.folder.released, stop.hex, manifest.datasets, may_leave
            )
        else:
            _note(stop, station, offer, passed)
    return passed


def _foresee(
    stop: Stop,
    station: DaemonContext,
    offer: VerifiedOffer,
    left_files: LeftFiles,
    known: tuple[AirlockRules, Sequence[OutputVerdict]],
) -> None:
    """Record forecasts of what other stations would release; none if central is unreachable."""
    manifest = offer.train.manifest
    try:
        stations = station.central.stations()
    except PhtlabError as error:
        _log.info("nothing foreseen", journey=stop.hex[:12], code=error.code)
        return
    found = forecast(stations, manifest.datasets, manifest.outputs, left_files, known)
    stop.write(stop_files.FORECAST, tuple(found))


def _note(
    stop: Stop, station: DaemonContext, offer: VerifiedOffer, passed: tuple[CheckedOutput, ...]
) -> None:
    manifest = offer.train.manifest
    amount = monthly_amount.ReleasedAmount(
        researcher=offer.researcher,
        datasets=manifest.datasets,
        amount=monthly_amount.amount_of(passed),
        values=monthly_amount.values_of(passed),
    )
    monthly_amount.note(station.folder.released, stop.hex, station.now(), amount)
    remembered = remembered_outputs.outputs_to_remember(manifest.outputs, passed)
    kept = released_counts.note(station.folder.released, manifest.datasets, remembered)
    stop.write(stop_files.NOTED, NotedCounts(released=kept))


def _hold(
    stop: Stop,
    station: DaemonContext,
    offer: VerifiedOffer,
    passed: tuple[CheckedOutput, ...],
    rules: ReleaseRules,
) -> None:
    manifest, now = offer.train.manifest, station.now()
    # The image's origin matters before it runs, not for the outputs.
    risk = assessed(offer, station, known=(manifest.kernel.digest,)).risk
    until = rules.until(now, offer.order.expires)
    persons = rules.persons(risk)
    why = rules.why_held(output.verdict for output in passed)
    waiting.keep(stop, station.name, passed, persons=persons, at=now, until=until, why=why)


def count_votes(stop: Stop, station: DaemonContext) -> None:
    """Held to airlock, once people decided on every output, or their time is over."""
    held = waiting.waiting_at(stop)
    outcomes = {
        output.name: outcome_of(votes_on(stop, output.name), held.persons) for output in held.held
    }
    if None in outcomes.values() and station.now() < held.until:
        return
    release = Release(
        outputs={name: outcome or EXPIRED for name, outcome in outcomes.items()}, at=station.now()
    )
    stop.write(RELEASE, release)


def seal_released(stop: Stop, station: DaemonContext) -> None:
    """Airlock to sealed, with what people released; or to an ending, if nothing may leave."""
    waiting_outputs = waiting.waiting_at(stop)
    outcomes = stop.read(RELEASE).outputs
    with waiting.opened(stop, waiting_outputs) as files:
        passed = tuple(
            apply_decision(output, files[output.name], outcomes.get(output.name))
            for output in waiting_outputs.outputs
        )
        offer = stop.verified_offer()
        with released_counts.exclusive_access(station.folder.released):
            _note(stop, station, offer, waiting.with_cells(stop, passed))
            released_counts.remove_pending(station.folder.released, stop.hex)
        late = any(not outcome.by for outcome in outcomes.values())
        _seal(stop, station, offer, passed, "release-expired" if late else "")


def _seal(
    stop: Stop,
    station: DaemonContext,
    offer: VerifiedOffer,
    passed: tuple[CheckedOutput, ...],
    otherwise: str = "",
) -> None:
    """Seal what leaves; if nothing does, the stop ends with the code `otherwise`.

    A stop that cannot hand on all that the next station receives ends here too.
    """
    verdicts = tuple(output.verdict for output in passed)
    following = offer.order.next_after(station.name)
    parts = shared_out(passed, offer.train.manifest.outputs, following)
    code = ""
    if passed and not any(output.files for output in passed):
        code = otherwise or "airlock-refused"
    elif following and not all(output.files for output in parts["next"]):
        code = otherwise or "hand-on-refused"
    elif following and not _as_received(offer.train.manifest, parts["next"]):
        code = "hand-on-form"
    # Again, since the policy may have changed while it ran or was held.
    refused = refuse_to_hand_on(station.policy(), offer.order, offer.train, station.name)
    if code or refused:
        sentence = RUN[code] if code else refused.sentence if refused else ""
        code = code or (refused.code if refused else "")
        _end(stop, Ending(outcome="failed", code=code, sentence=sentence, outputs=verdicts))
        return
    stop.write(stop_files.AIRLOCK, verdicts)
    roster = station.roster_cache.now().roster
    readers: dict[CargoKind, Sequence[str]] = {"cargo": offer.order.recipients}
    if following:
        readers["next"] = (following,)
    files = []
    for kind, names in readers.items():
        if following and kind == "cargo" and not any(output.files for output in parts["cargo"]):
            continue  # all of it goes to the next station
        with (
            open_cargo(stop.journey, station.name, parts[kind]) as archive,
            replaced_durably(_sealed_file(stop, kind)) as target,
        ):
            sealed = seal(
                archive,
                target,
                [roster.member(name).keys.age for name in names],
                cargo_context(stop.journey, offer.order, station.name, kind),
            )
        files.append(SealedFile(kind=kind, digest=sealed.digest, size=sealed.size))
    stop.write(stop_files.SEALED, SealedCargo(files=tuple(files)))


def _as_received(manifest: TrainManifest, handed_on: Sequence[CheckedOutput]) -> bool:
    """Whether the next station would accept the outputs that are `handed_on`."""
    declared = {output.name: output for output in manifest.outputs}
    checked = {output.verdict.name: output for output in handed_on}
    try:
        for received in manifest.received:
            (content,) = checked[received.name].files.values()
            require_as_received(declared[received.name], received, content)
    except AirlockError:
        return False
    return True


def _sealed_file(stop: Stop, kind: CargoKind) -> Path:
    return stop.next_cargo if kind == "next" else stop.cargo


def shared_out(
    passed: Sequence[CheckedOutput], declared: Sequence[Output], following: str | None
) -> dict[CargoKind, tuple[CheckedOutput, ...]]:
    """Return what goes to the recipients and what to the station `following`, if there is one.

    At the end of a route, the recipients get what is for the next station.
    """
    to = {output.name: output.to for output in declared}
    if following is None:
        return {"cargo": tuple(passed), "next": ()}
    return {
        "cargo": tuple(o for o in passed if to[o.verdict.name] is not OutputTarget.NEXT),
        "next": tuple(o for o in passed if to[o.verdict.name] is not OutputTarget.RESEARCHER),
    }


def push(stop: Stop, station: DaemonContext) -> None:
    """Push sealed cargo to the registry, and remove the run meanwhile."""
    with ThreadPoolExecutor(1, thread_name_prefix="clearing") as clearing:
        cleared = clearing.submit(station.executor.remove, stop.job_id)
        for file in stop.read(stop_files.SEALED).files:
            station.artifacts.deliver(stop.journey, station.name, _sealed_file(stop, file.kind))
    cleared.result()
    stop.write(stop_files.PUSHED, Timestamp())


def record_departed(stop: Stop, station: DaemonContext) -> None:
    """Sign the record of a stop whose cargo is in the registry."""
    offer = stop.verified_offer()
    if stop.of_rounds:
        count_released(stop, station)
    cargos = tuple(
        RecordedCargo(
            kind=file.kind,
            digest=file.digest,
            size=file.size,
            context=context_digest(
                cargo_context(stop.journey, offer.order, station.name, file.kind)
            ),
        )
        for file in stop.read(stop_files.SEALED).files
    )
    _sign(
        stop,
        station,
        outcome="departed",
        outputs=stop.read(stop_files.AIRLOCK),
        cargos=cargos,
        received=offer.received,
    )


def record_ending(stop: Stop, station: DaemonContext) -> None:
    """Sign the record of a stop that does not depart, after removing its run, if any."""
    ending = stop.read(stop_files.ENDING)
    if stop.has(Marker.STARTING):
        try:
            station.executor.remove(stop.job_id)
        except EngineMissingError:
            # Nothing started, or the sweep removes it once the engine answers.
            if stop.has(Marker.STARTED):
                raise
    if stop.of_rounds:
        count_released(stop, station)
    _forget_cargo(stop)
    waiting.forget(stop)
    released_counts.remove_pending(station.folder.released, stop.hex)
    _sign(
        stop,
        station,
        outcome=ending.outcome,
        code=ending.code,
        sentence=ending.sentence,
        error=ending.error,
        outputs=ending.outputs,
    )


def send_record(stop: Stop, station: DaemonContext, tries: int) -> None:
    """Send the record to central. Idempotent.

    A central that refuses it is tried `_PATIENCE` times, and one that has another record of the
    stop once; then the stop ends nevertheless, and its record remains at the station.
    """
    refusal = ""
    try:
        station.central.put_record(stop.journey, station.name, stop.record())
    except UnreachableError:
        raise
    except PhtlabError as error:
        lasting = error.code == "record-exists" or tries >= _PATIENCE
        if not lasting or error.code == "token-expired":
            raise
        refusal = str(error)
    # In this order: a reported stop is never processed again.
    _forget_cargo(stop)
    station.received_rounds.pop(stop.journey, None)
    waiting.forget(stop)
    stop.write(stop_files.REPORTED, RecordReported(refused=refusal))


def _forget_cargo(stop: Stop) -> None:
    """Remove what the stop sealed, what it received, and what is left of a round in work."""
    stop.cargo.unlink(missing_ok=True)
    stop.next_cargo.unlink(missing_ok=True)
    forget_received(stop)
    RoundFiles.of(stop).clear()


def _end(stop: Stop, ending: Ending) -> None:
    stop.write(stop_files.ENDING, ending)


def _sign(stop: Stop, station: DaemonContext, **what: Any) -> None:
    order = stop.claimed_order()
    verified = stop.has(Marker.VERIFIED)
    version = stop.verified_offer().roster_version if verified else order.roster_version
    number = order.stops.index(station.name) if station.name in order.stops else 0
    outcome = stop.read(stop_files.OUTCOME) if stop.has(Marker.OUTCOME) else None
    schemas = stop.read(stop_files.ADMITTED).schemas if stop.has(Marker.ADMITTED) else {}
    foreseen = stop.read(stop_files.FORECAST) if stop.has(Marker.FORECAST) else None
    now = station.now().replace(microsecond=0)
    started, finished = span(
        order.issued,
        outcome.started if outcome else None,
        (outcome.finished if outcome else None) or now,
    )
    record: Envelope = StopRecord(
        journey=stop.journey,
        train=order.train,
        station=station.name,
        stop=number,
        previous=stop.verified_offer().previous if verified else _claimed_record(stop, order),
        datasets=schemas,
        forecasts=foreseen,
        rounds=done_of(stop),
        roster_version=version,
        started=started,
        finished=finished,
        **what,
    ).sign(station.identity)
    stop.write(stop_files.RECORD, record)


def _claimed_record(stop: Stop, order: Order) -> str | None:
    """Return the digest of the record that an unverified stop follows, as central has it."""
    offer = stop.offer()
    records = [record for journey in offer.continued for record in journey.records]
    records += offer.previous
    if order.route != "sequential" or not records:
        return None
    try:
        return records[-1].digest
    except SignatureError:  # no record at all, for which the stop is refused
        return None


def span(
    issued: datetime, started: datetime | None, finished: datetime
) -> tuple[datetime | None, datetime]:
    """Clamp the run's times for the record: not before its order, and its end not before its start.

    Times outside these bounds come from a clock that was set back meanwhile.
    """
    if started is not None:
        started = max(started, issued)
    return started, max(finished, started or issued)
