"""A kernel image's kernel in Jupyter, found by its entry alone, and what is left of kernels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from phtlab.provisioner import install_kernelspec
from phtlab.provisioner.kernelspec import NAME, kernelspec
from tests.provisioner.sandboxed import PATIENTS, Configure, Left


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: docker.DockerClient) -> Left:
    """What kernels of this test leave: their folders are made in a place of its own."""
    place = tmp_path / "k"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr("tempfile.tempdir", None)
    return Left(place, engine)


@pytest.fixture
def jupyter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel_image: str, left: Left
) -> Iterator[Path]:
    """Jupyter's data folder with the kernel in it, as 'phtlab kernel install' leaves it."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    install_kernelspec(kernel_image, language="python")
    yield tmp_path / "jupyter"
    # A test that failed half-way shall not leave a container for the next ones.
    for container in left.containers():
        container.remove(force=True)


@pytest.fixture
def configured(jupyter: Path, kernel_image: str) -> Configure:
    """Set traits of the provisioner in the kernel's entry."""

    def configured(**traits: object) -> None:
        file = jupyter / "kernels" / NAME / "kernel.json"
        file.write_text(json.dumps(kernelspec(kernel_image, config=traits)))

    return configured


@pytest.fixture
def twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of made-up patients that only this user may read, declared as Lab declares twins."""
    folder = tmp_path / "twins"
    folder.mkdir(mode=0o700)
    table = folder / "heart.csv"
    table.write_text(PATIENTS)
    table.chmod(0o600)
    declared = folder / "datasets.json"
    columns = {"age": "integer", "sick": "integer"}
    declared.write_text(
        json.dumps({"heart": {"path": "heart.csv", "format": "csv", "columns": columns}})
    )
    monkeypatch.setenv("PHTLAB_DATASETS", str(declared))
    return table
