"""Address that a request came from, as reported by the servers in front of the hub.

Tornado's own answer trusts the browser: it prefers `X-Real-IP` to `X-Forwarded-For`, whoever sent
it, and the proxy passes it on unchanged
(`tornado.httpserver._HTTPRequestContext._apply_xheaders`). So this module does not read it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection
from typing import Any

from jupyterhub.log import log_request
from tornado.httputil import HTTPServerRequest


def browser_address(request: HTTPServerRequest, trusted: Collection[str]) -> str:
    """Return the last entry of X-Forwarded-For that is not in `trusted`; else the peer's address.

    Each server appends the address of its client, and the proxy always does: the servers wrote the
    last entries, and a browser's own come before them.
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
    """Return JupyterHub's log function for requests, with `browser_address`."""

    def log(handler: Any) -> None:
        handler.request.remote_ip = browser_address(handler.request, trusted)
        log_request(handler)

    return log


def _peer(request: HTTPServerRequest) -> str:
    """Return the connection's peer; not `remote_ip`, which tornado has replaced."""
    context = getattr(request.connection, "context", None)
    address = getattr(context, "address", None)
    # Peers on a unix socket have no address; all of them count as one.
    return _plain(address[0]) if isinstance(address, tuple) else ""


def _plain(address: str) -> str:
    """Normalize an address, also an IPv4 address in IPv6; empty if it is none."""
    try:
        parsed = ipaddress.ip_address(address.strip())
    except ValueError:
        return ""
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)
