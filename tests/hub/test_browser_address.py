"""Which of the addresses that a request names is believed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from phtlab_hub.browser_address import browser_address

PEER = "127.0.0.1"
START = RequestStartLine("GET", "/", "HTTP/1.1")


def _request(*forwarded: str, peer: Any = (PEER, 4000), real: str | None = None) -> Any:
    headers = HTTPHeaders({"Host": "hub"})
    for value in forwarded:
        headers.add("X-Forwarded-For", value)
    if real is not None:
        headers["X-Real-IP"] = real
    connection: Any = SimpleNamespace(context=SimpleNamespace(address=peer, remote_ip=real))
    return HTTPServerRequest(start_line=START, headers=headers, connection=connection)


@pytest.mark.parametrize(
    ("forwarded", "trusted", "address"),
    [
        # What the proxy saw; before it stands what the browser wrote.
        (["192.0.2.5"], [], "192.0.2.5"),
        (["198.51.100.1, 192.0.2.5"], [], "192.0.2.5"),
        (["198.51.100.1", "192.0.2.5"], [], "192.0.2.5"),
        (["junk,192.0.2.5"], [], "192.0.2.5"),
        # A TLS server in front, in each spelling.
        (["198.51.100.1,192.0.2.5,10.0.0.1"], ["10.0.0.1"], "192.0.2.5"),
        (["192.0.2.5,::ffff:10.0.0.1"], ["10.0.0.1"], "192.0.2.5"),
        (["2001:db8::5,2001:DB8:0::1"], ["2001:db8::1"], "2001:db8::5"),
        (["::ffff:192.0.2.5"], [], "192.0.2.5"),
        # One that is not named is believed nothing.
        (["192.0.2.5,10.0.0.1"], ["10.0.0.2"], "10.0.0.1"),
        # What tells of nobody.
        ([], [], PEER),
        ([""], [], PEER),
        (["10.0.0.1"], ["10.0.0.1"], PEER),
        (["198.51.100.1,junk,10.0.0.1"], ["10.0.0.1"], PEER),
        (["198.51.100.1,"], [], PEER),
    ],
)
@pytest.mark.parametrize("real", [None, "203.0.113.9"])
def test_only_what_the_servers_in_front_appended_counts(
    forwarded: list[str], trusted: list[str], address: str, real: str | None
) -> None:
    assert browser_address(_request(*forwarded, real=real), trusted) == address


@pytest.mark.parametrize("peer", [b"", "", None])
def test_a_peer_without_an_address_is_the_same_for_all(peer: Any) -> None:
    assert browser_address(_request(peer=peer, real="203.0.113.9"), []) == ""
