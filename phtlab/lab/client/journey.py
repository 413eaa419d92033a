"""A journey as its researcher sees it: its state, progress and results."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from phtlab.errors import JourneyError, PhtlabError, RecordError
from phtlab.files.cargo_archive import unpack
from phtlab.files.sealed_file import open_file
from phtlab.lab.client.continuation import earlier_journeys, signed_journey
from phtlab.lab.client.journey_rounds import JourneyRounds
from phtlab.lab.display.journey_display import Faces, JourneyDisplay, Requests
from phtlab.lab.display.journey_follower import Followed
from phtlab.lab.display.journey_html import journey_html
from phtlab.lab.display.journey_text import describe, short
from phtlab.lab.display.progress import journey_progress
from phtlab.lab.display.route_map import route_map
from phtlab.lab.display.route_order import (
    ARROW,
    is_resumable,
    resume_hint,
    route_order,
    stop_name,
    stop_text,
)
from phtlab.lab.results.folder import ResultsFolder
from phtlab.lab.results.handed_on import handed_on_by, route_end
from phtlab.lab.results.released_log import released_log
from phtlab.lab.results.results import Results, StationResults
from phtlab.lab.results.round_results import RoundResults
from phtlab.lab.rounds.ended_series import round_results
from phtlab.lab.rounds.journey_key import forget_journey_key
from phtlab.lab.rounds.patience import patiently
from phtlab.lab.session.session import Session
from phtlab.printable import escaped
from phtlab.rounds.reports import reports_frame
from phtlab.train.documents.envelope import peek
from phtlab.train.documents.manifest import Train
from phtlab.train.documents.order import Order, cargo_context
from phtlab.train.documents.record import FINAL_STATES, StopRecord
from phtlab.train.verify import (
    DepartedStop,
    verify_continuation,
    verify_contradiction,
    verify_order,
    verify_records,
    verify_train,
)
from phtlab.wire.api.journeys import JourneyEvent, JourneyView, StopView
from phtlab.wire.api.rounds import newest_rounds
from phtlab.wire.registry.cargo import cargo_repository, pull_cargo

if TYPE_CHECKING:
    import pandas as pd

    from phtlab.lab.proposals.station_answers import StationAnswer


@dataclass(frozen=True)
class _VerifiedJourney:
    """A verified journey. `earlier` are the departed stops of the journeys that it continues.

    `continued` are central's views of these journeys.
    """

    train: Train
    order: Order
    records: dict[str, StopRecord]
    earlier: tuple[DepartedStop, ...]
    continued: tuple[JourneyView, ...]


class Journey:
    """One trip of a train. Central keeps its state: it goes on when this process ends."""

    def __init__(
        self,
        session: Session,
        view: JourneyView,
        *,
        journey: str | None = None,
        answers: tuple[StationAnswer, ...] = (),
    ) -> None:
        """Wrap central's `view`; `answers` are the stations' answers from before the dispatch.

        `journey` is the id, if it is known from elsewhere than central.
        Raises RecordError if `view` is of another journey.
        """
        self._session = session
        self.answers = answers
        self._id = journey or view.id
        self._view = self._own(view)
        self._began: dict[str, datetime] = {}
        # The widget's thread handles events beside the caller's thread.
        self._hearing = threading.Lock()
        self._rounds = JourneyRounds(
            session,
            self._id,
            verified=self.verified,
            view=lambda: self._view,
            refresh=lambda: self.refresh().view,
            changed=lambda: self._display.round_changed(),
        )
        self._display = JourneyDisplay(
            Faces(
                view=lambda: self._view,
                route=lambda view: route_map(
                    view,
                    self._began,
                    rounds=self._rounds.text,
                    reports=self._rounds.known_reports,
                ),
                html=self._repr_html_,
                text=self.__repr__,
            ),
            Followed(
                fetch=lambda: self._followed(self.refresh().view),
                apply=lambda event: self._followed(self._take(event)),
                events=lambda after: session.central.events(self.id, after, patience=0.0),
            ),
            Requests(cancel=lambda: self.cancel().view, finish=lambda: self.finish().view),
        )

    @property
    def id(self) -> str:
        """The digest of the signed order, `sha256:…`."""
        return self._id

    @property
    def stops(self) -> tuple[StopView, ...]:
        """The stops as last reported by central; `refresh()` updates them."""
        return self._view.stops

    @property
    def done(self) -> bool:
        """Whether every stop had ended when central last reported."""
        return self._view.done

    @property
    def resumable(self) -> bool:
        """Whether `lab.resume` can continue it: it ended before the last station of its route."""
        return is_resumable(self._view)

    @property
    def view(self) -> JourneyView:
        """Central's last report, unverified: `verified()` and `results()` verify."""
        return self._view

    def refresh(self) -> Journey:
        """Get the present state from central; returns itself."""
        view = self._own(self._session.central.journey(self.id))
        with self._hearing:
            self._view = view
        return self

    def cancel(self) -> Journey:
        """Ask all stations to stop; returns itself. Departed results are not recalled."""
        view = self._own(self._session.central.cancel(self.id))
        with self._hearing:
            self._view = view
        return self

    def wait(
        self,
        timeout: float | None = None,
        *,
        on_change: Callable[[JourneyView], None] | None = None,
    ) -> Journey:
        """Wait until every stop has ended, showing progress; returns itself.

        `timeout` is in seconds; `on_change` replaces the built-in display.
        Raises JourneyError (`wait-timeout`) after that time; the journey goes on.

        Of a journey of rounds, this runs the train's combine cells in this kernel after each round,
        and needs the key that `lab.dispatch` kept on this machine. What a combine cell raises ends
        the wait; the journey stays as it is, and waiting again combines the same round again.
        Raises JourneyError (`round-quorum`) if fewer stations are left than a round needs,
        (`journey-key-missing`) on another machine, (`report-limits`) if too much is reported, and
        (`sent-…`) for values that are not as round cells declare; RecordError or SignatureError for
        what stations or central did not sign so.

        Where an aggregator combines the rounds, this shows them, and what is reported; they go on
        without it.
        """
        until = None if timeout is None else time.monotonic() + timeout
        with journey_progress(on_change, self._display, lambda: self._rounds.text) as show:
            self._follow(self.refresh().view)
            show(self._view)
            if self.done:
                return self._over()
            if self._is_combined_here:
                self._rounds.drive(show, until)
            for event in self._session.central.events(self.id):
                self._follow(self._take(event))
                show(self._view)
                if self.done:
                    break
                if until is not None and time.monotonic() > until:
                    raise JourneyError(
                        f"Journey {short(self.id)} has not ended within {timeout:g} seconds.",
                        f"It goes on: 'phtlab journey wait {short(self.id)}' waits again.",
                        code="wait-timeout",
                    )
        self._follow(self.refresh().view)
        return self._over()

    def _over(self) -> Journey:
        """Remove the key of a journey that has ended: nothing is signed with it any more."""
        if self.done and self._is_combined_here:
            forget_journey_key(self._order().nonce)
        return self

    @property
    def _is_combined_here(self) -> bool:
        """Whether the researcher's kernels combine the rounds of the journey, which has some."""
        order = route_order(self._view)
        return order.is_rounds and order.aggregator is None

    def _follow(self, view: JourneyView) -> None:
        """Take what is new of rounds that an aggregator combines."""
        if route_order(view).aggregator is not None or view.done:
            patiently(lambda: self._rounds.follow(view), time.sleep)

    def _followed(self, view: JourneyView) -> JourneyView:
        """Take what is new of the rounds of `view`, in the thread that follows the journey."""
        self._rounds.follow(view)
        return view

    def finish(self) -> Journey:
        """End a journey of rounds early; returns itself.

        Stations compute no further round, and end as after the last one. What was sent last is the
        result; `cancel()` asks stations to stop at once. An aggregator ends the rounds once it
        sees the request. Raises JourneyError (`route-rounds`) for another journey,
        (`journey-key-missing`) on another machine, and what central refuses.
        """
        self._require_rounds()
        if self._is_combined_here:
            self._rounds.finish()
            return self.refresh()
        view = self._own(self._session.central.finish_rounds(self.id))
        with self._hearing:
            self._view = view
        return self

    @property
    def reports(self) -> pd.DataFrame:
        """What combine cells reported, a row per round; `heard` is of how many stations.

        Fetched from central and opened with this key. `attrs["unreadable"]` maps rounds to why
        their reports cannot be opened. Empty for a journey without rounds. Raises as `verified`,
        and OrderError for instructions that do not verify.
        """
        if not route_order(self._view).is_rounds:
            return reports_frame(())
        reports = self._rounds.reports()
        reports.refresh()
        frame = reports_frame(reports.reports)
        frame.attrs["unreadable"] = {n: str(why) for n, why in reports.unreadable.items()}
        return frame

    def _order(self) -> Order:
        """The journey's order: its digest is the journey's id, whoever signed it."""
        return Order.model_validate(peek(self._view.order).predicate)

    def _require_rounds(self) -> None:
        if not route_order(self._view).is_rounds:
            raise JourneyError(
                f"Journey {short(self.id)} has no rounds.",
                "journey.cancel() asks its stations to stop.",
                code="route-rounds",
            )

    def _own(self, view: JourneyView) -> JourneyView:
        """Return `view`. Raises RecordError for another journey, which would verify as well."""
        if {view.id, view.order.digest} != {self.id}:
            raise RecordError(
                f"Central sent another order for journey {short(self.id)}.",
                "Do not trust it; tell your consortium's officers.",
            )
        return view

    def _take(self, event: JourneyEvent) -> JourneyView:
        stop = event.stop
        with self._hearing:
            known = {s.station: s for s in self._view.stops}
            seen = known.get(stop.station)
            if stop.state == "running":
                self._began.setdefault(stop.station, stop.updated)
            # The stream begins with the first event: skip events older than the view.
            if seen and seen.state not in FINAL_STATES and stop.updated >= seen.updated:
                known[stop.station] = stop
            elif seen and stop.contradicted:  # the only event possible after a stop has ended
                known[stop.station] = seen.model_copy(update={"contradicted": True})
            rounds = newest_rounds(self._view.rounds, event.rounds)
            changed = {"stops": tuple(known.values()), "rounds": rounds}
            self._view = self._view.model_copy(update=changed)
            return self._view

    def verified(self) -> tuple[Train, Order, dict[str, StopRecord]]:
        """Return train, order and each ended stop's record, all verified against the roster.

        Raises SignatureError, RosterError, TrainError, OrderError or RecordError for what fails
        verification.
        """
        verified = self._verify()
        return verified.train, verified.order, verified.records

    def _verify(self) -> _VerifiedJourney:
        session = self._session
        roster = session.refresh().roster
        view = self.refresh().view
        train = verify_train(session.central.train(view.train).envelope, roster, over=True)
        order = verify_order(
            view.order, roster, train=train, station=None, now=None, seen=frozenset()
        )
        signed = {stop.station: stop.record for stop in view.stops if stop.record is not None}
        continued = earlier_journeys(session, order)
        earlier = verify_continuation(
            order, train=train, roster=roster, continued=tuple(map(signed_journey, continued))
        )
        before = earlier[-1] if earlier else None
        records = verify_records(signed, journey=self.id, order=order, roster=roster, before=before)
        return _VerifiedJourney(train, order, records, earlier, continued)

    def results(self, *, partial: bool = False) -> Results:
        """Verify every record, then fetch, check and open the cargo.

        With `partial`, of the stations that have ended so far; the others are in `.waiting`.

        Stops that ended otherwise than departed are in `.failures`; stops that only central reports
        as ended, such as a stop cancelled before its turn, are in `.unsigned`. Stations that signed
        a second record of their stop are in `.contradicted`. Nothing that fails verification is
        shown.

        On a sequential route, each station's `handed_on` maps its outputs to the station that got
        them. Of a journey that continues another, the stops before it are included.

        Of a journey of rounds, `of_rounds` has what the combine cells made of them, their reports,
        and each round's updates; all instructions and records of rounds are verified first. An
        aggregator that combined them is no station of the results.

        Raises JourneyError (`journey-unfinished`) while a stop has not ended (with `partial`: while
        none has), SealError for cargo that differs from its record or is not sealed to this key,
        RegistryError if the cargo is no longer in the registry, and what `verified()` raises.
        """
        verified = self._verify()
        order, records = verified.order, verified.records
        unsigned = {
            stop.station: describe(stop)
            for stop in self.stops
            if stop.state in FINAL_STATES and stop.station not in records
        }
        waiting = [s for s in order.stops if s not in records and s not in unsigned]
        if waiting and not (partial and (records or verified.earlier)):
            present = waiting[:1] if order.route == "sequential" else waiting
            raise JourneyError(
                f"Journey {short(self.id)} is still at {', '.join(present)}.",
                f"Wait for it with journey.wait() or 'phtlab journey wait {short(self.id)}'; "
                "journey.results(partial=True) opens what is there so far.",
                code="journey-unfinished",
            )
        self._session.registry.obtain_token(
            pull=[
                cargo_repository(journey, record.station)
                for journey, record in (
                    *((stop.journey, stop.record) for stop in verified.earlier),
                    *((self.id, record) for record in records.values()),
                )
                if record.cargo_of("cargo") is not None
            ]
        )
        folder = ResultsFolder()
        opened = {
            stop.record.station: self._open(
                verified.train, stop.journey, stop.order, stop.record, folder
            )
            for stop in verified.earlier
        }
        failures: dict[str, StopRecord] = {}
        for station, record in records.items():
            if record.outcome != "departed":
                failures[station] = record
            elif station != order.aggregator:
                opened[station] = self._open(verified.train, self.id, order, record, folder)
        stops = {stop.station: stop for stop in self.stops}
        under_way = {station: stops.get(station) for station in waiting}
        return Results(
            opened,
            failures,
            folder,
            unsigned,
            under_way,
            self._contradicted(verified),
            end=route_end(verified.train.manifest, order),
            resume=resume_hint(self.view),
            of_rounds=self._round_results(verified),
            aggregator=order.aggregator,
        )

    def _round_results(self, verified: _VerifiedJourney) -> RoundResults | None:
        if verified.order.rounds is None:
            return None
        return round_results(
            self._session,
            self.id,
            verified.order,
            verified.train.manifest,
            verified.records,
            self._rounds.reports(),
        )

    def _contradicted(self, verified: _VerifiedJourney) -> dict[str, StopRecord]:
        """Return the second record of each station that signed two, if both verify."""
        found = {}
        orders = {stop.journey: stop.order for stop in verified.earlier}
        for view, order in [
            *((view, orders.get(view.id)) for view in verified.continued),
            (self.view, verified.order),
        ]:
            for stop in view.stops:
                # Of an earlier journey, only the stops that departed count.
                past = view is not self.view and stop.state != "departed"
                if order is None or past or stop.record is None or stop.conflict is None:
                    continue
                with suppress(PhtlabError):
                    found[stop.station] = verify_contradiction(
                        (stop.record, stop.conflict),
                        journey=view.id,
                        order=order,
                        roster=self._session.trusted.roster,
                        station=stop.station,
                    )[1]
        return found

    def log(self, station: str) -> str:
        """Return what the run printed at `station` and its whole error, if a person released them.

        Raises JourneyError (`no-log`) if nobody did, SealError or RecordError if the log is not
        what the station signed for this journey.
        """
        verified = self._verify()
        journey, order = self.id, verified.order
        for stop in verified.earlier:
            if stop.record.station == station:
                journey, order = stop.journey, stop.order
        return released_log(self._session, journey, order, station)

    def _open(
        self, train: Train, journey: str, order: Order, record: StopRecord, held: ResultsFolder
    ) -> StationResults:
        """Open the cargo of a departed stop of `journey`, whose verified order is `order`."""
        station = record.station
        folder = held.path / station
        folder.mkdir()
        twin = station in {m.name for m in self._session.trusted.roster.with_role("twin")}
        handed_on = handed_on_by(record, train.manifest, order, twin=twin)
        cargo = record.cargo_of("cargo")
        if cargo is None:  # verified: all that left went to the next station
            return StationResults(station, record, {}, folder, held, handed_on)
        sealed, archive = folder / "cargo.age", folder / "cargo.tar"
        limit = cargo.size
        pull_cargo(self._session.registry, journey, station, cargo.digest, sealed, limit=limit)
        context = cargo_context(journey, order, station)
        open_file(
            sealed,
            archive,
            self._session.identity.age,
            context,
            cargo.digest,
            recipients=len(order.recipients),
        )
        sealed.unlink()
        outputs = unpack(archive, folder, train.manifest.outputs)
        archive.unlink()
        return StationResults(station, record, outputs, folder, held, handed_on)

    def __repr__(self) -> str:
        view, order = self._view, route_order(self._view)
        head = f"Journey {short(self.id)} of {escaped(view.train_name)}"
        if order.is_sequential:
            head += f": {f' {ARROW} '.join(stop.station for stop in self.stops)}"
        if text := self._rounds.text:
            head += f": {text}"
        lines = [head]
        if order.continues is not None:
            lines.append(f"  continues journey {escaped(short(order.continues))}")
        lines += [
            f"  {s.number + 1}. {stop_name(view, s)}: {stop_text(view, s)}" for s in self.stops
        ]
        lines += [hint] if (hint := resume_hint(view)) else []
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return journey_html(self._view, self._began, rounds=self._rounds.text)

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        return self._display.bundle()

    def _ipython_display_(self) -> None:
        if not self._display.show():
            raise NotImplementedError  # IPython falls back to the other forms
