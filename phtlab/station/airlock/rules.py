"""The numbers of the airlock, as `[airlock]` of policy.toml gives them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from phtlab.station.sizes import parse_size
from phtlab.train.manifest import OutputKind

Size = Annotated[int, BeforeValidator(parse_size), Field(ge=1)]


class AirlockRules(BaseModel):
    """What an output must be to leave. Sizes in bytes, or as "8 MiB".

    A count below `minimum_count`, zero included, is small. `significant_digits`
    None leaves numbers as they are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    minimum_count: int = Field(10, ge=0)
    kinds: tuple[OutputKind, ...] = ("table", "scalar", "figure", "model")
    max_output: Size = 16 * 2**20
    max_total: Size = 32 * 2**20
    max_rows: int = Field(10_000, ge=1)
    max_columns: int = Field(100, ge=1)
    max_text: int = Field(64, ge=1)
    max_categories: int = Field(100, ge=1)
    max_points: int = Field(1_000, ge=1)
    max_pixels: int = Field(4_000_000, ge=1)
    significant_digits: int | None = Field(None, ge=1, le=17)
