"""News: a hint to look again, never lost between looking and waiting."""

from __future__ import annotations

import asyncio
import threading

from phtlab.central.changes.bus import ChangeBus, of_member, of_station


def test_who_subscribed_before_the_news_does_not_wait() -> None:
    async def story() -> bool:
        news = ChangeBus()
        news.open()
        with news.subscribe(of_station("ulm")) as subscription:
            await asyncio.to_thread(news.notify, [of_station("ulm")])
            return await subscription.wait(60)

    assert asyncio.run(story())


def test_only_the_topic_s_waiters_wake() -> None:
    async def story() -> tuple[bool, bool]:
        news = ChangeBus()
        news.open()
        with (
            news.subscribe(of_station("ulm")) as ulm,
            news.subscribe(of_station("mainz"), of_member("mainz")) as mainz,
        ):
            assert news.waiting == 2
            news.notify([of_member("mainz")])
            return await mainz.wait(60), await ulm.wait(0)

    assert asyncio.run(story()) == (True, False)


def test_the_shutdown_releases_everyone() -> None:
    async def story() -> list[bool]:
        news = ChangeBus()
        news.open()
        with news.subscribe("a") as first, news.subscribe("b") as second:
            waiting = [asyncio.create_task(s.wait(60)) for s in (first, second)]
            await asyncio.sleep(0)
            news.close()
            await asyncio.gather(*waiting)
            return [await first.wait(60)]

    assert asyncio.run(story()) == [False]


def test_nobody_waits_is_no_error() -> None:
    news = ChangeBus()
    news.notify(["a"])

    async def story() -> None:
        news.open()
        news.notify(["a"])
        await asyncio.sleep(0)
        assert news.waiting == 0

    asyncio.run(story())
    threading.Thread(target=news.notify, args=(["a"],)).start()
