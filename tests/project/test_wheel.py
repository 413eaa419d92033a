"""phtlab as others install it: a source distribution, the wheel made from it without Node, and that
wheel in a clean environment.

The environment has the packages of this one in its path and nothing of phtlab: neither the checkout
nor its links are to be seen there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import phtlab
from tests.limits import LIMIT

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.build

PLAIN_PATH = "/usr/bin:/bin"


def run(
    command: list[str | Path], folder: Path, path: str | None = None
) -> subprocess.CompletedProcess[str]:
    """`command`, which must succeed; `path` in place of this process's PATH."""
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("JUPYTER", "PYTHON"))}
    environment |= {"PATH": path or os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done


@pytest.fixture(scope="module")
def without_node(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH with what any system has, and no Node."""
    tools = tmp_path_factory.mktemp("bin")
    for folder in map(Path, PLAIN_PATH.split(":")):
        for program in folder.iterdir():
            link = tools / program.name
            if program.name not in ("node", "nodejs", "npm", "npx") and not link.is_symlink():
                link.symlink_to(program)
    return str(tools)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sdist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(made)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stdout + done.stderr
    (archive,) = made.iterdir()
    return archive


def built(sdist: Path, place: Path, path: str, more: str | None = None) -> Path:
    """The wheel of `sdist` alone, with a module `more` in it if that is named."""
    run(["tar", "-xf", sdist, "-C", place], ROOT)
    (source,) = place.iterdir()
    if more is not None:
        (source / "phtlab" / f"{more}.py").touch()
    made = place / "made"
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", made], source, path)
    (file,) = made.iterdir()
    return file


def environment_with(wheel: Path, place: Path, path: str) -> Path:
    """The `bin` of an environment at `place` with the wheel, and the packages it depends on."""
    venv.create(place, with_pip=False, symlinks=True)
    here = next(Path(p) for p in sys.path if p.endswith("site-packages"))
    (there,) = place.glob("lib/python*/site-packages")
    # Packages alone: a line of a .pth file is no place whose own .pth files are read, so the
    # editable installation of the checkout is not in it.
    (there / "dependencies.pth").write_text(f"{here}\n")
    install = ["-m", "pip", "install", "-q", "--no-deps", "--no-index", "--force-reinstall"]
    run([place / "bin/python", *install, wheel], place, path)
    return place / "bin"


@pytest.fixture(scope="module")
def wheel(sdist: Path, without_node: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made where there is no Node."""
    return built(sdist, tmp_path_factory.mktemp("wheel"), without_node)


@pytest.fixture(scope="module")
def clean(wheel: Path, without_node: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment_with(wheel, tmp_path_factory.mktemp("clean") / "venv", without_node)


def test_wheel_holds_code_extension_configuration_and_recipes_and_nothing_to_build_with(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    data = f"{wheel.name.rsplit('-', 3)[0]}.data/data"
    for name in (
        "phtlab/py.typed",
        "phtlab/error_codes.toml",
        "phtlab/lab/display/dispatch_widget.js",
        "phtlab/lab/display/journey_widget.css",
        "phtlab/lab/display/journey_widget.js",
        "phtlab/lab/server/__init__.py",
        "phtlab_hub/templates/503.html",
        "phtlab_spawner/docker_workspace.py",
        f"{data}/etc/jupyter/jupyter_server_config.d/phtlab.json",
        f"{data}/share/jupyter/labextensions/phtlab/package.json",
        f"{data}/share/jupyter/labextensions/phtlab/install.json",
        f"{data}/share/jupyter/labextensions/phtlab/static/third-party-licenses.json",
        "phtlab/_share/kernels/python/requirements.lock",
        "phtlab/_share/notebooks/heart_disease.ipynb",
        "phtlab/_share/spawner/workspace/workspace.toml",
        "phtlab/_share/hub_config/docker/jupyterhub_config.py",
        f"{data.removesuffix('.data/data')}.dist-info/licenses/LICENSE",
    ):
        assert name in names
    unwanted = re.compile(r"node_modules|frontend|__pycache__|\.tsx?$|\.map$|/\.venv|tests/")
    assert [name for name in names if unwanted.search(name)] == []


def test_extension_has_the_version_of_the_package():
    described = json.loads((ROOT / "phtlab/lab/frontend/package.json").read_text())
    assert described["version"] == phtlab.__version__


def test_jupyterlab_finds_the_extension_enabled_and_ok(clean, without_node):
    done = run(
        [clean / "python", "-m", "jupyterlab.labextensions", "list"], clean.parent, without_node
    )
    listed = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    (line,) = re.findall(r"^\s*phtlab v.*$", listed, re.MULTILINE)
    assert re.search(r"\benabled\b.*\bOK\b.*\(python, phtlab\)", line), listed
    assert str(clean.parent) in listed.split(line)[0].splitlines()[-1]


def test_jupyter_server_finds_the_extension_and_can_load_it(clean, without_node):
    done = run(
        [clean / "python", "-m", "jupyter_server.extension.serverextension", "list"],
        clean.parent,
        without_node,
    )
    listed = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    assert re.search(r"phtlab\.lab\.server .*enabled", listed), listed
    assert re.search(
        r"Validating phtlab\.lab\.server.*\n\s*phtlab\.lab\.server .*\bOK\b", listed
    ), listed


def test_command_runs_and_finds_what_came_with_it(clean, without_node):
    said = run([clean / "phtlab", "--version"], clean.parent, without_node)
    assert said.stdout.strip().endswith(phtlab.__version__)
    question = (
        "import phtlab, phtlab_hub, phtlab_spawner, phtlab.share as s; print(phtlab.__file__); "
        "print(*(s.share(n) for n in ('kernels/python', 'notebooks/heart_disease.ipynb', "
        "'spawner/workspace', 'hub_config/local/jupyterhub_config.py')), sep='\\n')"
    )
    places = run([clean / "python", "-c", question], clean.parent, without_node).stdout.split()
    assert len(places) == 5
    assert all(Path(place).is_relative_to(clean.parent) for place in places)


def test_checkout_without_node_and_without_the_built_extension_says_what_to_do(
    sdist, without_node, tmp_path
):
    run(["tar", "-xf", sdist, "-C", tmp_path], ROOT)
    (source,) = tmp_path.iterdir()
    (source / "phtlab/lab/labextension/made-of.sha256").unlink()
    done = subprocess.run(
        [sys.executable, "hatch_build.py"],
        cwd=source,
        env={"PATH": without_node},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 1
    assert "there is no Node to build it with. Install Node" in done.stderr


def test_upgrade_and_the_way_back_are_as_the_page_says(wheel, sdist, without_node, tmp_path):
    """Of a wheel with the same version: there are no releases, so no other has come yet."""
    section = (ROOT / "docs" / "install.md").read_text().split("\n### Upgrade\n")[1]
    commands = section.split("\n```\n")[1].splitlines()
    operator = (ROOT / "docs" / "operator.md").read_text()
    assert len(commands) == 2
    assert all(f"\n{command}\n" in operator for command in commands)

    (tmp_path / "source").mkdir()
    newer = built(sdist, tmp_path / "source", without_node, more="newer")
    (tmp_path / "home" / "dist").mkdir(parents=True)
    programs = environment_with(wheel, tmp_path / "opt", without_node)

    def install(file: Path, commands: list[str]) -> bool:
        """Whether phtlab is the newer one after that."""
        shutil.copy(file, tmp_path / "home" / "dist")
        for command in commands:
            typed = f"PIP_NO_INDEX=1 {command.replace('/opt/phtlab', str(tmp_path / 'opt'))}"
            run(["bash", "-c", typed], tmp_path / "home", without_node)
        found = [programs / "python", "-c", "import phtlab as p; print(p.__path__[0])"]
        package = Path(run(found, tmp_path, without_node).stdout.strip())
        assert package.is_relative_to(tmp_path / "opt")
        return (package / "newer.py").exists()

    assert install(newer, commands)
    assert not install(wheel, commands[1:])
