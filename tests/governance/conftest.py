"""A roster in memory, and everyone's keys."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from phtlab.train.crypto.identity import Identity, Member, Role
from phtlab.train.documents.roster import Roster

ROLES: dict[str, tuple[Role, ...]] = {
    "ada": ("researcher",),
    "bob": ("researcher",),
    "ulm": ("station",),
    "mainz": ("station",),
    "vera": ("officer",),
}


@dataclass(frozen=True)
class Keys:
    """A consortium's `roster`, and the identities of its members and of eve, who is none."""

    roster: Roster
    identities: dict[str, Identity]

    def __getitem__(self, name: str) -> Identity:
        return self.identities[name]


@pytest.fixture(scope="session")
def keys() -> Keys:
    identities = {name: Identity.generate(name) for name in (*ROLES, "eve")}
    members = tuple(
        Member(name=name, roles=roles, keys=identities[name].public)
        for name, roles in ROLES.items()
    )
    return Keys(Roster(consortium="pht", version=3, members=members), identities)
