"""Locate the files that come with phtlab: notebooks, their data, recipes of kernel images."""

from __future__ import annotations

from pathlib import Path

from phtlab.errors import SettingsError

PACKAGE = Path(__file__).parent


def share(name: str) -> Path:
    """Return the path of `name` (`notebooks/…`, `kernels/…`) in the checkout or in the wheel."""
    for place in (PACKAGE.parent, PACKAGE / "_share"):
        if (place / name).exists():
            return place / name
    raise SettingsError(f"phtlab's own file {name} is missing: install phtlab again.")
