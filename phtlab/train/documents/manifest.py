"""The train as a value: what the analysis is, fixed before anything runs."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from phtlab.strict_model import SignedModel
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


class Output(SignedModel):
    """A declared output.

    `counts` names the column that counts people, in a table or in a figure's data; with any text
    a scalar is itself a count. `by` names a table's columns that say which people a row is about;
    without it a station takes the columns of text, truths and dates. `total` names a column that
    sums up what each person contributes, and `largest` the columns that hold the largest such
    contributions, largest first: a station checks those and takes them out. `of` says that a scalar
    or a model comes with how many people it is of. `statistic` says that a scalar is the largest or
    smallest value of all, or a quantile. `tensors` names a model's arrays; a ``*`` in a name stands
    for a whole number below 1,000.
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
        # What is not declared is not written: a train that needs none of it keeps its digest.
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


class TrainFile(SignedModel):
    """A file of the train's layer. `size` is in bytes."""

    path: str
    size: int = Field(ge=0)
    sha256: Digest


class KernelRef(SignedModel):
    """The kernel image that the train is built on."""

    name: str
    language: str
    digest: Digest


class TrainManifest(SignedModel):
    """What the author signs. `parameters` is a JSON Schema (2020-12) of an object."""

    name: Name
    kernel: KernelRef
    route: Route = "parallel"
    parameters: dict[str, Any]
    outputs: tuple[Output, ...] = Field(max_length=MAX_OUTPUTS)
    datasets: tuple[Name, ...]
    files: tuple[TrainFile, ...]

    def sign(self, identity: Identity, image: str, repository: str) -> Envelope:
        """The train statement: `image` (digest) in `repository` is this analysis."""
        return sign_statement(
            identity, TRAIN_TYPE, {repository: image}, self.model_dump(mode="json")
        )


class Train(SignedModel):
    """A verified train: its digest is the image's, its repository is where the image lies."""

    digest: Digest
    repository: str
    author: str
    manifest: TrainManifest
