"""What combine cells reported in the newest journeys of a workspace, opened with its key."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from phtlab.errors import PhtlabError
from phtlab.lab.rounds.round_reports import RoundReports
from phtlab.rounds.reports import RoundReport
from phtlab.wire.api.journeys import JourneyView

log = logging.getLogger(__name__)

MOST: Final = 8
"""Most journeys whose reports are in memory."""


class FollowedReports:
    """Reports of the journeys that were followed last, fetched in a thread of their own.

    `open_reports` returns the reports of a journey, whose order it verifies; None while the key is
    locked, or if they are sealed to others. `changed` is called with a journey's id, in that
    thread, when it has more of them.
    """

    def __init__(
        self,
        open_reports: Callable[[JourneyView], RoundReports | None],
        changed: Callable[[str], None],
        most: int = MOST,
    ) -> None:
        self._open = open_reports
        self._changed = changed
        self._most = most
        self._kept: OrderedDict[str, RoundReports] = OrderedDict()
        self._pending: OrderedDict[str, JourneyView] = OrderedDict()
        self._changing = threading.Lock()
        self._over = False
        self._thread = ThreadPoolExecutor(1, "phtlab-reports")

    def of(self, journey: str) -> tuple[RoundReport, ...]:
        """Return the reports of `journey` that were opened so far."""
        with self._changing:
            kept = self._kept.get(journey)
        return kept.reports if kept is not None else ()

    def follow(self, view: JourneyView) -> None:
        """Fetch the reports that the journey `view` has more than are known; returns at once."""
        if view.rounds is None:
            return
        with self._changing:
            kept = self._kept.get(view.id)
            if self._over or (kept is not None and not kept.lacks(view.rounds)):
                return
            waits = bool(self._pending.pop(view.id, None))
            self._pending[view.id] = view
            if not waits:
                self._thread.submit(self._fetch_next)

    def close(self) -> None:
        """Fetch no more."""
        with self._changing:
            self._over = True
            self._pending.clear()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _fetch_next(self) -> None:
        with self._changing:
            if not self._pending:
                return
            journey, view = self._pending.popitem(last=False)
        try:
            self._fetch(view)
        except PhtlabError as error:
            # The next change of the journey fetches them again.
            log.warning("phtlab: reports of journey %s: %s", journey, error)
        except Exception:
            # Anything else is our own mistake; the thread must survive it.
            log.exception("phtlab: reports of journey %s cannot be shown", journey)

    def _fetch(self, view: JourneyView) -> None:
        with self._changing:
            reports = self._kept.get(view.id)
        if reports is None:
            reports = self._open(view)
            if reports is None:
                return
        before = len(reports.reports)
        try:
            reports.refresh()
        finally:
            with self._changing:
                self._kept[view.id] = reports
                self._kept.move_to_end(view.id)
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            if len(reports.reports) > before:
                self._changed(view.id)
