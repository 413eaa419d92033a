"""A person's settings (central, key, pinned root) and the folders that hold them.

Read once, at `connect()`. The environment takes precedence over the file, and the file over the
defaults: `PHTLAB_CENTRAL` and `PHTLAB_KEY` over `profile.toml`. In a hub's workspace, the default
key is that of the hub's user.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path, user_config_path

from phtlab.errors import SettingsError


def config_directory() -> Path:
    """Return `PHTLAB_CONFIG`, or the platform's configuration folder, as `~/.config/phtlab`."""
    return Path(os.environ.get("PHTLAB_CONFIG") or user_config_path("phtlab"))


def cache_directory() -> Path:
    """Return `PHTLAB_CACHE`, or `~/.cache/phtlab`; the content may be deleted at any time."""
    return Path(os.environ.get("PHTLAB_CACHE") or user_cache_path("phtlab"))


def keys_directory() -> Path:
    """Return the folder of a person's key files."""
    return config_directory() / "keys"


@dataclass(frozen=True)
class UserSettings:
    """A person's connection; `trust` is the folder of the pinned root and of the roster's cache.

    `registry` is the registry's address from this machine, if it differs from central's answer;
    `root` is a file with the consortium's root, for a first start without pinning by hand.
    """

    central: str
    key: Path
    trust: Path
    registry: str | None = None
    root: Path | None = None

    @classmethod
    def load(cls) -> UserSettings:
        """Load settings from environment and file. Raises SettingsError naming what is missing."""
        place = PartialSettings.load()
        if not place.central or not place.key:
            missing = "central's address" if not place.central else "a key"
            raise SettingsError(
                f"phtlab does not know {missing} yet ({config_directory() / 'profile.toml'}).",
                "Create a key with 'phtlab key create NAME', have it admitted, then run 'phtlab "
                "join --central URL --root root.json'.",
                code="settings" if place.central else "central-missing",
            )
        return place.profile(place.central, place.key)

    def save(self, directory: Path | None = None) -> Path:
        """Write `profile.toml` and return its path."""
        return remember(directory, central=self.central, key=str(self.key))


@dataclass(frozen=True)
class PartialSettings:
    """Settings as found, complete or not: `central` and `key` may be None."""

    central: str | None
    key: Path | None

    @classmethod
    def load(cls) -> PartialSettings:
        """Load from environment and file. Raises SettingsError if the file cannot be read."""
        directory = config_directory()
        stored = _read(directory / "profile.toml")
        central = os.environ.get("PHTLAB_CENTRAL") or stored.get("central")
        key = os.environ.get("PHTLAB_KEY") or stored.get("key")
        user = os.environ.get("JUPYTERHUB_USER")
        if not key and user:
            key = str(key_file(user))
        return cls(
            central.rstrip("/") if central else None,
            directory / Path(key).expanduser() if key else None,
        )

    def profile(self, central: str, key: Path) -> UserSettings:
        root = os.environ.get("PHTLAB_ROOT")
        return UserSettings(
            central,
            key,
            config_directory() / "trust",
            (os.environ.get("PHTLAB_REGISTRY") or "").rstrip("/") or None,
            Path(root) if root else None,
        )


def key_file(user: str) -> Path:
    """Return the key file of the hub's user `user`; any user name gives a plain file name."""
    return keys_directory() / f"{re.sub('[^a-z0-9]+', '-', user.lower()).strip('-')}.key.age"


def remember(directory: Path | None = None, **values: str) -> Path:
    """Merge `values` (`central`, `key`) into `profile.toml` and return its path."""
    path = (directory or config_directory()) / "profile.toml"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A TOML basic string is written like a JSON string.
    merged = {**_read(path), **values}
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in merged.items()))
    return path


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.", "Mend or delete it.") from None
