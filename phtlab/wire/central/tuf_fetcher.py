"""TUF's downloads over central's connection."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from phtlab.wire.central.time_limit import require_in_time


class TufFetcher(FetcherInterface):
    """TUF over central's connection: an answer is DownloadHTTPError, silence is DownloadError."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def _fetch(self, url: str) -> Iterator[bytes]:
        # TUF wraps only what is raised before the first chunk: here all errors are its own.
        try:
            # As it is on the wire, piece by piece as it comes: nothing is unpacked, which could
            # fill memory, and a drip of single bytes does not wait here for a whole chunk.
            headers = {"Accept-Encoding": "identity"}
            with self._http.stream("GET", url, headers=headers) as response:
                if response.status_code != httpx.codes.OK:
                    raise DownloadHTTPError(
                        f"{url} answered {response.status_code}", response.status_code
                    )
                begun = time.monotonic()
                for piece in response.iter_raw():
                    require_in_time(begun)
                    yield piece
        except httpx.HTTPError as lost:
            raise DownloadError(f"{url} does not answer: {lost}") from lost
        except RuntimeError as closed:
            if not self._http.is_closed:
                raise
            raise DownloadError(f"{url} is not asked: the connection was closed here") from closed
