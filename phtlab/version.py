"""The version of phtlab that runs."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

VERSION: Final = version("phtlab")
