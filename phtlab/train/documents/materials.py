"""A kernel image's bill of materials.

It is in the image's settings (the label ``org.phtlab.materials``), so the digest that the
consortium signed covers it. It is the builder's statement of what the layers hold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field, ValidationError

from phtlab.strict_model import StrictModel
from phtlab.train.canonical import canonical

LABEL: Final = "org.phtlab.materials"


class Materials(StrictModel):
    """Packages and their versions: the system's, and those of the kernel's language."""

    system: dict[str, str] = Field(default_factory=dict)
    language: dict[str, str] = Field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.system) + len(self.language)

    @property
    def packages(self) -> Mapping[str, str]:
        return {**self.system, **self.language}

    def as_label(self) -> dict[str, str]:
        """Return the bill as a label, for an image's settings."""
        return {LABEL: canonical(self.model_dump()).decode()}


def materials_of(config: bytes) -> Materials | None:
    """Parse the bill in an image's settings; None if it is missing or invalid."""
    try:
        settings: Any = json.loads(config)
        return Materials.model_validate_json(settings["config"]["Labels"][LABEL])
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError):
        return None
