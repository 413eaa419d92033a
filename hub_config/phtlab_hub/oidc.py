"""Sign-in through an OpenID provider: a person's name and groups.

JupyterHub's GenericOAuthenticator does it, with PKCE. A name at the provider becomes a name on the
roster, strictly: two people must not become one. Groups unknown to the hub are ignored, and a
person in no known group is refused.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from oauthenticator.generic import GenericOAuthenticator
from tornado.web import HTTPError

from phtlab.errors import SettingsError, UnreachableError
from phtlab.files.durable_file import write_durably
from phtlab_hub.roles import GROUPS
from phtlab_hub.security import NAMES
from phtlab_hub.settings import HubSettings, OidcSettings, require_private

DISCOVERY: Final = "/.well-known/openid-configuration"
ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")


def apply(c: Any, settings: HubSettings, oidc: OidcSettings) -> None:
    """Authenticate through `oidc`. Raises SettingsError, or UnreachableError if never reached."""
    document = discover(settings, oidc)
    address = settings.public_url or f"http://{settings.listen}"
    c.JupyterHub.authenticator_class = GenericOAuthenticator
    o = c.GenericOAuthenticator
    o.login_service = oidc.display
    o.client_id = oidc.client_id
    o.client_secret = _client_secret(settings)
    o.oauth_callback_url = f"{address}/hub/oauth_callback"
    o.authorize_url = document["authorization_endpoint"]
    o.token_url = document["token_endpoint"]
    o.userdata_url = document["userinfo_endpoint"]
    o.scope = list(oidc.scopes)
    o.enable_pkce = True
    o.username_claim = lambda claims: member_name(claims, oidc)
    o.manage_groups = True
    o.auth_state_groups_key = lambda state: hub_groups(state["oauth_user"], oidc)
    o.allowed_groups = set(GROUPS)
    if "end_session_endpoint" in document:
        o.logout_redirect_url = document["end_session_endpoint"]


def member_name(claims: dict[str, Any], oidc: OidcSettings) -> str:
    """Return the roster's name for the person of the provider's claims.

    `names` first; else the claim unchanged, except that a configured ``@domain`` is required and
    removed. Nothing is cut, replaced or folded: a provider may know `Ada` and `ada` as two people,
    and a Kelvin sign becomes a k in lower case. A name in `names` belongs to its entry alone.
    Raises HTTPError 403 for an invalid member's name, or another person's.
    """
    claim = claims.get(oidc.username_claim)
    if not isinstance(claim, str):
        raise _no_member()
    if claim in oidc.names:
        return oidc.names[claim]
    name = claim
    if oidc.domain:
        name, _, domain = claim.rpartition("@")
        # A domain is case-insensitive and ASCII (RFC 4343).
        if not domain.isascii() or domain.lower() != oidc.domain.lower():
            raise _no_member()
    if not re.fullmatch(NAMES, name) or name in oidc.names.values():
        raise _no_member()
    return name


def _no_member() -> HTTPError:
    return HTTPError(
        403,
        "Your name at the sign-on service is none that a member of the consortium can have, or is "
        "another member's here. Ask the hub's operator to add it to 'names' in hub.toml.",
    )


def hub_groups(claims: dict[str, Any], oidc: OidcSettings) -> list[str]:
    """Return the hub's groups among those of the claim. A claim of another form gives none."""
    claim = claims.get(oidc.groups_claim)
    if not isinstance(claim, list):
        return []
    named = (oidc.groups.get(group, group) for group in claim if isinstance(group, str))
    return sorted(set(named).intersection(GROUPS))


def discover(settings: HubSettings, oidc: OidcSettings) -> dict[str, str]:
    """Return the provider's endpoints, cached so that the hub starts without the provider."""
    kept = settings.directory / "oidc-endpoints.json"
    try:
        answer = httpx.get(f"{oidc.issuer}{DISCOVERY}", timeout=10)
        answer.raise_for_status()
        document = _checked(answer.content, oidc)
    except httpx.HTTPError as lost:
        if not kept.exists():
            raise UnreachableError(
                f"The OpenID provider {oidc.issuer} does not answer ({lost}).",
                "Check 'issuer' in hub.toml and the network.",
            ) from None
        return _checked(kept.read_bytes(), oidc)
    write_durably(kept, json.dumps(document).encode())
    return document


def _checked(content: bytes, oidc: OidcSettings) -> dict[str, str]:
    """Validate by OpenID Connect Discovery 1.0, section 4.3: the issuer is the requested one."""
    try:
        document = json.loads(content)
        issuer = document["issuer"]
        endpoints = {name: str(document[name]) for name in ENDPOINTS}
    except (ValueError, TypeError, KeyError):
        raise SettingsError(
            f"{oidc.issuer}{DISCOVERY} is no OpenID provider's document.", "Check 'issuer'."
        ) from None
    if str(issuer).rstrip("/") != oidc.issuer:
        raise SettingsError(
            f"The provider at {oidc.issuer} calls itself otherwise.",
            "Set 'issuer' to the name that its discovery document has.",
        )
    secure = urlsplit(oidc.issuer).scheme
    if any(urlsplit(address).scheme != secure for address in endpoints.values()):
        raise SettingsError(f"The endpoints of {oidc.issuer} are not all {secure}.")
    if "end_session_endpoint" in document:
        endpoints["end_session_endpoint"] = str(document["end_session_endpoint"])
    return {"issuer": str(issuer), **endpoints}


def _client_secret(settings: HubSettings) -> str:
    path = settings.directory / "oidc-client-secret"
    if not path.exists():
        raise SettingsError(
            f"There is no {path}.",
            f"Write the secret that the provider gave the hub there, and 'chmod 600 {path}'.",
        )
    require_private(path)
    return path.read_text().strip()
