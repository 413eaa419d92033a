"""The pip part of environment.yml in an environment of its own, and JupyterLab opened from there.

conda runs pip in the folder of environment.yml, with that list. Here uv does, in the versions of
requirements.lock; what conda itself brings (Python, Node, the hub's proxy) is on this machine.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import BrowserContext, expect

import phtlab
from tests.ui.chromium import watched_tab
from tests.ui.lab_page import LabPage, write_notebook
from tests.ui.lab_server import LabServer, lab_running
from tests.ui.test_plugins import CELLS

pytestmark = pytest.mark.build

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
# Node's packages are installed, and the extension built.
INSTALL_LIMIT = 800.0  # seconds


def pip_part() -> list[str]:
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    (part,) = (entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict))
    return list(part)


def uv() -> str:
    """The checkout's own uv, which `.ci/prepare` brings, else the machine's."""
    own = ROOT / ".ci" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    assert found, "install uv"
    return found


def run(command: list[str | Path], folder: Path) -> str:
    """What `command` prints on both streams; it must succeed. Nothing of this environment's."""
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("JUPYTER", "PYTHON"))}
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=INSTALL_LIMIT,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of the environment."""
    place = tmp_path_factory.mktemp("conda") / "environment"
    run([uv(), "venv", "-q", "--python", sys.executable, place], ROOT)
    into = ["--python", str(place / "bin" / "python")]
    locked = ["--constraint", str(LOCK), "--build-constraint", str(LOCK)]
    run([uv(), "pip", "install", "-q", *into, *locked, *pip_part()], ROOT)
    return place / "bin"


@pytest.fixture(scope="module")
def lab_server(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    with lab_running(tmp_path_factory.mktemp("lab") / "lab", python=programs / "python") as server:
        yield server


def test_jupyterlab_and_its_server_find_the_extension(programs, tmp_path):
    listed = run([programs / "jupyter", "labextension", "list"], tmp_path)
    (place,) = re.findall(r"^(/.*)\n(?: .*\n)*? *phtlab v", listed, re.MULTILINE)
    assert place == str(programs.parent / "share/jupyter/labextensions")
    (found,) = re.findall(r"^ *phtlab v(.*)$", listed, re.MULTILINE)
    assert found.split() == [phtlab.__version__, "enabled", "OK", "(python,", "phtlab)"]
    served = run([programs / "jupyter", "server", "extension", "list"], tmp_path)
    assert re.search(r"^ *phtlab\.lab\.server enabled$", served, re.MULTILINE), served
    assert re.search(r"^ *phtlab\.lab\.server \S* ?OK$", served, re.MULTILINE), served


def test_the_command_the_hub_and_the_console_are_there(programs, tmp_path):
    assert run([programs / "phtlab", "--version"], tmp_path).strip().endswith(phtlab.__version__)
    imported = (
        "import jupyterhub, phtlab_hub.configuration, phtlab_spawner.docker_workspace, "
        "phtlab.station.console.app; print(phtlab_hub.__file__)"
    )
    place = run([programs / "python", "-c", imported], tmp_path).strip()
    assert Path(place).is_relative_to(programs.parent), "the checkout's, not what was installed"


def test_jupyterlab_shows_the_panel_and_checks_a_notebook(lab_server, browser: BrowserContext):
    write_notebook(lab_server.root / "counts.ipynb", CELLS)
    with watched_tab(browser) as (page, watch):
        lab_page = LabPage(page, lab_server, watch).open("counts.ipynb")
        expect(page.locator(".pht-FindingsItem")).to_have_text("✓ can travel")
        lab_page.command("phtlab:open-train")
        panel = page.locator("#phtlab-train-panel")
        expect(panel).to_be_visible()
        expect(panel.get_by_label("min_age")).to_have_value("40")
        watch.require_nothing()
