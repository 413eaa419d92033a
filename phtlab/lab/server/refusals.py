"""Refusals of the server extension: each error class and code has its HTTP status here, once.

An answer is a `Problem`. Message and hint are for people: printable and of
bounded length, whoever wrote them. Nothing of a request, such as a passphrase, is ever in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

from phtlab.errors import (
    CentralError,
    JourneyError,
    KeyFileError,
    NotebookError,
    OrderError,
    ParameterError,
    PhtlabError,
    ProposalError,
    RecordError,
    RegistryError,
    RosterError,
    SealError,
    SettingsError,
    SignatureError,
    TrainError,
    UnreachableError,
)
from phtlab.lab.server.api import Problem
from phtlab.printable import escaped_lines
from phtlab.validation_summary import validation_summaries

MAX_MESSAGE: Final = 2000  # characters

BY_CODE: Final[Mapping[str, int]] = {
    "not-found": 404,
    "no-such-journey": 404,
    "forbidden": 403,
    "hub-scope": 403,
    "not-on-roster": 403,
    "key-locked": 423,
    "key-missing": 409,
    "key-file-exists": 409,
    "central-missing": 409,
    "journey-unfinished": 409,
    "notebook-changed": 409,
    "train-removed": 410,
    "too-large": 413,
    "too-many-tries": 429,
}

BY_CLASS: Final[Mapping[type[PhtlabError], int]] = {
    NotebookError: 422,
    ParameterError: 422,
    TrainError: 422,
    OrderError: 422,
    RosterError: 422,
    KeyFileError: 422,
    SettingsError: 409,
    JourneyError: 409,
    ProposalError: 409,
    # What others sent does not hold: it is not this server's fault, and not the reader's.
    SignatureError: 502,
    RecordError: 502,
    SealError: 502,
    CentralError: 502,
    RegistryError: 502,
    UnreachableError: 503,
    PhtlabError: 500,
}

# The field of a form whose value is refused, where the code alone tells.
FIELDS: Final[Mapping[str, str]] = {
    "passphrase": "passphrase",
    "passphrase-short": "passphrase",
    "key-file-exists": "name",
    "unknown-station": "stations",
}


class Refusal(Exception):  # noqa: N818 (an answer, not one of phtlab's errors)
    """What a request gets instead of what it asked for."""

    def __init__(
        self, status: int, code: str, message: str, hint: str = "", *, field: str | None = None
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
        self.field = field

    @classmethod
    def of(cls, error: PhtlabError, fields: Mapping[str, str] = FIELDS) -> Refusal:
        """`fields` names the field of a code where it is another than usual."""
        named = "parameters" if isinstance(error, ParameterError) else None
        field = {**FIELDS, **fields}.get(error.code, named)
        return cls(status_of(error), error.code, error.message, error.hint, field=field)

    @classmethod
    def of_body(cls, error: ValidationError) -> Refusal:
        """A body that is not what this path takes, told without its values."""
        first_error = validation_summaries(error)[0]
        where = first_error.where.split(".")[0]
        return cls(
            400,
            "request",
            f"This request cannot be read: {first_error.where[:100]} ({first_error.why[:200]}).",
            "Reload the page; if it stays so, the extension and the server are of different "
            "releases.",
            field=None if where == "the whole" else where[:100],
        )

    @property
    def problem(self) -> Problem:
        return Problem(
            code=self.code,
            message=readable(self.message),
            hint=readable(self.hint),
            field=self.field,
        )


def status_of(error: PhtlabError) -> int:
    """The HTTP status of `error`: by its code, else by its nearest class."""
    if error.code in BY_CODE:
        return BY_CODE[error.code]
    return next(BY_CLASS[kind] for kind in type(error).__mro__ if kind in BY_CLASS)


def readable(message: str) -> str:
    """`message`, which may repeat what others said, printable and not longer than is read."""
    plain = escaped_lines(message[: 2 * MAX_MESSAGE])
    return plain if len(plain) <= MAX_MESSAGE else plain[: MAX_MESSAGE - 1] + "…"


def not_found(message: str) -> Refusal:
    return Refusal(404, "not-found", message)


# What Jupyter itself refuses, in our words.
BY_STATUS: Final[Mapping[int, tuple[str, str, str]]] = {
    401: (
        "logged-out",
        "You are not logged in at your Jupyter server any more.",
        "Log in in another tab, then try again here: what is open stays.",
    ),
    403: (
        "forbidden",
        "Your Jupyter server refuses this request: you may not do this here, or it did not come "
        "from the server's own page.",
        "Reload the page, and log in again if you are asked to.",
    ),
    404: ("not-found", "There is nothing at this address of your Jupyter server.", ""),
    405: ("request", "This address does not take that kind of request.", ""),
    413: ("too-large", "This request is larger than what is taken here.", ""),
}


def refusal_of_status(status: int) -> Refusal:
    """What is told of an HTTP error that is not ours."""
    code, message, hint = BY_STATUS.get(
        status,
        (
            "server-failed",
            "Your Jupyter server failed at this.",
            "Whether it was done is not known: look under Journeys before you try again. If it "
            "stays so, its log says where.",
        ),
    )
    return Refusal(status, code, message, hint)
