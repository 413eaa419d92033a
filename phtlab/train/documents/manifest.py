"""The train as a value: what the analysis is, fixed before anything runs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from phtlab.strict_model import SignedModel
from phtlab.train.canonical import Digest
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope, sign_statement

TRAIN_TYPE = "https://phtlab.org/train/v2"

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
OutputKind = Literal["table", "scalar", "figure", "model", "file"]
Statistic = Literal[
    "frequency",
    "magnitude",
    "max",
    "min",
    "quantile",
    "correlation",
    "regression",
    "survival",
    "hazard",
    "model",
]
"""Classes of statistics, after the SACRO guide to statistical output checking (Zenodo 10054629)."""
Label = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")
]
TensorPattern = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_*][A-Za-z0-9_.*/-]{0,127}$")]
Dimension = Annotated[int, Field(ge=1, lt=2**40)]
MAX_PATTERNS: Final = 1_000
MAX_WHERE: Final = 8
MAX_OUTPUTS: Final = 200
MAX_RECEIVED: Final = 50
MAX_DIMENSIONS: Final = 8
MAX_LABELS: Final = 100
Route = Literal["parallel", "sequential", "rounds"]
HANDED_ON: Final[frozenset[OutputKind]] = frozenset({"model", "scalar"})
"""Kinds of outputs that a station can hand on: numbers in a form that the next one can check."""


class OutputTarget(StrEnum):
    """Who gets an output: the journey's recipients, the next station, or both.

    At the last station of a route, the recipients get what was for the next station.
    """

    RESEARCHER = "researcher"
    NEXT = "next"
    BOTH = "both"


class Output(SignedModel):
    """A declared output.

    `counts` names the column that counts people, in a table or in a figure's data; with any text
    a scalar is itself a count. `by` names a table's columns that say which people a row is about;
    without it a station takes the columns of text, truths and dates. `total` names a column that
    sums up what each person contributes, and `largest` the columns that hold the largest such
    contributions, largest first: a station checks those and takes them out. `of` says that a scalar
    or a model comes with how many people it is of. `statistic` says that a scalar is the largest or
    smallest value of all, or a quantile. `tensors` names a model's arrays; a ``*`` in a name stands
    for a whole number below 1,000. `to` says who gets it.
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
    to: OutputTarget = OutputTarget.RESEARCHER

    @property
    def is_handed_on(self) -> bool:
        """Whether the next station of the route gets it."""
        return self.to is not OutputTarget.RESEARCHER

    @model_validator(mode="after")
    def _require_kind_of_handed_on(self) -> Self:
        if self.is_handed_on and self.kind not in HANDED_ON:
            raise ValueError(f"a {self.kind} cannot be handed on to the next station")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What is not declared is not written: a train that needs none of it keeps its digest.
        written: dict[str, Any] = serialize(self)
        for name in ("by", "total", "largest", "of", "statistic", "tensors", "where"):
            if not written[name]:
                del written[name]
        if self.to is OutputTarget.RESEARCHER:
            del written["to"]
        return written

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler({k: v for k, v in schema.items() if k != "serialization"})


class DeclaredArray(SignedModel):
    """An array of a model: its name and shape; a length of None may be any."""

    name: TensorPattern
    shape: tuple[Dimension | None, ...] = Field((), max_length=MAX_DIMENSIONS)


class Received(SignedModel):
    """A value that station or round cells receive: of the stop before, or of the combine cells.

    On a sequential route it is the output of the same name. `arrays` are all arrays of a model;
    without them, any that the output declares. No number is below `lowest` or above `highest`.
    `size` is the most bytes of its file.
    """

    name: Name
    arrays: tuple[DeclaredArray, ...] = Field((), max_length=MAX_PATTERNS)
    lowest: float | None = None
    highest: float | None = None
    size: int | None = Field(None, ge=1)


class Rounds(SignedModel):
    """The cells that run again in each round, by their numbers in the author's notebook, from 1.

    `combine` are the cells that run between rounds, in the researcher's kernel or at an aggregator.
    """

    cells: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=1, max_length=1_000)
    combine: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=1, max_length=1_000)


class Resources(SignedModel):
    """What a run needs at most: bytes of memory and scratch disk, processor cores, GPUs, seconds.

    None leaves it to the station's policy.
    """

    memory: int | None = Field(None, ge=1)
    scratch: int | None = Field(None, ge=1)
    cores: float | None = Field(None, gt=0)
    gpus: int | None = Field(None, ge=0)
    seconds: int | None = Field(None, ge=1)


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
    """What the author signs. `parameters` is a JSON Schema (2020-12) of an object.

    `received` are the values that its cells receive, `rounds` the cells of an iterative analysis,
    `labels` what its runs may report as their progress.
    """

    name: Name
    kernel: KernelRef
    parameters: dict[str, Any]
    outputs: tuple[Output, ...] = Field(max_length=MAX_OUTPUTS)
    received: tuple[Received, ...] = Field((), max_length=MAX_RECEIVED)
    rounds: Rounds | None = None
    datasets: tuple[Name, ...]
    resources: Resources | None = None
    labels: tuple[Label, ...] = Field((), max_length=MAX_LABELS)
    files: tuple[TrainFile, ...]

    @property
    def route(self) -> Route:
        """How a journey visits its stations: it follows from what the cells hand on and receive."""
        if self.rounds is not None:
            return "rounds"
        handed_on = any(output.is_handed_on for output in self.outputs)
        return "sequential" if handed_on or self.received else "parallel"

    @property
    def handed_on(self) -> tuple[Output, ...]:
        """The outputs that the next station gets."""
        return tuple(output for output in self.outputs if output.is_handed_on)

    @model_validator(mode="after")
    def _require_consistent(self) -> Self:
        for what, names in (
            ("output", [output.name for output in self.outputs]),
            ("received value", [received.name for received in self.received]),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"the same {what} twice")
        handed_on = {output.name for output in self.handed_on}
        if self.rounds is not None:
            if handed_on:
                raise ValueError("an analysis of rounds hands nothing on to the next station")
        elif not {received.name for received in self.received} <= handed_on:
            raise ValueError("a value is received that no station hands on")
        return self

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
