"""What runs inside the container, and the functions that station cells call.

`dataset(name)`, `receive(name)` and `publish(name, value)` mean the same in a notebook on an
analyst's machine and in a station's sandbox, and so do `keep(name, value)` and `kept(name)` in
rounds. `updates`, `report`, `send` and `finish` are what combine cells call, outside of it. Names
are imported when first used: `python -m phtlab.runtime` must not wait for what only cells need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from phtlab.runtime.datasets import dataset
    from phtlab.runtime.errors import (
        CombineError,
        DatasetError,
        JobError,
        KeepError,
        PublishError,
        ReceiveError,
        RunFailedError,
    )
    from phtlab.runtime.publishing import Published, publish, published
    from phtlab.runtime.rounds.combining import finish, report, send, updates
    from phtlab.runtime.rounds.keeping import keep, kept
    from phtlab.runtime.rounds.receiving import receive

_HOME = {
    "dataset": "datasets",
    "publish": "publishing",
    "published": "publishing",
    "receive": "rounds.receiving",
    "keep": "rounds.keeping",
    "kept": "rounds.keeping",
    "updates": "rounds.combining",
    "report": "rounds.combining",
    "send": "rounds.combining",
    "finish": "rounds.combining",
    "Published": "publishing",
    "CombineError": "errors",
    "DatasetError": "errors",
    "JobError": "errors",
    "KeepError": "errors",
    "PublishError": "errors",
    "ReceiveError": "errors",
    "RunFailedError": "errors",
}

__all__ = [
    "CombineError",
    "DatasetError",
    "JobError",
    "KeepError",
    "PublishError",
    "Published",
    "ReceiveError",
    "RunFailedError",
    "dataset",
    "finish",
    "keep",
    "kept",
    "publish",
    "published",
    "receive",
    "report",
    "send",
    "updates",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'phtlab.runtime' has no attribute {name!r}")
    return getattr(import_module(f"phtlab.runtime.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
