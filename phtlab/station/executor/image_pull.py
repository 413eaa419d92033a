"""Image pulls: by digest, with authorisation; refuses images that write outside the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import docker
from docker.errors import APIError, NotFound

from phtlab.errors import RegistryError, RegistryUnreachableError, SandboxError
from phtlab.station.executor.contract import RegistryAuth

_NO_ANSWER = ("connection refused", "no such host", "timeout", "no route", "unreachable", "eof")


Moved = Callable[[int, int], None]


def fetch_image(
    engine: docker.APIClient,
    reference: str,
    authorize: Callable[[], RegistryAuth],
    moved: Moved = lambda done, total: None,
) -> None:
    """Ensure that the engine has `reference` (``host:port/repository@sha256:…``); pull it if not.

    Calls `moved` with the bytes downloaded, and those of the layers known so far.

    Raises RegistryUnreachableError, RegistryError (``image-refused``), and SandboxError
    (``sandbox-volumes``) for an image that could write outside the sandbox's limits.
    """
    try:
        require_image(engine, reference)
    except NotFound:
        _pull(engine, reference, authorize(), moved)
        require_image(engine, reference)


def require_image(engine: docker.APIClient, reference: str) -> None:
    """Raise the SDK's NotFound unless the engine has `reference`; SandboxError as `fetch_image`."""
    image = engine.inspect_image(reference)  # type: ignore[no-untyped-call]
    if image["Config"].get("Volumes"):
        raise SandboxError(
            f"The image {reference} declares volumes, which would be writable without a limit.",
            "Build the kernel image without VOLUME.",
            code="sandbox-volumes",
        )


def _pull(engine: docker.APIClient, reference: str, auth: RegistryAuth, moved: Moved) -> None:
    repository, _, digest = reference.partition("@")
    # An empty setting, not None: with None the SDK would send the user's own credentials.
    credentials = {"registrytoken": auth.token} if auth.token else {}
    try:
        events = engine.pull(
            repository, tag=digest, auth_config=credentials, stream=True, decode=True
        )
        problem = _followed(events, moved)
    except APIError as error:
        problem = engine_message(error)
    if problem is None:
        return
    registry = repository.partition("/")[0]
    if any(phrase in problem.lower() for phrase in _NO_ANSWER):
        raise RegistryUnreachableError(
            f"The registry {registry} does not answer the engine, which needs the image "
            f"{reference}.",
            "Check the registry's address and that this machine reaches it.",
        )
    raise RegistryError(
        f"The registry {registry} did not give the image {reference}: {problem}.",
        "Check that the image was pushed and that you may pull it.",
        code="image-refused",
    )


def _followed(events: Iterable[Mapping[str, Any]], moved: Moved) -> str | None:
    """Follow a pull to its end; return what went wrong, if anything."""
    layers: dict[str, tuple[int, int]] = {}
    for event in events:
        if "error" in event:
            return str(event["error"])
        if event.get("status") == "Downloading":
            detail = event.get("progressDetail") or {}
            layers[str(event.get("id"))] = detail.get("current", 0), detail.get("total", 0)
            moved(sum(done for done, _ in layers.values()), sum(of for _, of in layers.values()))
    return None


def engine_message(error: APIError) -> str:
    """Return the engine's own message, without a full stop."""
    words = error.explanation or str(error)
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return text.strip().rstrip(".")
