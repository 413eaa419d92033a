"""The certificate authorities that connections to services trust."""

from __future__ import annotations

import functools
import os
import ssl

import httpx


def authorities() -> ssl.SSLContext:
    """Return the authorities of SSL_CERT_FILE or SSL_CERT_DIR, else Mozilla's (certifi).

    Read once per process, since reading takes longer than most requests (60 ms).
    """
    return _authorities(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.lru_cache(maxsize=8)
def _authorities(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context()
