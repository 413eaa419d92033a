"""The note that a trial of the sandbox was cut off: until one has an answer, no run begins.

It lies in the station's folder, for the console and the commands; `trial_retry` tries again.
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
    """That the last trial was cut off, and how; `since` is None if the note cannot be read."""

    since: AwareDatetime | None
    sentence: str


def unfinished_trial(folder: StationFolder) -> UnfinishedTrial | None:
    """The note, if the last trial had no answer. A note that is damaged counts as one."""
    try:
        return UnfinishedTrial.model_validate_json(folder.unfinished_trial.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        return UnfinishedTrial(since=None, sentence="The note on it cannot be read.")


def keep_unfinished(folder: StationFolder, sentence: str, now: datetime) -> None:
    """Note that a trial was cut off; `since` is when the first in a row was."""
    before = unfinished_trial(folder)
    note = UnfinishedTrial(since=(before and before.since) or now, sentence=sentence)
    if note != before:
        write_durably(folder.unfinished_trial, canonical(note.model_dump(mode="json")))


def trial_results(results: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """Those of a check's results that a trial of the sandbox found."""
    return tuple(
        result for result in results if result.name.partition(":")[0] in ("sandbox", "limit")
    )


def note_trial(folder: StationFolder, results: Iterable[CheckResult], now: datetime) -> None:
    """Keep or remove the note, as the trial among the results of a check was cut off or not."""
    found = trial_results(results)
    for result in found:
        if result.unfinished:
            keep_unfinished(folder, result.sentence, now)
            return
    if found:
        folder.unfinished_trial.unlink(missing_ok=True)
