"""Central's settings: `central.toml` in its folder, and `PHTLAB_CENTRAL_…` in the environment.

The environment wins, then JupyterHub's settings for its service. The command that starts central
reads the settings once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from phtlab.central.hub.environment import settings_of_service
from phtlab.errors import SettingsError
from phtlab.file_settings import FileSettings
from phtlab.validation_summary import validation_summaries
from phtlab.wire.central.token import audience_of

SETTINGS_FILE: Final = "central.toml"
REGISTRY_FILE: Final = "registry.yml"
_PATH: Final = re.compile(r"/?[A-Za-z0-9._~/-]*")


class CentralSettings(FileSettings):
    """Settings of one central. Times are in seconds or days, as the name states."""

    model_config = SettingsConfigDict(
        env_prefix="PHTLAB_CENTRAL_", extra="forbid", frozen=True, populate_by_name=True
    )

    directory: Path = Field(description="The folder with central's keys, root and registry files")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$", description="Name of the consortium")
    listen: str = Field("127.0.0.1:8400", description="Address and port to listen on")
    url: str = Field("http://127.0.0.1:8400", description="Where members reach central")
    database: str = Field("", description="SQLAlchemy URL; empty: SQLite in the folder")
    registry_url: str = Field(
        "http://127.0.0.1:5400", description="Where members reach the registry"
    )
    registry_service: str = Field(
        "phtlab-registry", description="The registry's name in its tokens"
    )
    registry_issuer: str = Field(
        "phtlab-central", description="Central's name in the registry's tokens"
    )
    registry_token_seconds: int = Field(
        300, ge=60, le=3600, description="Seconds that a registry token is valid"
    )
    metrics: bool = Field(True, description="Whether /metrics is served")
    openapi: bool = Field(True, description="Whether /openapi.json is served")
    online_seconds: int = Field(
        60, ge=5, description="Seconds after its last request during which a station is online"
    )
    poll_seconds: float = Field(
        2.0,
        gt=0,
        description="Seconds between two reads of a waiting request without a notice of a change",
    )
    housekeeping_seconds: float = Field(
        300.0, gt=0, description="Seconds between two runs of renewal and retention"
    )
    timestamp_days: float = Field(1.0, gt=0, description="Days that central's timestamp is valid")
    journey_days: float = Field(
        90.0, gt=0, description="Days until journeys and their cargo are removed"
    )
    train_days: float = Field(
        180.0, gt=0, description="Days from a train's last journey until the train is removed"
    )
    trusted_proxies: tuple[str, ...] = Field(
        ("127.0.0.1", "::1"),
        description="Addresses of proxies whose X-Forwarded-For names the sender of a request",
    )
    requests_per_address: int = Field(
        512,
        ge=1,
        description="Requests, and connections, that one address may have at the same time",
    )
    requests_per_member: int = Field(
        64, ge=1, description="Requests of one member that may run at the same time"
    )
    trains_per_day: int = Field(500, ge=1, description="Trains that a member may submit in a day")
    journeys_per_day: int = Field(
        2000, ge=1, description="Journeys that a member may begin in a day"
    )
    proposals_per_day: int = Field(
        50, ge=1, description="Versions of proposals that a member may submit in a day"
    )
    comments_per_day: int = Field(
        500, ge=1, description="Comments on proposals that a member may make in a day"
    )
    decisions_per_day: int = Field(
        500, ge=1, description="Approvals and refusals that a station may send in a day"
    )
    checkpoints_per_day: int = Field(
        1000, ge=1, description="Checkpoints of logs that a member may send in a day"
    )
    updates_per_day: int = Field(
        5000, ge=1, description="Progress reports on one stop that its station may send in a day"
    )
    event_days: float = Field(
        30.0, gt=0, description="Days that events are kept, so that a client can resume"
    )
    prefix: str = Field(
        "", description="A further path under which central answers, such as /services/central/"
    )
    hub_api_url: str = Field(
        "", description="API of the JupyterHub whose users' tokens central accepts; empty: none"
    )
    hub_token: str = Field(
        "",
        repr=False,
        description="Central's own token at that hub, for the login to central's pages",
    )
    hub_url: str = Field("/hub/", description="Address of that hub for browsers")
    hub_client_id: str = Field(
        "", description="Central's OAuth client id at that hub; empty: no pages"
    )
    hub_callback_url: str = Field(
        "",
        description="Address to which that hub redirects browsers after the login; empty: prefix "
        "and oauth_callback",
    )

    public_url: str = Field(
        "", description="Public address of central's pages, for links in mails; empty: no links"
    )
    smtp_host: str = Field("", description="The mail server for notifications; empty: no mail")
    smtp_port: int = Field(587, ge=1, le=65535, description="The mail server's port")
    smtp_tls: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="Encryption of the connection to the mail server; none only on this machine",
    )
    smtp_user: str = Field("", description="User name at the mail server; empty: no login")
    smtp_password: str = Field("", repr=False, description="Password of that user")
    smtp_ca_file: Path | None = Field(
        None, description="Certificates to trust for the mail server; empty: the system's"
    )
    mail_from: str = Field("", description="Sender address of mails")
    webhook_private: bool = Field(
        False, description="Whether webhooks may use http, and private and loopback addresses"
    )
    notification_seconds: float = Field(
        5.0, gt=0, description="Seconds between two retries of notifications that could not be sent"
    )

    @field_validator("url", "registry_url")
    @classmethod
    def _plain_url(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("hub_api_url", "public_url")
    @classmethod
    def _plain_url_or_none(cls, value: str) -> str:
        return cls._plain_url(value) if value else ""

    @field_validator("prefix")
    @classmethod
    def _path(cls, value: str) -> str:
        """Return the path with a slash at both ends, or empty."""
        if value and not _PATH.fullmatch(value):
            raise ValueError("must be a path such as /services/central/")
        return f"/{value.strip('/')}/" if value.strip("/") else ""

    @field_validator("listen")
    @classmethod
    def _address(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError("must be ADDRESS:PORT, for instance 127.0.0.1:8400")
        return value

    @classmethod
    def other_sources(
        cls, settings_cls: type[BaseSettings]
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (InitSettingsSource(settings_cls, settings_of_service(os.environ)),)

    @classmethod
    def load(cls, directory: Path) -> CentralSettings:
        """Load the settings of the central in `directory`.

        Raises SettingsError if there is none, or naming each invalid setting.
        """
        path = directory / SETTINGS_FILE
        if not path.is_file():
            raise SettingsError(
                f"{directory} holds no {SETTINGS_FILE}.",
                f"Make a central there with 'phtlab central init {directory}'.",
                code="central-absent",
            )
        try:
            written = TomlConfigSettingsSource(cls, path)()
        except ValueError as wrong:
            raise SettingsError(
                f"{path} is not TOML: {wrong}.", code="central-settings-form"
            ) from None
        return cls.of(directory, written)

    @classmethod
    def of(cls, directory: Path, values: Mapping[str, Any]) -> CentralSettings:
        """Build settings of `values` and environment. Raises SettingsError naming invalid ones."""
        try:
            return cls(**{**values, "directory": directory.resolve()})
        except ValidationError as wrong:
            reasons = "; ".join(map(str, validation_summaries(wrong)))
            raise SettingsError(
                f"Central's settings ({directory / SETTINGS_FILE} or PHTLAB_CENTRAL_…) cannot be "
                f"used: {reasons}.",
                code="central-settings",
            ) from None

    @property
    def audience(self) -> str:
        return audience_of(self.name)

    @property
    def database_url(self) -> str:
        """The database's SQLAlchemy URL, with psycopg 3 for PostgreSQL."""
        if not self.database:
            return f"sqlite:///{self.directory / 'central.sqlite'}"
        for scheme in ("postgresql://", "postgres://"):
            if self.database.startswith(scheme):
                return "postgresql+psycopg://" + self.database.removeprefix(scheme)
        return self.database

    @property
    def registry_prefix(self) -> str:
        """The path of the registry's URL, which precedes every repository's name."""
        return urlsplit(self.registry_url).path.strip("/")

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def online_key_file(self) -> Path:
        return self.directory / "online-key.pem"

    @property
    def online_key_files(self) -> tuple[Path, ...]:
        """The first online key, unless it was deleted, and those made to replace it."""
        others = sorted(self.directory.glob("online-key.*.pem"))
        first = self.online_key_file
        return (first, *others) if first.exists() or not others else tuple(others)

    @property
    def registry_key_file(self) -> Path:
        return self.directory / "registry-key.pem"

    @property
    def registry_certificate_file(self) -> Path:
        return self.directory / "registry-cert.pem"

    @property
    def root_file(self) -> Path:
        """The consortium's pinned TUF root."""
        return self.directory / "root.json"

    @property
    def journey_age(self) -> timedelta:
        return timedelta(days=self.journey_days)

    @property
    def train_age(self) -> timedelta:
        return timedelta(days=self.train_days)
