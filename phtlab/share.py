"""Where the files lie that come with phtlab: notebooks, their data, recipes of kernel images."""

from __future__ import annotations

from pathlib import Path

from phtlab.errors import SettingsError

PACKAGE = Path(__file__).parent


def share(name: str) -> Path:
    """The file or folder `name` (`notebooks/…`, `kernels/…`): of the checkout, or of the wheel."""
    for place in (PACKAGE.parent, PACKAGE / "_share"):
        if (place / name).exists():
            return place / name
    raise SettingsError(f"phtlab's own file {name} is missing: install phtlab again.")
