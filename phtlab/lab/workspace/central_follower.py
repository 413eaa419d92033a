"""What central tells one person's workspace, kept true by one thread.

It asks for everything, then listens; once the connection is lost it says so, and when central is
back it asks for everything again: what is shown after a pause is the truth.
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
from phtlab.lab.display.route_order import route_order
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
# Told what changed; for "journey" which one.
ChangeListener = Callable[[Kind, str | None], None]

PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)  # seconds between attempts
# Where nothing tells of changes (no key yet, or not a member), things are looked at this often.
POLL_SECONDS: Final = 15.0
MOST_JOURNEYS: Final = 200
MOST_PROPOSALS: Final = 50


@dataclass(frozen=True)
class Trouble:
    """What keeps the workspace from working: an error's code, message and hint."""

    code: str
    message: str
    hint: str = ""

    @classmethod
    def of(cls, error: PhtlabError) -> Trouble:
        return cls(error.code, error.message, error.hint)


@dataclass(frozen=True)
class CentralSnapshot:
    """What is known now. `reads` is whether central shows us what is ours."""

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
    """Follows central in a thread of its own from `start` until `stop`.

    `central` is asked only what is open to all. `reader` chooses the client that may read, by the
    roster as it is now: None while there is no key and no token of a hub. `first` is what was
    known before. `ended` is called once the thread is at its end.
    """

    def __init__(
        self,
        central: CentralClient,
        trust: Callable[[], Trust],
        reader: Callable[[Roster | None], CentralClient | None],
        report: ChangeListener,
        first: CentralSnapshot | None = None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._ended = ended
        self._central = central
        self._trust = trust
        self._reader = reader
        self._listener = report
        self._snapshot = first or CentralSnapshot()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._again = threading.Event()
        self._client: CentralClient | None = None
        self._seen = 0
        self._thread = threading.Thread(target=self._run, name="phtlab-news", daemon=True)

    @property
    def snapshot(self) -> CentralSnapshot:
        return self._snapshot

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End; what the thread still hears changes nothing. End the clients' streams afterwards."""
        self._over.set()
        self._again.set()

    def retry_now(self) -> None:
        """Do not wait for the next attempt."""
        self._again.set()

    def update_journey(self, view: JourneyView) -> None:
        """A journey as central just answered it to somebody else of this workspace."""
        with self._lock:
            journeys = dict(self._snapshot.journeys)
            known = journeys.get(view.id)
            if known is None or _newest(known) <= _newest(view):
                journeys[view.id] = view
            # Central sends no event about a journey that another one continues.
            earlier = journeys.get(route_order(view).continues or "")
            if earlier is not None and earlier.continued_by is None:
                journeys[earlier.id] = earlier.model_copy(update={"continued_by": view.id})
            self._keep(journeys=journeys)
        self._report("journey", view.id)
        if earlier is not None:
            self._report("journey", earlier.id)

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
                # Anything else is our own mistake; the thread must outlive it.
                log.exception("phtlab: following central failed")
                self._lost("unknown", PhtlabError("What central said could not be read."))
            attempt = 0 if time.monotonic() - begun > PAUSES[-1] else attempt + 1
            self._again.wait(PAUSES[min(attempt, len(PAUSES)) - 1] if attempt else 0.0)
            self._again.clear()

    def _load(self) -> None:
        """Everything that central shows, as it is now."""
        trouble = self._read_roster()
        self._central.info()
        roster = self._snapshot.roster
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
        """What is wrong with it, if anything; without central, the one that is kept counts."""
        try:
            trusted = self._trust().refresh()
        except RosterError as refusal:
            return Trouble.of(refusal)
        self._keep(roster=trusted.roster, catalogue=trusted.catalogue)
        return None

    def _listen(self) -> None:
        """Until the connection is lost; or for a while, where there is nothing to listen to."""
        client, trouble = self._client, self._snapshot.trouble
        if client is None or (trouble is not None and trouble.code == "not-on-roster"):
            self._again.wait(POLL_SECONDS)
            return
        for event in client.changes(self._seen, patience=0.0):
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
        known = max((proposal.changed for proposal in self._snapshot.proposals), default=0)
        if changed > known:
            newest = client.governance.proposals(limit=MOST_PROPOSALS).proposals
            self._change("proposals", proposals=newest)

    def _happened(self, client: CentralClient, event: JourneyEvent) -> None:
        with self._lock:
            known = self._snapshot.journeys.get(event.journey)
            changed = _after(known, event) if known else None
        if known is None and not self._is_new(event):
            return
        if changed is known and known is not None:
            return
        # The event has no record: of what is final, and what is new, the whole is asked for.
        if changed is None or changed.done:
            changed = client.journey(event.journey)
        self.update_journey(changed)

    def _is_new(self, event: JourneyEvent) -> bool:
        """A stream begins with what happened long ago, also to journeys that are not kept here."""
        newest = max((_newest(view) for view in self._snapshot.journeys.values()), default=None)
        return newest is None or event.stop.updated > newest

    def _lost(self, state: CentralState, why: PhtlabError) -> None:
        trouble = None if state == "unreachable" else Trouble.of(why)
        self._change("status", central=state, sentence=str(why), reads=False, trouble=trouble)

    def _change(self, kind: Kind, **values: object) -> None:
        before = self._snapshot
        with self._lock:
            self._keep(**values)
        if self._snapshot != before:
            self._report(kind, None)

    def _keep(self, **values: object) -> None:
        if not self._over.is_set():
            self._snapshot = replace(self._snapshot, **values)  # type: ignore[arg-type]

    def _report(self, kind: Kind, journey: str | None) -> None:
        if not self._over.is_set():
            self._listener(kind, journey)


def _newest(view: JourneyView) -> datetime:
    return max(stop.updated for stop in view.stops)


def _after(view: JourneyView, event: JourneyEvent) -> JourneyView:
    """`view` after `event`; itself if that is no news."""
    changed = _with_stop(view, event.stop)
    # A stream begins with old events. Of rounds it has the newest only, which may be the known one.
    if event.rounds is None or event.rounds == view.rounds:
        return changed
    return changed.model_copy(update={"rounds": event.rounds})


def _with_stop(view: JourneyView, stop: StopView) -> JourneyView:
    """`view` after `stop`; itself if that is no news."""
    stops = []
    for known in view.stops:
        older = (
            known.station != stop.station
            or known.state in FINAL_STATES
            or stop.updated <= known.updated
        )
        # All that can happen to a stop that has ended: its station signed another record of it.
        if stop.station == known.station and stop.contradicted and known.state in FINAL_STATES:
            known = known.model_copy(update={"contradicted": True})
        stops.append(known if older else stop)
    changed = tuple(stops)
    return view if changed == view.stops else view.model_copy(update={"stops": changed})
