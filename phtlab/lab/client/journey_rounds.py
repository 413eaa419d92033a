"""The rounds of one journey in this process: combined here, or followed while others combine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from phtlab.errors import RegistryUnreachableError
from phtlab.lab.display.round_progress import RoundProgress, progress_of
from phtlab.lab.rounds.combiner import Combiner
from phtlab.lab.rounds.driver import RoundDriver
from phtlab.lab.rounds.patience import patiently
from phtlab.lab.rounds.round_reports import RoundReports
from phtlab.lab.rounds.train_cells import fetch_combine_cells
from phtlab.lab.session.session import Session
from phtlab.rounds.reports import RoundReport
from phtlab.train.documents.manifest import Train
from phtlab.train.documents.order import Order
from phtlab.wire.api.journeys import JourneyView

if TYPE_CHECKING:
    from phtlab.train.documents.record import StopRecord

Show = Callable[[JourneyView], None]


class JourneyRounds:
    """Rounds of `journey`. `progress` is how far they are, as last seen.

    `verified` returns the journey's verified train, order and records, `view` the journey as last
    seen; `refresh` asks central for it. `changed` is called at each change while rounds are
    combined here.
    """

    def __init__(
        self,
        session: Session,
        journey: str,
        *,
        verified: Callable[[], tuple[Train, Order, dict[str, StopRecord]]],
        view: Callable[[], JourneyView],
        refresh: Callable[[], JourneyView],
        changed: Callable[[], None],
    ) -> None:
        self._session = session
        self._journey = journey
        self._verified = verified
        self._view = view
        self._refresh = refresh
        self._changed = changed
        self._show: Show = lambda _: None
        self._driver: RoundDriver | None = None
        self._drives = False
        self._reports: RoundReports | None = None
        self._opening = threading.Lock()
        self.progress: RoundProgress | None = None

    @property
    def text(self) -> str:
        """How far the rounds are, in words; empty before anything was seen."""
        if self.progress is None:
            return ""
        unreadable = self._reports.unreadable if self._reports is not None else {}
        rounds = ", ".join(map(str, unreadable))
        return self.progress.text + (
            f"; what was reported of round {rounds} cannot be read" if rounds else ""
        )

    @property
    def known_reports(self) -> tuple[RoundReport, ...]:
        """The reports that were opened in this process so far; nothing is fetched."""
        return self._reports.reports if self._reports is not None else ()

    def reports(self) -> RoundReports:
        """Return the reports of this journey, whose order is verified first. Fetches none."""
        with self._opening:
            if self._reports is None:
                _, order, _ = self._verified()
                self._reports = RoundReports(self._session, self._journey, order)
            return self._reports

    def drive(self, show: Show, until: float | None) -> None:
        """Combine rounds in this process until they have ended. Raises as `RoundDriver.drive`."""
        self._show = show
        if self._driver is not None:
            patiently(self._session.refresh, time.sleep)  # stations may have left since
        else:
            # The names of its combine cells stay with it.
            self._driver = self._new_driver(self._read_view)
        self._drives = True
        try:
            self._driver.drive(until)
        finally:
            self._drives = False

    def finish(self) -> None:
        """End rounds that the researcher's kernels combine. Raises as `RoundDriver.finish`."""
        # A driver of its own: another thread may drive the rounds meanwhile.
        self._new_driver(self._refresh).finish()

    def follow(self, view: JourneyView) -> None:
        """Take what central has of rounds that are not combined in this process now.

        `view` is the journey as last seen. Raises as `RoundReports.refresh`.
        """
        rounds = view.rounds
        if rounds is None or self._drives:
            return
        self.progress = progress_of(view, rounds)
        reports = self.reports()
        if reports.lacks(rounds):
            # It is fetched with the next change, or when somebody asks for reports.
            with suppress(RegistryUnreachableError):
                reports.refresh()

    def _new_driver(self, read_view: Callable[[], JourneyView]) -> RoundDriver:
        session = self._session
        train, order, _ = patiently(self._verified, time.sleep)
        reports = patiently(self.reports, time.sleep)
        combiner = Combiner(
            session,
            self._journey,
            order,
            train.manifest,
            lambda: patiently(lambda: fetch_combine_cells(session, train), time.sleep),
        )
        return RoundDriver(
            session,
            self._journey,
            order,
            combiner,
            reports=reports,
            read_view=read_view,
            show=self._round_changed,
        )

    def _read_view(self) -> JourneyView:
        view = self._refresh()
        self._show(view)
        return view

    def _round_changed(self, progress: RoundProgress) -> None:
        if progress != self.progress:
            self.progress = progress
            self._changed()
            self._show(self._view())
