"""phtlab: analyses that travel to the data, from a Jupyter notebook.

Public names are imported on first use, so that the same package is light inside a station's
sandbox, where only `dataset`, `receive`, `publish`, `keep` and `kept` exist, and complete on an
analyst's machine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from phtlab.version import VERSION

if TYPE_CHECKING:
    from phtlab.lab import Journey, Lab, Results, Train, connect
    from phtlab.lab.client.lab import results
    from phtlab.runtime import dataset, finish, keep, kept, publish, receive, report, send, updates

__version__ = VERSION

_HOME = {
    "dataset": "phtlab.runtime",
    "publish": "phtlab.runtime",
    "receive": "phtlab.runtime",
    "keep": "phtlab.runtime",
    "kept": "phtlab.runtime",
    "updates": "phtlab.runtime",
    "report": "phtlab.runtime",
    "send": "phtlab.runtime",
    "finish": "phtlab.runtime",
    "connect": "phtlab.lab",
    "results": "phtlab.lab.client.lab",
    "Lab": "phtlab.lab",
    "Train": "phtlab.lab",
    "Journey": "phtlab.lab",
    "Results": "phtlab.lab",
}

__all__ = [
    "Journey",
    "Lab",
    "Results",
    "Train",
    "__version__",
    "connect",
    "dataset",
    "finish",
    "keep",
    "kept",
    "publish",
    "receive",
    "report",
    "results",
    "send",
    "updates",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'phtlab' has no attribute {name!r}")
    try:
        module = import_module(_HOME[name])
    except ModuleNotFoundError as missing:
        if missing.name and missing.name.startswith("phtlab"):
            raise AttributeError(
                f"phtlab.{name} does not exist inside a station's sandbox, where only "
                "phtlab.dataset, phtlab.receive, phtlab.publish, phtlab.keep and phtlab.kept do. "
                "Use it in a local or aggregate cell, in a kernel outside of the sandbox."
            ) from None
        raise
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
