"""Files of an aggregator's stop, beside those that rounds have at a station::

rounds/finished.json   the newest round whose instruction central has
rounds/sent/7/         the values that stations got, or get, for round 7
rounds/6/              the round whose updates are combined
    opened/STATION/    updates, opened and checked as they arrive
    gathered.json      the records whose updates are combined
    ended-early.json   why the rounds end before this one is combined
    values/            what the run works on
    outputs/           a checked copy of what the run decided
    values.age, report.age  sealed, beside the signed instruction in record.json
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from phtlab.files.durable_file import replaced_whole, sync_folder
from phtlab.station.pipeline.combining.combined_values import value_file
from phtlab.station.pipeline.rounds.round_files import RoundFiles, RoundFolder
from phtlab.station.stops.file_contents import StopFileContent
from phtlab.station.stops.stop import Stop
from phtlab.station.stops.stop_files import broken
from phtlab.train.canonical import Digest


class GatheredRecords(StopFileContent):
    """`gathered.json`: the records of the round whose updates are combined, by station."""

    records: Mapping[str, Digest]


class EarlyEnd(StopFileContent):
    """`ended-early.json`: the code with which the stop fails; empty if the researcher asked."""

    code: str


def round_in_work(stop: Stop) -> RoundFolder:
    """Return the folder of the round that is combined next."""
    files = RoundFiles.of(stop)
    number = files.finished.number + 1 if files.finished else 1
    folder = RoundFolder(files.path / str(number), number)
    folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def opened_update(folder: RoundFolder, station: str) -> Path:
    """Return the folder of the opened update of `station`; it may not exist."""
    return folder.path / "opened" / station


def sealed_values(folder: RoundFolder) -> Path:
    return folder.path / "values.age"


def sealed_report(folder: RoundFolder) -> Path:
    return folder.path / "report.age"


def sent_values(stop: Stop, number: int) -> dict[str, Path]:
    """Return the values that stations got for round `number`, by name. None for round 1.

    Raises StationError (``stop-broken``) if they are gone.
    """
    if number == 1:
        return {}
    folder = RoundFiles.of(stop).path / "sent" / str(number)
    if not folder.is_dir():
        raise broken(folder)
    return {path.name.removesuffix(value_file("")): path for path in folder.iterdir()}


def keep_sent_values(stop: Stop, number: int, values: Mapping[str, bytes]) -> None:
    """Keep the values that stations get for round `number`. Durable; idempotent."""
    sent = RoundFiles.of(stop).path / "sent"
    sent.mkdir(mode=0o700, exist_ok=True)
    folder, draft = sent / str(number), sent / "draft"
    for path in (folder, draft):
        shutil.rmtree(path, ignore_errors=True)
    draft.mkdir(mode=0o700)
    for name, content in values.items():
        with replaced_whole(draft / value_file(name)) as target:
            target.write(content)
    sync_folder(draft)
    draft.rename(folder)
    sync_folder(sent)


def forget_sent_values(stop: Stop, before: int) -> None:
    """Remove the values of rounds before round `before`."""
    sent = RoundFiles.of(stop).path / "sent"
    for path in sent.iterdir() if sent.is_dir() else ():
        if path.name.isdecimal() and int(path.name) < before:
            shutil.rmtree(path)
