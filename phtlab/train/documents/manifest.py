"""The train as a value: the analysis, fixed before anything runs."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from phtlab.train.canonical import Digest
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope, sign_statement

TRAIN_TYPE = "https://phtlab.org/train/v1"

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
OutputKind = Literal["table", "scalar", "figure", "model", "file"]
Statistic = Literal["max", "min", "quantile"]
Label = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")
]
TensorPattern = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_*][A-Za-z0-9_.*/-]{0,127}$")]
MAX_PATTERNS: Final = 1_000
MAX_WHERE: Final = 8
MAX_OUTPUTS: Final = 200
Route = Literal["parallel", "sequential", "rounds"]


class _Value(BaseModel):
    # Keeps NaN, so that signing refuses it; pydantic would write null, and phtlab sign that.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Output(_Value):
    """A declared output.

    `counts` names the column that counts people, in a table or in a figure's data; any text marks
    a scalar as a count. `by` names a table's columns that identify the people of a row; without it
    a station takes the columns of text, booleans and dates. `total` names a column of sums over
    people's contributions, and `largest` the columns with the largest of these, largest first: a
    station checks those columns and removes them. `of` declares that a scalar or a model comes
    with its number of people. `statistic` declares that a scalar is the maximum or minimum of all
    values, or a quantile. `tensors` names a model's arrays; a ``*`` in a name matches a whole
    number below 1,000.
    """

    name: Name
    kind: OutputKind = "table"
    counts: str | None = None
    by: tuple[str, ...] = ()
    total: str | None = None
    largest: tuple[str, ...] = ()
    of: bool = False
    statistic: Statistic | None = None
    tensors: tuple[TensorPattern, ...] = Field((), max_length=MAX_PATTERNS)
    where: dict[Label, Label] = Field({}, max_length=MAX_WHERE)

    @model_serializer(mode="wrap")
    def _as_before(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Undeclared fields are omitted: a train that needs none of them keeps its digest.
        written: dict[str, Any] = serialize(self)
        for name in ("by", "total", "largest", "of", "statistic", "tensors", "where"):
            if not written[name]:
                del written[name]
        return written

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler({k: v for k, v in schema.items() if k != "serialization"})


class TrainFile(_Value):
    """A file of the train's layer. `size` is in bytes."""

    path: str
    size: int = Field(ge=0)
    sha256: Digest


class KernelRef(_Value):
    """The kernel image that the train is built on."""

    name: str
    language: str
    digest: Digest


class TrainManifest(_Value):
    """The manifest that the author signs. `parameters` is a JSON Schema (2020-12) of an object."""

    name: Name
    kernel: KernelRef
    route: Route = "parallel"
    parameters: dict[str, Any]
    outputs: tuple[Output, ...] = Field(max_length=MAX_OUTPUTS)
    datasets: tuple[Name, ...]
    files: tuple[TrainFile, ...]

    def sign(self, identity: Identity, image: str, repository: str) -> Envelope:
        """Sign the train statement: `image` (digest) in `repository` is this analysis."""
        return sign_statement(
            identity, TRAIN_TYPE, {repository: image}, self.model_dump(mode="json")
        )


class Train(_Value):
    """A verified train: `digest` is the image's, `repository` is where the image is stored."""

    digest: Digest
    repository: str
    author: str
    manifest: TrainManifest
