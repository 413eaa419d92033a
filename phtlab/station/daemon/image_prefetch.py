"""Kernel images fetched ahead of the first train that needs them.

Of each kernel name in the catalogue, the newest image that the policy allows. One image at a time,
and none while a run occupies the sandbox; what fails is tried again and holds up nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import structlog

from phtlab.errors import PhtlabError
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.daemon.trial_retry import retry_trial
from phtlab.station.executor.contract import MIB
from phtlab.station.policy.policy import allowed_images
from phtlab.station.retry_delays import Backoff
from phtlab.station.safe_error_text import safe_error_text
from phtlab.train.documents.roster import KernelImage

_EVERY = 3600.0
_LONGEST_PAUSE = 600.0
_TICK = 1.0
_PROGRESS_SECONDS = 10.0
_log = structlog.get_logger("phtlab.station")


class ImagePrefetch:
    """Fetches images for the executor of `station`, except while `busy()`."""

    def __init__(self, station: DaemonContext, busy: Callable[[], bool]) -> None:
        self._station = station
        self._busy = busy

    def run(self, until: threading.Event) -> None:
        """Fetch what is missing, now and each hour, until `until` is set: a thread of the daemon.

        Ends at once if the setting `fetch_images_ahead` is off.
        """
        if not self._station.settings.fetch_images_ahead:
            return
        backoff = Backoff(first=2.0, longest=_LONGEST_PAUSE)
        while not until.is_set():
            try:
                self.fetch_missing(until)
            # All errors: otherwise the thread would end. A train fetches its image by itself.
            except Exception as error:
                seconds = backoff.failed("images", time.monotonic())
                _log.info(
                    "images not fetched ahead",
                    seconds=round(seconds, 1),
                    why=safe_error_text(error),
                )
                until.wait(seconds)
            else:
                backoff.succeeded("images")
                until.wait(_EVERY)

    def fetch_missing(self, until: threading.Event) -> None:
        """Fetch each missing image. Raises the first error after all were tried."""
        failed: list[PhtlabError] = []
        for kernel, reference in self._missing():
            while self._busy() and not until.is_set():
                until.wait(_TICK)
            if until.is_set():
                return
            try:
                self._fetch(kernel, reference)
            except PhtlabError as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def _missing(self) -> Iterator[tuple[KernelImage, str]]:
        station = self._station
        images = station.roster_cache.now().catalogue.images
        for kernel in allowed_images(station.policy(), images):
            reference = station.artifacts.reference(kernel.repository, kernel.digest)
            if not station.executor.has_image(reference):
                yield kernel, reference

    def _fetch(self, kernel: KernelImage, reference: str) -> None:
        station, reported = self._station, time.monotonic()

        def moved(done: int, total: int) -> None:
            nonlocal reported
            if time.monotonic() - reported >= _PROGRESS_SECONDS:
                reported = time.monotonic()
                _log.info("image", name=kernel.name, mib=done // MIB, of=total // MIB)

        _log.info("image is fetched ahead", name=kernel.name, digest=kernel.digest)
        station.executor.fetch(
            reference, lambda: station.artifacts.authorization(kernel.repository), moved
        )
        _log.info("image fetched", name=kernel.name)
        if not station.executor.tried():
            # The start's trial had no image. Its verdict is reported as that of any later trial.
            why = retry_trial(station)
            if why:
                _log.warning("trial of the sandbox without an answer", why=why)
