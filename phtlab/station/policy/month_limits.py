"""How much may leave of a data set for one researcher in a month: `[airlock.month]`."""

from __future__ import annotations

from pydantic import Field

from phtlab.station.settings.sizes import Size
from phtlab.strict_model import StrictModel


class Amount(StrictModel):
    """`outputs` of which files leave, the `rows` of their tables, and all of it in bytes.

    `numbers` are cells of tables and of figures' data, scalars and numbers of models, and one for
    each eight bytes of a picture or a file. What left before they were counted has none.
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


class MonthLimits(StrictModel):
    """What may leave of a data set for one researcher in a calendar month (UTC), unasked."""

    rows: int = Field(100_000, ge=0, description="Rows of tables and of figures' data")
    size: Size = Field(8 * 2**20, description="Bytes of all that leaves")
    values: float = Field(
        1.0,
        ge=0,
        description="Numbers beside counts, for each row of the data sets: with as many as there "
        "are persons, what each has could be worked out. The same output again counts once",
    )

    def values_of(self, people: int) -> int:
        """How many numbers beside counts may leave of so many people at most."""
        return int(self.values * people)

    def holds(self, amount: Amount, values: int = 0, people: int | None = None) -> bool:
        """Whether so much may leave of `people` at most, and so many `values` of them."""
        few = people is None or values <= self.values_of(people)
        return amount.rows <= self.rows and amount.size <= self.size and few
