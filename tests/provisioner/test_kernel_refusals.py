"""A kernel that cannot start says why and what to do, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from jupyter_client.manager import AsyncKernelManager

from phtlab.errors import (
    DataSetError,
    EngineMissingError,
    KernelError,
    PhtlabError,
    SandboxError,
)
from phtlab.provisioner import fetch_kernel, install_kernelspec
from phtlab.provisioner.kernelspec import NAME
from phtlab.station.executor.contract import RegistryAuth
from phtlab.wire.registry.client import Registry
from tests.empty_image import push_empty_image
from tests.provisioner.sandboxed import Configure, Left, kernel_running, until
from tests.raising import raises_code

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("jupyter")]


def _refused(kind: type[PhtlabError], left: Left) -> str:
    with pytest.raises(kind) as refused, kernel_running():
        raise AssertionError("it started")
    assert left.nothing()
    return str(refused.value)


def test_an_engine_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, left: Left
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    told = _refused(EngineMissingError, left)
    assert "does not answer" in told and "systemctl start docker" in told


def test_an_engine_on_another_machine(monkeypatch: pytest.MonkeyPatch, left: Left) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2376")
    told = _refused(EngineMissingError, left)
    assert "tcp://192.0.2.1:2376" in told and "unset DOCKER_HOST" in told


def test_another_operating_system(monkeypatch: pytest.MonkeyPatch, left: Left) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert "needs Linux" in _refused(EngineMissingError, left)


def test_an_image_that_is_not_here(configured: Configure, left: Left) -> None:
    configured(image=f"127.0.0.1:1/kernels/python@sha256:{'0' * 64}")
    told = _refused(SandboxError, left)
    assert "is not on this machine" in told and "'phtlab kernel install'" in told


@pytest.mark.parametrize("image", ["", "127.0.0.1:1/kernels/python:latest"])
def test_an_image_that_is_not_named_by_digest(
    configured: Configure, left: Left, image: str
) -> None:
    configured(image=image)
    told = _refused(SandboxError, left)
    assert ("is not named by digest" if image else "No kernel image is named") in told


def test_an_entry_without_an_image(jupyter: Path, left: Left) -> None:
    file = jupyter / "kernels" / NAME / "kernel.json"
    spec = json.loads(file.read_text())
    del spec["metadata"]["kernel_provisioner"]["config"]["image"]
    file.write_text(json.dumps(spec))
    assert "Run 'phtlab kernel install' again" in _refused(SandboxError, left)


def test_a_data_set_that_is_not_there(twin: Path, left: Left) -> None:
    twin.unlink()
    told = _refused(DataSetError, left)
    assert f"heart is not at {twin}" in told


def test_a_declaration_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, left: Left
) -> None:
    file = tmp_path / "datasets.json"
    file.write_text("{")
    monkeypatch.setenv("PHTLAB_DATASETS", str(file))
    told = _refused(DataSetError, left)
    assert str(file) in told and "not a JSON file" in told


def test_a_kernel_that_ends_at_once_is_quoted_without_its_control_characters(
    monkeypatch: pytest.MonkeyPatch, left: Left
) -> None:
    broken = ("python3", "-c", r"raise SystemExit('no \x1b[31mkernel \u202etoday')")
    monkeypatch.setattr("phtlab.provisioner.kernel_container.ENTRYPOINT", broken)
    told = _refused(SandboxError, left)
    assert "ended before it answered (exit code 1)" in told
    assert r"no \x1b[31mkernel \u202etoday" in told


def test_a_kernel_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, configured: Configure, left: Left
) -> None:
    configured(start_seconds=1)
    silent = ("python3", "-c", "import time; time.sleep(600)")
    monkeypatch.setattr("phtlab.provisioner.kernel_container.ENTRYPOINT", silent)
    assert "did not answer within 1 seconds" in _refused(SandboxError, left)


def test_a_start_that_is_given_up_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, configured: Configure, left: Left
) -> None:
    configured(start_seconds=3)
    silent = ("python3", "-c", "import time; time.sleep(600)")
    monkeypatch.setattr("phtlab.provisioner.kernel_container.ENTRYPOINT", silent)

    async def give_up() -> None:
        manager = AsyncKernelManager(kernel_name=NAME)
        start = asyncio.ensure_future(manager.start_kernel(env=dict(os.environ)))
        while not left.containers():
            await asyncio.sleep(0.02)
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
        await asyncio.to_thread(until, left.nothing)

    asyncio.run(give_up())


def test_only_kernel_images_are_installed(left: Left, open_registry: str) -> None:
    with Registry(open_registry) as registry:
        other = registry.reference("other", push_empty_image(registry, "other"))
    try:
        with raises_code(KernelError, "kernel-image"):
            fetch_kernel(left.engine, other, RegistryAuth)
    finally:
        left.engine.images.remove(other)
    with raises_code(KernelError, "kernel-image-name"):
        fetch_kernel(left.engine, other.partition("@")[0], RegistryAuth)


def test_only_python_kernels_are_installed(tmp_path: Path) -> None:
    with raises_code(KernelError, "kernel-language"):
        install_kernelspec("127.0.0.1:1/kernels/r@sha256:0", language="R", prefix=tmp_path / "to")
    assert not (tmp_path / "to").exists()
