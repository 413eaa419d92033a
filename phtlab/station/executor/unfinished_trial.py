"""The note that a trial of the sandbox was interrupted: no run starts until a trial finishes.

The note is in the station's folder, for the console and the commands; `trial_retry` tries again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pydantic import AwareDatetime, ValidationError

from phtlab.files.durable_file import write_durably
from phtlab.station.executor.contract import CheckResult
from phtlab.station.settings.folder import StationFolder
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import canonical


class UnfinishedTrial(StrictModel):
    """The last trial was interrupted, and how; `since` is None if the note is unreadable."""

    since: AwareDatetime | None
    sentence: str


def unfinished_trial(folder: StationFolder) -> UnfinishedTrial | None:
    """Return the note if the last trial was interrupted. A damaged note counts as one."""
    try:
        return UnfinishedTrial.model_validate_json(folder.unfinished_trial.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        return UnfinishedTrial(since=None, sentence="The note on it cannot be read.")


def keep_unfinished(folder: StationFolder, sentence: str, now: datetime) -> None:
    """Record that a trial was interrupted; `since` is the time of the first in a row."""
    before = unfinished_trial(folder)
    note = UnfinishedTrial(since=(before and before.since) or now, sentence=sentence)
    if note != before:
        write_durably(folder.unfinished_trial, canonical(note.model_dump(mode="json")))


def trial_results(results: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """Return the results of a check that come from a trial of the sandbox."""
    return tuple(
        result for result in results if result.name.partition(":")[0] in ("sandbox", "limit")
    )


def note_trial(folder: StationFolder, results: Iterable[CheckResult], now: datetime) -> None:
    """Store or remove the note, depending on whether the trial among `results` was interrupted."""
    found = trial_results(results)
    for result in found:
        if result.unfinished:
            keep_unfinished(folder, result.sentence, now)
            return
    if found:
        folder.unfinished_trial.unlink(missing_ok=True)
