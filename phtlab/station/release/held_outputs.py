"""Outputs that the airlock holds: which wait, what a person sees of one, and that person's word.

`held`, `view_output` and `decide` are all that a command or a page needs. Nothing is sealed here:
the daemon does it, once every held output of a stop is decided on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from phtlab.errors import StationError
from phtlab.station.context.station_context import StationContext
from phtlab.station.release.output_view import OutputView, view_of
from phtlab.station.release.redaction import require_whole_cells, without
from phtlab.station.release.releasers import require_releaser
from phtlab.station.release.view_log import has_viewed, note_view
from phtlab.station.release.votes import (
    Outcome,
    Redaction,
    Vote,
    add_vote,
    already_decided,
    make_vote,
    outcome_of,
    outcome_with,
    votes_on,
)
from phtlab.station.release.waiting import content_of, findings_on, labels_of, waiting_at
from phtlab.station.stops.file_contents import HeldOutput, HeldOutputs
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stop
from phtlab.train.canonical import canonical, digest

MOST_VIEWED: Final = 64 * 2**20
"""Bytes of a file that are read to be looked at."""
Choice = Literal["release", "refuse"] | Redaction
"""Let the output go as it is, without a part of it, or not at all."""


@dataclass(frozen=True)
class HeldStop:
    """A stop some of whose outputs wait for a person until `until`."""

    stop: Stop
    train: str
    researcher: str
    waiting: HeldOutputs

    @property
    def undecided(self) -> tuple[HeldOutput, ...]:
        """The held outputs that still need a word."""
        return tuple(
            output
            for output in self.waiting.held
            if outcome_of(votes_on(self.stop, output.name), self.waiting.persons) is None
        )

    @property
    def since(self) -> datetime:
        return self.waiting.at


def held_stops(station: StationContext) -> list[HeldStop]:
    """The stops whose outputs wait for a person, the longest first."""
    found = [held_stop(stop) for stop in station.stops if stop.waits_for == "release"]
    return sorted(found, key=lambda stop: stop.since)


def held_stop(stop: Stop) -> HeldStop:
    """One of them. Raises StationError (``not-held``) if nothing of `stop` waits for a person."""
    if stop.waits_for != "release":
        raise StationError(
            f"No output of the stop {stop.hex[:12]} waits for a person; it is {stop.state}.",
            "'phtlab station output list' shows what waits.",
            code="not-held",
        )
    verified = stop.verified_offer()
    return HeldStop(stop, verified.train.manifest.name, verified.researcher, waiting_at(stop))


def view_output(
    station: StationContext, stop: Stop, output: str, *, by: str, rows: int | None = None
) -> OutputView:
    """The output as it would leave, beside why it is held; that `by` looked is logged.

    Of a file over `MOST_VIEWED` bytes there is its name, size and digest only. A page that shows at
    most so many `rows` of a table says so: who has seen a part cannot let the whole go.

    Raises StationError: ``not-held``, ``stop-broken``.
    """
    held_there = held_stop(stop)
    held = held_there.waiting.output(output)
    readable = (file for file in held.files if file.size <= MOST_VIEWED)
    files = {file.path: content_of(stop, file) for file in readable}
    findings, words = findings_on(stop, output), votes_on(stop, output)
    view = view_of(held, files, findings, words, held_there.waiting.persons)
    station.audit.append(
        actor=by,
        action="output-looked-at",
        subject=stop.journey,
        digest=digest_of_output(held),
        details={"output": output, "rule": held.verdict.rule},
    )
    if rows is None or view.table is None or len(view.table.rows) <= rows:
        note_view(stop, output, by=by, seen=digest_of_output(held))
    return view


def has_viewed_output(stop: Stop, output: HeldOutput, *, by: str) -> bool:
    """Whether `by` has seen all of `output`, as it waits."""
    return has_viewed(stop, output.name, by=by, seen=digest_of_output(output))


def decide(
    station: StationContext,
    stop: Stop,
    choices: Mapping[str, Choice],
    *,
    by: str,
    reason: str,
    stays: bool = False,
) -> dict[str, Outcome | None]:
    """`by`'s word on each of the outputs in `choices`; what it comes to, by output.

    None where another person has to agree before it leaves. The reason stays at the station.
    With `stays` all of it does, as with a local train: then nobody has to look first.

    The act is logged before it is done: a log that cannot be written lets nothing go.

    Raises StationError: ``not-held``; ``release-part`` if an output has no such part;
    ``release-reason`` without a reason of one visible line; ``output-unseen`` to let go what `by`
    has not looked at, and what `require_releaser` and `add_vote` raise. Then no word was given,
    but of those outputs that came before in `choices`.
    """
    held_there = held_stop(stop)
    if any(choice != "refuse" for choice in choices.values()):
        require_releaser(station, by, held_there.waiting.persons)
    words = {
        name: _vote(stop, held_there.waiting, name, choice, by, reason, station.now())
        for name, choice in choices.items()
    }
    for name, vote in words.items():
        if not stays and vote.choice != "refuse":
            _require_viewed(stop, held_there.waiting.output(name), by)
    outcomes: dict[str, Outcome | None] = {}
    for name, vote in words.items():
        if stop.has(Marker.RELEASE):  # its time was over at this moment
            raise already_decided(name)
        held, persons = held_there.waiting.output(name), held_there.waiting.persons
        outcome = outcome_with(votes_on(stop, name), name, vote, persons)
        station.audit.append(
            actor=by,
            action=_ACTIONS[vote.choice],
            subject=stop.journey,
            digest=digest_of_output(held),
            details={
                "output": name,
                "rule": held.verdict.rule,
                # The reason is for the station's eyes; its digest shows that it was not changed.
                "word": digest(canonical(vote.model_dump(mode="json"))),
                "already_decided": "yes" if outcome else "another person has to agree",
            },
        )
        outcomes[name] = add_vote(stop, name, vote, persons)
    return outcomes


def digest_of_output(output: HeldOutput) -> str:
    """Names exactly what was looked at: the digest of the list of its files' digests."""
    return digest(canonical([[file.path, file.sha256] for file in output.files]))


_ACTIONS: Mapping[str, str] = {
    "release": "output-released",
    "part": "output-released-in-part",
    "refuse": "output-withheld",
}


def _require_viewed(stop: Stop, output: HeldOutput, by: str) -> None:
    if not has_viewed_output(stop, output, by=by):
        raise StationError(
            f"{by} has not seen all of '{output.name}' as it waits.",
            f"Look at it first: phtlab station output show {stop.hex[:12]} {output.name} --by {by}",
            code="output-unseen",
        )


def _vote(
    stop: Stop,
    waiting: HeldOutputs,
    name: str,
    choice: Choice,
    by: str,
    reason: str,
    now: datetime,
) -> Vote:
    output = waiting.output(name)
    part = choice if isinstance(choice, Redaction) else None
    if part is not None:
        if output.verdict.kind != "table":
            raise StationError(
                f"'{output.name}' is a {output.verdict.kind}, and only of a table can rows and "
                "cells be taken out.",
                "Release it as it is, or withhold it.",
                code="release-part",
            )
        (file,) = output.files
        without(content_of(stop, file), part)
        declared = {
            declared.name: declared for declared in stop.verified_offer().train.manifest.outputs
        }
        require_whole_cells(part, labels_of(stop, name), declared[name].counts)
    return make_vote(
        "part" if isinstance(choice, Redaction) else choice,
        part,
        by,
        reason,
        now,
        seen=digest_of_output(output),
        persons=waiting.persons,
    )
