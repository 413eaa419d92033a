"""What a dry run foresees: of each output, what would stay at which stations, or be held there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from phtlab.train.documents.record import OutputVerdict, StopRecord

if TYPE_CHECKING:
    import pandas as pd

CAVEAT: Final = "Foreseen from made-up rows, by the rules that stations publish: real counts differ"


@dataclass(frozen=True)
class Foreseen:
    """What the airlocks of `stations` would make of one output."""

    stations: tuple[str, ...]
    verdict: OutputVerdict

    def sentence(self) -> str:
        """In words, without the stations."""
        verdict = self.verdict
        if verdict.verdict == "released":
            return "leaves whole"
        if verdict.verdict == "suppressed":
            rows = "1 row" if verdict.suppressed_rows == 1 else f"{verdict.suppressed_rows} rows"
            return f"{rows} would stay there ({verdict.rule})"
        outcome = "would be held for a person" if verdict.verdict == "held" else "would not leave"
        return f"{outcome} ({verdict.rule}). {verdict.sentence}"


def foreseen(records: Iterable[StopRecord], output: str) -> Iterator[Foreseen]:
    """Of the output `output`, as the records of a dry run say; nothing where they say nothing."""
    for record in records:
        for found in record.forecasts or ():
            for verdict in found.outputs:
                if verdict.name == output:
                    yield Foreseen(found.stations, verdict)


def as_frame(records: Iterable[StopRecord]) -> pd.DataFrame:
    """`station`, `output`, `verdict`, `rule`, `rows` (how many would stay) and `why`."""
    import pandas as pd

    rows = [
        (
            station,
            foreseen.name,
            foreseen.verdict,
            foreseen.rule,
            foreseen.suppressed_rows,
            foreseen.sentence,
        )
        for record in records
        for found in record.forecasts or ()
        for station in found.stations
        for foreseen in found.outputs
    ]
    columns = ["station", "output", "verdict", "rule", "rows", "why"]
    return pd.DataFrame(rows, columns=columns)
