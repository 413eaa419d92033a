"""Where a page of a list begins: query parameters of all lists."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query

LARGEST: Final = 2**63 - 1
"""The largest number that the database counts to."""
Number = Annotated[int, Query(ge=0, le=LARGEST)]
Before = Annotated[int | None, Query(ge=0, le=LARGEST)]
