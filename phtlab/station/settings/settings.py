"""The station's settings: `station.toml` in its folder, read once at startup.

An environment variable `PHTLAB_STATION_<NAME>` (with `__` for a nested setting) overrides the file.
"""

from __future__ import annotations

import json
import os
import re
from datetime import time
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError
from pydantic_settings import (
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from phtlab.errors import SettingsError
from phtlab.file_settings import FileSettings
from phtlab.files.durable_file import write_durably
from phtlab.station.settings.folder import StationFolder
from phtlab.train.crypto.identity import MemberName
from phtlab.validation_summary import validation_summaries

WINDOW = (
    r"(?P<day>daily|mon|tue|wed|thu|fri|sat|sun) "
    r"(?P<begins>([01]\d|2[0-3]):[0-5]\d)-(?P<ends>([01]\d|2[0-3]):[0-5]\d)"
)
"""A maintenance window, local time: "sun 02:00-04:00"; one that ends earlier ends the next day."""
Window = Annotated[str, StringConstraints(pattern=f"^{WINDOW}$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]


class StationSettings(FileSettings):
    """What the station is and how it works; what it allows is in `policy.toml`.

    Times are in seconds, unless a setting names another unit.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix="PHTLAB_STATION_",
        env_nested_delimiter="__",
    )

    name: MemberName = Field(description="The station's name on the roster")
    organisation: str = Field("", description="Name of the organisation that operates the station")
    central: str | None = Field(
        None, description="Central's address; 'phtlab station join' writes this setting"
    )
    registry: str | None = Field(
        None, description="The registry's address. Default: the address that central names"
    )
    executor: str = Field("docker", description="The executor that runs the stops")
    executor_options: dict[str, Any] = Field(
        default_factory=dict, description="The executor's own options: docs/sandbox.md"
    )
    max_running: int = Field(2, ge=1, le=256, description="Stops that run at the same time")
    twin: bool = Field(False, description="Whether runs get synthetic twins in place of data")
    aggregator: bool = Field(
        False,
        description="Whether this is an aggregator: it has no data, and combines the rounds of "
        "journeys whose orders name it",
    )
    environment: dict[VariableName, str] = Field(
        default_factory=dict, description="Variables that every run sees"
    )
    gpus: int = Field(0, ge=0, le=64, description="GPUs that every run gets")
    fetch_images_ahead: bool = Field(
        True,
        description="Whether the station fetches the kernel images that it allows before a "
        "train needs them",
    )
    inbox_wait: int = Field(25, ge=1, le=60, description="Seconds of one long poll at central")
    roster_refresh: int = Field(
        60, ge=1, le=86400, description="Seconds between two refreshes of the roster"
    )
    engine_patience: int = Field(
        120,
        ge=0,
        le=86400,
        description="Seconds without an answer of the engine before a stop fails",
    )
    progress_interval: float = Field(
        0.5, gt=0, le=60, description="Seconds between two progress reports to central"
    )
    proposals_per_researcher: int = Field(
        50,
        ge=1,
        description="Maximum number of one researcher's proposals that wait at the station at the "
        "same time",
    )
    audit_interval: int = Field(
        3600, ge=5, le=86400, description="Seconds until central's log is verified and signed again"
    )
    self_test_at: Annotated[str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")] = (
        Field("03:30", description="Local time of the nightly self-test, HH:MM; empty for none")
    )
    self_test_jitter: int = Field(
        30, ge=0, le=720, description="Minutes by which a station's self-test may start later"
    )
    maintenance: tuple[Window, ...] = Field(
        (),
        description='Times at which no new run starts, local time: "sun 02:00-04:00", '
        '"daily 23:30-00:30"',
    )

    @property
    def self_test_time(self) -> time | None:
        """Local time of the nightly self-test; None for never."""
        return time.fromisoformat(self.self_test_at) if self.self_test_at else None


def load_settings(folder: StationFolder) -> StationSettings:
    """Read the settings of the station in `folder`.

    Raises SettingsError, which names an invalid setting.
    """
    folder.require()
    try:
        values = TomlConfigSettingsSource(StationSettings, folder.settings)()
        return StationSettings(**values)
    except ValidationError as error:
        where, why = validation_summaries(error)[0]
        raise SettingsError(
            f"{folder.settings}: the setting '{where}' is wrong: {why}.",
            "See docs/station.md for what it may be.",
        ) from None
    except (ValueError, OSError) as error:
        raise SettingsError(f"{folder.settings} cannot be read as TOML: {error}.") from None


def write_settings(folder: StationFolder, settings: StationSettings) -> None:
    """Write `station.toml`, leaving out default values."""
    lines = ["# What this station is. What it allows is in policy.toml.", ""]
    values = settings.model_dump(exclude_defaults=True, exclude_none=True)
    lines += [f"{key} = {toml_value(value)}" for key, value in values.items()]
    write_durably(folder.settings, ("\n".join(lines) + "\n").encode())


def set_central(folder: StationFolder, url: str) -> None:
    """Write central's address into `station.toml`, keeping the operator's other lines."""
    lines = [
        line
        for line in folder.settings.read_text("utf-8").splitlines()
        if not re.match(r"\s*central\s*=", line)
    ]
    place = next(i for i, line in enumerate(lines) if re.match(r"\s*name\s*=", line)) + 1
    lines.insert(place, f"central = {toml_value(url)}")
    write_durably(folder.settings, ("\n".join(lines) + "\n").encode())


def toml_value(value: Any) -> str:
    """Format `value` as TOML: JSON strings, numbers, booleans and lists are also TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_value(v)}" for key, v in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def station_directory(given: Path | None) -> Path:
    """Return the folder from the command line, else `PHTLAB_STATION`, else the current one."""
    return given or Path(os.environ.get("PHTLAB_STATION") or ".")


def credential_file() -> Path | None:
    """Return the passphrase file from systemd (systemd.exec(5), `LoadCredential=passphrase:…`)."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(folder, "passphrase") if folder else None
    return path if path is not None and path.exists() else None
