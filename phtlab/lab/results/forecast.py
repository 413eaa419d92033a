"""Forecast of a dry run: what other stations' airlocks would suppress, hold or refuse."""

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
    """Forecast for one output at `stations`: the verdict of their airlocks."""

    stations: tuple[str, ...]
    verdict: OutputVerdict

    def sentence(self) -> str:
        """Describe the verdict, without the stations."""
        verdict = self.verdict
        if verdict.verdict == "released":
            return "leaves whole"
        if verdict.verdict == "suppressed":
            rows = "1 row" if verdict.suppressed_rows == 1 else f"{verdict.suppressed_rows} rows"
            return f"{rows} would stay there ({verdict.rule})"
        outcome = "would be held for a person" if verdict.verdict == "held" else "would not leave"
        return f"{outcome} ({verdict.rule}). {verdict.sentence}"


def foreseen(records: Iterable[StopRecord], output: str) -> Iterator[Foreseen]:
    """Yield the forecasts for `output` in the records of a dry run; none if there are none."""
    for record in records:
        for found in record.forecasts or ():
            for verdict in found.outputs:
                if verdict.name == output:
                    yield Foreseen(found.stations, verdict)


def as_frame(records: Iterable[StopRecord]) -> pd.DataFrame:
    """Return the columns `station`, `output`, `verdict`, `rule`, `rows` (suppressed) and `why`."""
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
