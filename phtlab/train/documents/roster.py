"""The roster (members and keys) and the catalogue (kernel images and the agreement).

Both are TUF targets, signed by the consortium's offline keys; see `phtlab/trust_store/trust.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from phtlab.errors import NotOnRosterError, TrainError
from phtlab.printable import escaped_lines
from phtlab.train.canonical import Digest, digest
from phtlab.train.crypto.identity import Member, Role

MAX_AGREEMENT: Final = 200_000
"""Characters of an agreement, some fifty printed pages."""


class KernelImage(BaseModel):
    """An allowed kernel image. `digest` is of its OCI manifest, `diff_ids` are its layers'."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    language: str
    kernelspec: str
    repository: str
    digest: Digest
    diff_ids: tuple[Digest, ...]


class FormerMember(BaseModel):
    """Keys that left the roster. Their signatures under it up to version `until` stay valid.

    `until` is the last version of the roster that had them. Stolen keys are not listed: none of
    their signatures is valid.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    member: Member
    until: int = Field(ge=1)


class Roster(BaseModel):
    """Members and their keys. `version` is the version of the TUF targets that carried it.

    `former` serves only to verify earlier signatures; a former member has no rights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    consortium: str
    version: int = 0
    members: tuple[Member, ...] = ()
    former: tuple[FormerMember, ...] = ()

    @field_validator("members")
    @classmethod
    def _distinct(cls, members: tuple[Member, ...]) -> tuple[Member, ...]:
        _refuse_doubles("name", (m.name for m in members))
        _refuse_doubles("key", (k for m in members for k in m.keys.key_ids().values()))
        _refuse_doubles("age recipient", (m.keys.age for m in members))
        return members

    @model_validator(mode="after")
    def _former_keys_are_gone(self) -> Roster:
        everyone = (*self.members, *(former.member for former in self.former))
        _refuse_doubles("key", (k for m in everyone for k in m.keys.key_ids().values()))
        return self

    def member(self, name: str) -> Member:
        """Return the member called `name`. Raises NotOnRosterError, which lists the known names."""
        for member in self.members:
            if member.name == name:
                return member
        known = ", ".join(m.name for m in self.members) or "nobody"
        raise NotOnRosterError(
            f"'{name}' is not on the roster of {self.consortium} (version {self.version}).",
            f"On it: {known}.",
        )

    def with_role(self, role: Role) -> tuple[Member, ...]:
        return tuple(m for m in self.members if role in m.roles)

    def signers(self, version: int) -> tuple[Member, ...]:
        """Return whose signatures under version `version` are valid: members, and former ones."""
        return (*self.members, *(f.member for f in self.former if f.until >= version))

    def without(self, name: str, until: int) -> Roster:
        """Return the roster without a member, whose keys were valid until `until`; 0: never."""
        removed = [
            FormerMember(member=m, until=until) for m in self.members if m.name == name and until
        ]
        return self.model_copy(
            update={
                "members": tuple(m for m in self.members if m.name != name),
                "former": (*self.former, *removed),
            }
        )

    def forgetting(self, name: str) -> Roster:
        """Return the roster without the former keys of `name`, whose signatures become invalid."""
        former = tuple(f for f in self.former if f.member.name != name)
        return self.model_copy(update={"former": former})

    @property
    def stations(self) -> tuple[Member, ...]:
        return self.with_role("station")


class Agreement(BaseModel):
    """The agreement that members accept with a signature. `digest` identifies exactly this text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(min_length=1, max_length=MAX_AGREEMENT)

    @field_validator("text")
    @classmethod
    def _visible(cls, text: str) -> str:
        if escaped_lines(text) != text:
            raise ValueError("it has a character that nobody sees")
        return text

    @property
    def digest(self) -> str:
        return digest(self.text.encode())


class Catalogue(BaseModel):
    """The kernel images that stations of this consortium run, and its agreement, if any."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: tuple[KernelImage, ...] = ()
    agreement: Agreement | None = None

    def signed_form(self) -> dict[str, Any]:
        """Return what officers sign; without an agreement, in the form that older versions read."""
        return self.model_dump(mode="json", exclude_none=True)

    def image(self, digest: str) -> KernelImage:
        """Return the image of `digest`. Raises TrainError if the consortium does not allow it."""
        for image in self.images:
            if image.digest == digest:
                return image
        raise TrainError(
            f"The kernel image {digest} is not in the consortium's catalogue.",
            "Build the train on one that 'phtlab kernel list' shows.",
            code="kernel-not-in-catalogue",
        )

    def named(self, name: str) -> KernelImage:
        """Return the newest image called `name`. Raises TrainError, which lists the known names."""
        for image in reversed(self.images):
            if image.name == name:
                return image
        known = ", ".join(sorted({i.name for i in self.images})) or "none"
        raise TrainError(
            f"There is no kernel image called '{name}' in the catalogue; there is: {known}.",
            code="kernel-name-unknown",
        )


def _refuse_doubles(what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"the {what} {value} appears twice on the roster")
        seen.add(value)
