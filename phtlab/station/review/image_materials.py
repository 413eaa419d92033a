"""Origin of imported modules, and differences between the packages of two kernel images."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from phtlab.station.review.examination import Import, Origin
from phtlab.train.documents.materials import Materials

# Packages whose modules have other names.
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
}
_ALWAYS: Final = "phtlab"  # its runtime is in every kernel image


@dataclass(frozen=True)
class MaterialsChange:
    """A package that only one of two images has, or that they have in different versions."""

    name: str
    before: str | None
    after: str | None


def origin(found: Import, materials: Materials | None) -> Origin:
    """Return where a module comes from, by the usual names of packages."""
    top = found.module.split(".")[0]
    if top in sys.stdlib_module_names:
        return "python"
    names = {re.sub(r"[-.]+", "_", n.lower()) for n in (materials.language if materials else ())}
    modules = {module for name in names for module in _MODULES.get(name, (name,))}
    return "image" if top == _ALWAYS or top in modules else "unknown"


def compare_materials(before: Materials, after: Materials) -> tuple[MaterialsChange, ...]:
    """Return the packages that differ, by name."""
    old, new = before.packages, after.packages
    return tuple(
        MaterialsChange(name, old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    )
