"""What is declared as a dependency is what is imported, in each of the files that declare it."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]

USED_WITHOUT_AN_IMPORT = {
    "annotated-types",  # by parameters cells, which are read and not run
    "matplotlib",  # by station cells, whose figures are published
    "pip",  # as a command
}
BROUGHT_ALONG = {
    "ipython",  # looked for only where a kernel runs, so by ipykernel
    "joserfc",  # by authlib
    "markupsafe",  # by jinja2
    "pydantic-core",  # by pydantic
    *("jupyter-core", "jupyter-server", "tornado"),  # by the server extension, so by JupyterLab
}
OURS = {"phtlab", "phtlab_hub", "phtlab_spawner"}


def imported() -> Iterator[str]:
    for file in (ROOT / "phtlab").rglob("*.py"):
        if "node_modules" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]


def test_dependencies_are_what_phtlab_imports():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    # The hub's and the Lab's own packages are imported there; the console is ours.
    entries = [*project["dependencies"], *project["optional-dependencies"]["console"]]
    declared = {re.split(r"[\[><=]", entry)[0] for entry in entries}
    known = packages_distributions()
    used = {
        known[name][0].lower().replace("_", "-")
        for name in set(imported()) - sys.stdlib_module_names - OURS
    }
    assert used - BROUGHT_ALONG == declared - USED_WITHOUT_AN_IMPORT


def test_conda_gets_python_node_and_all_extras_but_the_tests():
    """tests/ui/test_conda_environment.py installs the pip part."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip = next(entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict))
    (ours,) = (Requirement(f"phtlab{entry.removeprefix('.')}") for entry in pip)
    assert ours.extras == project["optional-dependencies"].keys() - {"test"}
    asked = dict(
        re.fullmatch(r"([\w-]+)(.*)", entry).groups()  # type: ignore[union-attr]
        for entry in conda["dependencies"]
        if isinstance(entry, str)
    )
    assert asked.keys() == {"python", "pip", "nodejs", "configurable-http-proxy"}
    python = asked["python"].removeprefix("=")
    assert SpecifierSet(project["requires-python"]).contains(python)
