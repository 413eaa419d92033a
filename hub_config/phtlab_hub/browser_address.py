"""Which address a request came from, as the servers in front of the hub saw it.

Tornado answers that too, but takes a browser's own word: `X-Real-IP` goes before
`X-Forwarded-For`, whoever sent it, and the proxy passes it on as it came
(`tornado.httpserver._HTTPRequestContext._apply_xheaders`). So it is not read here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection
from typing import Any

from jupyterhub.log import log_request
from tornado.httputil import HTTPServerRequest


def browser_address(request: HTTPServerRequest, trusted: Collection[str]) -> str:
    """The last entry of X-Forwarded-For that is none of `trusted`; else the peer's own address.

    Each server appends whom it was asked by, the proxy always does: the last entries are
    their word, and what a browser wrote comes before them.
    """
    known = {_plain(address) for address in trusted}
    for entry in reversed(",".join(request.headers.get_list("X-Forwarded-For")).split(",")):
        address = _plain(entry)
        if not address:
            break
        if address not in known:
            return address
    return _peer(request)


def log_with(trusted: Collection[str]) -> Callable[[Any], None]:
    """JupyterHub's log of requests, with `browser_address`."""

    def log(handler: Any) -> None:
        handler.request.remote_ip = browser_address(handler.request, trusted)
        log_request(handler)

    return log


def _peer(request: HTTPServerRequest) -> str:
    """Who is at the connection's other end; not `remote_ip`, which tornado has replaced."""
    context = getattr(request.connection, "context", None)
    address = getattr(context, "address", None)
    # A unix socket's peer has no address; all of them count as one.
    return _plain(address[0]) if isinstance(address, tuple) else ""


def _plain(address: str) -> str:
    """One spelling for each address, an IPv4 address in IPv6 among them; empty if it is none."""
    try:
        parsed = ipaddress.ip_address(address.strip())
    except ValueError:
        return ""
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)
