"""Schema of a data set: its columns and, for the twin, their declared distributions.

The operator writes it, as TOML, from what is public about the data; nothing in it is read from
rows.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import (
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from phtlab.strict_model import StrictModel
from phtlab.train.canonical import canonical, digest
from phtlab.train.documents.manifest import Name
from phtlab.wire.api.journeys import Column, DataSetDescription

ColumnName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,128}$")]
ColumnType = Literal["integer", "number", "string", "boolean", "date"]
Format = Literal["csv", "parquet", "folder"]
ROWS_ROUNDED_TO: Final = 50


class Marginal(StrictModel):
    """The declared distribution of one column, independent of the others.

    `mean` and `deviation` for numbers (a normal distribution, clipped at the column's bounds;
    without them uniform between the bounds), `weights` by category (or "true" and "false"),
    `missing` the share of empty cells.
    """

    mean: float | None = None
    deviation: float | None = Field(None, gt=0)
    weights: dict[str, Annotated[float, Field(ge=0)]] | None = None
    missing: float = Field(0.0, ge=0, le=1)

    @model_validator(mode="after")
    def _whole(self) -> Marginal:
        if (self.mean is None) != (self.deviation is None):
            raise ValueError("'mean' and 'deviation' are declared together")
        if self.weights is not None and sum(self.weights.values()) <= 0:
            raise ValueError("the weights add up to nothing")
        return self


class ColumnSchema(StrictModel):
    """One column. Bounds are dates (YYYY-MM-DD) for a date column, else numbers."""

    name: ColumnName
    type: ColumnType
    description: str = ""
    unit: str = ""
    categories: tuple[str, ...] | None = Field(None, min_length=1)
    minimum: float | date | None = None
    maximum: float | date | None = None
    marginal: Marginal = Marginal()

    @field_validator("categories", mode="before")
    @classmethod
    def _as_text(cls, given: Any) -> Any:
        # An author of TOML writes [0, 1, 2] for a coded column.
        if isinstance(given, list | tuple):
            return tuple(v if isinstance(v, str) else repr(v) for v in given)
        return given

    @model_validator(mode="after")
    def _consistent(self) -> ColumnSchema:
        of_dates = self.type == "date"
        for bound in (self.minimum, self.maximum):
            if bound is not None and isinstance(bound, date) != of_dates:
                raise ValueError(f"column '{self.name}': its bounds do not fit {self.type}")
        low, high = self.minimum, self.maximum
        if low is not None and high is not None and low > high:  # type: ignore[operator]
            raise ValueError(f"column '{self.name}': the minimum is above the maximum")
        if self.categories and self.type in ("integer", "number"):
            for category in self.categories:
                _require_number(self.name, category)
        weights = self.marginal.weights
        if weights is not None:
            known = {"true", "false"} if self.type == "boolean" else set(self.categories or ())
            if unknown := set(weights) - known:
                raise ValueError(
                    f"column '{self.name}': weights for {sorted(unknown)}, which are no categories"
                )
        return self

    def published(self) -> Column:
        """Return the column as the station describes it to the consortium."""
        numeric = self.type != "date"
        return Column(
            name=self.name,
            type=self.type,
            description=self.description,
            unit=self.unit,
            categories=self.categories,
            minimum=float(self.minimum) if numeric and self.minimum is not None else None,  # type: ignore[arg-type]
            maximum=float(self.maximum) if numeric and self.maximum is not None else None,  # type: ignore[arg-type]
        )


class DataSetSchema(StrictModel):
    """The declaration of a data set, as `phtlab station dataset add --schema` reads it.

    A `folder` (such as images) has columns only for its description.
    """

    title: str = ""
    description: str = ""
    format: Format | None = None
    publish_rows: bool = False
    rows_rounded_to: int = Field(ROWS_ROUNDED_TO, ge=1, le=1_000_000)
    twin_rows: int = Field(200, ge=1, le=100_000)
    columns: tuple[ColumnSchema, ...] = Field((), max_length=10_000)

    @model_validator(mode="after")
    def _distinct(self) -> DataSetSchema:
        names = [column.name for column in self.columns]
        if doubled := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"columns are declared twice: {', '.join(sorted(doubled))}")
        return self

    @property
    def digest(self) -> str:
        """Digest of the declaration; never of the data."""
        declared = self.model_dump(mode="json")
        del declared["rows_rounded_to"]  # it changes neither the data nor the twin
        return digest(canonical(declared))

    def described(
        self, name: Name, rows: int | None = None, twin_digest: str | None = None
    ) -> DataSetDescription:
        """Return what the station publishes.

        `rows` is omitted unless the operator declared otherwise, and then rounded: a reader who
        knows the exact number can compute the count of a withheld row.
        """
        return DataSetDescription(
            name=name,
            title=self.title,
            description=self.description,
            rows=self.published_rows(rows),
            rows_rounded_to=self.rows_rounded_to if self.publish_rows else None,
            columns=tuple(column.published() for column in self.columns),
            schema_digest=self.digest,
            twin_digest=twin_digest,
        )

    def published_rows(self, rows: int | None) -> int | None:
        """Return the number of `rows` as published: rounded, or None."""
        step = self.rows_rounded_to
        return None if rows is None or not self.publish_rows else (rows + step // 2) // step * step

    def rows_at_least_and_at_most(self, rows: int | None) -> tuple[int, int] | None:
        """Return the range of the number of rows, given the published number of `rows`."""
        published, half = self.published_rows(rows), self.rows_rounded_to // 2
        if published is None:
            return None
        return max(0, published - half), published - half + self.rows_rounded_to - 1

    def column_types(self) -> dict[str, Any]:
        return {column.name: column.type for column in self.columns}


def _require_number(column: str, category: str) -> None:
    try:
        float(category)
    except ValueError:
        raise ValueError(f"column '{column}': the category '{category}' is no number") from None
