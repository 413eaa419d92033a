"""The most that a run may need, as terms of a proposal or an approval. Pure."""

from __future__ import annotations

from typing import Final

from phtlab.train.documents.manifest import Resources

_UNITS: Final = {
    "memory": "bytes of memory",
    "scratch": "bytes of scratch disk",
    "cores": "processor cores",
    "gpus": "GPUs",
    "seconds": "seconds",
}


def needed_resources(declared: Resources | None, ordered: Resources | None) -> Resources | None:
    """Return what a run may need: what the train declares, but what its order says instead."""
    values = {name: _value(declared, name) for name in _UNITS}
    values |= {name: value for name in _UNITS if (value := _value(ordered, name)) is not None}
    declares = any(value is not None for value in values.values())
    return Resources.model_validate(values) if declares else None


def why_not_resources(needed: Resources | None, most: Resources | None) -> str:
    """Return why a run that needs `needed` needs more than `most`, as text; "" if it does not.

    What a run does not declare is left to the station's policy, and is not more than `most`.
    """
    for name, unit in _UNITS.items():
        need, limit = _value(needed, name), _value(most, name)
        if limit is not None and need is not None and need > limit:
            return f"it is for at most {limit:,} {unit}; this run may need {need:,}"
    return ""


def resources_lines(resources: Resources | None) -> tuple[str, ...]:
    """The limits as lines for people, such as ``at most 2,000,000 bytes of memory``."""
    values = ((_value(resources, name), unit) for name, unit in _UNITS.items())
    return tuple(f"at most {value:,} {unit}" for value, unit in values if value is not None)


def _value(resources: Resources | None, name: str) -> float | None:
    value: float | None = None if resources is None else getattr(resources, name)
    return value
