"""An image on its way into the engine, counted in layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

_DONE = frozenset({"Pull complete", "Already exists"})
_LAYER = frozenset({"Pulling fs layer", "Waiting", "Downloading", "Verifying Checksum"}) | _DONE
_LAYER |= {"Download complete", "Extracting"}


def follow_pull(
    events: Iterable[Mapping[str, Any]], fetched: Callable[[int, int], None]
) -> str | None:
    """Read the engine's `events` of a pull to their end; `fetched` hears of done and all layers.

    Returns the engine's words if it failed.
    """
    layers: dict[str, bool] = {}
    last = (0, 0)
    for event in events:
        if "error" in event:
            return str(event["error"])
        name, status = event.get("id"), event.get("status")
        if name is None or status not in _LAYER:
            continue
        layers[name] = layers.get(name, False) or status in _DONE
        now = (sum(layers.values()), len(layers))
        if now != last:
            last = now
            fetched(*now)
    return None
