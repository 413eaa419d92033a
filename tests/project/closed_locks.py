"""Whether a lock file is closed: nothing is left for an installer to resolve."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import Distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_LINE = re.compile(r"^([A-Za-z0-9][^\\]*?)\s*(?:\\|--hash|$)", re.MULTILINE)


@dataclass(frozen=True)
class Pin:
    """A line of a lock file: one version of one project, and the extras that come with it."""

    version: str
    extras: frozenset[str]


def pins(lock: str, environment: Mapping[str, str]) -> dict[str, Pin]:
    """What `lock` pins on a machine with these markers (PEP 508), by normalised project name."""
    found: dict[str, Pin] = {}
    for line in _LINE.findall(lock):
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(dict(environment)):
            (specifier,) = requirement.specifier
            assert specifier.operator == "==", line
            found[canonicalize_name(requirement.name)] = Pin(
                specifier.version, frozenset(map(canonicalize_name, requirement.extras))
            )
    return found


def with_requested_extras(
    pinned: Mapping[str, Pin], distributions: Sequence[Distribution], environment: Mapping[str, str]
) -> dict[str, Pin]:
    """`pinned` with the extras that locked distributions ask for.

    For a lock that is installed without looking at requirements: there a line needs no extras, but
    what the extras need must be pinned all the same.
    """
    extended = dict(pinned)
    while True:
        before = dict(extended)
        for distribution in distributions:
            pin = extended.get(canonicalize_name(distribution.metadata["Name"]))
            if pin is None:
                continue
            for requirement in map(Requirement, distribution.requires or ()):
                wanted = canonicalize_name(requirement.name)
                if wanted in extended and _applies(requirement, pin.extras, environment):
                    extras = extended[wanted].extras | set(
                        map(canonicalize_name, requirement.extras)
                    )
                    extended[wanted] = replace(extended[wanted], extras=frozenset(extras))
        if extended == before:
            return extended


def unmet(
    pinned: Mapping[str, Pin],
    distributions: Iterable[Distribution],
    environment: Mapping[str, str],
    *,
    elsewhere: frozenset[str] = frozenset(),
) -> list[str]:
    """The requirements of `distributions` that no pinned line meets, extras included.

    Only distributions that are pinned count. What is in `elsewhere` need not be pinned.
    """
    missing: set[str] = set()
    for distribution in distributions:
        name = canonicalize_name(distribution.metadata["Name"])
        pin = pinned.get(name)
        if pin is None:
            continue
        for text in distribution.requires or ():
            requirement = Requirement(text)
            wanted = canonicalize_name(requirement.name)
            if wanted in elsewhere or not _applies(requirement, pin.extras, environment):
                continue
            met = pinned.get(wanted)
            if (
                met is None
                or not requirement.specifier.contains(met.version, prereleases=True)
                or not set(map(canonicalize_name, requirement.extras)) <= met.extras
            ):
                missing.add(f"{name} needs {text}")
    return sorted(missing)


def _applies(
    requirement: Requirement, extras: frozenset[str], environment: Mapping[str, str]
) -> bool:
    if requirement.marker is None:
        return True
    return any(
        requirement.marker.evaluate({**environment, "extra": extra}) for extra in ("", *extras)
    )
