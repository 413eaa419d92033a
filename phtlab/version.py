"""The version of phtlab. The build reads it here, so it is a plain constant."""

from __future__ import annotations

VERSION = "0.1.0"
