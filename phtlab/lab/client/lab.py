"""The lab: one researcher's connection to one consortium."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from phtlab.errors import JourneyError, OrderError, SettingsError
from phtlab.files.durable_file import remove_dead_drafts
from phtlab.files.key_file import read_key
from phtlab.governance import CoverageRequest, assess
from phtlab.governance.coverage import require_within
from phtlab.lab.client.continuation import continuing_order
from phtlab.lab.client.dispatch_history import notebook_of, remember_notebook
from phtlab.lab.client.journey import Journey
from phtlab.lab.client.sent_order import SentOrder
from phtlab.lab.client.train import Train
from phtlab.lab.client.unsent_journey import UnsentJourney
from phtlab.lab.display.dispatch_question import DispatchQuestion
from phtlab.lab.display.notebook_location import notebook_here, runs_in_page
from phtlab.lab.keys.agent import identity_of_agent
from phtlab.lab.proposals.proposal import SubmittedProposal
from phtlab.lab.proposals.proposals import Proposals
from phtlab.lab.proposals.station_answers import (
    SeenNumbers,
    StationAnswer,
    require_none_revoked,
    station_answers,
)
from phtlab.lab.results.results import Results
from phtlab.lab.rounds.journey_key import keep_journey_key
from phtlab.lab.rounds.ordered import DEFAULT_DEADLINE, require_aggregator, round_limits
from phtlab.lab.session.session import Session, open_session
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.manifest import Train as ManifestOf
from phtlab.train.documents.order import Order
from phtlab.train.documents.roster import KernelImage
from phtlab.trust_store.trust import Trusted
from phtlab.user_settings import UserSettings, cache_directory
from phtlab.wire.api.journeys import StationView
from phtlab.wire.central.client import CentralClient
from phtlab.wire.registry.client import Registry
from phtlab.wire.registry.trains import push_train

Stations = Literal["all"] | Iterable[str]


class Lab:
    """A researcher's connection, from `phtlab.connect()`. The private key stays in this process."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._last: Journey | None = None

    @property
    def identity(self) -> Identity:
        """The member's keys."""
        return self.session.identity

    @property
    def central(self) -> CentralClient:
        """The client of central, authenticated as this member."""
        return self.session.central

    @property
    def registry(self) -> Registry:
        """The consortium's registry, with tokens that central issues to this member."""
        return self.session.registry

    @property
    def name(self) -> str:
        """The member's name on the roster."""
        return self.session.name

    @property
    def trusted(self) -> Trusted:
        """Roster and catalogue, verified once per session; `refresh()` fetches them again."""
        return self.session.trusted

    def refresh(self) -> Trusted:
        """Fetch the newest roster and catalogue that the consortium signed."""
        return self.session.refresh()

    @cached_property
    def proposals(self) -> Proposals:
        """The researcher's proposals: drafts, versions, and the stations' answers."""
        return Proposals(self.session)

    def train(self, notebook: str | Path | None = None, *, kernel: str | None = None) -> Train:
        """Read and check `notebook`, by default the notebook that this code runs in, as last saved.

        Raises NotebookError with every finding and its cell; SettingsError if the present notebook
        is unknown.
        """
        path = Path(notebook or notebook_here())
        return Train.read(self.session, path, kernel, dispatch=self.dispatch)

    def dispatch(
        self,
        train: Train | str | Path | None = None,
        *,
        stations: Stations = "all",
        parameters: Mapping[str, Any] | None = None,
        recipients: Iterable[str] = (),
        lifetime: timedelta = timedelta(days=7),
        proposal: str | SubmittedProposal | None = None,
        confirm: bool = True,
        rounds: int | None = None,
        quorum: int | None = None,
        deadline: int = DEFAULT_DEADLINE,
        aggregator: str | None = None,
    ) -> Journey:
        """Dispatch `train`: a Train, a notebook's path, or by default the notebook of this code.

        A sequential train visits `stations` in the order in which they are listed; of "all", in the
        roster's.

        `recipients` are further members who can open the results; you always can. Stations refuse
        the order after `lifetime`, at most 60 days. Under a `proposal` (its name is enough), all
        its stations are the default, and what each answers now is in the journey's `answers`.

        A train of rounds computes at most `rounds` of them, by default 50. Each needs at least
        `quorum` stations, by default all, and is combined without the others once `deadline`
        seconds have passed. `journey.wait()` combines them in this kernel; the key that signs the
        instructions is kept on this machine, sealed to yours. With an `aggregator`, a member of
        `lab.aggregators()`, that one combines them, and they go on while no kernel runs. It reads
        each station's updates. The default is the one that the `proposal` names, if any; "" is
        this kernel in any case.

        In a cell of a JupyterLab page, the page asks first, except for twin stations: the journey
        is unsent until somebody presses *Send*, and whatever needs it raises JourneyError
        (`journey-unsent`). Without `confirm`, and in a script, it is sent at once.

        Raises NotebookError, ParameterError, NotOnRosterError or OrderError before anything is
        sent, JourneyError (`journey-key-kept`) if the journey's key cannot be kept, and
        ApprovalError if the proposal does not cover the order or a station revoked its approval;
        CentralUnreachableError, RegistryUnreachableError, CentralError or RegistryError while
        sending.
        """
        if not isinstance(train, Train):
            train = self.train(train)
        roster = self.refresh().roster
        if isinstance(proposal, str):
            proposal = self.proposals.get(proposal)
        newest = proposal.newest() if proposal is not None else None
        if newest is not None and stations == "all":
            stations = newest.stations
        if newest is not None and newest.rounds is not None and train.manifest.rounds is not None:
            aggregator = newest.rounds.aggregator if aggregator is None else aggregator
        aggregator = aggregator or None
        names = self._station_names(stations, without=aggregator)
        values = train.analysis.parameters.validate(parameters or {})
        readers = dict.fromkeys([self.name, *recipients])
        for reader in readers:
            roster.member(reader)

        limits = round_limits(train.manifest, len(names), rounds, quorum, deadline, aggregator)
        if aggregator is not None:
            require_aggregator(aggregator, roster, names, readers)

        def order() -> tuple[Order, Identity | None]:
            # Made again when it is sent: its lifetime begins then, and its key is for it alone.
            ordered, key = limits.ordered() if limits else (None, None)
            made = Order.new(
                train.digest,
                names,
                values,
                tuple(readers),
                self.trusted.roster.version,
                lifetime=lifetime,
                route=train.manifest.route,
                proposal=proposal.digest if proposal else None,
                rounds=ordered,
                now=datetime.now(UTC),
            )
            return made, key

        if confirm and not self._are_twins(names) and runs_in_page():
            if proposal is not None:
                self._station_answers(train, order()[0], proposal)
            question = DispatchQuestion(
                name=train.name,
                stations=names,
                outputs=tuple(output.name for output in train.manifest.outputs),
                parameters=values,
                recipients=tuple(readers),
                proposal=newest.title if newest else "",
                route=train.manifest.route,
                rounds=limits.text(len(names)) if limits else "",
            )

            def send() -> SentOrder:
                self.refresh()
                return self._send(train, *order(), proposal)

            self._last = unsent = UnsentJourney(question, send)
            unsent.show()
            return unsent
        sent = self._send(train, *order(), proposal)
        self._last = Journey(self.session, sent.view, journey=sent.digest, answers=sent.answers)
        return self._last

    def resume(
        self, journey: str | Journey | None = None, *, lifetime: timedelta = timedelta(days=7)
    ) -> Journey:
        """Continue a sequential journey that ended before its last station; return the new one.

        It goes on after the last stop that departed, whose station handed on to the next: same
        train, parameters, recipients and remaining stations. A journey is continued once, by
        default the newest. Leaving a station out is a new journey.

        Raises JourneyError (`resume-route`, `resume-nothing`, `journey-unfinished`,
        `journey-continued`), and what `Journey.verified` raises.
        """
        if not isinstance(journey, Journey):
            journey = self.journey(journey)
        _, order, _ = journey.verified()
        continuing = continuing_order(
            journey.view,
            order,
            roster_version=self.trusted.roster.version,
            lifetime=lifetime,
            now=datetime.now(UTC),
        )
        signed = continuing.sign(self.identity)
        view = self.central.submit_journey(signed)
        notebook = notebook_of(journey.id)
        if notebook is not None:
            remember_notebook(signed.digest, notebook)
        self._last = Journey(self.session, view, journey=signed.digest)
        return self._last

    def _send(
        self, train: Train, order: Order, key: Identity | None, proposal: SubmittedProposal | None
    ) -> SentOrder:
        """Push the train, sign train and order, and submit both to central.

        `key` signs the instructions of a journey of rounds; it is kept before the order is signed.
        """
        answers = self._station_answers(train, order, proposal) if proposal else ()
        push_train(self.registry, train.image, train.repository, train.kernel)
        self.central.submit_train(train.sign())
        if key is not None:
            keep_journey_key(self.identity, order.nonce, key)
        signed = order.sign(self.identity)
        view = self.central.submit_journey(signed)
        if train.path is not None:
            remember_notebook(signed.digest, train.path)
        return SentOrder(self.session, view, signed.digest, answers)

    def _are_twins(self, stations: Iterable[str]) -> bool:
        """Whether all of `stations` hold made-up data only."""
        twins = {member.name for member in self.trusted.roster.with_role("twin")}
        return set(stations) <= twins

    def journey(self, journey: str | None = None) -> Journey:
        """Return the journey whose id begins with `journey`, by default the newest.

        `PHTLAB_JOURNEY` replaces the default where a notebook runs for one journey. Raises
        JourneyError (`no-such-journey`) if no journey matches, or several do.
        """
        digest = journey or os.environ.get("PHTLAB_JOURNEY")
        if digest is None and self._last is not None:
            return self._last
        if digest is None:
            newest = self.central.journeys(limit=1).journeys
            if not newest:
                raise JourneyError(
                    "There is no journey yet.",
                    "Send one with lab.dispatch(…) or 'phtlab dispatch'.",
                    code="no-such-journey",
                )
            return Journey(self.session, newest[0])
        key = digest.removeprefix("sha256:")
        matching = [j for j in self.journeys() if j.id.removeprefix("sha256:").startswith(key)]
        if len(matching) != 1:
            found_text = "No journey" if not matching else f"{len(matching)} journeys"
            raise JourneyError(
                f"{found_text} of yours begins with '{digest}'.",
                "'phtlab journey list' shows them.",
                code="no-such-journey",
            )
        return matching[0]

    def journeys(self) -> list[Journey]:
        """Your journeys, the newest first."""
        return [Journey(self.session, view) for view in self.central.all_journeys()]

    def stations(self) -> tuple[StationView, ...]:
        """The stations, their data sets, and whether they are online; no aggregators."""
        return self.session.stations()

    def aggregators(self) -> tuple[str, ...]:
        """The members that can combine the rounds of a journey, by the roster."""
        return tuple(member.name for member in self.trusted.roster.with_role("aggregator"))

    def twin_stations(self) -> tuple[str, ...]:
        """Return the station for dry runs, as a tuple. Raises OrderError if there is none."""
        return self.session.twin_stations()

    def kernel_documents(self, kernel: KernelImage) -> tuple[bytes, bytes]:
        """Return the kernel image's manifest and configuration, from the cache or the registry."""
        return self.session.kernel_documents(kernel)

    def _station_answers(
        self, train: Train, order: Order, proposal: SubmittedProposal
    ) -> tuple[StationAnswer, ...]:
        """Return the answers of the order's stations. Raises as `dispatch` if it cannot be sent."""
        proposal.require_open()
        trusted, newest = self.trusted, proposal.newest()
        (notebook,) = (file.sha256 for file in train.manifest.files)
        request = CoverageRequest(
            train=ManifestOf(
                digest=train.digest,
                repository=train.repository,
                author=self.name,
                manifest=train.manifest,
            ),
            order=order,
            notebook=notebook,
            researcher=self.name,
            parameters=order.parameters,
            risk=assess(
                train.manifest,
                known_images={image.digest for image in trusted.catalogue.images},
                rounds=newest.most_rounds,
                journeys=newest.journeys,
            ).risk,
            proposal=newest,
        )
        now = datetime.now(UTC)
        require_within(request, newest, now)
        seen = SeenNumbers(self.session.trust.directory / "standing.json")
        answers = station_answers(self.central.governance, trusted.roster, seen, request, now)
        require_none_revoked(answers)
        return answers

    def _station_names(self, stations: Stations, without: str | None = None) -> tuple[str, ...]:
        """Return the names of `stations`; of "all", those of the roster but twins and `without`."""
        roster = self.trusted.roster
        known = tuple(
            m.name for m in roster.stations if "twin" not in m.roles and m.name != without
        )
        if isinstance(stations, str) and stations != "all":
            stations = [stations]
        names = known if stations == "all" else tuple(dict.fromkeys(stations))
        for name in names:
            if not any(name == m.name for m in roster.stations):
                raise OrderError(
                    f"There is no station called '{name}'.",
                    f"Stations of {roster.consortium}: {', '.join(known) or 'none yet'}.",
                    code="unknown-station",
                )
        if not names:
            raise OrderError(
                "A journey needs at least one station, and the roster has none yet.",
                code="unknown-station",
            )
        return names

    def __repr__(self) -> str:
        roster = self.trusted.roster
        return (
            f"Lab of {self.name} in {roster.consortium}: {len(roster.stations)} stations, roster "
            f"version {roster.version}"
        )


_connected: dict[tuple[str, Path], Lab] = {}


def connect(profile: UserSettings | None = None, *, passphrase: str | None = None) -> Lab:
    """Connect with the profile's key; asks for its passphrase once per process.

    The passphrase comes from the argument, `PHTLAB_PASSPHRASE`, or a hidden prompt. A kernel that
    JupyterLab started with phtlab's extension uses the key that is unlocked there.
    Raises SettingsError, PassphraseError, KeyFileError (`key-locked`), CentralUnreachableError or
    RosterStaleError.
    """
    profile = profile or UserSettings.load()
    place = (profile.central, profile.key)
    if place not in _connected:
        if not profile.key.exists():
            raise SettingsError(
                f"There is no key at {profile.key}.", "Create one with 'phtlab key create NAME'."
            )
        secret = passphrase or os.environ.get("PHTLAB_PASSPHRASE")
        identity = None if secret else identity_of_agent(profile.key)
        if identity is None:
            secret = secret or getpass.getpass(f"Passphrase of {profile.key.name}: ")
            identity = read_key(profile.key, secret)
        _clear_drafts(profile)
        _connected[place] = lab_of(profile, identity)
    return _connected[place]


def _clear_drafts(profile: UserSettings) -> None:
    """Remove unfinished files that killed processes left among this person's files and caches."""
    cache = cache_directory()
    with suppress(OSError):  # a read-only workspace keeps them
        for folder in (profile.key.parent, profile.trust):
            remove_dead_drafts(folder)
        for folder in (cache / "twins", cache / "kernels"):
            remove_dead_drafts(folder, below=True)


def lab_of(profile: UserSettings, identity: Identity) -> Lab:
    """Return the lab of `identity` at the consortium of `profile`. Raises as `trust_of`."""
    return Lab(open_session(profile, identity))


def results(journey: str | Journey | None = None, *, partial: bool = False) -> Results:
    """Return the results of `journey`, by default of the last journey. For aggregate cells.

    With `partial`, of the stations that have ended so far. Raises as `connect`, `Lab.journey` and
    `Journey.results`.
    """
    if isinstance(journey, Journey):
        return journey.results(partial=partial)
    return connect().journey(journey).results(partial=partial)
