"""The status: who and where a person is, and what keeps things from working."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from typing_extensions import TypeAliasType

from phtlab.lab.keys import key_files
from phtlab.lab.server.api.model import ApiModel, Problem
from phtlab.lab.workspace.central_follower import CentralState

KeyState = TypeAliasType("KeyState", key_files.KeyState)


class CentralConnection(ApiModel):
    url: str
    state: CentralState
    consortium: str | None
    sentence: str


class PinnedRoot(ApiModel):
    fingerprint: str


class CurrentKey(ApiModel):
    state: KeyState
    name: str | None
    path: str
    fingerprint: str | None
    member: bool | None
    readers: str = Field(
        description="Who can read the key file and the unlocked key here, in a sentence."
    )


class Status(ApiModel):
    version: str
    place: Literal["hub", "computer"]
    user: str | None
    reads: bool = Field(description="Whether stations and journeys may be read now.")
    dry_runs: bool = Field(description="Whether there is a twin station.")
    central: CentralConnection
    root: PinnedRoot | None
    key: CurrentKey
    problem: Problem | None
