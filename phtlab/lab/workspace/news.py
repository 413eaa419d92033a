"""The state that central reports to one person's workspace, kept current by one thread.

The thread loads everything, then listens for events. It reports a lost connection, and loads
everything again when central is back: what is shown after a gap is current.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from phtlab.errors import NotOnRosterError, PhtlabError, RosterError, UnreachableError
from phtlab.train.documents.record import FINAL_STATES
from phtlab.train.documents.roster import Catalogue, Roster
from phtlab.trust_store.trust import Trust
from phtlab.wire.api.governance import ProposalSummary
from phtlab.wire.api.journeys import (
    JourneyEvent,
    JourneyView,
    ProposalsChanged,
    StationView,
    StopView,
)
from phtlab.wire.central.client import CentralClient

log = logging.getLogger(__name__)

CentralState = Literal["ok", "unreachable", "unknown"]
Kind = Literal["status", "stations", "journeys", "journey", "proposals"]
# Called with what changed, and for "journey" with its id.
ChangeListener = Callable[[Kind, str | None], None]

PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)  # seconds between attempts
# Interval of polling where no events arrive (no key yet, or not a member).
POLL_SECONDS: Final = 15.0
MOST_JOURNEYS: Final = 200
MOST_PROPOSALS: Final = 50


@dataclass(frozen=True)
class Trouble:
    """An error that keeps the workspace from working: its code, message and hint."""

    code: str
    message: str
    hint: str = ""

    @classmethod
    def of(cls, error: PhtlabError) -> Trouble:
        return cls(error.code, error.message, error.hint)


@dataclass(frozen=True)
class News:
    """The present state. `reads` is whether central shows this person's own journeys."""

    central: CentralState = "unknown"
    sentence: str = ""
    reads: bool = False
    roster: Roster | None = None
    catalogue: Catalogue = field(default_factory=Catalogue)
    stations: tuple[StationView, ...] = ()
    journeys: dict[str, JourneyView] = field(default_factory=dict)
    proposals: tuple[ProposalSummary, ...] = ()
    trouble: Trouble | None = None


class Follower:
    """Follow central in a thread of its own, from `start` until `stop`.

    `central` is used for public requests only. `reader` returns the client that may read, given the
    present roster: None while there is neither a key nor a hub's token. `first` is the initial
    state. `ended` is called at the end of the thread.
    """

    def __init__(
        self,
        central: CentralClient,
        trust: Callable[[], Trust],
        reader: Callable[[Roster | None], CentralClient | None],
        report: ChangeListener,
        first: News | None = None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._ended = ended
        self._central = central
        self._trust = trust
        self._reader = reader
        self._listener = report
        self._news = first or News()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._again = threading.Event()
        self._client: CentralClient | None = None
        self._seen = 0
        self._thread = threading.Thread(target=self._run, name="phtlab-news", daemon=True)

    @property
    def news(self) -> News:
        return self._news

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop; later events change nothing. End the clients' streams afterwards."""
        self._over.set()
        self._again.set()

    def retry_now(self) -> None:
        """Retry at once instead of waiting."""
        self._again.set()

    def update_journey(self, view: JourneyView) -> None:
        """Update a journey with central's answer to another request of this workspace."""
        with self._lock:
            known = self._news.journeys.get(view.id)
            if known is None or _newest(known) <= _newest(view):
                self._keep(journeys={**self._news.journeys, view.id: view})
        self._report("journey", view.id)

    def _run(self) -> None:
        try:
            self._follow()
        finally:
            self._ended()

    def _follow(self) -> None:
        attempt = 0
        while not self._over.is_set():
            begun = time.monotonic()
            try:
                self._load()
                self._listen()
            except UnreachableError as error:
                self._lost("unreachable", error)
            except PhtlabError as refusal:
                self._lost("ok", refusal)
            except Exception:
                if self._over.is_set():
                    return
                # Anything else is a defect of ours; the thread must survive it.
                log.exception("phtlab: following central failed")
                self._lost("unknown", PhtlabError("What central said could not be read."))
            attempt = 0 if time.monotonic() - begun > PAUSES[-1] else attempt + 1
            self._again.wait(PAUSES[min(attempt, len(PAUSES)) - 1] if attempt else 0.0)
            self._again.clear()

    def _load(self) -> None:
        """Load everything that central shows."""
        trouble = self._read_roster()
        self._central.info()
        roster = self._news.roster
        client = self._client = self._reader(roster)
        if client is None:
            self._change("status", central="ok", sentence="", reads=False, trouble=trouble)
            self._change("stations", stations=())
            self._change("journeys", journeys={})
            self._change("proposals", proposals=())
            return
        stations = client.stations()
        try:
            journeys = {view.id: view for view in client.journeys(limit=MOST_JOURNEYS).journeys}
            proposals = client.governance.proposals(limit=MOST_PROPOSALS).proposals
        except NotOnRosterError as stranger:
            journeys, proposals, trouble = {}, (), Trouble.of(stranger)
        self._change("stations", stations=stations)
        self._change("journeys", journeys=journeys)
        self._change("proposals", proposals=proposals)
        self._change("status", central="ok", sentence="", reads=True, trouble=trouble)

    def _read_roster(self) -> Trouble | None:
        """Update the roster; return what is wrong. Without central, the cached roster applies."""
        try:
            trusted = self._trust().refresh()
        except RosterError as refusal:
            return Trouble.of(refusal)
        self._keep(roster=trusted.roster, catalogue=trusted.catalogue)
        return None

    def _listen(self) -> None:
        """Handle events until the connection is lost; without a stream, wait for the next poll."""
        client, trouble = self._client, self._news.trouble
        if client is None or (trouble is not None and trouble.code == "not-on-roster"):
            self._again.wait(POLL_SECONDS)
            return
        for event in client.news(self._seen, patience=0.0):
            if self._over.is_set():
                return
            if isinstance(event, JourneyEvent):
                self._seen = event.number
                self._happened(client, event)
            elif isinstance(event, ProposalsChanged):
                self._proposed(client, event.changed)
            elif isinstance(event, tuple):
                self._change("stations", stations=event)

    def _proposed(self, client: CentralClient, changed: int) -> None:
        known = max((proposal.changed for proposal in self._news.proposals), default=0)
        if changed > known:
            newest = client.governance.proposals(limit=MOST_PROPOSALS).proposals
            self._change("proposals", proposals=newest)

    def _happened(self, client: CentralClient, event: JourneyEvent) -> None:
        with self._lock:
            known = self._news.journeys.get(event.journey)
            changed = _with_stop(known, event.stop) if known else None
        if known is None and not self._is_new(event):
            return
        if changed is known and known is not None:
            return
        # The event has no record: load the whole journey if it is new or done.
        if changed is None or changed.done:
            changed = client.journey(event.journey)
        self.update_journey(changed)

    def _is_new(self, event: JourneyEvent) -> bool:
        """Whether the event is newer than all journeys here: a stream begins with old events."""
        newest = max((_newest(view) for view in self._news.journeys.values()), default=None)
        return newest is None or event.stop.updated > newest

    def _lost(self, state: CentralState, why: PhtlabError) -> None:
        trouble = None if state == "unreachable" else Trouble.of(why)
        self._change("status", central=state, sentence=str(why), reads=False, trouble=trouble)

    def _change(self, kind: Kind, **values: object) -> None:
        before = self._news
        with self._lock:
            self._keep(**values)
        if self._news != before:
            self._report(kind, None)

    def _keep(self, **values: object) -> None:
        if not self._over.is_set():
            self._news = replace(self._news, **values)  # type: ignore[arg-type]

    def _report(self, kind: Kind, journey: str | None) -> None:
        if not self._over.is_set():
            self._listener(kind, journey)


def _newest(view: JourneyView) -> datetime:
    return max(stop.updated for stop in view.stops)


def _with_stop(view: JourneyView, stop: StopView) -> JourneyView:
    """Return `view` updated with `stop`; `view` itself if nothing changes."""
    stops = []
    for known in view.stops:
        older = (
            known.station != stop.station
            or known.state in FINAL_STATES
            or stop.updated <= known.updated
        )
        # The only change of an ended stop: its station signed a second record.
        if stop.station == known.station and stop.contradicted and known.state in FINAL_STATES:
            known = known.model_copy(update={"contradicted": True})
        stops.append(known if older else stop)
    changed = tuple(stops)
    return view if changed == view.stops else view.model_copy(update={"stops": changed})
