"""The workspace image: the kernel's layers as they are, and what lies on top of them."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from phtlab.errors import EngineMissingError, KernelError
from phtlab.kernel import (
    BuildEvent,
    BuiltKernel,
    build_workspace,
    container_engine,
    load_workspace,
    push_workspace,
    workspace_files,
)
from phtlab.kernel.workspace import BuiltWorkspace
from phtlab.train.canonical import digest
from phtlab.wire.registry.client import Registry
from tests.conftest import KERNEL_CACHE, ROOT
from tests.kernel.in_container import python
from tests.raising import raises_code

RECIPE = ROOT / "spawner" / "workspace"

pytestmark = pytest.mark.engine


def inside(engine: docker.DockerClient, image: str, code: str) -> Any:
    """What Python `code` prints as JSON in a container of `image`."""
    return json.loads(python(engine, image, code))


@pytest.fixture
def other_extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the built JupyterLab extension, of which workspaces are made in this test."""
    package = Path(workspace_files.phtlab.__file__).parent
    folder = tmp_path / "labextension"
    shutil.copytree(workspace_files._labextension(package), folder)
    monkeypatch.setattr(workspace_files, "_labextension", lambda package: folder)
    return folder


@pytest.fixture
def forgotten() -> Iterator[list[BuiltWorkspace]]:
    """Images whose topmost phtlab layer is of this test only."""
    built: list[BuiltWorkspace] = []
    yield built
    for one in built:
        shutil.rmtree(one.layers[-2].path.parent, ignore_errors=True)


def test_the_kernels_layers_come_first_and_keep_their_digests(
    built_workspace: BuiltWorkspace, built_kernel: BuiltKernel
) -> None:
    count = len(built_kernel.layers)
    assert built_workspace.layers[:count] == built_kernel.layers
    assert len(built_workspace.layers) == count + 3
    assert built_workspace.kernel == built_kernel.image.digest
    manifest, config = json.loads(built_workspace.manifest), json.loads(built_workspace.config)
    kernel = json.loads(built_kernel.manifest)
    assert manifest["layers"][:count] == kernel["layers"]
    assert manifest["config"]["digest"] == digest(built_workspace.config)
    assert built_workspace.digest == digest(built_workspace.manifest)
    assert config["config"]["Labels"]["org.phtlab.kernel"] == built_kernel.image.digest


def test_it_starts_a_hubs_server_as_nobody_in_particular(built_workspace: BuiltWorkspace) -> None:
    settings = json.loads(built_workspace.config)["config"]
    assert settings["Cmd"] == ["jupyterhub-singleuser"]
    assert "Entrypoint" not in settings, "what a station runs is not what a workspace runs"
    assert settings["User"] == "65532:65532"
    assert settings["WorkingDir"] == "/home/analyst"
    names = dict(variable.split("=", 1) for variable in settings["Env"])
    assert names["HOME"] == "/home/analyst"
    assert "MPLBACKEND" not in names, "figures show in Lab"


def test_what_has_not_changed_is_not_built_again(
    built_workspace: BuiltWorkspace, built_kernel: BuiltKernel, other_extension: Path
) -> None:
    """(With an extension that nobody builds anew meanwhile.)"""
    first = build_workspace(RECIPE, built_kernel, KERNEL_CACHE)
    events: list[BuildEvent] = []
    assert build_workspace(RECIPE, built_kernel, KERNEL_CACHE, events.append) == first
    assert [(event.part, event.cached) for event in events] == [
        ("lab", True),
        ("phtlab", True),
        ("home", True),
    ]


def test_a_changed_front_end_changes_one_small_layer(
    built_kernel: BuiltKernel, other_extension: Path, forgotten: list[BuiltWorkspace]
) -> None:
    before = build_workspace(RECIPE, built_kernel, KERNEL_CACHE)
    (entry,) = (other_extension / "static").glob("remoteEntry*.js")
    entry.write_text(entry.read_text() + "\n// changed\n")
    after = build_workspace(RECIPE, built_kernel, KERNEL_CACHE)
    forgotten.append(after)
    changed = [a != b for a, b in zip(before.layers, after.layers, strict=True)]
    assert changed == [False, False, False, False, True, False]
    assert after.layers[-2].size < 5_000_000
    assert after.reference != before.reference
    assert build_workspace(RECIPE, built_kernel, KERNEL_CACHE) == after


def test_two_builds_of_the_small_layers_are_the_same_bytes(
    built_kernel: BuiltKernel, other_extension: Path
) -> None:
    first = build_workspace(RECIPE, built_kernel, KERNEL_CACHE)
    for layer in first.layers[-2:]:
        shutil.rmtree(layer.path.parent)
    assert build_workspace(RECIPE, built_kernel, KERNEL_CACHE) == first


def test_an_extension_that_is_not_built_says_how(
    built_kernel: BuiltKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace_files.sys, "prefix", str(tmp_path))
    with raises_code(KernelError, "workspace-labextension"):
        workspace_files._labextension(tmp_path)
    # Half a build is none: what its package.json names must be there.
    half = tmp_path / "lab" / "labextension"
    half.mkdir(parents=True)
    (half / "package.json").write_text('{"jupyterlab": {"_build": {"load": "static/x.js"}}}')
    with raises_code(KernelError, "workspace-labextension"):
        workspace_files._labextension(tmp_path)


def test_a_package_that_the_kernel_has_too_is_refused(
    built_kernel: BuiltKernel, tmp_path: Path
) -> None:
    folder = tmp_path / "workspace"
    shutil.copytree(RECIPE, folder)
    text = (folder / "workspace.toml").read_text()
    (folder / "workspace.toml").write_text(
        text.replace('"../../kernels/python"', f'"{ROOT}/kernels/python"')
    )
    with (folder / "requirements.lock").open("a") as lock:
        lock.write(f"numpy==2.0.0 \\\n    --hash=sha256:{'0' * 64}\n")
    with raises_code(KernelError, "workspace-twice"):
        build_workspace(folder, built_kernel, KERNEL_CACHE)


def test_each_package_finds_what_it_needs(
    engine: docker.DockerClient, workspace_image: str
) -> None:
    """Every requirement of every package, but for what the recipe leaves out on purpose."""
    missing = inside(
        engine,
        workspace_image,
        "import json\n"
        "from importlib.metadata import distributions, version, PackageNotFoundError\n"
        "from packaging.requirements import Requirement\n"
        "wrong = []\n"
        "for dist in distributions():\n"
        "    for line in dist.requires or []:\n"
        "        need = Requirement(line)\n"
        "        if need.marker and not need.marker.evaluate({'extra': ''}): continue\n"
        "        try:\n"
        "            have = version(need.name)\n"
        "        except PackageNotFoundError:\n"
        "            have = None\n"
        "        if have is None or not need.specifier.contains(have, prereleases=True):\n"
        "            wrong.append([dist.name, str(need), have])\n"
        "print(json.dumps(wrong))",
    )
    assert {name for name, need, _ in missing if not need.startswith(("debugpy", "pip"))} == set()


def test_the_kernels_packages_are_the_ones_that_are_imported(
    engine: docker.DockerClient, workspace_image: str, built_kernel: BuiltKernel
) -> None:
    places = inside(
        engine,
        workspace_image,
        "import json, importlib.metadata as m\n"
        "seen = {}\n"
        "for dist in m.distributions():\n"
        "    seen.setdefault(dist.name.lower().replace('_', '-'), []).append(\n"
        "        [dist.version, str(dist.locate_file(''))])\n"
        "print(json.dumps(seen))",
    )
    assert all(len(found) == 1 for found in places.values()), "no package lies there twice"
    for name, version in built_kernel.packages.items():
        if name in places:
            assert places[name][0][0] == version, name
            assert "phtlab-workspace" not in places[name][0][1]
    assert places["jupyterlab"][0][1].startswith("/usr/local/lib/phtlab-workspace")


def test_phtlab_is_in_it_whole_but_for_what_only_builds_it(
    engine: docker.DockerClient, workspace_image: str
) -> None:
    told = inside(
        engine,
        workspace_image,
        "import json, os, pathlib, phtlab, phtlab.lab.server, phtlab.cli, phtlab.train\n"
        "top = pathlib.Path(phtlab.__file__).parent\n"
        "names = {p.relative_to(top).as_posix() for p in top.rglob('*')}\n"
        "ext = pathlib.Path('/usr/local/share/jupyter/labextensions/phtlab')\n"
        "print(json.dumps([\n"
        "    [n for n in names if n.endswith(('.ts', '.tsx')) or 'node_modules' in n\n"
        "        or n.startswith(('lab/frontend', 'lab/labextension'))],\n"
        "    [n for n in ('runtime/__init__.py', 'lab/server/__init__.py') if n not in names],\n"
        "    any(n.startswith('_share/notebooks/') and n.endswith('.ipynb') for n in names),\n"
        "    json.loads((ext / 'package.json').read_text())['name'],\n"
        "    [p.name for p in ext.rglob('*.map')],\n"
        "    os.access(top, os.W_OK)]))",
    )
    assert told == [[], [], True, "phtlab", [], False]


def test_its_home_is_empty_and_its_users_own(
    engine: docker.DockerClient, workspace_image: str
) -> None:
    """Looked at in a new volume, as everyone's first home is one."""
    told = inside(
        engine,
        workspace_image,
        "import json, os, pathlib\n"
        "home = pathlib.Path.home(); at = home.stat()\n"
        "print(json.dumps([str(home), os.listdir(home), oct(at.st_mode), at.st_uid, os.getuid()]))",
    )
    assert told == ["/home/analyst", [], "0o40700", 65532, 65532]


def test_nothing_in_it_is_set_id_or_for_others_to_write(
    engine: docker.DockerClient, workspace_image: str
) -> None:
    told = inside(
        engine,
        workspace_image,
        "import json, os, stat\n"
        "bad = []\n"
        "for top in ('/usr', '/etc', '/opt'):\n"
        "    for at, folders, names in os.walk(top):\n"
        "        for name in folders + names:\n"
        "            mode = os.lstat(os.path.join(at, name)).st_mode\n"
        "            if not stat.S_ISLNK(mode) and mode & 0o6002: bad.append(f'{at}/{name}')\n"
        "print(json.dumps(bad))",
    )
    assert told == []


def test_loading_it_again_sends_nothing(
    engine: docker.DockerClient, workspace_image: str, built_workspace: BuiltWorkspace
) -> None:
    moved: list[int] = []
    assert load_workspace(built_workspace, engine, moved.append) == workspace_image
    assert moved == []


def test_of_a_changed_one_only_what_changed_is_sent(
    engine: docker.DockerClient,
    workspace_image: str,
    built_kernel: BuiltKernel,
    other_extension: Path,
    forgotten: list[BuiltWorkspace],
) -> None:
    (entry,) = (other_extension / "static").glob("remoteEntry*.js")
    entry.write_text(entry.read_text() + f"\n// changed, and loaded: {secrets.token_hex(8)}\n")
    changed = build_workspace(RECIPE, built_kernel, KERNEL_CACHE)
    forgotten.append(changed)
    moved: list[int] = []
    reference = load_workspace(changed, engine, moved.append)
    try:
        assert reference != workspace_image
        assert moved[-1] < 10_000_000, "of some 300 megabytes"
        layers = engine.images.get(reference).attrs["RootFS"]["Layers"]
        assert layers == [layer.diff_id for layer in changed.layers]
    finally:
        engine.images.remove(reference)


def test_through_a_registry_it_is_the_same_image(
    engine: docker.DockerClient,
    open_registry: str,
    workspace_image: str,
    built_workspace: BuiltWorkspace,
) -> None:
    with Registry(open_registry) as registry:
        reference = push_workspace(registry, built_workspace)
    assert reference.endswith(f"/workspaces/python@{built_workspace.digest}")
    pulled = engine.images.pull(reference)
    assert pulled.id == engine.images.get(workspace_image).id


def test_without_an_engine_it_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with raises_code(EngineMissingError, "engine-missing"), container_engine():
        pytest.fail("there is no engine at that address")
