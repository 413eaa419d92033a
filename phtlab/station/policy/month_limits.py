"""Limits on what leaves of a data set for one researcher in a month: `[month]` of policy.toml."""

from __future__ import annotations

from pydantic import Field

from phtlab.station.settings.sizes import Size
from phtlab.strict_model import StrictModel


class Amount(StrictModel):
    """How many `outputs` leave, how many `rows` their tables have, and their `size` in bytes.

    `numbers` are cells of tables and of figures' data, scalars and numbers of models, and one for
    each eight bytes of a picture or a file. Amounts recorded before numbers were counted have 0.
    """

    outputs: int = 0
    rows: int = 0
    size: int = 0
    numbers: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            outputs=self.outputs + other.outputs,
            rows=self.rows + other.rows,
            size=self.size + other.size,
            numbers=self.numbers + other.numbers,
        )

    def part(self, parts: int, of: int) -> Amount:
        """Return `parts` of `of` equal parts, rounded up."""
        return Amount(**{field: -(-number * parts // of) for field, number in self})


class MonthLimits(StrictModel):
    """Limits by data set, researcher and calendar month (UTC), without a person's decision."""

    rows: int = Field(100_000, ge=0, description="Rows of tables and of figures' data")
    size: Size = Field(8 * 2**20, description="Bytes of all that leaves")
    values: float = Field(
        1.0,
        ge=0,
        description="Numbers beside counts, for each row of the data sets: with as many as there "
        "are persons, each person's value could be computed. The same output again counts once",
    )

    def values_of(self, people: int) -> int:
        """Return how many numbers beside counts may leave of at most so many people."""
        return int(self.values * people)

    def holds(self, amount: Amount, values: int = 0, people: int | None = None) -> bool:
        """Return whether `amount`, and `values` of at most `people`, are within the limits."""
        few = people is None or values <= self.values_of(people)
        return amount.rows <= self.rows and amount.size <= self.size and few
