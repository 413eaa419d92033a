"""An image on its way into the engine, counted in layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

_DONE = frozenset({"Pull complete", "Already exists"})
# How the engine first tells of a layer; it goes through all of them before much else.
_NAMED = frozenset({"Pulling fs layer", "Already exists"})
_LAYER = frozenset({"Waiting", "Downloading", "Verifying Checksum"}) | _DONE | _NAMED
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
        # Of some layers only it cannot be said yet how many there are.
        if now != last and status not in _NAMED:
            last = now
            fetched(*now)
    return None
