"""What a kernel image says that it carries: its bill of materials.

`phtlab kernel build` writes it into the image's settings (the label ``org.phtlab.materials``), so
the digest that the consortium signed covers it. It is the builder's word for what the layers hold.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from phtlab.station.reading.examination import Import, Origin

LABEL: Final = "org.phtlab.materials"

# Packages whose modules are called otherwise than they.
_MODULES: Final[Mapping[str, tuple[str, ...]]] = {
    "beautifulsoup4": ("bs4",),
    "ipython": ("IPython",),
    "matplotlib": ("matplotlib", "mpl_toolkits", "pylab"),
    "opencv_python": ("cv2",),
    "opencv_python_headless": ("cv2",),
    "pillow": ("PIL",),
    "protobuf": ("google",),
    "python_dateutil": ("dateutil",),
    "pyyaml": ("yaml",),
    "pyzmq": ("zmq",),
    "scikit_image": ("skimage",),
    "scikit_learn": ("sklearn",),
    "setuptools": ("setuptools", "pkg_resources"),
    "typing_extensions": ("typing_extensions",),
}
_ALWAYS: Final = frozenset({"phtlab"})  # its runtime lies in every kernel image


class Materials(BaseModel):
    """Packages by name, with their versions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: dict[str, str] = {}
    language: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.system) + len(self.language)

    @property
    def modules(self) -> frozenset[str]:
        """The Python modules that its packages bring, by what packages are usually called."""
        names = {re.sub(r"[-.]+", "_", name.lower()) for name in self.language}
        return frozenset(module for name in names for module in _MODULES.get(name, (name,)))

    def origin(self, found: Import) -> Origin:
        top = found.module.split(".")[0]
        if top in sys.stdlib_module_names:
            return "python"
        known = top in _ALWAYS or top in self.modules or top.lower() in self.modules
        return "image" if known else "unknown"


@dataclass(frozen=True)
class MaterialsChange:
    """A package that one of two images has, or that they have in two versions."""

    name: str
    before: str | None
    after: str | None


def materials_of(config: bytes | None) -> Materials | None:
    """The bill in an image's settings; None if there is none, or none that can be read."""
    try:
        settings: Any = json.loads(config or b"{}")
        return Materials.model_validate_json(settings["config"]["Labels"][LABEL])
    except (ValueError, KeyError, TypeError, ValidationError):
        return None


def compared(before: Materials, after: Materials) -> tuple[MaterialsChange, ...]:
    """What differs, by name."""
    old, new = ({**m.system, **m.language} for m in (before, after))
    return tuple(
        MaterialsChange(name, old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    )
