"""A browser's login at the hub: OAuth 2 with a state cookie and PKCE (RFC 6749, RFC 7636).

The session is the hub's own token for this service, in a cookie that scripts cannot read and that
goes to central's path only. So a logout at the hub ends this session too.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from phtlab.central.api.access import Requester, hub_sender
from phtlab.central.context import CentralContext
from phtlab.central.hub.users import Hub
from phtlab.central.settings import CentralSettings
from phtlab.errors import CentralError

SESSION: Final = "phtlab-central"
STATE: Final = "phtlab-central-state"
CALLBACK: Final = "oauth_callback"
STATE_SECONDS: Final = 600
SESSION_SECONDS: Final = 14 * 24 * 3600

# Pages to return to after the login, as links in mails name them: a page, or one proposal.
_PLACE: Final = re.compile(r"proposals|audit|notifications|p-[0-9a-f]{16}")


@dataclass(frozen=True)
class HubLogin:
    """Login at the hub for central's pages."""

    services: CentralContext
    hub: Hub

    @property
    def home(self) -> str:
        """The path of the pages, as browsers see it."""
        return self._settings.prefix or "/"

    def sender(self, request: Request) -> Requester | None:
        """Return who requests the page; None: log in first. Raises HubUnreachableError."""
        token = request.cookies.get(SESSION)
        if not token:
            return None
        try:
            sender = hub_sender(self.services, token)
        except CentralError:
            return None
        request.state.member, request.state.by = sender.name, "hub"
        return sender

    def begin(self, request: Request) -> Response:
        """Redirect to the hub's login, which redirects to `finish`."""
        state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        destination = request.url.path.removeprefix("/").removeprefix("proposals/")
        place = destination if _PLACE.fullmatch(destination) else ""
        query = {
            "client_id": self._settings.hub_client_id,
            "redirect_uri": self._callback,
            "response_type": "code",
            "state": state,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        url = f"{self._settings.hub_url}api/oauth2/authorize?{urlencode(query)}"
        answer = RedirectResponse(url, 302)
        answer.set_cookie(
            STATE, f"{state}.{verifier}.{place}", max_age=STATE_SECONDS, **self._bounds(request)
        )
        return answer

    def finish(self, request: Request) -> Response:
        """Exchange the code from the hub for a token, and redirect to the page.

        Raises CentralError (``hub-login``), HubUnreachableError.
        """
        query = request.query_params
        if "error" in query:
            raise _refused("The hub did not allow this login")
        expected, verifier, place = (*request.cookies.get(STATE, "").split("."), "", "")[:3]
        given = query.get("state", "")
        if not expected or not secrets.compare_digest(expected.encode(), given.encode()):
            raise _refused("This login did not begin in this browser, or too long ago")
        token = self.hub.token_for_code(
            query.get("code", ""),
            client_id=self._settings.hub_client_id,
            secret=self._settings.hub_token,
            redirect_uri=self._callback,
            verifier=verifier,
        )
        self.hub.user_of(token)
        known = _PLACE.fullmatch(place) is not None
        destination = "" if not known else f"proposals/{place}" if place.startswith("p-") else place
        answer = RedirectResponse(f"{self.home}{destination}", 302)
        answer.set_cookie(SESSION, token, max_age=SESSION_SECONDS, **self._bounds(request))
        answer.delete_cookie(STATE, path=self.home)
        return answer

    @property
    def _settings(self) -> CentralSettings:
        return self.services.settings

    @property
    def _callback(self) -> str:
        return self._settings.hub_callback_url or self.home + CALLBACK

    def _bounds(self, request: Request) -> dict[str, Any]:
        """Return a cookie's attributes: central's path only, no scripts, and TLS if in use."""
        # From the proxy; a browser that forges the header weakens only its own cookie.
        forwarded = request.headers.get("x-forwarded-proto", request.url.scheme)
        return {
            "path": self.home,
            "httponly": True,
            "samesite": "lax",
            "secure": forwarded.partition(",")[0].strip() == "https",
        }


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636, section 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _refused(reason: str) -> CentralError:
    return CentralError(f"{reason}.", "Open the page again to try once more.", code="hub-login")
