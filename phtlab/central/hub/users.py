"""Users of a JupyterHub: the owner of a token, and the scopes that the hub gives to it.

Central relies only on the token's model from the hub. It keeps a token for seconds, as a hash
only, and writes it to no message and no log.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from phtlab.errors import CentralError, HubUnreachableError
from phtlab.wire.authorities import authorities

READ: Final = "custom:phtlab:read"
DISPATCH: Final = "custom:phtlab:dispatch"
OPERATE: Final = "custom:phtlab:operate"
GOVERN: Final = "custom:phtlab:govern"
TEACH: Final = "custom:phtlab:teach"
SCOPES: Final = (READ, DISPATCH, OPERATE, GOVERN, TEACH)

# A revoked token works for at most this long, an open stream for less than a minute.
REMEMBERED_SECONDS: Final = 30.0
MAX_REMEMBERED: Final = 2000
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{8,512}")


class HubUser(BaseModel):
    """The parts of the hub API's `GET /user` that central uses."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Literal["user", "service"]
    name: str
    scopes: frozenset[str] = frozenset()

    def may(self, scope: str) -> bool:
        """Return whether the token has `scope`, for all users or for its own."""
        return not self.scopes.isdisjoint({scope, f"{scope}!user={self.name}"})


@dataclass(frozen=True)
class _Remembered:
    user: HubUser
    until: float


class Hub:
    """Client of the hub whose API is at `api_url`."""

    def __init__(
        self,
        api_url: str,
        *,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api_url.rstrip("/")
        self._clock = clock
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()
        self._lock = threading.Lock()
        self._http = httpx.Client(
            verify=authorities(),
            transport=transport,
            timeout=httpx.Timeout(5.0),
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=5, keepalive_expiry=30),
        )

    def close(self) -> None:
        self._http.close()

    def user_of(self, token: str) -> HubUser:
        """Return the user of `token`, as the hub reported within the last half minute.

        Raises CentralError (``token-invalid``) if it is not a user's token, HubUnreachableError.
        """
        if not _TOKEN.fullmatch(token):
            raise _invalid("it has not the form of one")
        key, now = hashlib.sha256(token.encode()).digest(), self._clock()
        with self._lock:
            known = self._remembered.get(key)
        if known is not None and now < known.until:
            return known.user
        user = self._query_hub(token)
        with self._lock:
            self._remembered[key] = _Remembered(user, now + REMEMBERED_SECONDS)
            self._remembered.move_to_end(key)
            while len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
        return user

    def token_for_code(
        self, code: str, *, client_id: str, secret: str, redirect_uri: str, verifier: str
    ) -> str:
        """Exchange an authorization code for the user's token (RFC 6749, 4.1.3, and RFC 7636).

        Raises CentralError (``hub-login``), HubUnreachableError.
        """
        form = {
            "grant_type": "authorization_code",
            "client_id": client_id,
            "client_secret": secret,
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        answer = self._send("POST", "/oauth2/token", data=form)
        try:
            token = answer.json()["access_token"] if answer.is_success else None
        except (ValueError, LookupError, TypeError):
            token = None
        if not isinstance(token, str):
            raise CentralError(
                "The hub does not confirm this login.",
                "It may have taken too long: open the page again.",
                code="hub-login",
            )
        return token

    def _query_hub(self, token: str) -> HubUser:
        answer = self._send("GET", "/user", headers={"Authorization": f"token {token}"})
        if answer.status_code in (401, 403, 404):
            raise _invalid("the hub does not know it, or no longer")
        try:
            user = HubUser.model_validate_json(answer.content if answer.is_success else b"")
        except ValidationError:
            raise HubUnreachableError(
                f"The hub's API at {self._api} answers {answer.status_code} and not as a "
                "JupyterHub does.",
                "Check 'hub_api_url', and the hub's log.",
            ) from None
        if user.kind != "user":
            raise _invalid("it is a service's token, and only users are taken")
        return user

    def _send(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        data: dict[str, str] | None = None,
    ) -> httpx.Response:
        try:
            return self._http.request(method, self._api + path, headers=headers, data=data)
        except httpx.HTTPError as lost:
            raise HubUnreachableError(
                f"The hub's API at {self._api} does not answer ({type(lost).__name__}), so "
                "central cannot tell whose token this is.",
                "Try again; a member's own key works without it.",
            ) from None


def _invalid(reason: str) -> CentralError:
    return CentralError(f"Central does not accept this hub token: {reason}.", code="token-invalid")
