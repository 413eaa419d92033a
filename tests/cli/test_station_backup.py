"""`phtlab station backup`, `restore` and `compare`, as an operator types them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from phtlab.cli.station.commands import app
from phtlab.errors import PassphraseError, StationError
from phtlab.files.key_file import write_key
from phtlab.train.crypto.age import HybridIdentity, decrypt
from tests.station.station_world import World, identity, make_world

PASSPHRASE = "correct horse battery staple"
OTHER = "another long passphrase"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("PHTLAB_PASSPHRASE", PASSPHRASE)
    world = make_world(tmp_path / "old")
    world.add_hearts()
    write_key(world.folder.key, identity("cleveland"), PASSPHRASE, log_n=8)
    return world


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def ok(*arguments: str | Path) -> Result:
    result = run(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def test_a_station_is_backed_up_restored_compared_and_resumed(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, new = tmp_path / "cleveland.age", tmp_path / "new"
    safe = HybridIdentity.generate()
    made = ok("backup", file, "--to", safe.recipient(), "-C", world.folder.path, "--by", "grace")
    assert "The data are not in it." in made.stderr
    assert file.stat().st_mode & 0o077 == 0
    content = io.BytesIO()
    decrypt(io.BytesIO(file.read_bytes()), content, [safe])  # any age opens it
    assert b"backup.json" in content.getvalue()

    key = tmp_path / "safe.key.age"
    write_key(key, _holder(safe), OTHER, log_n=8)
    monkeypatch.setenv("PHTLAB_PASSPHRASE", OTHER)
    restored = ok("restore", file, new, "--key", key, "--by", "grace")
    assert f"phtlab station compare -C {new}" in restored.stderr

    monkeypatch.setenv("PHTLAB_PASSPHRASE", PASSPHRASE)
    for command in ("resume", "run"):
        refused = run(command, "-C", new).exception
        assert isinstance(refused, StationError)
        assert "phtlab station compare" in str(refused)
    lost = ok("compare", "--without-central", "-C", new, "--by", "grace", "--json")
    assert json.loads(lost.stdout)["ended"] == []
    assert "Central was not asked" in ok("compare", "--without-central", "-C", new).stdout
    ok("resume", "-C", new)
    assert json.loads(ok("status", "-C", new, "--json").stdout)["closed"] is None


def _holder(safe: HybridIdentity) -> object:
    from dataclasses import replace

    return replace(identity("ada"), age=safe)


def test_a_backup_s_passphrase_is_its_own_and_long_enough(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cleveland.age"
    monkeypatch.setenv("PHTLAB_BACKUP_PASSPHRASE", "short")
    result = run("backup", file, "-C", world.folder.path)
    assert isinstance(result.exception, PassphraseError)
    assert not file.exists()


def test_what_was_lost_is_told_in_sentences() -> None:
    from datetime import UTC, datetime

    from phtlab.cli.station.backup import loss_lines
    from phtlab.station.backup.comparison import RestoreLoss
    from phtlab.station.backup.restore import Restored

    moment = datetime(2026, 11, 25, tzinfo=UTC)
    restored = Restored(backed_up=moment, at=moment, entries=4, head="sha256:" + "0" * 64)
    assert loss_lines(RestoreLoss(restored, queried_central=True)) == [
        "Nothing was lost that central knows of."
    ]
    journey = "sha256:" + "ab" * 32
    lines = loss_lines(
        RestoreLoss(
            restored,
            queried_central=True,
            entries=3,
            seen_by="hungary",
            records=[journey],
            active_approvals=[journey],
        )
    )
    assert lines == [
        "3 entries of the audit log are lost, which hungary has seen.",
        "Journey abababababab had ended: the signed record is here again.",
        "Approval abababababab stands again.",
    ]
