"""Exchange with the registry: fetches train images, delivers sealed cargo and logs."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from phtlab.errors import CentralError, PhtlabError, UnreachableError
from phtlab.station.executor.contract import RegistryAuth
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.roster import KernelImage
from phtlab.train.image.verification import (
    ImageLimits,
)
from phtlab.wire.central.client import CentralClient
from phtlab.wire.registry.cargo import pull_cargo, pull_values, push_cargo, push_values
from phtlab.wire.registry.client import Registry
from phtlab.wire.registry.released_log import push_log
from phtlab.wire.registry.trains import pull_kernel, pull_train


@dataclass(frozen=True)
class ImageParts:
    """The parts of a train's image that the station checks, unverified."""

    manifest: bytes
    config: bytes
    layer: bytes


class ArtifactStore(Protocol):
    """The registry, as a station uses it."""

    def fetch(self, repository: str, image: str, limits: ImageLimits) -> ImageParts:
        """Fetch the parts of the image of digest `image`.

        Raises RegistryUnreachableError, RegistryError; TrainError if it is not an image.
        """

    def settings_of(self, kernel: KernelImage) -> bytes:
        """Fetch a kernel image's settings (config), checked by digest. Raises as `fetch`."""

    def reference(self, repository: str, image: str) -> str:
        """Return the reference for an engine to pull: ``host:port/repository@digest``."""

    def authorization(self, repository: str) -> RegistryAuth:
        """Return authorisation to pull from `repository`."""

    def deliver(self, journey: str, station: str, cargo: Path) -> None:
        """Push sealed cargo to the registry. Idempotent; resumes after an interruption."""

    def fetch_cargo(self, journey: str, station: str, digest: str, path: Path, size: int) -> None:
        """Fetch the sealed cargo of `digest` that `station` handed on, of `size` bytes, to `path`.

        Raises RegistryUnreachableError, or RegistryError if it is missing or something else.
        """

    def fetch_values(self, journey: str, digest: str, path: Path, size: int) -> None:
        """Fetch a round's sealed values, of `size` bytes, to `path`. Raises as `fetch_cargo`."""

    def deliver_values(self, journey: str, sealed: Path) -> None:
        """Push what an aggregator sealed for an instruction, as `deliver` pushes cargo."""

    def deliver_log(self, journey: str, station: str, sealed: Path, statement: Envelope) -> None:
        """Push a sealed, released run log to the registry, with its statement. Idempotent."""

    def close(self) -> None:
        """Close the connections."""


class RegistryArtifactStore:
    """Artifact store on the consortium's registry, with tokens that central issues."""

    def __init__(self, central: CentralClient, url: str | None = None) -> None:
        """Use the registry at `url`; without it, at the address that central reports."""
        self._central = central
        self._url = url
        self._registry: Registry | None = None
        self._lock = threading.Lock()

    def _at(self) -> Registry:
        # Several stops call this at once; a second connection would never be closed.
        with self._lock:
            if self._registry is None:
                url = self._url or self._central.info().registry_url
                self._registry = Registry(url, self._token)
            return self._registry

    def _token(self, scopes: list[str]) -> str:
        try:
            return self._central.registry_token(scopes)
        except UnreachableError:
            raise
        except PhtlabError as error:
            # With the codes of central's own checks it would be reported as an error of the order.
            # An expired token is due to clocks that differ, not to the order: that code is kept.
            code = error.code if error.code == "token-expired" else None
            raise CentralError(error.message, error.hint, code=code) from None

    def fetch(self, repository: str, image: str, limits: ImageLimits) -> ImageParts:
        return ImageParts(*pull_train(self._at(), repository, image, limits))

    def settings_of(self, kernel: KernelImage) -> bytes:
        return pull_kernel(self._at(), kernel)[1]

    def reference(self, repository: str, image: str) -> str:
        return self._at().reference(repository, image)

    def authorization(self, repository: str) -> RegistryAuth:
        return RegistryAuth(self._at().pull_token(repository))

    def deliver(self, journey: str, station: str, cargo: Path) -> None:
        push_cargo(self._at(), journey, station, cargo)

    def fetch_cargo(self, journey: str, station: str, digest: str, path: Path, size: int) -> None:
        pull_cargo(self._at(), journey, station, digest, path, limit=size)

    def fetch_values(self, journey: str, digest: str, path: Path, size: int) -> None:
        pull_values(self._at(), journey, digest, path, limit=size)

    def deliver_values(self, journey: str, sealed: Path) -> None:
        push_values(self._at(), journey, sealed)

    def deliver_log(self, journey: str, station: str, sealed: Path, statement: Envelope) -> None:
        push_log(self._at(), journey, station, sealed.read_bytes(), statement)

    def close(self) -> None:
        if self._registry is not None:
            self._registry.close()
            self._registry = None
