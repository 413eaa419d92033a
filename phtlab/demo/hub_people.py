"""The people of the demonstration's hub: their accounts, roles and keys."""

from __future__ import annotations

import json
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from phtlab.demo.world import OFFICERS, RESEARCHER, World
from phtlab.errors import RosterError
from phtlab.files.durable_file import write_durably
from phtlab.files.key_file import read_key, write_key
from phtlab.train.crypto.identity import Identity, Member, Role


@dataclass(frozen=True)
class Person:
    """An account. `roles` are those on the roster; empty: not a member, and no key yet."""

    name: str
    group: str
    does: str
    organisation: str = ""
    roles: tuple[Role, ...] = ()
    has_key: bool = True


PEOPLE = (
    Person(
        RESEARCHER,
        "researcher",
        "writes and sends analyses",
        "Institute of Federated Medicine",
        ("researcher",),
    ),
    Person(
        "dr-curie",
        "researcher",
        "works beside dr-lovelace",
        "University Hospital",
        ("researcher",),
    ),
    Person("op-hopper", "operator", "looks after a station", "Cleveland", ("operator",)),
    # The consortium's root of trust stays offline: an officer's key is never in a workspace.
    Person(OFFICERS[0], "officer", "signs for the consortium", roles=("officer",), has_key=False),
    Person(
        "prof-noether",
        "teacher",
        "teaches a course",
        "Institute of Federated Medicine",
        ("researcher", "teacher"),
    ),
    Person("newcomer", "learner", "has no key yet, and can make one", has_key=False),
    Person("hub-admin", "admin", "runs the hub", has_key=False),
)


@dataclass(frozen=True)
class People:
    """The people in `directory`: passwords in `passwords.json`, keys in `keys/NAME.key.age`."""

    directory: Path

    @property
    def passwords(self) -> dict[str, str]:
        """Passwords, for the demonstration only: the hub itself stores hashes."""
        try:
            stored: dict[str, str] = json.loads((self.directory / "passwords.json").read_text())
        except FileNotFoundError:
            return {}
        return stored

    def key(self, person: Person) -> Path:
        return self.directory / "keys" / f"{person.name}.key.age"

    def found(self, world: World) -> None:
        """Generate passwords, make the keys, and add new people to the roster of `world`.

        Every key has the passphrase of `world`. An interrupted founding is continued. Raises
        RosterError if somebody on the roster has another key than here.
        """
        (self.directory / "keys").mkdir(parents=True, mode=0o700, exist_ok=True)
        consortium = world.consortium
        known = {member.name: member for member in consortium.roster.members}
        for person in PEOPLE:
            if person.name == RESEARCHER:
                shutil.copyfile(world.profile.key, self.key(person))
            elif person.has_key:
                identity = self._identity(person, world)
                if person.name not in known:
                    consortium.add_member(
                        Member(
                            name=person.name,
                            organisation=person.organisation,
                            roles=person.roles,
                            keys=identity.public,
                        )
                    )
                elif known[person.name].keys != identity.public:
                    raise RosterError(
                        f"{person.name} is on the roster, and its key is not here.",
                        "Found the demonstration anew with --fresh.",
                    )
        world.sign()
        # Last, because this file marks the people as founded.
        passwords = {person.name: secrets.token_urlsafe(9) for person in PEOPLE} | self.passwords
        write_durably(self.directory / "passwords.json", json.dumps(passwords).encode())

    def _identity(self, person: Person, world: World) -> Identity:
        path = self.key(person)
        if path.exists():
            return read_key(path, world.passphrase)
        identity = Identity.generate(person.name)
        write_key(path, identity, world.passphrase, log_n=world.log_n)
        return identity

    @property
    def founded(self) -> bool:
        return self.passwords.keys() >= {person.name for person in PEOPLE}
