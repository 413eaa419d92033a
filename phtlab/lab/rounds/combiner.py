"""One round combined: its updates opened, the combine cells run, the next instruction signed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from phtlab.errors import JourneyError, SealError, SealFormatError
from phtlab.files.values_archive import pack_values
from phtlab.lab.rounds.combine_cells import CombineCells, CombineRun
from phtlab.lab.rounds.journey_key import journey_key
from phtlab.lab.rounds.patience import patiently
from phtlab.lab.rounds.payloads import fetch_update, fetch_values, send_values
from phtlab.lab.rounds.reports import RoundReport, keep_finished, keep_report
from phtlab.lab.rounds.sent_values import encoded_results, encoded_values
from phtlab.lab.session.session import Session
from phtlab.rounds.sealed_values import open_values, seal_values
from phtlab.rounds.series import Series
from phtlab.rounds.updates import COMBINED, open_update
from phtlab.runtime.rounds.combine_names import decoded_value
from phtlab.runtime.rounds.combining import Combination
from phtlab.train.canonical import digest
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.manifest import TrainManifest
from phtlab.train.documents.order import Order, context_digest
from phtlab.train.documents.round import Instruction, RoundCargo, round_context
from phtlab.wire.api.rounds import SentInstruction
from phtlab.wire.registry.client import Registry


@dataclass(frozen=True)
class Prepared:
    """A signed instruction, which central may not have yet, and the one that it follows."""

    sent: SentInstruction
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

        Return None if an update cannot be used: `series` leaves it out then. What was reported, and
        finished with, is kept on this machine first. Raises what a combine cell raises,
        JourneyError for values that cannot be sent, SealChangedError for a payload that differs
        from its record, and errors of the registry.
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
        if ends:
            self._keep_values(values)
        self._keep_report(RoundReport(series.number, stations, combination.reported))
        return self.instruction(series, stations, {} if ends else values, ends=ends)

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
        stations: tuple[str, ...],
        values: Mapping[str, bytes],
        *,
        ends: bool = False,
    ) -> Prepared:
        """Sign the next instruction; values that are too large for a message are pushed first.

        Raises JourneyError (``journey-key-missing``), NotOnRosterError for a station that has left.
        """
        key = self._key or journey_key(self._session.identity, self._order)
        number = series.number + 1
        cargo, inline = None, None
        if values:
            sealed = seal_values(
                values,
                journey=self._journey,
                order=self._order,
                number=number,
                roster=self._session.trusted.roster,
                combiner=self._session.identity,
            )
            context = context_digest(round_context(self._journey, self._order, "values", number))
            cargo = RoundCargo(digest=digest(sealed), size=len(sealed), context=context)
            inline = patiently(
                lambda: send_values(self._registry, self._journey, sealed), self._sleep
            )
        envelope = Instruction(
            journey=self._journey,
            number=number,
            previous=series.previous,
            heard={station: series.answers[station].digest for station in stations},
            values=cargo,
            ends=ends,
            issued=self._clock(),
        ).sign(key)
        if values:
            self._sent = (envelope.digest, dict(values))
        return Prepared(SentInstruction(instruction=envelope, values=inline), series.previous)

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

    def keep_last(self, series: Series) -> None:
        """Keep what was sent last as the result of rounds that end here. Raises as `values`."""
        self._keep_values(self.values(series))

    def ending(self, series: Series) -> Prepared:
        """Sign the instruction that ends the rounds before the present one is combined.

        Raises as `instruction`.
        """
        answered = tuple(s for s in self._order.stations if s in series.answers)
        return self.instruction(series, answered, {}, ends=True)

    def _keep_values(self, values: Mapping[str, bytes]) -> None:
        """Keep the values that the rounds end with: no instruction sends them."""
        if values:
            with _kept("The values that the rounds end with"):
                keep_finished(self._session.identity, self._order.nonce, pack_values(values))

    def _keep_report(self, report: RoundReport) -> None:
        with _kept(f"The report of round {report.number}"):
            keep_report(self._order.nonce, report)

    def _registry(self) -> Registry:
        return self._session.registry


@contextmanager
def _kept(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise JourneyError(
            f"{what} cannot be kept on this machine: {error.strerror}.",
            "Make room, then wait for the journey again.",
            code="round-kept",
        ) from None
