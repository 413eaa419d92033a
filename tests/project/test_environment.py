"""The environment file for conda says what pyproject.toml says."""

import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_environment_lists_the_dependencies_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip = next(d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    assert pip == [*project["dependencies"], "-e ."]
    assert f"python{project['requires-python']}" in environment["dependencies"]


def test_lock_file_has_hashes_and_names_no_host():
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    entries = [line for line in lock.splitlines() if line[:1].isalnum()]
    assert len(entries) > 50
    assert lock.count("--hash=sha256:") >= len(entries)
