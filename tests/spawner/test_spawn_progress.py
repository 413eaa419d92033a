"""Progress: each step once, to everyone who watches, also to who comes late or stays longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from phtlab_spawner.spawn_progress import SpawnProgress


async def _next(watched: AsyncIterator[dict[str, Any]], number: int) -> list[str]:
    return [(await asyncio.wait_for(anext(watched), 5))["message"] for _ in range(number)]


def test_who_comes_late_hears_it_all_and_a_repetition_is_left_out() -> None:
    async def watched() -> None:
        told = SpawnProgress()
        told.begin()
        told.add(5, "fetched")
        told.add(5, "fetched")
        told.add(70, "starts")
        assert await _next(told.follow(), 2) == ["fetched", "starts"]

    asyncio.run(watched())


def test_all_who_watch_hear_of_each_step_as_it_comes() -> None:
    async def watched() -> None:
        told = SpawnProgress()
        told.begin()
        watchers = [asyncio.create_task(_next(told.follow(), 3)) for _ in range(3)]
        for percent, message in ((5, "fetched"), (70, "starts"), (95, "answers")):
            await asyncio.sleep(0)
            told.add(percent, message)
        assert await asyncio.gather(*watchers) == [["fetched", "starts", "answers"]] * 3

    asyncio.run(watched())


def test_a_new_start_forgets_the_last_one_also_for_who_still_watches() -> None:
    async def watched() -> None:
        told = SpawnProgress()
        told.begin()
        told.add(70, "the first start")
        watcher = told.follow()
        assert await _next(watcher, 1) == ["the first start"]
        waits = asyncio.create_task(_next(watcher, 1))
        await asyncio.sleep(0)
        told.begin()
        told.add(5, "the second start")
        assert await waits == ["the second start"]
        assert await _next(told.follow(), 1) == ["the second start"]

    asyncio.run(watched())


def test_what_is_handed_out_is_a_copy() -> None:
    async def watched() -> None:
        told = SpawnProgress()
        told.begin()
        told.add(5, "fetched")
        event = await anext(told.follow())
        event["message"] = "changed by a page"
        assert await _next(told.follow(), 1) == ["fetched"]

    asyncio.run(watched())


def test_no_percentage_falls_until_the_next_start() -> None:
    async def watched() -> None:
        told = SpawnProgress()
        told.begin()
        for percent in (5, 65, 30, 70):
            told.add(percent, f"at {percent}")
        watcher = told.follow()
        assert [(await anext(watcher))["progress"] for _ in range(4)] == [5, 65, 65, 70]
        told.begin()
        told.add(2, "again")
        assert (await anext(told.follow()))["progress"] == 2

    asyncio.run(watched())
