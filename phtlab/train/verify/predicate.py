"""What a signer may sign, and a signed predicate read as a value."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from phtlab.errors import PhtlabError
from phtlab.train.envelope import Statement
from phtlab.train.fault import faults_of
from phtlab.train.identity import Member, Role

CLOCK_SKEW = timedelta(minutes=5)

_Value = TypeVar("_Value", bound=BaseModel)


def require_role(
    member: Member, role: Role, error: type[PhtlabError], code: str, what: str
) -> None:
    if role not in member.roles:
        raise error(
            f"{member.name} is on the roster as {', '.join(member.roles)}; only a {role} may "
            f"{what}. Ask an officer for the role.",
            code=code,
        )


def read_predicate(
    value: type[_Value], statement: Statement, refusal: PhtlabError, what: str
) -> _Value:
    try:
        return value.model_validate(statement.predicate)
    except ValidationError as error:
        raise type(refusal)(
            f"{what} cannot be read ({faults_of(error)[0]}). It may be made by another version "
            "of phtlab.",
            code=refusal.code,
        ) from None
