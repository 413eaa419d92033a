"""Where blocking work is done, off the event loop: what is quick never waits for what is slow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Literal, TypeVar

from phtlab.lab.server.refusals import Refusal

Kind = Literal["quick", "slow", "secret"]
Result = TypeVar("Result")

MOST_WAITING: Final = 4


class Threads:
    """`quick` reads what is known here, `slow` asks others, `secret` opens key files, one by one.

    Whoever guesses at a passphrase waits after each wrong one, so those wait in a short queue of
    their own; more than MOST_WAITING are refused at once (`too-many-tries`).
    """

    def __init__(self) -> None:
        self._pools: dict[Kind, ThreadPoolExecutor] = {
            "quick": ThreadPoolExecutor(4, "phtlab-quick"),
            "slow": ThreadPoolExecutor(8, "phtlab-slow"),
            "secret": ThreadPoolExecutor(1, "phtlab-secret"),
        }
        self._secrets = 0

    async def run(self, kind: Kind, work: Callable[[], Result]) -> Result:
        """What `work` returns or raises, done in a thread of `kind`. Raises Refusal."""
        loop = asyncio.get_running_loop()
        if kind != "secret":
            return await loop.run_in_executor(self._pools[kind], work)
        if self._secrets >= MOST_WAITING:
            raise Refusal(
                429,
                "too-many-tries",
                "Several passphrases are being tried already, and each wrong one takes longer.",
                "Wait half a minute, then try once.",
            )
        self._secrets += 1
        try:
            return await loop.run_in_executor(self._pools["secret"], work)
        finally:
            self._secrets -= 1

    def close(self) -> None:
        """Take no more work; what is under way ends by itself."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
