"""The hub's settings: `hub.toml` in its folder, and `PHTLAB_HUB_…` in the environment.

The environment takes precedence. The folder also holds what the first start makes: cookie secret,
tokens of proxy and central, the hub's database; all readable by the hub only.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints, ValidationError
from pydantic_settings import (
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from phtlab.errors import SettingsError
from phtlab.file_settings import FileSettings
from phtlab.files.durable_file import create_durably
from phtlab.strict_model import StrictModel
from phtlab.train.crypto.identity import MemberName
from phtlab.validation_summary import validation_summaries

SETTINGS_FILE: Final = "hub.toml"
ACCOUNTS_FILE: Final = "accounts.toml"

Address = Annotated[str, StringConstraints(pattern=r"^[^\s/]+:[0-9]{1,5}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+[^\s/]$")]


class OidcSettings(StrictModel):
    """An OpenID provider for sign-in. The client's secret is in a file beside hub.toml."""

    issuer: Url = Field(description="The provider's address; its discovery document gives the rest")
    client_id: str = Field(min_length=1, description="The hub's name at the provider")
    display: str = Field(
        "single sign-on", description="The provider's name on the button to sign in"
    )
    scopes: tuple[str, ...] = Field(
        ("openid", "profile"),
        description="Scopes that the hub requests; add the scope that provides the groups",
    )
    username_claim: str = Field(
        "preferred_username",
        description="The claim that holds a user's name on the roster; a claim that users cannot "
        "edit",
    )
    domain: str = Field(
        "",
        description="Require names such as ada@domain, and use the part before @; empty: any name",
    )
    names: dict[str, MemberName] = Field(
        {}, description="Map of names at the provider to names on the roster, where they differ"
    )
    groups_claim: str = Field("groups", description="The claim that lists a user's groups")
    groups: dict[str, str] = Field(
        {}, description="Map of the provider's groups to the hub's, where they differ"
    )


class HubSettings(FileSettings):
    """Settings of one hub. Times are in seconds."""

    model_config = SettingsConfigDict(env_prefix="PHTLAB_HUB_", extra="forbid", frozen=True)

    directory: Path = Field(description="The hub's folder: database, secrets, accounts")
    listen: Address = Field(
        "127.0.0.1:8000", description="Address and port on which the proxy listens for browsers"
    )
    hub_listen: Address = Field(
        "127.0.0.1:8081", description="Address and port on which the hub itself listens"
    )
    hub_connect: str = Field(
        "", description="Address at which the proxy reaches the hub, if different"
    )
    proxy_api: Address = Field("127.0.0.1:8001", description="Address of the proxy's API")
    own_proxy: bool = Field(
        True,
        description="Whether the hub starts the proxy; if not, the proxy runs as a separate "
        "service",
    )
    public_url: str = Field(
        "", description="Address of the hub for browsers behind TLS: https://hub.example.org"
    )
    subdomains: bool = Field(
        False,
        description="A host name for each user, so that no user's page can read another user's",
    )
    trusted_proxies: tuple[str, ...] = Field(
        (),
        description="Addresses of the TLS servers in front, whose X-Forwarded-For the hub trusts",
    )
    central: Url = Field(
        "http://127.0.0.1:8400", description="Address at which the hub reaches central"
    )
    central_directory: Path | None = Field(
        None,
        description="Central's folder, if the hub starts central; else central runs as a separate "
        "service",
    )
    root: Path | None = Field(None, description="The consortium's root.json, for workspaces")
    root_config: str = Field(
        "", description="In a swarm, instead of root: the name of its config that holds root.json"
    )
    reverse_proxy: str = Field(
        "",
        description="Address at which workspaces reach hub, central and registry; empty: the hub's "
        "own addresses",
    )
    registry: Url = Field("http://127.0.0.1:5400", description="Address of the registry")
    image: str = Field("", description="The workspace image, as the engine or registry names it")
    network: str = Field("phtlab-workspaces", description="The engine's network of workspaces")
    prefix: str = Field("phtlab", description="Prefix of the names of containers and home volumes")
    workspaces: dict[str, dict[str, Any]] = Field(
        {},
        description="Map of groups to the size of their workspaces: memory, cpu, pids, files, "
        "scratch",
    )
    idle_seconds: int = Field(
        3600, ge=0, description="Seconds until an idle server is stopped; 0: never"
    )
    session_days: float = Field(1.0, gt=0, le=30, description="Days until a login expires")
    concurrent_spawns: int = Field(10, ge=1, description="Servers that may start at the same time")
    servers: int = Field(
        100, ge=0, description="Servers that may run at the same time; 0: no limit"
    )
    oidc: OidcSettings | None = Field(None, description="Single sign-on, instead of accounts.toml")

    @classmethod
    def load(cls, directory: Path | None = None) -> HubSettings:
        """Load the settings in `directory`, by default the folder in PHTLAB_HUB_DIRECTORY.

        Raises SettingsError naming each setting that is invalid.
        """
        place = directory or Path(os.environ.get("PHTLAB_HUB_DIRECTORY") or "hub")
        path = place / SETTINGS_FILE
        if not path.is_file():
            raise SettingsError(
                f"{place} holds no {SETTINGS_FILE}.",
                "Name the hub's folder by PHTLAB_HUB_DIRECTORY; an empty file takes every default.",
            )
        try:
            written: dict[str, Any] = TomlConfigSettingsSource(cls, path)()
        except ValueError as wrong:
            raise SettingsError(f"{path} is not TOML: {wrong}.") from None
        try:
            return cls(**{**written, "directory": place.resolve()})
        except ValidationError as wrong:
            reasons = "; ".join(map(str, validation_summaries(wrong)))
            raise SettingsError(
                f"The hub's settings ({path} or PHTLAB_HUB_…) cannot be used: {reasons}."
            ) from None

    @property
    def accounts(self) -> Path:
        return self.directory / ACCOUNTS_FILE

    @property
    def proxy_token(self) -> str:
        """The hub's token for the proxy. Made on first use."""
        return secret(self.directory / "proxy-token")

    @property
    def central_token(self) -> str:
        """Central's token for the hub. Made on first use."""
        return secret(self.directory / "central-token")


def secret(path: Path) -> str:
    """Return the secret in `path`, made if there is none; only its owner may read it.

    Raises SettingsError if others may read it.
    """
    try:
        create_durably(path, secrets.token_hex(32).encode())
    except FileExistsError:
        require_private(path)
    return path.read_text().strip()


def require_private(path: Path) -> None:
    """Raise SettingsError if anyone but its owner may read or write `path`."""
    if path.stat().st_mode & 0o077:
        raise SettingsError(
            f"Others on this machine may read {path}.",
            f"Run 'chmod 600 {path}', and replace what is in it if somebody did.",
            code="not-private",
        )
