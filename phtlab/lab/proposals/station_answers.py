"""Stations' answers to a journey under a proposal before dispatch, from signed lists only.

A station decides by its own files, whatever is found here. The check spares a researcher a journey
that is refused, and reveals a central that withholds revocations.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from phtlab.errors import ApprovalError, CentralError, PhtlabError
from phtlab.files.durable_file import write_durably
from phtlab.governance import (
    Approval,
    CoverageRequest,
    open_active_approvals,
    open_approval,
    require_covered,
)
from phtlab.train.documents.roster import Roster
from phtlab.wire.api.governance import ApprovalView
from phtlab.wire.central.governance import GovernanceClient

Answer = Literal["allows", "asks", "revoked", "unknown"]


@dataclass(frozen=True)
class StationAnswer:
    """Answer of `station`. ``asks``: a person there decides first; ``unknown``: no fresh list."""

    station: str
    answer: Answer
    sentence: str


class SeenNumbers:
    """The highest number seen of each station's list of active approvals, in one small file.

    Without it, central could show an old list until that list expires.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, station: str) -> int:
        return self._read().get(station, 1)

    def raise_to(self, station: str, number: int) -> None:
        with self._locked():
            seen = self._read()
            if number > seen.get(station, 0):
                write_durably(self._path, json.dumps(seen | {station: number}).encode())

    def _read(self) -> dict[str, int]:
        try:
            content = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            content = None
        if not isinstance(content, dict) or not all(type(n) is int for n in content.values()):
            raise ApprovalError(
                f"{self._path}, which keeps how new the stations' lists were, cannot be read.",
                "Delete it, and ask the stations whether their approvals are active.",
                code="standing-seen",
            )
        return content

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._path.with_name(f"{self._path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def station_answers(
    client: GovernanceClient,
    roster: Roster,
    seen: SeenNumbers,
    request: CoverageRequest,
    now: datetime,
) -> tuple[StationAnswer, ...]:
    """Return each station's answer. A list that was rolled back or forged is an error.

    Raises ApprovalError (``standing-rolled-back`` and the like), SignatureError, NotOnRosterError,
    CentralUnreachableError.
    """
    approvals = client.approvals(proposal=request.order.proposal) if request.order.proposal else ()
    return tuple(
        _station_answer(client, roster, seen, request, now, station, approvals)
        for station in request.order.stations
    )


def require_none_revoked(answers: Iterable[StationAnswer]) -> None:
    """Raise ApprovalError (``approval-revoked``) if a station revoked its approval."""
    revoked = [answer for answer in answers if answer.answer == "revoked"]
    if revoked:
        names = ", ".join(answer.station for answer in revoked)
        raise ApprovalError(
            f"{revoked[0].sentence} Nothing was sent.",
            f"Ask there, or leave it out: {names}.",
            code="approval-revoked",
        )


def _station_answer(
    client: GovernanceClient,
    roster: Roster,
    seen: SeenNumbers,
    request: CoverageRequest,
    now: datetime,
    station: str,
    approvals: Iterable[ApprovalView],
) -> StationAnswer:
    try:
        envelope = client.active_approvals(station).envelope
    except CentralError as error:
        if error.code != "not-found":
            raise
        if seen.of(station) > 1:
            raise ApprovalError(
                f"Central shows no list of {station}'s approvals, but one was seen before.",
                "Tell central's operator, and ask the station.",
                code="standing-rolled-back",
            ) from None
        return StationAnswer(
            station, "unknown", f"{station} has published no list of what it allows."
        )
    try:
        active = open_active_approvals(
            envelope, roster, station=station, now=now, at_least=seen.of(station)
        )
    except ApprovalError as error:
        if error.code != "standing-stale":
            raise
        return StationAnswer(station, "unknown", str(error))
    seen.raise_to(station, active.number)
    active_digests = set(active.approvals)
    fitting = [
        view for view in approvals if view.station == station and _fits(view, roster, request, now)
    ]
    if any(view.envelope.digest in active_digests for view in fitting):
        return StationAnswer(station, "allows", f"{station} allows this.")
    if fitting:
        return StationAnswer(
            station, "revoked", f"{station} allowed this, and has taken that back since."
        )
    return StationAnswer(
        station, "asks", f"{station} has not allowed this yet: a person there decides."
    )


def _fits(view: ApprovalView, roster: Roster, request: CoverageRequest, now: datetime) -> bool:
    """Whether an approval from central was signed by its station and covers the request."""
    try:
        approval: Approval = open_approval(view.envelope, roster)
        require_covered(request, approval, now)
    except PhtlabError:
        return False  # not an approval of this; the station checks it again
    return approval.station == view.station
