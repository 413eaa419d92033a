"""A kernel that the engine did not remove: none starts in its place."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import docker.errors
import pytest
from jupyter_client.kernelspec import KernelSpec

from phtlab.errors import SandboxError
from phtlab.provisioner.kernel_container import KernelContainer
from phtlab.provisioner.kernel_folder import KernelFolder
from phtlab.provisioner.sandbox_provisioner import SandboxProvisioner
from phtlab.station.executor.contract import Limits
from tests.raising import raises_code

IMAGE = f"127.0.0.1:1/kernels/python@sha256:{'0' * 64}"


class Engine:
    """An engine that removes containers once `fault` is None."""

    def __init__(self) -> None:
        self.api = self
        self.fault: Exception | None = OSError("no answer")
        self.closed = False

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def remove_container(self, container: str, **_: object) -> None:
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    module = "phtlab.provisioner.kernel_container"
    monkeypatch.setattr(f"{module}.container_engine", lambda: engine)
    monkeypatch.setattr(f"{module}.remove_left_behind", lambda engine: 0)
    monkeypatch.setattr(KernelContainer, "_start", lambda self, job: setattr(self, "_id", "id"))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return engine


def _container(folder: KernelFolder) -> KernelContainer:
    return KernelContainer(IMAGE, folder, {}, Limits())


@pytest.fixture
def provisioner(tmp_path: Path) -> SandboxProvisioner:
    spec = KernelSpec(argv=["phtlab"], display_name="a kernel")
    made = SandboxProvisioner(kernel_id="1", kernel_spec=spec, image=IMAGE, folder=str(tmp_path))
    made.connection_info = {"key": "a key", "signature_scheme": "hmac-sha256"}
    return made


def test_what_was_not_removed_can_be_removed_again(engine: Engine, tmp_path: Path) -> None:
    container = _container(KernelFolder.make(str(tmp_path)))
    for engine.fault in (OSError(), docker.errors.APIError("500 Server Error")):
        assert not container.remove()
        assert not engine.closed
    engine.fault = docker.errors.NotFound("no such container")
    assert container.remove()
    assert engine.closed


def test_no_kernel_starts_where_another_may_still_write(
    engine: Engine, provisioner: SandboxProvisioner
) -> None:
    async def restarted() -> SimpleNamespace:
        folder = KernelFolder.make(provisioner.folder)
        folder.connect("a key", "hmac-sha256")
        provisioner._folder, provisioner._container = folder, _container(folder)
        before = (folder.sockets / "connection.json").stat()
        await provisioner.cleanup(restart=True)
        with raises_code(SandboxError, "kernel-start") as no:
            provisioner._launch("")
        assert (folder.sockets / "connection.json").stat() == before
        return SimpleNamespace(code=no.value.code, folder=folder)

    told = asyncio.run(restarted())
    assert told.code == "kernel-start"
    engine.fault = None
    asyncio.run(provisioner.cleanup(restart=True))
    assert provisioner._remains is None


def test_the_next_kernel_has_a_folder_that_remains_do_not_reach(
    engine: Engine, provisioner: SandboxProvisioner
) -> None:
    folder = KernelFolder.make(provisioner.folder)
    provisioner._folder, provisioner._container = folder, _container(folder)
    asyncio.run(provisioner.cleanup())
    assert not folder.path.exists()
    assert (provisioner._folder, provisioner._remains) == (None, None)
