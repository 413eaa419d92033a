"""Results of a journey of rounds: what the combine cells made of them, and each round's updates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from phtlab.rounds.reports import RoundReport, reports_frame

if TYPE_CHECKING:
    import pandas as pd

Updates = Mapping[str, Mapping[str, Any]]
"""Of one round: by station, and by output."""


@dataclass(frozen=True)
class RoundResults:
    """`combined` are the values that the rounds finished with, or that were sent last, by name.

    `reported` is what combine cells reported of each round. `rounds` maps each station to the
    numbers of the rounds whose records it signed, all verified.
    """

    combined: Mapping[str, Any]
    reported: tuple[RoundReport, ...] = field(repr=False)
    rounds: Mapping[str, tuple[int, ...]]
    _open: Callable[[int], Updates] = field(repr=False, compare=False)

    @property
    def reports(self) -> pd.DataFrame:
        """A row per round: what was reported, and of how many stations updates were `heard`."""
        return reports_frame(self.reported)

    @property
    def count(self) -> int:
        """The number of the last round that any station computed; 0 if there is none."""
        return max((numbers[-1] for numbers in self.rounds.values() if numbers), default=0)

    def updates(self, number: int) -> Updates:
        """Return what stations published in round `number`: by station, and by output.

        Fetched and opened anew. Raises JourneyError (`no-such-round`), and SealError, RegistryError
        or SealChangedError if one is no longer there, or is not what its station signed.
        """
        return self._open(number)
