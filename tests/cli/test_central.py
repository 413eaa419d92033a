"""`phtlab central`, as an operator types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from phtlab.central.settings import CentralSettings
from phtlab.cli.central import app
from phtlab.consortium.consortium import Consortium
from phtlab.errors import CentralUnreachableError, SettingsError

RUN = CliRunner()


def _init(folder: Path, *options: str) -> str:
    result = RUN.invoke(app, ["init", str(folder), "--name", "pht", *options])
    assert result.exit_code == 0, result.output
    return result.output


def test_init_says_what_comes_next(tmp_path: Path) -> None:
    output = _init(tmp_path / "c")
    assert str(tmp_path / "c" / "online.pub.json") in output
    for step in ("phtlab consortium init", "phtlab central pin", "phtlab central run"):
        assert step in output


def test_init_as_json(tmp_path: Path) -> None:
    said = json.loads(_init(tmp_path / "c", "--json", "--listen", "127.0.0.1:8499"))
    assert said == {
        "directory": str(tmp_path / "c"),
        "url": "http://127.0.0.1:8499",
        "online_key": str(tmp_path / "c" / "online.pub.json"),
        "registry_settings": str(tmp_path / "c" / "registry.yml"),
    }


def test_init_twice_is_refused(tmp_path: Path) -> None:
    _init(tmp_path / "c")
    result = RUN.invoke(app, ["init", str(tmp_path / "c"), "--name", "pht"])
    assert isinstance(result.exception, SettingsError)
    assert "holds a central already" in str(result.exception)


def test_pin_shows_the_fingerprint_of_the_root(tmp_path: Path) -> None:
    _init(tmp_path / "c")
    described = json.loads((tmp_path / "c" / "online.pub.json").read_text())
    officers = {"vera": "correct horse 1", "otto": "correct horse 2"}
    consortium = Consortium.found(tmp_path / "k", "pht", officers, online_key=described, log_n=4)
    (tmp_path / "root.json").write_bytes(consortium.root)
    result = RUN.invoke(app, ["pin", str(tmp_path / "c"), str(tmp_path / "root.json")])
    assert result.exit_code == 0, result.output
    assert consortium.fingerprint in result.output


def test_pin_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    _init(tmp_path / "c")
    result = RUN.invoke(app, ["pin", str(tmp_path / "c"), str(tmp_path / "none.json")])
    assert isinstance(result.exception, SettingsError)
    assert "none.json cannot be read" in str(result.exception)


def test_status_of_a_central_that_is_down(tmp_path: Path) -> None:
    _init(tmp_path / "c", "--listen", "127.0.0.1:9", "--registry-url", "http://127.0.0.1:9")
    result = RUN.invoke(app, ["status", str(tmp_path / "c"), "--json"])
    assert isinstance(result.exception, CentralUnreachableError)
    said = json.loads(result.stdout)
    assert (said["running"], said["registry"], said["consortium"]) == (False, False, "pht")
    assert "phtlab central run" in str(result.exception)


def test_retention_shows_what_is_kept(tmp_path: Path) -> None:
    _init(tmp_path / "c")
    result = RUN.invoke(app, ["retention", str(tmp_path / "c")])
    assert "Cargo is removed 90 days after its journey began" in result.output
    result = RUN.invoke(app, ["retention", str(tmp_path / "c"), "--once", "--json"])
    assert json.loads(result.stdout) == {"journeys": 0, "cargo": 0, "trains": 0}


def test_registry_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _init(tmp_path / "c")
    monkeypatch.setenv("PATH", str(tmp_path))
    result = RUN.invoke(app, ["registry", str(tmp_path / "c")])
    assert isinstance(result.exception, SettingsError)
    assert "install Debian's docker-registry" in str(result.exception)


def test_run_without_a_central(tmp_path: Path) -> None:
    result = RUN.invoke(app, ["run", str(tmp_path)])
    assert isinstance(result.exception, SettingsError)
    assert "phtlab central init" in str(result.exception)


def test_another_online_key_lies_beside_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    _init(folder)
    for number in (2, 3):
        result = RUN.invoke(app, ["online-key", str(folder), "--json"])
        public = folder / f"online.{number}.pub.json"
        assert json.loads(result.stdout) == {"online_key": str(public)}
        assert json.loads(public.read_text())["keytype"] == "ed25519"
        assert (folder / f"online-key.{number}.pem").stat().st_mode & 0o777 == 0o600
    files = CentralSettings.load(folder).online_key_files
    assert [file.name for file in files] == [
        "online-key.pem",
        "online-key.2.pem",
        "online-key.3.pem",
    ]
    (folder / "online-key.pem").unlink()  # It was stolen, and counts no more.
    assert len(CentralSettings.load(folder).online_key_files) == 2
    told = RUN.invoke(app, ["online-key", str(folder)]).stderr
    assert "phtlab consortium online-key" in told
