"""`phtlab kernel install`: from the consortium's catalogue, or an image by its reference."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import docker.errors
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from typer.testing import CliRunner

from phtlab.cli.main import app
from phtlab.errors import KernelError
from phtlab.provisioner import SandboxProvisioner
from phtlab.provisioner.kernelspec import DISPLAY_NAME, NAME, PROVISIONER, install_kernelspec
from tests.provisioner.sandboxed import Left, kernel_running
from tests.raising import raises_code

if TYPE_CHECKING:
    from phtlab.demo.world import World

IMAGE = f"127.0.0.1:1/kernels/python@sha256:{'0' * 64}"


def test_jupyter_finds_the_provisioner_by_its_entry_point() -> None:
    (found,) = [
        point
        for point in KernelProvisionerFactory._get_all_provisioners()
        if point.name == PROVISIONER
    ]
    assert found.load() is SandboxProvisioner


def test_an_entry_is_a_kernelspec_of_jupyter(tmp_path: Path) -> None:
    folder = install_kernelspec(IMAGE, language="python", prefix=tmp_path)
    finder = KernelSpecManager(kernel_dirs=[str(tmp_path / "share/jupyter/kernels")])
    spec = finder.get_kernel_spec(NAME)
    assert Path(spec.resource_dir) == folder
    assert (spec.display_name, spec.language) == (DISPLAY_NAME, "python")
    assert spec.metadata["kernel_provisioner"] == {
        "provisioner_name": PROVISIONER,
        "config": {"image": IMAGE},
    }


def test_an_entry_is_replaced(tmp_path: Path) -> None:
    install_kernelspec(IMAGE, language="python", prefix=tmp_path)
    newer = IMAGE.replace("0" * 64, "1" * 64)
    folder = install_kernelspec(newer, language="python", prefix=tmp_path)
    assert newer in (folder / "kernel.json").read_text()


@pytest.mark.parametrize("trouble", ["place", "name"])
def test_an_entry_that_cannot_be_written(tmp_path: Path, trouble: str) -> None:
    (tmp_path / "share").write_text("a file")
    name = NAME if trouble == "place" else "not a name"
    with raises_code(KernelError, "kernelspec"):
        install_kernelspec(IMAGE, language="python", name=name, prefix=tmp_path)


@pytest.mark.engine
def test_an_image_by_its_reference(kernel_image: str, left: Left, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["kernel", "install", "--image", kernel_image, "--prefix", str(tmp_path), "--json"]
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told == {
        "name": NAME,
        "folder": str(tmp_path / "share/jupyter/kernels" / NAME),
        "image": kernel_image,
    }
    assert kernel_image in Path(told["folder"], "kernel.json").read_text()


@pytest.mark.engine
def test_from_the_catalogue_with_the_members_own_leave(
    small: World,
    engine: docker.DockerClient,
    left: Left,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    done = _phtlab(small, "kernel", "install")
    assert done.returncode == 0, done.stderr
    assert "It has no network" in done.stderr and "jupyter lab" in done.stderr
    file = tmp_path / "jupyter" / "kernels" / NAME / "kernel.json"
    image = json.loads(file.read_text())["metadata"]["kernel_provisioner"]["config"]["image"]
    assert image.startswith(small.registry_url.removeprefix("http://"))
    try:
        with kernel_running() as kernel:
            assert kernel.run("import phtlab; print(phtlab.dataset.__module__)").startswith(
                "phtlab"
            )
        assert left.nothing()
        engine.images.remove(image)
        # Not from anybody's cache of passwords: the registry gives it for central's token alone.
        with pytest.raises(docker.errors.APIError):
            engine.images.pull(image)
    finally:
        if engine.images.list(image.partition("@")[0]):
            engine.images.remove(image)


@pytest.mark.engine
def test_a_kernel_that_the_consortium_does_not_have(small: World) -> None:
    done = _phtlab(small, "kernel", "install", "julia")
    assert done.returncode != 0
    assert "There is no kernel image called 'julia' in the catalogue; there is: python" in (
        done.stderr.replace("\n", " ")
    )


def _phtlab(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "phtlab", *arguments],
        env={**os.environ, **world.environment, "PHTLAB_CENTRAL": world.central_url},
        capture_output=True,
        text=True,
        timeout=120,
    )
