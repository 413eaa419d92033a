"""Outputs that the airlock holds: list them, view one, and vote on it.

Commands and pages need only `held_stops`, `view_output` and `decide`. This module seals nothing:
the daemon does, once every held output of a stop is decided.
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
"""Most bytes of a file that a view reads."""
Choice = Literal["release", "refuse"] | Redaction
"""Release the output unchanged, withhold it ("refuse"), or release it with a redaction."""


@dataclass(frozen=True)
class HeldStop:
    """A stop of which some outputs wait for a person until `waiting.until`."""

    stop: Stop
    train: str
    researcher: str
    waiting: HeldOutputs

    @property
    def undecided(self) -> tuple[HeldOutput, ...]:
        """The held outputs that still need a vote."""
        return tuple(
            output
            for output in self.waiting.held
            if outcome_of(votes_on(self.stop, output.name), self.waiting.persons) is None
        )

    @property
    def since(self) -> datetime:
        return self.waiting.at


def held_stops(station: StationContext) -> list[HeldStop]:
    """Return the stops whose outputs wait for a person, the longest waiting first."""
    found = [held_stop(stop) for stop in station.stops if stop.waits_for == "release"]
    return sorted(found, key=lambda stop: stop.since)


def held_stop(stop: Stop) -> HeldStop:
    """Return the held stop. Raises StationError (``not-held``) if no output of it waits."""
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
    """Return the output as it would leave, with the reasons for holding it; log the view.

    Of a file over `MOST_VIEWED` bytes the view has only name, size and digest. A page that shows at
    most so many `rows` of a table passes that number: who has seen only a part may not release it.

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
    """Return whether `by` has seen all of `output`, as it waits."""
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
    """Record the vote of `by` on each of the outputs in `choices`; return the outcome by output.

    An outcome is None while another person has to agree. The reason stays at the station. With
    `stays` all outputs stay at the station, as with a local train: then nobody has to view them
    first.

    The act is logged before it is done: if the log cannot be written, nothing is released.

    Raises StationError: ``not-held``; ``release-part`` if an output has no such part;
    ``release-reason`` without a reason of one visible line; ``output-unseen`` to release what `by`
    has not viewed, and what `require_releaser` and `add_vote` raise. Then no vote is recorded,
    except on outputs that came before in `choices`.
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
        if stop.has(Marker.RELEASE):  # the daemon decided meanwhile: the waiting time is over
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
                # The reason stays at the station; its digest shows that it was not changed.
                "word": digest(canonical(vote.model_dump(mode="json"))),
                "already_decided": "yes" if outcome else "another person has to agree",
            },
        )
        outcomes[name] = add_vote(stop, name, vote, persons)
    return outcomes


def digest_of_output(output: HeldOutput) -> str:
    """Return a digest that identifies what was viewed, over the files' names and digests."""
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
