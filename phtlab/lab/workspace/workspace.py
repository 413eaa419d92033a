"""One person's workspace: profile, key, central's state, and the person's actions.

Plain Python without Jupyter: the server extension exposes it over HTTP, and its methods block.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from phtlab.errors import JourneyError, NotebookError, PhtlabError, ProposalError, SettingsError
from phtlab.governance import Proposal
from phtlab.lab.client.journey import Journey
from phtlab.lab.client.lab import Lab
from phtlab.lab.keys.key_files import WorkspaceKeys
from phtlab.lab.results.results import Results
from phtlab.lab.rounds.round_reports import RoundReports
from phtlab.lab.session.pinned_trust import trust_of
from phtlab.lab.session.session import Session
from phtlab.lab.workspace.central_follower import CentralSnapshot, Follower, Kind, Trouble
from phtlab.lab.workspace.followed_reports import MOST, FollowedReports
from phtlab.lab.workspace.opened_results import OpenedResults
from phtlab.lab.workspace.payload_digest import payload_digest_of
from phtlab.lab.workspace.twins import Twins
from phtlab.rounds.reports import RoundReport
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.record import FINAL_STATES
from phtlab.train.documents.roster import Catalogue, Roster
from phtlab.trust_store.trust import Trust
from phtlab.user_settings import PartialSettings, UserSettings, keys_directory
from phtlab.wire.api.governance import NewComment, ProposalView
from phtlab.wire.api.journeys import JourneyView, StationView
from phtlab.wire.central.client import CentralClient

Listener = Callable[[Kind, str | None], None]


class Workspace:
    """The state that a person's panels show. Every method may be called from any thread.

    `start` follows central until `stop`. Listeners are called with what changed, in the thread that
    changed it, and then read the newest state here.
    """

    def __init__(self, *, keys: WorkspaceKeys | None = None, twins: Twins | None = None) -> None:
        self.keys = keys or WorkspaceKeys()
        self.opened = OpenedResults()
        self._twins = twins or Twins()
        self._listeners: set[Listener] = set()
        self._changing = threading.RLock()
        self._connection: _Connection | None = None
        self._wrong: Trouble | None = None
        self._rest = CentralSnapshot()

    # Place and user

    @property
    def place(self) -> Literal["hub", "computer"]:
        return "hub" if self.user is not None else "computer"

    @property
    def user(self) -> str | None:
        """The hub's user who owns this server; None outside a hub."""
        return os.environ.get("JUPYTERHUB_USER") or None

    @property
    def central_url(self) -> str:
        """Central's address, empty while it is unknown."""
        connection = self._connection
        return connection.profile.central if connection else ""

    @property
    def root_fingerprint(self) -> str | None:
        """The fingerprint of the pinned root; None if none is pinned."""
        connection = self._connection
        try:
            return connection.trust().fingerprint if connection else None
        except PhtlabError:
            return None

    # State

    @property
    def snapshot(self) -> CentralSnapshot:
        connection = self._connection
        return connection.follower.snapshot if connection else self._rest

    @property
    def trouble(self) -> Trouble | None:
        """The first error that keeps the workspace from working."""
        return self._wrong or self.snapshot.trouble

    @property
    def stations(self) -> tuple[StationView, ...]:
        """The members that journeys go to for data: no aggregators."""
        return tuple(view for view in self.snapshot.stations if view.has_data)

    @property
    def twin_names(self) -> frozenset[str]:
        """The stations that hold made-up data only, by the roster."""
        roster = self.snapshot.roster
        return frozenset(m.name for m in roster.with_role("twin")) if roster else frozenset()

    @property
    def own_name(self) -> str | None:
        """The member whose journeys are shown: the key's name, else the hub's user."""
        current = self.keys.current()
        return current.name if current else self.user

    @property
    def is_member(self) -> bool | None:
        """Whether the key is on the roster, or its name while it is locked; None if unknown."""
        current, roster = self.keys.current(), self.snapshot.roster
        if current is None or roster is None:
            return None
        return _is_member(roster, current.name, self.keys.identity)

    def journeys(self) -> list[JourneyView]:
        """Return the person's journeys, newest first."""
        views = self.snapshot.journeys.values()
        return sorted(views, key=lambda view: view.submitted, reverse=True)

    def journey(self, journey: str) -> JourneyView:
        """Return a journey, also an old one. Raises JourneyError, or what the client raises."""
        known = self.snapshot.journeys.get(journey)
        if known is not None:
            return known
        with self._using() as connection:
            return connection.reading().journey(journey)

    def reports(self, journey: str) -> tuple[RoundReport, ...] | None:
        """Return what was reported of a journey's rounds, as far as it was opened here.

        Nothing is fetched. None while the key is locked.
        """
        connection = self._connection
        if connection is None or self.keys.identity is None:
            return None
        return connection.reports.of(journey)

    def proposal(self, proposal: str) -> ProposalView:
        """Return a whole proposal. Raises JourneyError, or what central's client raises."""
        with self._using() as connection:
            return connection.reading().governance.proposal(proposal)

    def comment(self, proposal: str, text: str) -> ProposalView:
        """Comment on a proposal. Raises as `proposal`."""
        with self._using() as connection:
            return connection.reading().governance.comment(proposal, NewComment(text=text))

    def refreshed(self) -> tuple[Roster, Catalogue]:
        """Fetch and return roster and catalogue. Raises SettingsError, RosterError."""
        with self._using() as connection:
            trusted = connection.trust().refresh()
        return trusted.roster, trusted.catalogue

    # Listeners

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` at every change; return a function that ends this."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def _report_change(self, kind: Kind, journey: str | None) -> None:
        for listener in tuple(self._listeners):
            listener(kind, journey)

    def _handle_change(self, kind: Kind, journey: str | None) -> None:
        """Handle a change from the following thread: report it to listeners.

        Then fetch twins, or what rounds reported.
        """
        self._report_change(kind, journey)
        connection = self._connection
        if connection is None:
            return
        if kind == "stations":
            self._twins.keep(connection.client(), connection.follower.snapshot)
        if kind == "journeys":
            of_rounds = [view for view in self.journeys() if view.rounds is not None]
            for view in sorted(of_rounds[:MOST], key=lambda view: view.done):
                connection.reports.follow(view)
        changed = connection.follower.snapshot.journeys.get(journey or "")
        if kind == "journey" and changed is not None:
            connection.reports.follow(changed)

    # Life cycle

    def start(self) -> None:
        """Follow central, if its address is known. Raises nothing: `trouble` holds the error."""
        with self._changing:
            self._connect(first=None)

    def stop(self) -> None:
        with self._changing:
            self._disconnect()

    def retry_now(self) -> None:
        """Connect if that is possible now, for example after 'phtlab join'."""
        with self._changing:
            if self._connection is not None:
                return
            before = self._wrong
            self._connect(first=None)
            changed = self._wrong != before
        if changed:
            self._report_change("status", None)

    def profile_changed(self) -> None:
        """Reconnect with the present profile, key and environment."""
        with self._changing:
            before = self._disconnect()
            self._connect(first=before)
        for kind in _ALL:
            self._report_change(kind, None)

    def _connect(self, first: CentralSnapshot | None) -> None:
        self._wrong = None
        try:
            profile = self._profile()
        except SettingsError as unset:
            self._wrong, self._rest = Trouble.of(unset), CentralSnapshot()
            return
        self._connection = _Connection(
            profile,
            self.keys.identity,
            self._handle_change,
            first,
            self._may_speak,
            self._report_change,
        )
        self._connection.follower.start()

    def _disconnect(self) -> CentralSnapshot | None:
        connection, self._connection = self._connection, None
        if connection is None:
            return None
        connection.close()
        return connection.follower.snapshot

    def _profile(self) -> UserSettings:
        place = PartialSettings.load()
        if place.central is None:
            raise SettingsError(*_NO_CENTRAL[self.place], code="central-missing")
        return place.profile(place.central, place.key or keys_directory() / "NAME.key.age")

    def _may_speak(self, roster: Roster | None) -> bool:
        """Whether the unlocked identity may authenticate to central."""
        identity = self.keys.identity
        return identity is not None and (
            roster is None or _is_member(roster, identity.name, identity)
        )

    # The key

    def unlock(self, passphrase: str) -> None:
        """Unlock the key and reconnect. Raises PassphraseError, KeyFileError."""
        self.keys.unlock(passphrase)
        self.profile_changed()

    def lock(self) -> None:
        """Forget the key and every opened result."""
        self.keys.lock()
        self.opened.forget()
        self.profile_changed()

    @contextmanager
    def lab(self) -> Iterator[Lab]:
        """Yield the lab of the unlocked key; its connection stays open until the block ends.

        Raises KeyFileError (`key-locked`, `key-missing`), SettingsError (`central-missing`).
        """
        with self._using() as connection:
            self.keys.require()
            lab = connection.lab
            if lab is None:
                raise SettingsError(
                    "The key was changed just now.", "Try again.", code="key-locked"
                )
            yield lab

    # Proposals

    def draft(self, notebook: Path) -> tuple[Path, bool]:
        """Return the draft of a proposal beside `notebook`, and whether it was written just now.

        Raises as `Proposals.new`.
        """
        with self.lab() as lab:
            path = lab.proposals.draft_of(notebook)
            is_new = not path.exists()
            return (lab.proposals.new(notebook) if is_new else path), is_new

    def check_draft(self, notebook: Path) -> tuple[Proposal, tuple[Proposal, ...]]:
        """Return the version that the draft of `notebook` would become, and those before it.

        Raises as `Proposals.check`.
        """
        with self.lab() as lab:
            return lab.proposals.check(lab.proposals.draft_of(notebook))

    def submit_draft(self, notebook: Path, *, checked: str) -> ProposalView:
        """Sign the draft of `notebook`, and submit it. Raises as `Proposals.submit`."""
        with self.lab() as lab:
            draft = lab.proposals.draft_of(notebook)
            return lab.proposals.submit(draft, checked=checked).view

    def withdraw(self, proposal: str, reason: str) -> ProposalView:
        """Withdraw a proposal permanently. Raises as `SubmittedProposal.withdraw`."""
        with self.lab() as lab:
            return lab.proposals.get(proposal).withdraw(reason).view

    # Journeys

    def dispatch(
        self,
        notebook: Path,
        stations: Literal["all", "twin"] | Iterable[str] = "all",
        parameters: Mapping[str, Any] | None = None,
        recipients: Iterable[str] = (),
        *,
        checked: str,
        proposal: tuple[str, str] | None = None,
        aggregator: str | None = None,
    ) -> JourneyView:
        """Dispatch `notebook` to `stations`; "twin" is a dry run.

        `checked` is `payload_digest_of` of what the person was shown. Raises NotebookError
        (`notebook-changed`) if the file has changed since, ProposalError (`proposal-changed`) if
        `proposal`, a name and its version's digest, has a newer version, and as `Lab.dispatch`.
        """
        with self.lab() as lab:
            train = lab.train(notebook)
            if payload_digest_of(train.analysis) != checked:
                raise NotebookError(
                    "The notebook's file is not what was checked here: it was changed meanwhile. "
                    "Nothing was sent.",
                    "Reload the notebook from disk, look at it, and send it then.",
                    code="notebook-changed",
                )
            under = lab.proposals.get(proposal[0]) if proposal else None
            if under is not None and proposal and under.digest != proposal[1]:
                raise ProposalError(
                    "There is a newer version of the proposal than the one that was shown. "
                    "Nothing was sent.",
                    "Look at it, and choose it again.",
                    code="proposal-changed",
                )
            if stations == "twin":
                lab.refresh()
                stations = lab.twin_stations()
            journey = lab.dispatch(
                train,
                stations=stations,
                parameters=parameters,
                recipients=recipients,
                proposal=under,
                # What the person was shown, whatever the proposal says.
                aggregator=aggregator or "",
            )
        self._take(journey.view)
        return journey.view

    def cancel(self, journey: str) -> JourneyView:
        """Ask the stations to stop a journey. Raises as `Journey.cancel`."""
        with self.lab() as lab:
            view = self._journey(lab, journey).cancel().view
        self._take(view)
        return view

    def finish(self, journey: str) -> JourneyView:
        """End the rounds of `journey` early; return it. Raises as `Journey.finish`."""
        with self.lab() as lab:
            view = self._journey(lab, journey).finish().view
        self._take(view)
        return view

    def resume(self, journey: str) -> JourneyView:
        """Continue a sequential journey that ended early; return the new one.

        Raises as `Lab.resume`.
        """
        with self.lab() as lab:
            view = lab.resume(self._journey(lab, journey)).view
        self._take(view)
        return view

    def results(self, journey: str) -> tuple[JourneyView, Results]:
        """Return the results of `journey` so far, cached until another stop has ended.

        Raises as `Journey.results`, also while no stop has ended.
        """
        with self.lab() as lab:
            own = self._journey(lab, journey)
            ended = sum(stop.state in FINAL_STATES for stop in own.stops)
            state = f"{journey} {ended} {own.view.continued_by}"
            opened = self.opened.of(state, lambda: own.results(partial=True))
            return own.view, opened

    def _journey(self, lab: Lab, journey: str) -> Journey:
        """Return the Journey of this id, with the view that is known here if there is one."""
        view = self.snapshot.journeys.get(journey) or lab.central.journey(journey)
        return Journey(lab.session, view, journey=journey)

    def _take(self, view: JourneyView) -> None:
        connection = self._connection
        if connection is not None:
            connection.follower.update_journey(view)

    @contextmanager
    def _using(self) -> Iterator[_Connection]:
        """Yield the present connection, which stays open until the block ends."""
        # Connections are closed under this lock, so this connection is still open.
        with self._changing:
            connection = self._required()
            connection.enter()
        try:
            yield connection
        finally:
            connection.leave()

    def _required(self) -> _Connection:
        connection = self._connection
        if connection is None:
            wrong = self._wrong or Trouble("central-missing", *_NO_CENTRAL[self.place])
            raise SettingsError(wrong.message, wrong.hint, code=wrong.code)
        return connection


class _Connection:
    """The clients of one profile and one key state; a change of either makes a new connection.

    Its users are counted, the following thread being the first: the last to leave closes the
    clients.
    """

    def __init__(
        self,
        profile: UserSettings,
        identity: Identity | None,
        report: Callable[[Kind, str | None], None],
        first: CentralSnapshot | None,
        speaks: Callable[[Roster | None], bool],
        listener: Listener,
    ) -> None:
        self.profile = profile
        self._open = CentralClient(profile.central)
        self._trust: Trust | None = None
        token = _hub_token(profile.central)
        self._hub = self._client(hub_token=token) if token else None
        self._own = self._client(identity=identity) if identity else None
        self._identity = identity
        self._speaks = speaks
        self._lab: Lab | None = None
        self._users = 1
        self._counting = threading.Lock()
        self.follower = Follower(self._open, self.trust, self._reader, report, first, self.leave)
        self.reports = FollowedReports(
            self._open_reports, lambda journey: listener("journey", journey)
        )

    def trust(self) -> Trust:
        """Return the profile's trust store. Raises RosterError as `trust_of`."""
        if self._trust is None:
            self._trust = trust_of(self.profile, self._open)
        return self._trust

    @property
    def lab(self) -> Lab | None:
        """The lab of the key that was unlocked when the connection began. Raises RosterError."""
        if self._lab is None and self._own is not None and self._identity is not None:
            self._lab = Lab(
                Session(self._identity, self._own, self.trust(), registry_url=self.profile.registry)
            )
        return self._lab

    def _open_reports(self, view: JourneyView) -> RoundReports | None:
        """Return the reports of `view`, whose order is verified; None if they cannot be opened.

        Raises as `Journey.verified`.
        """
        lab = self.lab
        if lab is None:
            return None
        _, order, _ = Journey(lab.session, view, journey=view.id).verified()
        return RoundReports(lab.session, view.id, order) if lab.name in order.recipients else None

    def client(self) -> CentralClient | None:
        """Return the client that may read now, or None."""
        return self._reader(self.follower.snapshot.roster)

    def reading(self) -> CentralClient:
        client = self.client()
        if client is None:
            raise JourneyError("Journeys can be seen once your key is unlocked.", code="key-locked")
        return client

    def close(self) -> None:
        """Close the clients once the following thread has ended and every other user has left."""
        self.follower.stop()
        self.reports.close()
        for client in self._clients():
            client.end_streams()

    def enter(self) -> None:
        with self._counting:
            self._users += 1

    def leave(self) -> None:
        with self._counting:
            self._users -= 1
            last = self._users == 0
        if last:
            for client in self._clients():
                client.close()

    def _clients(self) -> list[CentralClient]:
        return [client for client in (self._own, self._hub, self._open) if client is not None]

    def _reader(self, roster: Roster | None) -> CentralClient | None:
        return self._own if self._own is not None and self._speaks(roster) else self._hub

    def _client(
        self, *, identity: Identity | None = None, hub_token: str | None = None
    ) -> CentralClient:
        return CentralClient(
            self.profile.central,
            identity,
            hub_token=hub_token,
            consortium=lambda: self._trust.consortium if self._trust else None,
        )


def _hub_token(central: str) -> str | None:
    """Return the hub's token of this server, if `central` is the one that the hub names.

    Whoever has the token can enter this server, so no other central may see it: not that of another
    consortium, which a person joined from this hub.
    """
    named = (os.environ.get("PHTLAB_CENTRAL") or "").rstrip("/")
    return os.environ.get("JUPYTERHUB_API_TOKEN") if central == named else None


def _is_member(roster: Roster, name: str, identity: Identity | None) -> bool:
    found = next((member for member in roster.members if member.name == name), None)
    return found is not None and (identity is None or found.keys == identity.public)


_ALL: Final[tuple[Kind, ...]] = ("status", "stations", "journeys", "proposals")

_NO_CENTRAL = {
    "hub": (
        "This hub has no central, so there are no stations to send anything to. Notebooks can be "
        "written and checked.",
        "Ask the hub's administrators to set PHTLAB_CENTRAL.",
    ),
    "computer": (
        "This computer belongs to no consortium yet.",
        "Notebooks can be written and checked; to send one, run 'phtlab join --central URL --root "
        "root.json' with what an officer gave you.",
    ),
}
