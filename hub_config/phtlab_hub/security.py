"""JupyterHub's checklist of secure settings, each with its reason.

Where users run code whose pages others open, a host name per user protects best: set `public_url`
and `subdomains`, with a wildcard certificate. Without it, a user's server must never send pages
that another user opens; named servers and sharing are off, and no role may open another's server.
"""

from __future__ import annotations

from typing import Any, Final

from phtlab.errors import SettingsError
from phtlab_hub.browser_address import log_with
from phtlab_hub.settings import HubSettings

NAMES: Final = r"^[a-z][a-z0-9-]{0,61}[a-z0-9]$"
LONGEST_TOKEN_SECONDS: Final = 30 * 24 * 3600


def apply(c: Any, settings: HubSettings) -> None:
    """Set the secure settings. Raises SettingsError if settings contradict each other."""
    https = settings.public_url.startswith("https://")

    # Sessions last a day, also in Lab and on central's pages; no token is valid for ever.
    c.JupyterHub.cookie_secret_file = str(settings.directory / "cookie-secret")
    c.JupyterHub.cookie_max_age_days = settings.session_days
    c.JupyterHub.oauth_token_expires_in = int(settings.session_days * 24 * 3600)
    c.JupyterHub.token_expires_in_max_seconds = LONGEST_TOKEN_SECONDS
    c.JupyterHub.oauth_require_pkce = True

    # The account file or the provider's groups decide who may log in, never a default.
    c.Authenticator.allow_all = False
    c.Authenticator.allow_existing_users = False
    c.Authenticator.admin_users = set()
    c.Authenticator.username_pattern = NAMES

    # One server per user, from one image, without the user's own configuration in ~/.jupyter.
    c.JupyterHub.allow_named_servers = False
    c.JupyterHub.concurrent_spawn_limit = settings.concurrent_spawns
    c.JupyterHub.active_server_limit = settings.servers
    c.Spawner.disable_user_config = True

    # Addresses in the log are the browsers', if the TLS server in front is known. Tornado alone
    # would accept a browser's own X-Real-IP.
    c.JupyterHub.trusted_downstream_ips = list(settings.trusted_proxies)

    headers = {
        "Content-Security-Policy": "frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }
    cookies: dict[str, Any] = {"samesite": "Lax"}
    if https:
        c.JupyterHub.public_url = settings.public_url
        headers["Strict-Transport-Security"] = "max-age=31536000"
        cookies["secure"] = True
    c.JupyterHub.tornado_settings = {
        "headers": headers,
        "cookie_options": cookies,
        "log_function": log_with(settings.trusted_proxies),
    }
    if settings.subdomains:
        if not https:
            raise SettingsError(
                "The hub's setting 'subdomains' needs 'public_url' with https and a wildcard "
                "certificate: see docs/hub.md.",
                code="hub-subdomains",
            )
        c.JupyterHub.subdomain_host = settings.public_url
        # Another host's page cannot set these. On a single host they would be sent to everyone's
        # Lab.
        c.JupyterHub.cookie_host_prefix_enabled = True
