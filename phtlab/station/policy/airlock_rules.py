"""The rules of the airlock, in `[airlock]` of policy.toml."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from phtlab.station.policy.airlock_actions import (
    FigureActions,
    FileActions,
    ModelActions,
    ScalarActions,
    TableActions,
    WholeAction,
)
from phtlab.station.settings.sizes import Size
from phtlab.strict_model import StrictModel
from phtlab.train.documents.manifest import OutputKind

FileType = Literal["text", "json", "png", "safetensors", "onnx", "skops", "zip", "tar"]


class AirlockRules(StrictModel):
    """Limits and actions for outputs that leave. Sizes in bytes, or as "8 MiB".

    A count below `minimum_count`, zero included, is small.
    """

    minimum_count: int = Field(10, ge=0, description="The least count of persons that may leave")
    dominance_n: int = Field(2, ge=1, le=10, description="Number of largest contributions to a sum")
    dominance_k: float = Field(
        90.0,
        gt=0,
        le=100,
        description="Per cent of a sum that these contributions may make together",
    )
    p_percent: float = Field(
        10.0,
        ge=0,
        le=100,
        description="Per cent within which nobody may be able to estimate a contribution",
    )
    large_model: int = Field(
        10_000, ge=1, description="Number of values from which on a model may memorise persons"
    )
    max_numbers: int = Field(
        100_000,
        ge=1,
        description="Numbers of all outputs of a stop together: cells of tables and of figures' "
        "data, scalars, numbers and arrays of models; and one for each eight bytes of names, "
        "labels, pictures",
    )
    amount: WholeAction = Field("hold", description="Action for outputs that exceed `max_numbers`")
    close_total: WholeAction = Field(
        "hold",
        description="Action for a table that counts, in all, almost as many persons as another "
        "table, and from which `differencing` suppresses rows: no row could be suppressed for it",
    )
    values: WholeAction = Field(
        "hold",
        description="Action for tables, figures and scalars that have, with the models, more than "
        "one number beside counts for each five persons: their values could be computed",
    )
    beyond_rows: WholeAction = Field(
        "hold",
        description="Action for an output that declares more persons than the data sets have rows",
    )
    kinds: tuple[OutputKind, ...] = Field(
        ("table", "scalar", "figure", "model"),
        description="Kinds of output that may leave; `file` is bytes that nobody can check",
    )
    file_types: tuple[FileType, ...] = Field(
        ("text", "json", "png", "safetensors", "onnx", "skops", "zip", "tar"),
        description="Types of file that may leave, where `kinds` has `file`",
    )
    max_output: Size = Field(16 * 2**20, description="Bytes of one output, as the run wrote it")
    max_total: Size = Field(32 * 2**20, description="Bytes of all outputs together")
    max_rows: int = Field(10_000, ge=1, description="Rows of a table")
    max_columns: int = Field(100, ge=1, description="Columns of a table")
    max_text: int = Field(64, ge=1, description="Characters of a text cell or a column's name")
    max_categories: int = Field(100, ge=1, description="Different texts in one column")
    max_points: int = Field(1_000, ge=1, description="Rows of the data of a figure")
    max_pixels: int = Field(2_000_000, ge=1, description="Pixels of a figure")
    max_colors: int = Field(
        256, ge=2, le=256, description="Colours of a figure; the nearest ones are drawn"
    )
    significant_digits: int = Field(
        12,
        ge=1,
        le=17,
        description="Numbers of tables, figures' data and scalars are rounded to so many; 17: as "
        "they are. Those of models leave as they are",
    )
    tables: TableActions = TableActions()
    scalars: ScalarActions = ScalarActions()
    figures: FigureActions = FigureActions()
    models: ModelActions = ModelActions()
    files: FileActions = FileActions()
