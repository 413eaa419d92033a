"""A JupyterHub's API as central speaks to it: `GET /user`, and the token for a code."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import httpx

from phtlab.central.hub.users import Hub

API = "http://hub.test/hub/api"


@dataclass
class HubSimulator:
    """Tokens and codes that it has given, and how often it was asked."""

    tokens: dict[str, dict[str, object]] = field(default_factory=dict)
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)
    asked: int = 0
    down: bool = False
    strange: httpx.Response | None = None
    seconds: float = 0.0

    def token(self, name: str, scopes: Iterable[str] = (), *, kind: str = "user") -> str:
        """A new token of `name`; scopes are written without ``custom:phtlab:``."""
        token = secrets.token_hex(16)
        named = [scope if ":" in scope else f"custom:phtlab:{scope}" for scope in scopes]
        self.tokens[token] = {"kind": kind, "name": name, "admin": False, "scopes": named}
        return token

    def code(self, token: str, challenge: str) -> str:
        """An authorization code that becomes `token` for who knows the challenge's verifier."""
        code = secrets.token_hex(16)
        self.codes[code] = (token, challenge)
        return code

    def hub(self) -> Hub:
        return Hub(API, transport=httpx.MockTransport(self._answer), clock=lambda: self.seconds)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.down:
            raise httpx.ConnectError("refused")
        if self.strange is not None:
            return self.strange
        if request.url.path == "/hub/api/user":
            scheme, _, token = request.headers["Authorization"].partition(" ")
            model = self.tokens.get(token) if scheme == "token" else None
            if model is None:
                return httpx.Response(403, json={"status": 403, "message": f"Forbidden {token}"})
            return httpx.Response(200, json=model)
        return self._exchange(parse_qs(request.content.decode()))

    def _exchange(self, form: dict[str, list[str]]) -> httpx.Response:
        from phtlab.central.pages.hub_login import challenge_of

        token, challenge = self.codes.pop(form["code"][0], (None, ""))
        known = form["client_id"] == ["service-central"] and form["client_secret"] == ["secret"]
        if token is None or not known or challenge_of(form["code_verifier"][0]) != challenge:
            return httpx.Response(400, json={"error": "invalid_grant"})
        return httpx.Response(200, json={"access_token": token, "token_type": "Bearer"})
