"""Which certificate authorities connections trust."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from phtlab.errors import CentralUnreachableError
from phtlab.wire.authorities import authorities
from phtlab.wire.central.client import CentralClient
from tests.central.delivery.receivers import self_signed

INFO = (
    b'{"consortium": "c", "audience": "a", "registry_url": "r", "time": "2026-01-01T00:00:00.000Z"}'
)


class _Central(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(INFO)))
        self.end_headers()
        self.wfile.write(INFO)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return self_signed(tmp_path)


@pytest.fixture
def url(certificate: tuple[Path, Path]) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Central)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def test_an_authority_of_ones_own_is_trusted_once_it_is_named(
    url: str, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    with CentralClient(url, sleep=lambda _: None) as client, pytest.raises(CentralUnreachableError):
        client.info()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with CentralClient(url) as client:
        assert client.info().consortium == "c"


def test_the_authorities_are_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    first = authorities()
    assert authorities() is first
    monkeypatch.setenv("SSL_CERT_FILE", str(self_signed(tmp_path)[0]))
    assert authorities() is not first
