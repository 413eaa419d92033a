"""Whether this station gets from the registry what it should, and no more.

A station has rights in the registry only for journeys that it is part of, and one repository of
its own for this test: ``self-test/NAME``.
"""

from __future__ import annotations

from phtlab.errors import PhtlabError, RegistryError
from phtlab.station.executor.contract import CheckResult
from phtlab.wire.central.client import CentralClient
from phtlab.wire.registry.client import Registry

_ADVICE = "Ask central's operator whether the registry takes central's tokens: docs/central.md"


def registry_check(client: CentralClient, station: str, url: str | None) -> CheckResult:
    """Reads and writes in its own repository, and tries one that is not its own.

    Raises RegistryUnreachableError, CentralError; RegistryError if it is refused.
    """
    place = url or client.info().registry_url
    content = f"phtlab: the self-test of {station}\n".encode()
    with Registry(place, client.registry_token) as registry:
        registry.check()
        own = f"self-test/{station}"
        try:
            # An upload that is begun and given up: the blob below may be there already.
            registry.require_push(own)
            digest = registry.put_blob(own, content)
            registry.read_blob(own, digest, len(content))
        except RegistryError as error:
            return CheckResult("registry", False, error.message, _ADVICE)
        if _accepts_push(registry, "self-test/of-nobody"):
            return CheckResult(
                "registry",
                True,
                f"{place} lets this station write where it has no right to.",
                "Ask central's operator to close it: whoever reaches the registry can fill it",
                warning=True,
            )
    return CheckResult("registry", True, f"{place} answers, and takes this station's tokens.")


def _accepts_push(registry: Registry, repository: str) -> bool:
    try:
        registry.require_push(repository)
    except PhtlabError:
        return False
    return True
