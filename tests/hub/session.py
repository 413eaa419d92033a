"""Someone's browser at the hub, without a browser: cookies, forms and the hub's API."""

from __future__ import annotations

import re
import ssl
import time
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from phtlab.wire.authorities import authorities
from tests.limits import LIMIT


def new_client(url: str, verify: ssl.SSLContext | None = None) -> httpx.Client:
    return httpx.Client(
        base_url=url,
        follow_redirects=True,
        trust_env=False,
        timeout=LIMIT,
        verify=verify or authorities(),
    )


@dataclass
class HubSession:
    """A session at the hub at `url`; closed like a file."""

    url: str
    verify: ssl.SSLContext | bool = True
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = new_client(self.url, self.verify)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def login(self, name: str, password: str, then: str = "/hub/home") -> httpx.Response:
        """Send the login form; the answer to it, not what it leads to."""
        page = self.http.get("/hub/login")
        assert page.status_code == 200, page.text
        found = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
        assert found, "the login form has no token against forgery"
        form = {"username": name, "password": password, "_xsrf": found[1]}
        return self.http.post(
            "/hub/login", params={"next": then}, data=form, follow_redirects=False
        )

    def logged_in(self, name: str, password: str) -> Self:
        answer = self.login(name, password)
        assert answer.status_code == 302, answer.text
        return self

    def api(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request to the hub's API, as its own pages send them."""
        page = self.http.get("/hub/home")
        found = re.search(r'xsrf_token: "([^"]+)"', page.text)
        assert found, page.text[:2000]
        headers = {"X-XSRFToken": found[1], "Referer": f"{self.url}/hub/home"}
        return self.http.request(method, f"/hub/api{path}", headers=headers, **options)

    def me(self) -> dict[str, Any]:
        answer = self.api("GET", "/user")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def token(self, name: str, scopes: list[str] | None = None) -> str:
        """A token of one's own, with one's own scopes unless told otherwise."""
        wanted = {"note": "test", "expires_in": 600} | ({"scopes": scopes} if scopes else {})
        answer = self.api("POST", f"/users/{name}/tokens", json=wanted)
        assert answer.status_code == 201, answer.text
        token: str = answer.json()["token"]
        return token

    def expired_token(self, name: str) -> str:
        """A token of one's own that has just expired."""
        made = self.api("POST", f"/users/{name}/tokens", json={"expires_in": 1})
        token: str = made.json()["token"]
        until = time.monotonic() + LIMIT
        with new_client(self.url) as http:
            while http.get("/hub/api/user", headers=_header(token)).status_code != 403:
                assert time.monotonic() < until, "the token does not expire"
                time.sleep(0.2)
        return token

    def started(self, name: str) -> None:
        """Start the server of `name` unless it runs, and wait until it answers.

        One that is stopped meanwhile, because it is idle, is started again.
        """
        until = time.monotonic() + LIMIT
        while not (server := self._server(name)).get("ready"):
            assert time.monotonic() < until, f"the server does not start: {server}"
            if not server:
                answer = self.api("POST", f"/users/{name}/server")
                assert answer.status_code in (201, 202, 400), answer.text  # 400: it is stopping
            time.sleep(0.2)

    def _server(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api("GET", f"/users/{name}").json()["servers"].get("", {})
        return found

    def stopped(self, name: str) -> None:
        """Stop the server of `name` if it runs, and wait until it is gone."""
        answer = self.api("DELETE", f"/users/{name}/server")
        assert answer.status_code in (202, 204), answer.text
        until = time.monotonic() + LIMIT
        while self.api("GET", f"/users/{name}").json()["servers"]:
            assert time.monotonic() < until, "the server does not stop"
            time.sleep(0.2)


def _header(token: str) -> dict[str, str]:
    return {"Authorization": f"token {token}"}
