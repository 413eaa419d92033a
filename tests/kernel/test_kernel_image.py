"""The Python kernel image as it is: built twice, pushed, pulled and looked at from inside."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import docker
import pytest

from phtlab.errors import KernelError
from phtlab.kernel import (
    BuildEvent,
    BuiltKernel,
    adopt_kernel,
    build_kernel,
    read_recipe,
    root,
    runtime_layer,
)
from phtlab.kernel.root import builder_version
from phtlab.train.canonical import digest
from phtlab.train.documents.materials import materials_of
from phtlab.train.image.composition import (
    compose,
)
from phtlab.wire.registry.client import Registry
from phtlab.wire.registry.trains import pull_kernel, push_train
from tests.conftest import KERNEL_CACHE, ROOT
from tests.kernel.in_container import python
from tests.raising import raises_code

RECIPE = ROOT / "kernels" / "python"

pytestmark = pytest.mark.engine


@pytest.mark.build
@pytest.mark.usefixtures("built_workspace")  # whose layers the engine stage takes from the cache
def test_the_kernel_image_built_twice_has_one_digest(built_kernel: BuiltKernel) -> None:
    """In a folder of its own, with nothing taken from the first build's cache.

    Both folders stay: until something that goes into the image changes, the two builds that are
    compared are those of an earlier session.
    """
    again = build_kernel(RECIPE, KERNEL_CACHE.with_name("kernel-images-again"))
    assert again.image == built_kernel.image
    assert again.manifest == built_kernel.manifest
    assert again.packages == built_kernel.packages


def test_what_has_not_changed_is_not_built_again(built_kernel: BuiltKernel) -> None:
    events: list[BuildEvent] = []
    assert build_kernel(RECIPE, KERNEL_CACHE, events.append) == built_kernel
    assert [(event.part, event.cached) for event in events] == [
        ("debian", True),
        ("packages", True),
        ("runtime", True),
    ]


def test_a_changed_runtime_changes_the_top_layer_only(
    built_kernel: BuiltKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "phtlab"
    shutil.copytree(Path(runtime_layer.phtlab.__file__).parent / "runtime", package / "runtime")
    for name in ("__init__.py", "py.typed", "version.py"):
        shutil.copy(Path(runtime_layer.phtlab.__file__).with_name(name), package)
    monkeypatch.setattr(runtime_layer.phtlab, "__file__", str(package / "__init__.py"))
    assert build_kernel(RECIPE, KERNEL_CACHE).image == built_kernel.image
    (package / "runtime" / "more.py").write_text("x = 1\n")
    changed = build_kernel(RECIPE, KERNEL_CACHE)
    assert changed.image.diff_ids[:2] == built_kernel.image.diff_ids[:2]
    assert changed.image.diff_ids[2] != built_kernel.image.diff_ids[2]
    shutil.rmtree(changed.layers[2].path.parent)


def test_the_image_says_how_it_runs(built_kernel: BuiltKernel) -> None:
    settings = json.loads(built_kernel.config)["config"]
    assert settings["Entrypoint"] == ["python3", "-m", "phtlab.runtime"]
    assert settings["User"] == "65532:65532"
    assert "HOME=/tmp" in settings["Env"]
    assert "PYTHONDONTWRITEBYTECODE=1" in settings["Env"]
    assert "python3.11" in built_kernel.packages


def test_a_train_runs_on_it_with_all_that_it_promises(
    engine: docker.DockerClient,
    open_registry: str,
    built_kernel: BuiltKernel,
    kernel_image: str,
) -> None:
    with Registry(open_registry) as registry:
        documents = pull_kernel(registry, built_kernel.image)
        assert documents == (built_kernel.manifest, built_kernel.config)
        image = compose(*documents, {"notebook.ipynb": b"{}"})
        reference = push_train(registry, image, "trains/ada/kernel-test", built_kernel.image)
    engine.images.pull(reference)
    try:
        told = python(
            engine,
            reference,
            "import getpass, os, phtlab, pandas\n"
            "import IPython, ipykernel, jupyter_client, matplotlib, numpy, PIL, pyarrow, sklearn\n"
            "import safetensors\n"
            "print(os.getuid(), getpass.getuser(), open('/train/notebook.ipynb').read())",
        )
        assert told == "65532 phtlab {}"
    finally:
        engine.images.remove(reference, force=True)


def test_nothing_in_it_names_the_builders_machine(
    engine: docker.DockerClient, kernel_image: str
) -> None:
    told = python(
        engine,
        kernel_image,
        "from pathlib import Path\n"
        "for name in ('etc/apt/sources.list', 'etc/machine-id', 'var/lib/apt/lists/x',\n"
        "             'etc/dpkg/dpkg.cfg.d/99mmdebstrap', 'var/cache/ldconfig/aux-cache'):\n"
        "    assert not Path('/', name).exists(), name\n"
        "assert not list(Path('/var/log').iterdir())\n"
        "print(sorted(p.name for p in Path('/').iterdir() if p.name in ('stage', 'root')))",
        user="0",
    )
    assert told == "['root']"


def test_it_has_no_set_id_file_and_its_modules_are_compiled(
    engine: docker.DockerClient, kernel_image: str
) -> None:
    told = python(
        engine,
        kernel_image,
        "import os, json, pandas, phtlab.runtime.job\n"
        "bad = [os.path.join(at, name) for at, _, names in os.walk('/usr') for name in names\n"
        "       if os.lstat(os.path.join(at, name)).st_mode & 0o6000]\n"
        "print(bad, [os.path.exists(m.__cached__) for m in (json, pandas, phtlab.runtime.job)])",
    )
    assert told == "[] [True, True, True]"


def test_its_kernel_is_found_and_its_fonts_are_listed(
    engine: docker.DockerClient, kernel_image: str
) -> None:
    told = python(
        engine,
        kernel_image,
        "import os, shutil\n"
        "shutil.copytree('/usr/local/share/phtlab/home/matplotlib', '/tmp/matplotlib')\n"
        "before = os.listdir('/tmp/matplotlib')\n"
        "import matplotlib.font_manager as fonts\n"
        "fonts._load_fontmanager = None\n"
        "import matplotlib.pyplot as plt\n"
        "plt.plot([1, 2]); plt.savefig('/tmp/x.png')\n"
        "from jupyter_client.kernelspec import KernelSpecManager\n"
        "print(before == [f'fontlist-v{fonts.FontManager.__version__}.json'],\n"
        "      os.listdir('/tmp/matplotlib') == before, len(fonts.fontManager.ttflist) > 30,\n"
        "      list(KernelSpecManager().find_kernel_specs()))",
    )
    assert told == "True True True ['python3']"


def test_the_image_carries_the_packages_that_it_says(
    engine: docker.DockerClient, kernel_image: str, built_kernel: BuiltKernel
) -> None:
    said = materials_of(built_kernel.config)
    assert said is not None
    assert said.system == built_kernel.packages
    told = python(
        engine,
        kernel_image,
        "import json; from importlib.metadata import distributions\n"
        "print(json.dumps({d.name.lower().replace('_', '-'): d.version for d in distributions()}))",
    )
    assert said.language.items() <= json.loads(told).items()


def test_an_image_that_the_engine_built_is_adopted(
    engine: docker.DockerClient, open_registry: str, kernel_image: str, tmp_path: Path
) -> None:
    """As with the recipe's Dockerfile: here on our own base, there on an official one."""
    (tmp_path / "Dockerfile").write_text(f"FROM {kernel_image}\nLABEL by=engine\n")
    place = f"{open_registry.removeprefix('http://')}/kernels/python"
    engine.images.build(path=str(tmp_path), tag=f"{place}:engine", rm=True, forcerm=True)
    engine.images.push(place, tag="engine")
    try:
        with Registry(open_registry) as registry:
            image, manifest, config = adopt_kernel(registry, read_recipe(RECIPE), "engine")
            assert pull_kernel(registry, image) == (manifest, config)
            assert materials_of(config) is not None
            train = compose(manifest, config, {"notebook.ipynb": b"{}"})
            reference = push_train(registry, train, "trains/ada/adopted", image)
        engine.images.pull(reference)
        assert python(engine, reference, "import phtlab; print(phtlab.__version__)")
        engine.images.remove(reference)
    finally:
        # Not by its id, which the engine's cache gives another session's build too.
        engine.images.remove(f"{place}:engine")


def test_an_image_without_the_runtime_is_not_adopted(open_registry: str) -> None:
    with Registry(open_registry) as registry:
        config = b'{"config":{"Entrypoint":["bash"]},"rootfs":{"diff_ids":[]}}'
        registry.put_blob("kernels/python", config)
        kind = "application/vnd.oci.image."
        described = {"mediaType": f"{kind}config.v1+json", "size": len(config)}
        described["digest"] = digest(config)
        value = {"schemaVersion": 2, "mediaType": f"{kind}manifest.v1+json", "layers": []}
        manifest = json.dumps({**value, "config": described}).encode()
        registry.put_manifest("kernels/python", manifest, reference="bare")
        with raises_code(KernelError, "kernel-adopt-runtime"):
            adopt_kernel(registry, read_recipe(RECIPE), "bare")


def test_building_needs_root_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root.os, "geteuid", lambda: 1000)
    with raises_code(KernelError, "kernel-needs-root"):
        builder_version()


def test_building_needs_mmdebstrap_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with raises_code(KernelError, "kernel-no-mmdebstrap"):
        builder_version()
