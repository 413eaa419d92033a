"""TUF's downloads over central's connection."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from phtlab.wire.central.time_limit import require_in_time


class TufFetcher(FetcherInterface):
    """TUF over central's connection: DownloadHTTPError for an answer, DownloadError without."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def _fetch(self, url: str) -> Iterator[bytes]:
        # TUF wraps only errors before the first chunk, so this raises TUF's own errors throughout.
        try:
            # Raw pieces as they arrive: decompressing could fill memory, and waiting for whole
            # chunks would let a drip of single bytes block.
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
