"""Stations with their data sets, kernel images and members of the consortium."""

from __future__ import annotations

from pydantic import Field

from phtlab.lab.server.api.model import ApiModel, Timestamp
from phtlab.wire.api.journeys import ColumnType


class Column(ApiModel):
    name: str
    type: ColumnType
    description: str
    unit: str
    categories: list[str] | None
    minimum: float | None
    maximum: float | None


class DataSet(ApiModel):
    name: str
    title: str
    description: str
    rows: int | None
    rows_rounded_to: int | None = Field(
        description="`rows` is a multiple of it, exact if it is 1; null: not published."
    )
    columns: list[Column]
    has_twin: bool


class Station(ApiModel):
    name: str
    organisation: str
    online: bool
    last_seen: Timestamp | None
    paused: str = Field(description="Why nothing new begins there; empty if it does.")
    twin: bool
    version: str
    running: int
    waiting: int
    datasets: list[DataSet]


class Kernel(ApiModel):
    name: str
    language: str
    digest: str


class Member(ApiModel):
    name: str
    organisation: str
    roles: list[str]
