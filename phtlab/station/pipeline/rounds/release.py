"""What may leave in a round: each passes the airlock, which knows the series.

A series discloses what all its rounds do together. So the first round decides for all of them: its
outputs times the most rounds of the order are held against the rules on models and against the
month's limits, and are reserved there. Each later round may release as much as the first, of as
many people, or the series ends.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from phtlab.errors import AirlockError
from phtlab.governance.rounds import RoundOutput, RoundTerms
from phtlab.runtime.model import decode_tensors
from phtlab.station.airlock.cells import OF
from phtlab.station.airlock.check_outputs import (
    CheckedOutput,
    check_read,
    pass_outputs,
    read_outputs,
    released_at_twin,
)
from phtlab.station.airlock.formats.content import opened
from phtlab.station.airlock.formats.model import PEOPLE_PER_NUMBER
from phtlab.station.airlock.history import monthly_amount, released_counts, remembered_outputs
from phtlab.station.airlock.received_values import require_as_received
from phtlab.station.approvals.store import Approvals
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.executor.untrusted_files import LeftFiles
from phtlab.station.pipeline.released_history import released_history
from phtlab.station.pipeline.rounds.round_files import (
    MOST_RESTARTS,
    RoundFiles,
    RoundMarker,
    SeriesLimits,
)
from phtlab.station.policy.month_limits import Amount
from phtlab.station.policy.policy import Policy
from phtlab.station.stops import stop_files
from phtlab.station.stops.file_contents import Ending, VerifiedOffer
from phtlab.station.stops.sentences import RUN
from phtlab.station.stops.stop import Stop
from phtlab.train.documents.manifest import Output, Received
from phtlab.train.documents.record import OutputVerdict

_SIZE_SPARE = 4096
"""Bytes by which a round's files may be larger than the first one's, and a quarter of those."""


@dataclass(frozen=True)
class RoundRelease:
    """The outputs of a round that leave, and the limits of its series."""

    outputs: tuple[CheckedOutput, ...]
    limits: SeriesLimits


def check_round(
    stop: Stop, station: DaemonContext, left_files: LeftFiles, limits: SeriesLimits | None
) -> RoundRelease | Ending:
    """Pass a round's outputs through the airlock, or return how the series ends.

    `limits` are those of the series; None in its first round, which sets them. What leaves is noted
    among what this station has released. Idempotent.
    """
    offer, policy = stop.verified_offer(), station.policy()
    manifest = offer.train.manifest
    if stop.read(stop_files.ADMITTED).twin:
        passed = released_at_twin(pass_outputs(manifest.outputs, left_files, policy.airlock))
        return _ending_of(passed) or RoundRelease(passed, limits or _limits(passed))
    terms = _terms(stop, station)
    read = read_outputs(manifest.outputs, left_files, policy.airlock)
    with released_counts.exclusive_access(station.folder.released):
        history = released_history(station, manifest.datasets)
        passed = check_read(read, policy.airlock, history)
        ending = _ending_of(passed) or _beyond_terms(passed, manifest.outputs, terms)
        if ending is None and limits is None:
            ending = _beyond_series(stop, station, policy, passed, terms, history.most)
        elif ending is None and limits is not None:
            ending = _beyond_first(passed, limits)
        if ending is not None:
            return ending
        if limits is None:
            limits = _limits(passed)
            _reserve(stop, station, offer, passed)
        remembered = remembered_outputs.outputs_to_remember(manifest.outputs, passed)
        released_counts.note(station.folder.released, manifest.datasets, remembered)
    return RoundRelease(passed, limits)


def _ending_of(passed: Sequence[CheckedOutput]) -> Ending | None:
    """Return how the series ends if an output would be held or refused."""
    verdicts = tuple(output.verdict for output in passed)
    if all(verdict.verdict in ("released", "suppressed") for verdict in verdicts):
        return None
    held = any(verdict.verdict == "held" for verdict in verdicts)
    return _ended("round-held" if held else "airlock-refused", verdicts)


def _ended(code: str, outputs: tuple[OutputVerdict, ...] = ()) -> Ending:
    return Ending(outcome="failed", code=code, sentence=RUN[code], outputs=outputs)


def _terms(stop: Stop, station: DaemonContext) -> RoundTerms | None:
    """The terms for rounds of the approval that admitted this stop, if one did."""
    approval = stop.read(stop_files.ADMITTED).approval
    if approval is None:
        return None
    return Approvals(station.folder).get(approval).claimed.rounds


def _beyond_terms(
    passed: Sequence[CheckedOutput], declared: Sequence[Output], terms: RoundTerms | None
) -> Ending | None:
    """Return the ending if an output is not as the approval's terms have it."""
    if terms is None or not terms.outputs:
        return None
    allowed = {output.name: output for output in terms.outputs}
    outputs = {output.name: output for output in declared}
    try:
        for output in passed:
            _require_allowed(output, outputs[output.verdict.name], allowed)
    except AirlockError:
        return _ended("round-terms", tuple(output.verdict for output in passed))
    return None


def _require_allowed(
    checked: CheckedOutput, output: Output, allowed: Mapping[str, RoundOutput]
) -> None:
    terms = allowed.get(output.name)
    if terms is None:
        raise AirlockError(f"The approval does not name '{output.name}'.")
    for content in checked.files.values():
        if output.kind == "model":
            received = Received(name=output.name, arrays=terms.arrays, size=terms.size)
            require_as_received(output, received, content)
            if terms.digits is not None:
                _require_digits(decode_tensors(opened(content).read()).values(), terms.digits)
        elif terms.size is not None and len(content) > terms.size:
            raise AirlockError(f"'{output.name}' is larger than the approval allows.")
        elif output.kind == "scalar" and terms.digits is not None:
            value = json.loads(opened(content).read())["value"]
            _require_digits([np.nan if value is None else value], terms.digits)


def _require_digits(arrays: Iterable[ArrayLike], digits: int) -> None:
    for array in arrays:
        numbers = np.asarray(array, dtype=float).ravel()
        numbers = numbers[np.isfinite(numbers)]
        if any(float(f"{number:.{digits}g}") != number for number in numbers.tolist()):
            raise AirlockError("It has more significant digits than the approval allows.")


def _beyond_series(
    stop: Stop,
    station: DaemonContext,
    policy: Policy,
    passed: Sequence[CheckedOutput],
    terms: RoundTerms | None,
    people: int | None,
) -> Ending | None:
    """Return the ending if all rounds together would release more than the station lets leave."""
    offer = stop.verified_offer()
    most = _most(offer)
    verdicts = tuple(output.verdict for output in passed)
    numbers = most * _numbers(passed)
    of = min(_people(passed).values(), default=0)
    allowed = terms.without_membership if terms is not None else 0
    exempt = numbers <= max(allowed, policy.rounds.without_membership)
    rules = policy.airlock
    if not exempt and numbers:
        large = numbers >= rules.large_model and rules.models.membership != "pass"
        many = numbers * PEOPLE_PER_NUMBER > of and rules.models.uncounted != "pass"
        if large or many:
            return _ended("round-budget", verdicts)
    timing_bits = terms.timing_bits if terms is not None else None
    if timing_bits is not None and _timing_bits(stop, policy, most) > timing_bits:
        return _ended("round-terms", verdicts)
    if monthly_amount.is_noted(station.folder.released, stop.hex):
        return None  # reserved before this station was interrupted
    month = monthly_amount.amounts_of_month(station.folder.released, station.now())
    datasets = offer.train.manifest.datasets
    before = monthly_amount.most_left(month, offer.researcher, datasets)
    values = monthly_amount.values_left(month, offer.researcher, datasets)
    together = sum(values.values()) + sum(_reserved_values(stop, passed, most).values())
    amount = before + _times(monthly_amount.amount_of(passed), most)
    if not policy.month.holds(amount, 0 if exempt else together, people):
        return _ended("round-budget", verdicts)
    return None


def _timing_bits(stop: Stop, policy: Policy, most: int) -> float:
    """How many bits the times of all answers may carry: of each, in which interval it leaves.

    A run that ends itself is started anew, and may take as long again each time.
    """
    limits, interval = stop.read(stop_files.ADMITTED).limits, policy.rounds.interval
    if not interval:
        return math.inf
    longest = (1 + MOST_RESTARTS) * (limits.seconds + limits.grace_seconds)
    return most * math.log2(math.ceil(longest / interval) + 1)


def _beyond_first(passed: Sequence[CheckedOutput], limits: SeriesLimits) -> Ending | None:
    """Return the ending if a later round would release other than the first one did."""
    verdicts = tuple(output.verdict for output in passed)
    if _people(passed) != limits.of:
        return _ended("round-people", verdicts)
    now, first = monthly_amount.amount_of(passed), limits.amount
    if (
        now.outputs > first.outputs
        or now.rows > first.rows
        or now.numbers > first.numbers
        or now.size > _spared(first.size)
    ):
        return _ended("round-amount", verdicts)
    return None


def _reserve(
    stop: Stop, station: DaemonContext, offer: VerifiedOffer, passed: Sequence[CheckedOutput]
) -> None:
    """Note the whole series in the month's amounts, as if all its rounds had left."""
    most = _most(offer)
    amount = monthly_amount.ReleasedAmount(
        researcher=offer.researcher,
        datasets=offer.train.manifest.datasets,
        amount=_times(monthly_amount.amount_of(passed), most),
        values=_reserved_values(stop, passed, most),
        reserved=most,
    )
    if not monthly_amount.is_noted(station.folder.released, stop.hex):
        monthly_amount.note(station.folder.released, stop.hex, station.now(), amount)


def count_released(stop: Stop, station: DaemonContext) -> None:
    """Count what the rounds of an ended series released, in place of what it reserved.

    A round counts once its record is signed, as it may be at central. Idempotent: only the first
    call decides, which the caller makes before it removes the round in work.
    """
    files = RoundFiles.of(stop)
    finished, folder = files.finished, files.unfinished()
    signed = folder is not None and folder.has(RoundMarker.RECORD)
    rounds = (finished.count if finished else 0) + signed
    with released_counts.exclusive_access(station.folder.released):
        monthly_amount.reduce_reserved(station.folder.released, stop.hex, rounds)


def _reserved_values(stop: Stop, passed: Sequence[CheckedOutput], most: int) -> dict[str, int]:
    """Numbers beside counts in all rounds, under a name of their own: no round repeats another."""
    values = sum(monthly_amount.values_of(passed).values())
    return {f"rounds/{stop.hex}": values * most} if values else {}


def _limits(passed: Sequence[CheckedOutput]) -> SeriesLimits:
    return SeriesLimits(of=_people(passed), amount=monthly_amount.amount_of(passed))


def _most(offer: VerifiedOffer) -> int:
    ordered = offer.order.rounds
    return ordered.most if ordered else 1


def _numbers(passed: Sequence[CheckedOutput]) -> int:
    """Numbers of models and scalars that are of a number of people."""
    return sum(
        monthly_amount.amount_of([output]).numbers
        for output in passed
        if output.verdict.kind in ("model", "scalar")
    )


def _people(passed: Sequence[CheckedOutput]) -> dict[str, int]:
    """How many people each output says that it is of."""
    return {
        output.verdict.name: int(dict(cell)[OF])
        for output in passed
        if output.cells is not None and output.cells.dimensions == (OF,)
        for cell in output.cells.cells
    }


def _times(amount: Amount, rounds: int) -> Amount:
    return Amount(
        outputs=amount.outputs * rounds,
        rows=amount.rows * rounds,
        size=_spared(amount.size) * rounds,
        numbers=amount.numbers * rounds,
    )


def _spared(size: int) -> int:
    return math.ceil(size * 1.25) + _SIZE_SPARE if size else 0
