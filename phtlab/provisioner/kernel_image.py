"""A kernel image on this machine: fetched by digest, and its language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from phtlab.errors import KernelError
from phtlab.station.executor.contract import IMAGE, RegistryAuth
from phtlab.station.executor.image_pull import fetch_image

if TYPE_CHECKING:
    import docker

_LANGUAGE: Final = "org.phtlab.language"


def fetch_kernel(
    engine: docker.DockerClient, reference: str, authorize: Callable[[], RegistryAuth]
) -> str:
    """Pull the kernel image `reference` unless it is here; return its language.

    Raises KernelError (``kernel-image``, ``kernel-image-name``) if it is not a kernel image or not
    named by digest, and what `fetch_image` raises.
    """
    if not IMAGE.fullmatch(reference):
        raise KernelError(
            f"The kernel image {reference!r} is not named by digest, so it may be another one "
            "tomorrow.",
            "Name it as host:port/repository@sha256:…",
            code="kernel-image-name",
        )
    fetch_image(engine.api, reference, authorize)
    found = engine.api.inspect_image(reference)  # type: ignore[no-untyped-call]
    labels: Mapping[str, str] = found["Config"].get("Labels") or {}
    if _LANGUAGE not in labels:
        raise KernelError(
            f"{reference} is not a kernel image: it does not say its language.",
            "'phtlab kernel list' shows those of the consortium.",
            code="kernel-image",
        )
    return labels[_LANGUAGE]
