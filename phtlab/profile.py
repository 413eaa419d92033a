"""Where a person's settings lie, and what they say: central, key, pinned root.

Read once, at `connect()`. The environment wins over the file, the file over the
defaults: `PHTLAB_CENTRAL` and `PHTLAB_KEY` over `profile.toml`.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path, user_config_path

from phtlab.errors import SettingsError


def config_directory() -> Path:
    """`PHTLAB_CONFIG`, or `~/.config/phtlab` where the platform has such a place."""
    return Path(os.environ.get("PHTLAB_CONFIG") or user_config_path("phtlab"))


def cache_directory() -> Path:
    """`PHTLAB_CACHE`, or `~/.cache/phtlab`: nothing in it is missed when it is deleted."""
    return Path(os.environ.get("PHTLAB_CACHE") or user_cache_path("phtlab"))


@dataclass(frozen=True)
class Profile:
    """Who connects, and to what. `trust` holds the pinned root and the roster's cache."""

    central: str
    key: Path
    trust: Path

    @classmethod
    def load(cls) -> Profile:
        """The profile from environment and file. Raises SettingsError naming what is missing."""
        directory = config_directory()
        stored = _read(directory / "profile.toml")
        central = os.environ.get("PHTLAB_CENTRAL") or stored.get("central")
        key = os.environ.get("PHTLAB_KEY") or stored.get("key")
        if not central or not key:
            missing = "central's address" if not central else "a key"
            raise SettingsError(
                f"phtlab does not know {missing} yet ({directory / 'profile.toml'}). Create a key "
                "with 'phtlab key create NAME', have it admitted, then run "
                "'phtlab join --central URL --root root.json'."
            )
        return cls(central.rstrip("/"), directory / Path(key).expanduser(), directory / "trust")

    def save(self, directory: Path | None = None) -> Path:
        """Write `profile.toml`; returns its path."""
        path = (directory or config_directory()) / "profile.toml"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(f'central = "{self.central}"\nkey = "{self.key}"\n')
        return path


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}. Mend or delete it.") from None
