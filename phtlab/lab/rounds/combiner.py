"""One round combined: its updates opened, the combine cells run, the next instruction signed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from phtlab.errors import JourneyError, SealError, SealFormatError
from phtlab.lab.rounds.combine_cells import CombineCells, CombineRun
from phtlab.lab.rounds.journey_key import journey_key
from phtlab.lab.rounds.patience import patiently
from phtlab.lab.rounds.payloads import fetch_update, fetch_values, send_values
from phtlab.lab.rounds.round_reports import OpenedReport
from phtlab.lab.rounds.sent_values import encoded_results, encoded_values
from phtlab.lab.session.session import Session
from phtlab.rounds.reports import (
    MAX_NAME,
    MAX_REPORTED,
    RoundReport,
    may_be_reported,
    seal_report,
)
from phtlab.rounds.sealed_values import open_values, seal_values
from phtlab.rounds.series import Series
from phtlab.rounds.updates import COMBINED, open_update
from phtlab.runtime.rounds.combine_names import decoded_value
from phtlab.runtime.rounds.combining import Combination
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.manifest import TrainManifest
from phtlab.train.documents.order import Order
from phtlab.train.documents.round import (
    Instruction,
    RoundCargo,
    RoundCargoKind,
    round_context,
)
from phtlab.wire.api.rounds import SentInstruction
from phtlab.wire.registry.client import Registry


@dataclass(frozen=True)
class Prepared:
    """A signed instruction, which central may not have yet, its report, and what it follows."""

    sent: SentInstruction
    opened: OpenedReport
    follows: str


class Combiner:
    """Combines rounds of `journey`, whose verified order and manifest these are.

    `cells` returns the train's combine cells, which run among names that stay from round to round.
    """

    def __init__(
        self,
        session: Session,
        journey: str,
        order: Order,
        manifest: TrainManifest,
        cells: Callable[[], CombineCells],
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._session = session
        self._journey = journey
        self._order = order
        self._manifest = manifest
        self._cells = cells
        self._clock = clock
        self._sleep = sleep
        self._run: CombineRun | None = None
        self._key: Identity | None = None
        self._opened: dict[str, dict[str, Any]] = {}  # updates by their records' digests
        self._sent: tuple[str, dict[str, bytes]] | None = None  # by the instruction's digest

    def require_key(self) -> None:
        """Raise JourneyError (``journey-key-missing``) unless instructions can be signed here."""
        self._key = journey_key(self._session.identity, self._order)

    def combine(self, series: Series, stations: tuple[str, ...]) -> Prepared | None:
        """Combine the updates of `stations` of the present round; return the next instruction.

        Return None if an update cannot be used: `series` leaves it out then. Raises what a combine
        cell raises, JourneyError for values that cannot be sent and (``report-limits``) for more
        reported than fits, SealChangedError for a payload that differs from its record, and errors
        of the registry.
        """
        contents = self._contents(series, stations)
        if contents is None:
            return None
        before = self.values(series)
        if self._run is None:
            self._run = CombineRun(self._cells(), self._order.parameters)
        names = frozenset(value.name for value in self._manifest.received)
        combination = Combination(series.number, stations, contents, received=names)
        received = {name: decoded_value(name, content) for name, content in before.items()}
        self._run.run(combination, received)
        ends = combination.finished or series.number >= series.rounds.most
        if combination.finished:
            sent = encoded_results(combination.sent)
        else:
            sent = encoded_values(combination.sent, self._manifest.received)
        # A value that is not sent again stays as it was sent last.
        values = before | sent
        if self._manifest.received and not values and not ends:
            raise JourneyError(
                "The combine cells have sent nothing, so the next round would be this one again.",
                "End them with phtlab.send(…) or phtlab.finish().",
                code="combine-nothing",
            )
        report = RoundReport(series.number, stations, combination.reported)
        return self.instruction(series, report, values, ends=ends)

    def open_answers(self, series: Series, stations: Collection[str]) -> bool:
        """Open the updates of `stations` that are not open yet; return whether all can be used.

        While other stations compute, this costs no time. `series` leaves out what cannot be used.
        Raises as `combine`.
        """
        usable = True
        for station in stations:
            digest_ = series.answers[station].digest
            if digest_ in self._opened:
                continue
            try:
                self._opened[digest_] = self._update(series, station)
            except SealFormatError as error:
                series.leave_out(station, error.message)
                usable = False
        return usable

    def values(self, series: Series) -> dict[str, bytes]:
        """Return the values that stations got for the present round, as safetensors files."""
        instruction, sent, digest_ = series.instruction, series.last, series.previous
        if instruction is None or instruction.values is None or sent is None:
            return {}
        if self._sent is None or self._sent[0] != digest_:
            cargo = instruction.values
            sealed = patiently(
                lambda: fetch_values(self._registry, self._journey, cargo, sent.values), self._sleep
            )
            values = open_values(
                sealed,
                journey=self._journey,
                order=self._order,
                number=instruction.number,
                combiner=self._session.identity,
                names=[received.name for received in self._manifest.received],
            )
            self._sent = (digest_, values)
        return dict(self._sent[1])

    def instruction(
        self,
        series: Series,
        report: RoundReport,
        values: Mapping[str, bytes],
        *,
        ends: bool = False,
    ) -> Prepared:
        """Sign the next instruction; what is too large for a message is pushed first.

        `values` are sealed to the stations, or with `ends` to the recipients, with the `report`.
        Raises JourneyError (``journey-key-missing``, ``report-limits``), NotOnRosterError for a
        station or a recipient that has left.
        """
        key = self._key or journey_key(self._session.identity, self._order)
        if not may_be_reported(report.reported):
            raise _over_limits(report.number)
        journey, order, number = self._journey, self._order, series.number + 1
        roster = self._session.trusted.roster
        opened = OpenedReport(report, values if ends else {})
        sealed_report = seal_report(
            report, opened.values, journey=journey, order=order, roster=roster
        )
        sent_values: tuple[RoundCargo | None, str | None] = (None, None)
        if values and not ends:
            sealed_values = seal_values(
                values,
                journey=journey,
                order=order,
                number=number,
                roster=roster,
                combiner=self._session.identity,
            )
            sent_values = self._sent_payload(sealed_values, "values", number)
        cargo, inline = sent_values
        report_cargo, report_inline = self._sent_payload(sealed_report, "report", number)
        envelope = Instruction(
            journey=journey,
            number=number,
            previous=series.previous,
            heard={station: series.answers[station].digest for station in report.stations},
            values=cargo,
            report=report_cargo,
            ends=ends,
            issued=self._clock(),
        ).sign(key)
        if cargo is not None:
            self._sent = (envelope.digest, dict(values))
        sent = SentInstruction(instruction=envelope, values=inline, report=report_inline)
        return Prepared(sent, opened, series.previous)

    def _sent_payload(
        self, sealed: bytes, kind: RoundCargoKind, number: int
    ) -> tuple[RoundCargo, str | None]:
        """Return what an instruction says of `sealed`, and its text for the message, if any."""
        context = round_context(self._journey, self._order, kind, number)
        inline = patiently(lambda: send_values(self._registry, self._journey, sealed), self._sleep)
        return RoundCargo.of(sealed, context), inline

    def _contents(
        self, series: Series, stations: tuple[str, ...]
    ) -> dict[str, dict[str, Any]] | None:
        """Return each output's values by station; None if a station's update cannot be used."""
        outputs = self._manifest.outputs
        contents: dict[str, dict[str, Any]] = {
            output.name: {} for output in outputs if output.kind in COMBINED
        }
        if not self.open_answers(series, stations):
            return None
        for station in stations:
            # Taken out: a cell may write into it, and must find it anew if it runs again.
            for name, value in self._opened.pop(series.answers[station].digest).items():
                contents[name][station] = value
        self._opened.clear()
        return contents

    def _update(self, series: Series, station: str) -> dict[str, Any]:
        """Open what `station` published.

        Raises SealFormatError for the station's fault. SealChangedError is that of central or of
        the registry, which gave other content than the station signed.
        """
        answer = series.answers[station]
        sealed = patiently(
            lambda: fetch_update(
                self._registry, self._journey, station, answer.record.update, answer.update
            ),
            self._sleep,
        )
        try:
            return open_update(
                sealed,
                answer.record,
                journey=self._journey,
                order=self._order,
                identity=self._session.identity.age,
                outputs=self._manifest.outputs,
            )
        except SealError as error:
            raise SealFormatError(error.message, error.hint, code=error.code) from None

    def ending(self, series: Series, values: Mapping[str, bytes]) -> Prepared:
        """Sign the instruction that ends the rounds before the present one is combined.

        `values` are the result. Raises as `instruction`.
        """
        answered = tuple(s for s in self._order.stations if s in series.answers)
        report = RoundReport(series.number, answered, {}, combined=False)
        return self.instruction(series, report, values, ends=True)

    def _registry(self) -> Registry:
        return self._session.registry


def _over_limits(number: int) -> JourneyError:
    return JourneyError(
        f"What the combine cells reported of round {number} is too much: at most {MAX_REPORTED} "
        f"numbers, with printable names of at most {MAX_NAME} characters.",
        "Report fewer numbers with phtlab.report(…), then dispatch the train again.",
        code="report-limits",
    )
