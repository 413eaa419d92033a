"""Connecting removes what a killed process was writing of a person's files and caches."""

from __future__ import annotations

from pathlib import Path

import pytest

from phtlab.files.key_file import write_key
from phtlab.lab.client.lab import connect
from phtlab.train.crypto.identity import Identity
from phtlab.user_settings import UserSettings, cache_directory

DRAFT = ".file.0123456789abcdef.part"
PASSPHRASE = "correct horse battery"


def test_connecting_removes_dead_drafts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHTLAB_CACHE", str(tmp_path / "cache"))
    key = tmp_path / "config" / "keys" / "ada.key.age"
    profile = UserSettings("http://127.0.0.1:9", key, tmp_path / "config" / "trust")
    others = cache_directory() / "kernel-images"  # those of a build that may go on
    places = (key.parent, profile.trust, cache_directory() / "twins", others)
    kernel = cache_directory() / "kernels" / "0123"
    for folder in (*places, kernel):
        folder.mkdir(parents=True)
        (folder / DRAFT).write_bytes(b"half")
    write_key(key, Identity.generate("ada"), PASSPHRASE, log_n=4)
    assert connect(profile, passphrase=PASSPHRASE).name == "ada"
    assert list(tmp_path.rglob("*.part")) == [others / DRAFT]
