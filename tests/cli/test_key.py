"""`phtlab key`: what a person types, gets and reads."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from phtlab.cli.key.commands import app
from phtlab.consortium.enrolment import open_request
from phtlab.errors import KeyFileError, PassphraseError, RosterError
from phtlab.files.key_file import decode_key, encode_key, read_key
from phtlab.train.crypto.age import HybridIdentity
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope

PASSPHRASE = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHTLAB_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("PHTLAB_PASSPHRASE", PASSPHRASE)
    monkeypatch.delenv("PHTLAB_NEW_PASSPHRASE", raising=False)


@pytest.fixture
def alice() -> Identity:
    return Identity.generate("alice")


@pytest.fixture
def key_file(tmp_path: Path, alice: Identity) -> Path:
    path = tmp_path / "alice.key.age"
    path.write_bytes(encode_key(alice, PASSPHRASE, log_n=10))
    return path


def phtlab_key(*args: str | Path, ask: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args], input=ask)


def test_create_writes_a_key_and_a_request_and_prints_the_fingerprint(tmp_path: Path) -> None:
    result = phtlab_key(
        "create", "alice", "--role", "researcher", "--organisation", "Tübingen University Hospital"
    )

    assert result.exit_code == 0, result.output
    keys = tmp_path / "config" / "keys"
    identity = read_key(keys / "alice.key.age", PASSPHRASE)
    assert result.stdout.strip() == identity.public.fingerprint
    assert "compare the fingerprint by telephone" in result.stderr
    member = open_request(Envelope.from_bytes((keys / "alice.request.json").read_bytes()))
    assert (member.name, member.organisation, member.roles) == (
        "alice",
        "Tübingen University Hospital",
        ("researcher",),
    )
    assert member.keys == identity.public


def test_created_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    result = phtlab_key("create", "alice", "--directory", tmp_path / "here", "--json")

    shown = json.loads(result.stdout)
    assert set(shown) == {"name", "key", "request", "fingerprint"}
    assert stat.S_IMODE(Path(shown["key"]).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "here").stat().st_mode) == 0o700


def test_create_does_not_overwrite_a_key(tmp_path: Path) -> None:
    (tmp_path / "alice.key.age").write_text("mine")

    result = phtlab_key("create", "alice", "--directory", tmp_path)

    assert isinstance(result.exception, KeyFileError)
    assert "exists already and is not overwritten" in str(result.exception)
    assert (tmp_path / "alice.key.age").read_text() == "mine"


def test_create_refuses_a_short_passphrase_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHTLAB_PASSPHRASE", "elevenchars")

    result = phtlab_key("create", "alice", "--directory", tmp_path)

    assert isinstance(result.exception, PassphraseError)
    assert "at least 12 are needed, because" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["Alice", "../alice", "a", ""])
def test_create_refuses_a_name_that_the_roster_would_not_take(name: str, tmp_path: Path) -> None:
    result = phtlab_key("create", name, "--directory", tmp_path / "keys")

    assert isinstance(result.exception, RosterError)
    assert "A name is 2 to 63 characters" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_create_refuses_an_unknown_role(tmp_path: Path) -> None:
    result = phtlab_key("create", "alice", "--role", "king", "--directory", tmp_path)

    assert isinstance(result.exception, RosterError)
    assert "'researcher'" in str(result.exception)


def test_request_is_written_again_with_other_roles(key_file: Path, alice: Identity) -> None:
    result = phtlab_key("request", key_file, "--role", "officer", "--role", "researcher")

    request = Envelope.from_bytes((key_file.parent / "alice.request.json").read_bytes())
    assert open_request(request).roles == ("officer", "researcher")
    assert result.stdout.strip() == alice.public.fingerprint


def test_show_tells_the_public_keys(key_file: Path, alice: Identity) -> None:
    shown = json.loads(phtlab_key("show", key_file, "--json").stdout)

    assert shown["name"] == "alice"
    assert shown["fingerprint"] == alice.public.fingerprint
    assert shown["keys"] == alice.public.model_dump()
    assert shown["key_ids"] == alice.public.key_ids()


def test_show_prints_for_people_and_nothing_secret(key_file: Path, alice: Identity) -> None:
    result = phtlab_key("show", key_file)

    assert alice.public.fingerprint in result.stdout
    assert f"{str(alice.age.recipient())[:24]}…" in result.stdout, "--json has all of it"
    assert "SECRET" not in result.output.upper()


def test_show_reads_a_request_without_a_passphrase(
    key_file: Path, alice: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    phtlab_key("request", key_file, "--organisation", "Here")
    monkeypatch.delenv("PHTLAB_PASSPHRASE")

    shown = json.loads(phtlab_key("show", key_file.parent / "alice.request.json", "--json").stdout)

    assert (shown["organisation"], shown["roles"]) == ("Here", ["researcher"])
    assert shown["fingerprint"] == alice.public.fingerprint


def test_a_wrong_passphrase_is_told(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHTLAB_PASSPHRASE", "not that one")

    result = phtlab_key("show", key_file)

    assert isinstance(result.exception, PassphraseError)
    assert "does not open the key file" in str(result.exception)


def test_a_missing_key_file_is_told_before_a_passphrase_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PHTLAB_PASSPHRASE")

    result = phtlab_key("export", tmp_path / "nobody.key.age")

    assert isinstance(result.exception, KeyFileError)
    assert "There is no key file" in str(result.exception)


def test_export_prints_the_age_identity_and_warns(key_file: Path, alice: Identity) -> None:
    result = phtlab_key("export", key_file, "--as", "age")

    assert HybridIdentity.parse(result.stdout.strip()) == alice.age
    assert "without a passphrase" in result.stderr


def test_export_to_a_file_is_private_and_never_overwrites(key_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "identity.txt"

    first = phtlab_key("export", key_file, "--output", output)
    second = phtlab_key("export", key_file, "--output", output)

    assert first.stdout == ""
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert isinstance(second.exception, KeyFileError)


def test_export_knows_no_other_form(key_file: Path) -> None:
    result = phtlab_key("export", key_file, "--as", "pem")

    assert result.exit_code == 2
    assert "only form is 'age'" in result.stderr


def test_passphrase_is_changed(
    key_file: Path, alice: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "new"
    new.write_text("another long passphrase\n")

    result = phtlab_key("passphrase", key_file, "--new-passphrase-file", new)

    assert result.exit_code == 0, result.output
    assert decode_key(key_file.read_bytes(), "another long passphrase").public == alice.public
    with pytest.raises(PassphraseError):
        read_key(key_file, PASSPHRASE)


def test_todays_passphrase_is_not_taken_for_the_new_one(key_file: Path) -> None:
    before = key_file.read_bytes()

    result = phtlab_key("passphrase", key_file)

    assert isinstance(result.exception, PassphraseError)
    assert "PHTLAB_NEW_PASSPHRASE" in str(result.exception)
    assert key_file.read_bytes() == before


def test_what_cannot_be_written_or_read_is_told(key_file: Path, tmp_path: Path) -> None:
    (tmp_path / "alice.request.json").mkdir()
    in_the_way = phtlab_key("request", key_file)
    missing = phtlab_key("show", tmp_path / "nobody.key.age")
    nowhere = phtlab_key("export", key_file, "--output", tmp_path / "no" / "folder")

    for result, words in (
        (in_the_way, "run 'phtlab key request' on it"),
        (missing, "cannot be read"),
        (nowhere, "cannot be written"),
    ):
        assert isinstance(result.exception, KeyFileError)
        assert words in str(result.exception)
