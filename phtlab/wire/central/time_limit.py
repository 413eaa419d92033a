"""How long one answer of central's may take, however steadily its bytes come."""

from __future__ import annotations

import time
from typing import Final

import httpx

ANSWER_SECONDS: Final = 120.0


def require_in_time(begun: float) -> None:
    """Raise httpx.ReadTimeout if the answer that began at `begun` (monotonic) takes too long."""
    if time.monotonic() - begun > ANSWER_SECONDS:
        raise httpx.ReadTimeout(f"one answer takes more than {ANSWER_SECONDS:g} seconds")
