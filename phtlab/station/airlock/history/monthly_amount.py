"""How much leaves of a data set for one researcher, by month.

One file for each stop, so that a stop counts once however often it is noted::

    released/amounts/2026-12/<stop>.json
    {"researcher": "dr-lovelace", "datasets": ["heart"],
     "amount": {"outputs": 2, "rows": 40, "size": 3120, "numbers": 120},
     "values": {"<digests of an output's files>": 14}, "reserved": 0}

`values` is how many numbers are not counts, by output: the same output again discloses nothing
more. `reserved` is for how many rounds the amounts are reserved, while a series of rounds goes on.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import pyarrow.parquet
from pydantic import ValidationError

from phtlab.errors import StationError
from phtlab.files.durable_file import write_durably
from phtlab.station.airlock.check_outputs import CheckedOutput
from phtlab.station.airlock.formats.content import Content, Joined, digest_of
from phtlab.station.airlock.formats.model import numbers_in
from phtlab.station.airlock.marked_output import BYTES_OF_NUMBER
from phtlab.station.policy.month_limits import Amount, MonthLimits
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import canonical

RULE: Final = "amount"
FOLDER: Final = "amounts"


class ReleasedAmount(StrictModel):
    """What left at one stop; with `reserved`, what may leave in so many rounds of it."""

    researcher: str
    datasets: tuple[str, ...]
    amount: Amount
    values: Mapping[str, int] = {}
    reserved: int = 0


def amount_of(passed: Iterable[CheckedOutput]) -> Amount:
    """Return the amount that leaves of `passed`."""
    files = [
        output.files for output in passed if output.verdict.verdict in ("released", "suppressed")
    ]
    every = [(name, content) for found in files for name, content in found.items()]
    return Amount(
        outputs=sum(1 for found in files if found),
        rows=sum(_rows(content) for name, content in every if name.endswith(".parquet")),
        size=sum(len(content) for _, content in every),
        numbers=sum(_numbers(name, content) for name, content in every),
    )


def values_of(passed: Iterable[CheckedOutput]) -> dict[str, int]:
    """Return how many numbers are not counts, by output that leaves (the digests of its files)."""
    return {
        "+".join(map(digest_of, output.files.values())): output.cells.values
        for output in passed
        if output.verdict.verdict in ("released", "suppressed")
        and output.cells is not None
        and output.cells.values
        and output.files
    }


def note(folder: Path, stop: str, at: datetime, amount: ReleasedAmount) -> None:
    """Remember what left at the stop with the hex name `stop`. Idempotent."""
    if not amount.amount.outputs:
        return
    place = _month(folder, at)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_durably(place / f"{stop}.json", canonical(amount.model_dump(mode="json")))


def is_noted(folder: Path, stop: str) -> bool:
    """Whether anything was noted of the stop with the hex name `stop`, in any month."""
    return any((folder / FOLDER).glob(f"*/{stop}.json"))


def reduce_reserved(folder: Path, stop: str, rounds: int) -> None:
    """Have the stop with the hex name `stop` count `rounds` rounds, in place of those reserved.

    Does nothing if nothing is reserved, so a second call, whatever it knows, changes nothing.
    Raises StationError (``station-error``).
    """
    for path in (folder / FOLDER).glob(f"*/{stop}.json"):
        noted = _read(path)
        if not noted.reserved:
            continue
        if rounds == 0:
            path.unlink()
            continue
        reduced = ReleasedAmount(
            researcher=noted.researcher,
            datasets=noted.datasets,
            amount=noted.amount.part(rounds, noted.reserved),
            values={name: -(-n * rounds // noted.reserved) for name, n in noted.values.items()},
        )
        write_durably(path, canonical(reduced.model_dump(mode="json")))


def amounts_of_month(folder: Path, at: datetime) -> list[ReleasedAmount]:
    """Return what left in the month of `at`, by stop. Raises StationError (``station-error``)."""
    return [_read(path) for path in sorted(_month(folder, at).glob("*.json"))]


@dataclass(frozen=True)
class MonthUsage:
    """What left of one data set for one researcher, at `stops` stops.

    `values` is how many numbers are not counts; the same output at several stops counts once.
    """

    researcher: str
    dataset: str
    stops: int
    amount: Amount
    values: int


def uses(amounts: Iterable[ReleasedAmount]) -> list[MonthUsage]:
    """Sum up `amounts` by researcher and data set as the month's limits count, most rows first.

    What left of several data sets together counts for each of them.
    """
    found: dict[tuple[str, str], list[ReleasedAmount]] = {}
    for amount in amounts:
        for name in amount.datasets:
            found.setdefault((amount.researcher, name), []).append(amount)
    made = [
        MonthUsage(
            researcher,
            name,
            len(stops),
            sum((stop.amount for stop in stops), Amount()),
            sum(values_left(stops, researcher, [name]).values()),
        )
        for (researcher, name), stops in found.items()
    ]
    return sorted(made, key=lambda use: (-use.amount.rows, use.researcher, use.dataset))


def months(folder: Path) -> list[str]:
    """The months with recorded amounts, as ``2026-12``, the newest first."""
    return sorted((path.name for path in (folder / FOLDER).glob("[0-9]*-[01][0-9]")), reverse=True)


def most_left(
    amounts: Iterable[ReleasedAmount], researcher: str, datasets: Collection[str]
) -> Amount:
    """For `researcher`, the largest amount that left of any of `datasets`, each field by itself."""
    mine = [amount for amount in amounts if amount.researcher == researcher]
    sums = [
        sum((amount.amount for amount in mine if name in amount.datasets), Amount())
        for name in datasets
    ]
    return Amount(
        outputs=max((total.outputs for total in sums), default=0),
        rows=max((total.rows for total in sums), default=0),
        size=max((total.size for total in sums), default=0),
        numbers=max((total.numbers for total in sums), default=0),
    )


def values_left(
    amounts: Iterable[ReleasedAmount], researcher: str, datasets: Collection[str]
) -> Mapping[str, int]:
    """How many numbers other than counts left for `researcher` of any of `datasets`, by output."""
    found: dict[str, int] = {}
    for amount in amounts:
        if amount.researcher == researcher and not set(amount.datasets).isdisjoint(datasets):
            found |= amount.values
    return found


def hold_beyond(
    passed: Sequence[CheckedOutput],
    before: Amount,
    limits: MonthLimits,
    values: Mapping[str, int] | None = None,
    people: int | None = None,
) -> tuple[CheckedOutput, ...]:
    """Return `passed`, with outputs beyond the month's limits held for a person.

    `before` and `values` are what left earlier in the month; `people` is the largest number of
    people in the data sets, if known.
    """
    found = []
    known = dict(values or {})
    for output in passed:
        together, own = before + amount_of([output]), values_of([output])
        # An output with counts only, or one that has left before, waits for no limit of values.
        many = sum((known | own).values()) if own.keys() - known.keys() else 0
        if limits.holds(together, many, people):
            before = together
            known |= own
        elif output.verdict.verdict in ("released", "suppressed"):
            output = replace(output, verdict=output.verdict.model_copy(update=_HELD))
        found.append(output)
    return tuple(found)


_HELD: Final = {
    "verdict": "held",
    "rule": RULE,
    "sentence": "With it more would leave for one researcher in a month than the station lets "
    "leave unasked.",
}


def _read(path: Path) -> ReleasedAmount:
    try:
        return ReleasedAmount.model_validate_json(path.read_bytes())
    except ValidationError:
        raise StationError(
            f"{path} is not what was written: how much has left this month cannot be known.",
            "Restore it from a backup, or remove it.",
            code="station-error",
        ) from None


def _month(folder: Path, at: datetime) -> Path:
    return folder / FOLDER / f"{at:%Y-%m}"


def _rows(content: Content) -> int:
    return int(_metadata(content).num_rows)


def _numbers(name: str, content: Content) -> int:
    if name.endswith(".parquet"):
        metadata = _metadata(content)
        return int(metadata.num_rows * metadata.num_columns)
    if name.endswith(".json"):
        return 1
    if name.endswith(".safetensors"):
        return numbers_in(io.BufferedReader(Joined([content])))
    return -(-len(content) // BYTES_OF_NUMBER)


def _metadata(content: Content) -> pyarrow.parquet.FileMetaData:
    whole = io.BufferedReader(Joined([content])).read()
    return pyarrow.parquet.read_metadata(io.BytesIO(whole))
