"""Check that the registry gives this station exactly the access that it should have.

A station has access in the registry only to journeys that it is part of, and to one repository for
this test: ``self-test/NAME``.
"""

from __future__ import annotations

from phtlab.errors import PhtlabError, RegistryError
from phtlab.station.executor.contract import CheckResult
from phtlab.wire.central.client import CentralClient
from phtlab.wire.registry.client import Registry

_ADVICE = "Ask central's operator whether the registry takes central's tokens: docs/central.md"


def registry_check(client: CentralClient, station: str, url: str | None) -> CheckResult:
    """Read and write in the station's own repository, and try to write in another.

    Raises RegistryUnreachableError, CentralError; RegistryError if the registry refuses.
    """
    place = url or client.info().registry_url
    content = f"phtlab: the self-test of {station}\n".encode()
    with Registry(place, client.registry_token) as registry:
        registry.check()
        own = f"self-test/{station}"
        try:
            # Begin and abandon an upload, since the blob below may exist already.
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
