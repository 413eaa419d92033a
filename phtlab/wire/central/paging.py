"""Iteration over the pages of a list at central."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from phtlab.errors import CentralError


class PagedAnswer(Protocol):
    """A page. `next` is the `before` of the following page; None on the last."""

    @property
    def next(self) -> int | None: ...


AnyPage = TypeVar("AnyPage", bound=PagedAnswer)


def pages(ask: Callable[[int | None], AnyPage], what: str) -> Iterator[AnyPage]:
    """Yield all pages of a list of `what`; each request's `before` is the last page's `next`.

    Raises CentralError (``pages``) if they do not go back in time, and so might not end.
    """
    before: int | None = None
    while True:
        page = ask(before)
        yield page
        if page.next is None:
            return
        if before is not None and page.next >= before:
            raise CentralError(
                f"Central's list of {what} does not end.", "Tell who runs it.", code="pages"
            )
        before = page.next
