"""A central's folder: what init writes, what settings say, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from phtlab.central.context import CentralContext, read_online_key
from phtlab.central.founding import init_central, pin
from phtlab.central.settings import CentralSettings
from phtlab.errors import RosterError, SettingsError
from phtlab.trust_store.repository import public_key, root_fingerprint
from tests.central.world import Founding, found
from tests.raising import raises_code


def test_the_folder_holds_keys_that_only_central_reads(tmp_path: Path) -> None:
    made = init_central(tmp_path / "c", name="pht")
    secret = {"online-key.pem", "registry-key.pem", "central.toml", "registry.yml"}
    modes = {path.name: path.stat().st_mode & 0o777 for path in made.directory.iterdir()}
    assert {name for name, mode in modes.items() if mode == 0o600} == secret
    assert set(modes) - secret == {"online.pub.json", "registry-cert.pem"}
    assert made.directory.stat().st_mode & 0o777 == 0o700


def test_the_public_key_is_what_officers_found_with(tmp_path: Path) -> None:
    made = init_central(tmp_path / "c", name="pht")
    described = json.loads(made.online_key.read_text())
    private = read_online_key(made.settings.online_key_file)
    raw = private.public_key().public_bytes_raw().hex()
    assert public_key(described).keyval["public"] == raw


def test_the_registry_s_settings_name_central_s_token_service(tmp_path: Path) -> None:
    made = init_central(
        tmp_path / "c",
        name="pht",
        url="https://pht.example",
        registry_url="http://127.0.0.1:5999",
    )
    written = yaml.safe_load(made.registry.read_text())
    token = written["auth"]["token"]
    assert token["realm"] == "https://pht.example/api/v1/registry/token"
    assert Path(token["rootcertbundle"]) == made.settings.registry_certificate_file
    assert written["http"]["addr"] == "127.0.0.1:5999"
    assert len(written["http"]["secret"]) == 64
    assert written["storage"]["delete"] == {"enabled": True}


def test_a_second_init_changes_nothing(tmp_path: Path) -> None:
    made = init_central(tmp_path / "c", name="pht")
    before = {path: path.read_bytes() for path in made.directory.iterdir()}
    with raises_code(SettingsError, "central-folder"):
        init_central(tmp_path / "c", name="other")
    assert {path: path.read_bytes() for path in made.directory.iterdir()} == before


def test_a_setting_comes_from_the_environment_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = init_central(tmp_path / "c", name="pht")
    assert made.settings.database_url == f"sqlite:///{tmp_path / 'c' / 'central.sqlite'}"
    monkeypatch.setenv("PHTLAB_CENTRAL_DATABASE", "postgresql://me@db/central")
    monkeypatch.setenv("PHTLAB_CENTRAL_JOURNEY_DAYS", "30")
    settings = CentralSettings.load(made.directory)
    assert settings.database_url == "postgresql+psycopg://me@db/central"
    assert (settings.journey_days, settings.name) == (30, "pht")


def test_a_folder_without_central_says_how_to_make_one(tmp_path: Path) -> None:
    with raises_code(SettingsError, "central-absent"):
        CentralSettings.load(tmp_path)


def test_a_lost_key_is_told(tmp_path: Path) -> None:
    made = init_central(tmp_path / "c", name="pht")
    made.settings.online_key_file.write_text("nonsense")
    with raises_code(SettingsError, "central-online-key"):
        CentralContext.of(made.settings)


def test_the_root_is_pinned_once(tmp_path: Path, founding: Founding) -> None:
    made = init_central(tmp_path / "c", name="pht")
    root = founding.consortium.root
    assert pin(made.directory, root) == root_fingerprint(root)
    assert pin(made.directory, root) == root_fingerprint(root)
    other = found(tmp_path).consortium.root
    with raises_code(SettingsError, "root-pinned"):
        pin(made.directory, other)
    assert pin(made.directory, other, replace=True) == root_fingerprint(other)


def test_what_is_no_root_is_not_pinned(tmp_path: Path) -> None:
    made = init_central(tmp_path / "c", name="pht")
    with pytest.raises(RosterError):
        pin(made.directory, b"{}")
    assert not (made.directory / "root.json").exists()
