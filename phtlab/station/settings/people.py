"""People who use a station's console, and their roles: `people.toml` in its folder.

The console reads the file at each request, so that a removed person loses access at once.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from phtlab.errors import SettingsError, StationError
from phtlab.files.durable_file import write_durably
from phtlab.governance.approval import PersonName
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import toml_value
from phtlab.strict_model import StrictModel
from phtlab.validation_summary import validation_summaries

Role = Literal["reader", "reviewer", "releaser", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
MEANING: Final[dict[Role, str]] = {
    "reader": "sees what waits, data sets, journeys, policy, keys, health and the audit log",
    "reviewer": "reads trains and proposals, and approves, asks, refuses and revokes",
    "releaser": "sees held outputs and the logs that stay here, and releases or refuses",
    "admin": "changes the policy and tries what the station needs",
}
Subject = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x20\x7f-\x9f]{1,255}$")]


class Person(StrictModel):
    """One person. Every role includes that of a reader."""

    roles: tuple[Role, ...] = Field(
        min_length=1, description="What the person may do: reader, reviewer, releaser, admin"
    )
    subjects: tuple[Subject, ...] = Field(
        (), description="The person's ids at the identity provider: claims `sub` of `[oidc]`"
    )

    def may(self, role: Role) -> bool:
        return role in self.roles or role == "reader"


class OidcLogin(StrictModel):
    """The identity provider that people may log in with, by the code flow with PKCE."""

    issuer: str = Field(description="The provider's address, as its discovery document has it")
    client_id: str = Field(min_length=1, description="The console's name at the provider")
    secret_file: str = Field(
        "oidc-secret",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,100}$",
        description="File of the client's secret, in the station's folder",
    )

    @field_validator("issuer")
    @classmethod
    def _over_tls(cls, value: str) -> str:
        parts = urlsplit(value)
        own = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
        if not (own or (parts.scheme == "https" and parts.hostname)) or parts.query:
            raise ValueError("it is an address that begins with https://")
        return value


class ConsoleSettings(StrictModel):
    """The console's address, and how long logins last. Times are in seconds."""

    address: str = Field("127.0.0.1", description="Address of this machine's loopback")
    port: int = Field(8470, ge=1, le=65535, description="Port, the same at each start")
    idle: int = Field(
        900, ge=30, le=86400, description="Seconds without a click until a login ends"
    )
    longest: int = Field(
        8 * 3600, ge=60, le=86400, description="Seconds until a login ends in any case"
    )
    link: int = Field(300, ge=10, le=3600, description="Seconds that a one-time link is valid")


class People(StrictModel):
    """The content of `people.toml`."""

    people: dict[PersonName, Person] = Field(default_factory=dict)
    console: ConsoleSettings = ConsoleSettings()
    oidc: OidcLogin | None = None

    @model_validator(mode="after")
    def _require_unique_subjects(self) -> People:
        named = [subject for person in self.people.values() for subject in person.subjects]
        if len(set(named)) != len(named):
            raise ValueError("a subject is two persons")
        return self

    def person(self, name: str) -> Person:
        """Return the person `name`. Raises StationError (``person-unknown``)."""
        if name not in self.people:
            known = ", ".join(self.people) or "nobody"
            raise StationError(
                f"Nobody called '{name[:63]}' works at this station's console; there is: {known}.",
                "Add a person with 'phtlab station people add NAME --role ROLE'.",
                code="person-unknown",
            )
        return self.people[name]

    def of_subject(self, subject: str) -> str | None:
        """Return the name of the person with the identity provider's `subject`, or None."""
        return next((n for n, p in self.people.items() if subject in p.subjects), None)


def path_of(folder: StationFolder) -> Path:
    return folder.path / "people.toml"


def load_people(folder: StationFolder) -> People:
    """Read `people.toml`; without the file, nobody. Raises SettingsError (``people-form``)."""
    path = path_of(folder)
    try:
        return People.model_validate(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return People()
    except ValidationError as error:
        where, why = validation_summaries(error)[0]
        raise SettingsError(
            f"{path}: '{where}' is wrong: {why}.",
            "See docs/console.md for its form.",
            code="people-form",
        ) from None
    except (ValueError, OSError) as error:
        raise SettingsError(
            f"{path} cannot be read as TOML: {error}.", code="people-form"
        ) from None


def with_person(
    known: People, name: str, roles: Iterable[str], subjects: Iterable[str] = ()
) -> People:
    """Return `known` with the person `name` added or replaced. Raises SettingsError."""
    person = {"roles": tuple(dict.fromkeys(roles)), "subjects": tuple(dict.fromkeys(subjects))}
    values = known.model_dump(mode="json")
    values["people"][name] = person
    try:
        return People.model_validate(values)
    except ValidationError as error:
        where, why = validation_summaries(error)[0]
        raise SettingsError(
            f"'{name[:63]}' cannot be added: {where} is wrong: {why}.",
            f"A name is of a-z, 0-9, '.', '_' and '-'; roles are {', '.join(ROLES)}.",
            code="person-name",
        ) from None


def without_person(known: People, name: str) -> People:
    """Return `known` without `name`. Raises StationError (``person-unknown``)."""
    known.person(name)
    others = {other: person for other, person in known.people.items() if other != name}
    return known.model_copy(update={"people": others})


def write_people(folder: StationFolder, people: People) -> None:
    """Rewrite `people.toml`, leaving out default values."""
    lines = ["# Who works at this station's console: docs/console.md."]
    for section, part in (("console", people.console), ("oidc", people.oidc)):
        values = part.model_dump(mode="json", exclude_defaults=True) if part else {}
        if values:
            lines += ["", f"[{section}]", *_entries(values)]
    for name, person in people.people.items():
        values = person.model_dump(mode="json", exclude_defaults=True)
        lines += ["", f"[people.{toml_value(name)}]", *_entries(values)]
    write_durably(path_of(folder), ("\n".join(lines) + "\n").encode())


def _entries(values: dict[str, object]) -> list[str]:
    return [f"{key} = {toml_value(value)}" for key, value in values.items()]
