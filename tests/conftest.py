"""The real parts that tests share, started once a session and ended by whoever started them.

`engine` the container engine; `open_registry` a registry without authentication; `built_kernel`
the kernel image, built from `kernels/python` or taken from `.cache/kernels`; `kernel_image` its
reference in that registry. A part that is missing is a failure that says what to install.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors
import pytest

from phtlab.kernel.build import BuiltKernel, build_kernel
from phtlab.kernel.push import push_kernel
from phtlab.wire.registry import Registry
from tests.real_registry import free_port, registry_of

ROOT = Path(__file__).parents[1]
KERNEL_CACHE = ROOT / ".cache" / "kernel-images"


@pytest.fixture(scope="session", autouse=True)
def _no_profile_of_this_machine(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests see no person's configuration, and leave none behind."""
    for name in [n for n in os.environ if n.startswith("PHTLAB_")]:
        del os.environ[name]
    place = tmp_path_factory.mktemp("home")
    os.environ["PHTLAB_CONFIG"] = str(place / "config")
    os.environ["PHTLAB_CACHE"] = str(place / "cache")


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    client.ping()
    before = _references(client)
    yield client
    for reference in _references(client) - before:
        # Trains that stations of this session pulled; one that something still uses stays.
        with contextlib.suppress(docker.errors.APIError):
            client.images.remove(reference)
    client.close()


def _references(client: docker.DockerClient) -> set[str]:
    """All images that came from a registry on this machine, by reference."""
    digests = (image.attrs.get("RepoDigests") or [] for image in client.images.list())
    return {name for names in digests for name in names if name.startswith("127.0.0.1:")}


@pytest.fixture(scope="session")
def open_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real registry without authentication, on a free loopback port."""
    folder = tmp_path_factory.mktemp("registry")
    port = free_port()
    settings = (
        f"version: 0.1\nlog: {{level: warn}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}', secret: a-secret-of-the-tests}}\n"
    )
    with registry_of(settings, port, folder) as url:
        yield url


@pytest.fixture(scope="session")
def built_kernel() -> BuiltKernel:
    return build_kernel(ROOT / "kernels" / "python", KERNEL_CACHE)


@pytest.fixture(scope="session")
def kernel_image(
    open_registry: str, built_kernel: BuiltKernel, engine: docker.DockerClient
) -> Iterator[str]:
    """The kernel image's reference, as the engine takes it; pulled."""
    with Registry(open_registry) as registry:
        image = push_kernel(registry, built_kernel)
        reference = registry.reference(image.repository, image.digest)
    engine.images.pull(reference)
    yield reference
    engine.images.remove(reference, force=True)
