"""What goes to and from the registry: a train's image in, sealed cargo out."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from phtlab.errors import CentralError, PhtlabError, UnreachableError
from phtlab.station.executor.contract import RegistryAuth
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.roster import KernelImage
from phtlab.train.image import ImageLimits
from phtlab.wire.central.client import CentralClient
from phtlab.wire.registry.cargo import push_cargo
from phtlab.wire.registry.client import Registry
from phtlab.wire.registry.released_log import push_log
from phtlab.wire.registry.trains import pull_kernel, pull_train


@dataclass(frozen=True)
class ImageParts:
    """What of a train's image is checked; none of it is believed yet."""

    manifest: bytes
    config: bytes
    layer: bytes


class ArtifactStore(Protocol):
    """The registry, as a station uses it."""

    def fetch(self, repository: str, image: str, limits: ImageLimits) -> ImageParts:
        """The parts of the image of digest `image`.

        Raises RegistryUnreachableError, RegistryError; TrainError if it is not an image.
        """

    def settings_of(self, kernel: KernelImage) -> bytes:
        """The settings (config) of a kernel image, checked by its digest. Raises as `fetch`."""

    def reference(self, repository: str, image: str) -> str:
        """What an engine pulls: ``host:port/repository@digest``."""

    def authorization(self, repository: str) -> RegistryAuth:
        """Leave to pull from `repository`."""

    def deliver(self, journey: str, station: str, cargo: Path) -> None:
        """Put sealed cargo into the registry. Idempotent, and resumed after a cut."""

    def deliver_log(self, journey: str, station: str, sealed: Path, statement: Envelope) -> None:
        """Put a sealed log that was let go into the registry, with its statement. Idempotent."""

    def close(self) -> None:
        """End its connections."""


class RegistryArtifactStore:
    """Freight by the consortium's registry, with tokens that central issues."""

    def __init__(self, central: CentralClient, url: str | None = None) -> None:
        """`url` is where the registry is; central's word without it."""
        self._central = central
        self._url = url
        self._registry: Registry | None = None
        self._lock = threading.Lock()

    def _at(self) -> Registry:
        # Several stops ask at once; a second connection would never be closed.
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
            # In the words of central's own checks it would read as the order's fault.
            # Clocks that differ are nobody's fault who has a part in the journey: that is kept.
            code = error.code if error.code == "token-expired" else None
            raise CentralError(error.message, error.hint, code=code) from None

    def fetch(self, repository: str, image: str, limits: ImageLimits) -> ImageParts:
        return ImageParts(*pull_train(self._at(), repository, image, limits))

    def settings_of(self, kernel: KernelImage) -> bytes:
        return pull_kernel(self._at(), kernel)[1]

    def reference(self, repository: str, image: str) -> str:
        return self._at().reference(repository, image)

    def authorization(self, repository: str) -> RegistryAuth:
        return RegistryAuth(self._token(self._at().pull_scopes(repository)))

    def deliver(self, journey: str, station: str, cargo: Path) -> None:
        push_cargo(self._at(), journey, station, cargo)

    def deliver_log(self, journey: str, station: str, sealed: Path, statement: Envelope) -> None:
        push_log(self._at(), journey, station, sealed.read_bytes(), statement)

    def close(self) -> None:
        if self._registry is not None:
            self._registry.close()
            self._registry = None
