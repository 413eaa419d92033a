"""Checks of a signer's role and membership, and parsing of signed predicates."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from phtlab.errors import NotOnRosterError, PhtlabError
from phtlab.train.crypto.identity import Member, Role
from phtlab.train.documents.envelope import Statement
from phtlab.train.documents.roster import Roster
from phtlab.validation_summary import validation_summaries

CLOCK_SKEW = timedelta(minutes=5)

_Value = TypeVar("_Value", bound=BaseModel)


def require_role(
    member: Member, role: Role, error: type[PhtlabError], code: str, what: str
) -> None:
    if role not in member.roles:
        raise error(
            f"{member.name} is on the roster as {', '.join(member.roles)}; only a {role} may "
            f"{what}.",
            "Ask an officer for the role.",
            code=code,
        )


def require_signer_then(signer: Member, version: int, roster: Roster) -> None:
    """Refuse keys that had left the roster before `version`, under which they signed.

    Raises NotOnRosterError (``signer-left``).
    """
    if signer not in roster.signers(version):
        raise NotOnRosterError(
            f"This document of version {version} of the roster is signed by keys of {signer.name} "
            "that had been taken off it by then: do not use it, and tell an officer.",
            code="signer-left",
        )


def read_predicate(
    value: type[_Value], statement: Statement, refusal: PhtlabError, what: str
) -> _Value:
    try:
        return value.model_validate(statement.predicate)
    except ValidationError as error:
        raise type(refusal)(
            f"{what} cannot be read ({validation_summaries(error)[0]}).",
            "It may be made by another version of phtlab.",
            code=refusal.code,
        ) from None
