"""Python in a container of an image that was built here: no network, nothing to write but /tmp."""

from __future__ import annotations

import docker

from tests.limits import LIMIT


def python(engine: docker.DockerClient, image: str, code: str, **options: object) -> str:
    """What `code` prints; it ends well, or the test fails with all that it said."""
    container = engine.containers.create(
        image,
        ["-c", code],
        entrypoint="python3",
        network_mode="none",
        read_only=True,
        tmpfs={"/tmp": ""},
        cap_drop=["ALL"],
        **options,
    )
    try:
        container.start()
        code_of_exit = container.wait(timeout=LIMIT)["StatusCode"]
        assert code_of_exit == 0, container.logs().decode()
        told: bytes = container.logs(stderr=False)
    finally:
        container.remove(force=True, v=True)
    return told.decode().strip()
