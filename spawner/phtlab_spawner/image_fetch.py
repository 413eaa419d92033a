"""Pull of an image into the engine, counted in layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

_DONE = frozenset({"Pull complete", "Already exists"})
# The engine's first status of a layer; it reports this for all layers before much else.
_NAMED = frozenset({"Pulling fs layer", "Already exists"})
_LAYER = frozenset({"Waiting", "Downloading", "Verifying Checksum"}) | _DONE | _NAMED
_LAYER |= {"Download complete", "Extracting"}


def follow_pull(
    events: Iterable[Mapping[str, Any]], fetched: Callable[[int, int], None]
) -> str | None:
    """Read the engine's pull `events` to their end; call `fetched` with done and all layers.

    Returns the engine's error text if the pull failed, else None.
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
        # While only some layers are named, the total is unknown.
        if now != last and status not in _NAMED:
            last = now
            fetched(*now)
    return None
