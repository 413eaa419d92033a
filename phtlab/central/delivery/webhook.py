"""Notifications as signed calls of a person's webhook, as Standard Webhooks specifies.

https://www.standardwebhooks.com: the headers `webhook-id`, `webhook-timestamp` and
`webhook-signature`, which is HMAC-SHA-256 (RFC 2104) over id, timestamp and body.

A member chooses the address, so the call must not reach what only central can reach: each address
that the name resolves to must be public, the call goes to the checked address, and central follows
no redirect.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import httpx

from phtlab.central.delivery.due import DueDelivery, Undelivered
from phtlab.central.delivery.special_addresses import is_public
from phtlab.central.settings import CentralSettings
from phtlab.wire.authorities import authorities

_SECONDS: Final = 10.0
_IN_ALL: Final = 20.0


def call_webhook(due: DueDelivery, settings: CentralSettings, now: datetime) -> None:
    """Call the webhook. Raises Undelivered unless it answers 2xx; the body is not read."""
    url = urlsplit(due.preferences.webhook)
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    address = resolve_public_address(host, port, private=settings.webhook_private)
    host_part = f"[{address}]" if ":" in address else address
    target = url._replace(netloc=f"{host_part}:{port}", fragment="").geturl()
    body = body_of(due)
    stamp = str(int(now.timestamp()))
    headers = {
        "Host": url.netloc,
        "Content-Type": "application/json",
        "User-Agent": "phtlab",
        "webhook-id": due.name,
        "webhook-timestamp": stamp,
        "webhook-signature": signature(due.secret, due.name, stamp, body),
    }
    try:
        status = asyncio.run(_status(target, host, headers, body))
    except TimeoutError:
        raise Undelivered("the webhook takes too long to answer") from None
    except (httpx.HTTPError, httpx.InvalidURL) as lost:
        raise Undelivered(f"the webhook does not answer ({type(lost).__name__})") from None
    if not 200 <= status < 300:
        # 410: the receiver wants no more calls (Standard Webhooks, "Webhook consumers").
        raise Undelivered(f"the webhook answers {status}", final=status == 410)


async def _status(target: str, host: str, headers: dict[str, str], body: bytes) -> int:
    """Return the status of the answer. Raises TimeoutError after _IN_ALL seconds in total.

    httpx starts its timeout again for each read: a server that repeats ``102 Processing`` could
    hold the call open for ever.
    """
    async with (
        asyncio.timeout(_IN_ALL),
        httpx.AsyncClient(
            trust_env=False, timeout=_SECONDS, follow_redirects=False, verify=authorities()
        ) as client,
        client.stream(
            "POST",
            target,
            content=body,
            headers=headers,
            # The certificate is for the name, although the call goes to the address.
            extensions={"sni_hostname": host},
        ) as answer,
    ):
        return answer.status_code


def body_of(due: DueDelivery) -> bytes:
    """Build the body: that something waits, and where."""
    data = {"sentence": due.sentence, "subject": due.subject, "link": due.link}
    message = {"type": due.event, "timestamp": due.at.isoformat(), "data": data}
    return json.dumps(message, ensure_ascii=False).encode()


def signature(secret: str, name: str, stamp: str, body: bytes) -> str:
    """Return the header `webhook-signature`, for a secret of ``whsec_`` and base64."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"{name}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def resolve_public_address(host: str, port: int, *, private: bool) -> str:
    """Resolve `host` to an address. Raises Undelivered for a private one, unless `private`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Undelivered("the webhook's name has no address") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not private and not all(map(is_public, addresses)):
        raise Undelivered("the webhook's address is not a public one", final=True)
    return addresses[0]
