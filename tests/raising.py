"""Expected errors in tests: by class and code, never by their sentences.

A sentence is for people, may be reworded at any time, and is asserted where messages are tested
(`test_messages.py` beside the tests of a package). tests/project/test_asserted_codes.py holds all
other tests to this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
from pydantic import ValidationError

from phtlab.errors import PhtlabError

E = TypeVar("E", bound=PhtlabError)


@contextmanager
def raises_code(
    kind: type[E] | tuple[type[E], ...],
    code: str,
    *,
    cause: str | type[BaseException] | None = None,
) -> Iterator[pytest.ExceptionInfo[E]]:
    """Expect an error of class `kind` with exactly this `code`.

    Where one code covers several faults, `cause` tells them apart: the code, or the class, of the
    error that it was raised from.
    """
    __tracebackhide__ = True
    with pytest.raises(kind) as caught:
        yield caught
    error = caught.value
    if error.code != code:
        pytest.fail(
            f"refused with the code '{error.code}' instead of '{code}'\n"
            f"{type(error).__name__}: {error!s}"
        )
    if cause is not None:
        found = error.__cause__
        right = (
            getattr(found, "code", None) == cause
            if isinstance(cause, str)
            else isinstance(found, cause)
        )
        if not right:
            pytest.fail(f"'{code}' was caused by {found!r} instead of {cause}")


@contextmanager
def invalid(type_: str, *loc: Any) -> Iterator[pytest.ExceptionInfo[ValidationError]]:
    """Expect pydantic to find exactly one fault, of this type (`value_error`, …) at this place."""
    __tracebackhide__ = True
    with pytest.raises(ValidationError) as caught:
        yield caught
    found = [(fault["type"], fault["loc"]) for fault in caught.value.errors()]
    if found != [(type_, loc)]:
        pytest.fail(f"pydantic found {found} instead of {[(type_, loc)]}\n{caught.value}")


def wrong_messages(expected: Mapping[str, Callable[[], object]]) -> list[str]:
    """Of a table of sentences and what must be refused with them, the rows that do not hold."""
    return [line for sentence, refused in expected.items() if (line := _wrong(sentence, refused))]


def _wrong(sentence: str, refused: Callable[[], object]) -> str | None:
    try:
        refused()
    except PhtlabError as error:
        if sentence in str(error):
            return None
        return f"expected: {sentence}\n   found: {error!s}"
    return f"expected: {sentence}\n   found: nothing was refused"
