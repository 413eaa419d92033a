"""Login at an identity provider: OpenID Connect's code flow with PKCE and a nonce.

(OpenID Connect Core 1.0, section 3.1; RFC 7636; RFC 9700.) `people.toml` must name the claim `sub`
of the ID token: claims that people can change themselves are ignored. During a login, the browser
holds only the name of an attempt, whose values the console keeps.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from phtlab.errors import SettingsError, StationError
from phtlab.station.settings.people import OidcLogin

if TYPE_CHECKING:
    from authlib.integrations.requests_client import OAuth2Session

DISCOVERY: Final = "/.well-known/openid-configuration"
_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
_SECONDS: Final = 10
_LASTS: Final = timedelta(minutes=10)
_MOST: Final = 64


@dataclass(frozen=True)
class Attempt:
    """A login that has begun. Its values are secrets of this console and that one browser."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    begun: datetime


@dataclass
class Provider:
    """Client of the identity provider in `settings`, thread-safe. The secret is in `folder`."""

    settings: OidcLogin
    folder: Path
    callback: str
    now: Callable[[], datetime]
    _open: dict[str, Attempt] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def begin(self) -> tuple[str, str]:
        """Return the address to send the browser to, and the attempt's name for its cookie.

        Raises StationError (``login-oidc``) if the provider does not answer as one, SettingsError
        if the client's secret is missing.
        """
        attempt = Attempt(
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(48),
            self.now(),
        )
        document = self._document()
        with self._session() as session:
            url, _ = session.create_authorization_url(
                _of(document, "authorization_endpoint"),
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )
        name = secrets.token_urlsafe(24)
        with self._lock:
            known = [(n, a) for n, a in self._open.items() if self.now() - a.begun < _LASTS]
            self._open = dict([*known[-(_MOST - 1) :], (name, attempt)])
        return str(url), name

    def finish(self, name: str, state: str, code: str) -> str:
        """Return the subject who logged in through the attempt `name`, which this ends.

        Raises StationError (``login-oidc``).
        """
        with self._lock:
            attempt = self._open.pop(name, None)
        known = attempt is not None and secrets.compare_digest(
            attempt.state.encode(), state.encode()
        )
        if attempt is None or not known or self.now() - attempt.begun >= _LASTS:
            raise refused("This login did not begin in this browser, or too long ago")
        return self._subject(attempt, code)

    def _subject(self, attempt: Attempt, code: str) -> str:
        import requests
        from authlib.common.errors import AuthlibBaseError
        from authlib.oidc.core import CodeIDToken
        from joserfc import errors, jwk, jwt

        document = self._document()
        try:
            with self._session() as session:
                token = session.fetch_token(
                    _of(document, "token_endpoint"), code=code, code_verifier=attempt.verifier
                )
                keys = session.request(
                    "GET", _of(document, "jwks_uri"), withhold_token=True, timeout=_SECONDS
                ).json()
            decoded = jwt.decode(
                str(token["id_token"]), jwk.KeySet.import_key_set(keys), algorithms=_ALGORITHMS
            )
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    "iss": {"essential": True, "value": self.settings.issuer},
                    "aud": {"essential": True, "value": self.settings.client_id},
                },
                {"nonce": attempt.nonce, "client_id": self.settings.client_id},
            )
            claims.validate(now=int(self.now().timestamp()), leeway=60)
        except (
            requests.RequestException,
            AuthlibBaseError,
            errors.JoseError,
            ValueError,
            KeyError,
            TypeError,
        ) as error:
            # The error's text may hold what the provider sent, so only its type is shown.
            kind = type(error).__name__
            raise refused(f"What the provider answered is no login that holds ({kind})") from None
        return str(claims["sub"])

    def _document(self) -> Mapping[str, Any]:
        """Fetch the provider's metadata (OpenID Connect Discovery 1.0, section 4)."""
        import requests

        try:
            answer = requests.get(self.settings.issuer.rstrip("/") + DISCOVERY, timeout=_SECONDS)
            answer.raise_for_status()
            document = answer.json()
        except (requests.RequestException, ValueError):
            raise refused("The identity provider does not answer") from None
        if not isinstance(document, dict) or document.get("issuer") != self.settings.issuer:
            raise refused(
                "The identity provider calls itself otherwise than 'issuer' in people.toml"
            )
        return document

    def _session(self) -> OAuth2Session:
        from authlib.integrations.requests_client import OAuth2Session

        return OAuth2Session(
            self.settings.client_id,
            self._secret(),
            scope="openid",
            redirect_uri=self.callback,
            code_challenge_method="S256",
            default_timeout=_SECONDS,
        )

    def _secret(self) -> str:
        path = self.folder / self.settings.secret_file
        try:
            return path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise SettingsError(
                f"The client's secret for the identity provider is not in {path}.",
                "Put it there, readable by the station's user only.",
            ) from None


def refused(why: str) -> StationError:
    """Return the error for a person whose login failed."""
    return StationError(
        f"{why}.",
        "Try once more, or log in by a one-time link: 'phtlab station people link NAME'.",
        code="login-oidc",
    )


def _of(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        raise refused(f"The identity provider names no '{name}'")
    return value
