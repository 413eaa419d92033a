"""`phtlab consortium`: what an officer types, gets and reads."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner, Result

from phtlab.cli.consortium.commands import app
from phtlab.consortium.consortium import Consortium
from phtlab.consortium.enrolment import request_membership
from phtlab.errors import (
    CentralUnreachableError,
    NotOnRosterError,
    PassphraseError,
    PhtlabError,
    RosterError,
    SettingsError,
    SignatureError,
)
from phtlab.station.audit.log import Log
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.roster import KernelImage
from phtlab.trust_store.repository import online_public_key

PASSPHRASE = "correct horse battery staple"
OFFICERS = {"vera": PASSPHRASE, "otto": PASSPHRASE, "lena": PASSPHRASE}


@pytest.fixture(autouse=True)
def _passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHTLAB_PASSPHRASE", PASSPHRASE)
    for name in ("PHTLAB_PASSPHRASE_VERA", "PHTLAB_CONSORTIUM"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def online_key(tmp_path: Path) -> Path:
    path = tmp_path / "online.json"
    path.write_text(json.dumps(online_public_key(Ed25519PrivateKey.generate())))
    return path


@pytest.fixture
def folder(tmp_path: Path, online_key: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "hearts"
    described = json.loads(online_key.read_text())
    Consortium.found(folder, "hearts", OFFICERS, online_key=described, log_n=8)
    monkeypatch.setenv("PHTLAB_CONSORTIUM", str(folder))
    return folder


@pytest.fixture
def mara() -> Identity:
    return Identity.generate("mara")


@pytest.fixture
def request_file(tmp_path: Path, mara: Identity) -> Path:
    path = tmp_path / "mara.request.json"
    path.write_bytes(request_membership(mara, "Tübingen", ("researcher",)).to_bytes())
    return path


def run(*args: object, ask: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args], input=ask)


def refused(kind: type[PhtlabError], *args: object, ask: str | None = None) -> PhtlabError:
    result = run(*args, ask=ask)
    assert isinstance(result.exception, kind), (result.exception, result.output)
    return result.exception


def done(*args: object, ask: str | None = None) -> Result:
    result = run(*args, ask=ask)
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def test_init_founds_and_prints_the_fingerprint(tmp_path: Path, online_key: Path) -> None:
    folder = tmp_path / "new"
    result = done(
        "init", folder, "--name", "hearts", "--officer", "vera", "--threshold", 1,
        "--online-key", online_key, "--roster-days", 3,
    )  # fmt: skip
    consortium = Consortium(folder)
    assert result.stdout.strip() == consortium.fingerprint
    assert "compared by telephone" in result.stderr
    assert str(folder / "root.json") in result.stderr
    assert (folder / "root.json").read_bytes() == consortium.root
    assert consortium.officer("vera", PASSPHRASE).name == "vera"


def test_init_with_a_file_that_is_no_key(tmp_path: Path) -> None:
    path = tmp_path / "online.json"
    options = ["--name", "hearts", "--officer", "vera", "--threshold", "1", "--online-key", path]
    error = refused(SettingsError, "init", tmp_path / "new", *options)
    assert "cannot be read (No such file" in str(error)
    path.write_text("-----BEGIN PRIVATE KEY-----")
    error = refused(SettingsError, "init", tmp_path / "new", *options)
    assert "is not a JSON object" in str(error)
    path.write_text("{}")
    assert "phtlab central init" in str(refused(RosterError, "init", tmp_path / "new", *options))


def test_init_with_a_short_passphrase(
    tmp_path: Path, online_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHTLAB_PASSPHRASE", "short")
    options = ["--name", "hearts", "--officer", "vera", "--threshold", "1"]
    refused(PassphraseError, "init", tmp_path / "new", *options, "--online-key", online_key)
    assert not (tmp_path / "new").exists()


def test_whole_story_offline(
    folder: Path, request_file: Path, mara: Identity, tmp_path: Path
) -> None:
    done("add", request_file, "--fingerprint", mara.public.fingerprint)
    image = KernelImage(
        name="python",
        language="python",
        kernelspec="python3",
        repository="kernels/python",
        digest="sha256:" + "a" * 64,
        diff_ids=(),
    )
    kernel = tmp_path / "kernel.json"
    kernel.write_text(image.model_dump_json())
    done("add-kernel", kernel)
    first = done("sign", "--officer", "vera")
    assert "Version 1 is signed by vera; 1 more must sign." in first.stderr
    second = done("sign", "--officer", "lena", "--json")
    assert json.loads(second.stdout)["complete"] is True
    done("bundle", "--out", tmp_path / "bundle.json")
    bundle = json.loads((tmp_path / "bundle.json").read_text())
    assert set(bundle["metadata"]) == {"1.root.json", "1.targets.json"}
    assert b"mara" in base64.b64decode(bundle["targets"]["roster.json"])

    shown = json.loads(done("show", "--json").stdout)
    assert shown["unsigned_changes"] is False
    assert shown["members"][-1]["fingerprint"] == mara.public.fingerprint
    assert shown["images"][0]["digest"] == image.digest
    text = done("show").stdout
    assert "lena, otto, vera (2 must sign)" in text
    assert "mara (researcher), Tübingen" in text
    assert mara.public.fingerprint in text

    done("remove", "mara")
    done("remove-kernel", image.digest)
    assert "There are changes that are not signed." in done("show").stdout
    assert "not signed" in str(refused(RosterError, "bundle", "--out", tmp_path / "b.json"))


def test_add_asks_whether_the_fingerprint_was_compared(
    folder: Path, request_file: Path, mara: Identity
) -> None:
    for answer in ("y\n", ""):
        error = refused(RosterError, "add", request_file, ask=answer)
        assert "Compare the fingerprint with mara by telephone" in str(error)
    assert "mara" not in [m.name for m in Consortium(folder).roster.members]
    result = done("add", request_file, "--by", "vera", ask=f"{mara.public.fingerprint}\n")
    (entry,) = Log(folder / "audit", "consortium").entries()
    assert (entry.actor, entry.action, entry.subject) == ("vera", "member-added", "mara")
    assert entry.details == {"channel": "telephone", "fingerprint": mara.public.fingerprint}
    assert "researcher" in result.stderr
    assert Consortium(folder).roster.member("mara").organisation == "Tübingen"


def test_add_with_another_fingerprint(folder: Path, request_file: Path) -> None:
    other = Identity.generate("mara").public.fingerprint
    error = refused(RosterError, "add", request_file, "--fingerprint", other)
    assert "not the one given" in str(error)


def test_add_of_what_is_no_request(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    assert "not a signed phtlab document" in str(refused(SignatureError, "add", path))
    assert "No such file" in str(refused(SettingsError, "add", tmp_path / "none"))


def test_remove_of_a_stranger(folder: Path) -> None:
    assert "On it: " in str(refused(NotOnRosterError, "remove", "mara"))


def test_sign_with_the_wrong_passphrase(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHTLAB_PASSPHRASE", "wrong horse battery staple")
    refused(PassphraseError, "sign", "--officer", "vera")
    assert Consortium(folder).signing is None


def test_sign_by_somebody_who_is_no_officer(folder: Path) -> None:
    error = refused(NotOnRosterError, "sign", "--officer", "mara")
    assert "its officers are lena, otto, vera" in str(error)


def test_each_officer_may_have_a_passphrase_of_their_own(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHTLAB_PASSPHRASE", "wrong horse battery staple")
    monkeypatch.setenv("PHTLAB_PASSPHRASE_VERA", PASSPHRASE)
    file = tmp_path / "passphrase"
    file.write_text(f"{PASSPHRASE}\n")
    both = ("--officer", "vera", "--officer", "otto")
    result = done("sign", *both, "--passphrase-file", f"otto={file}", "--json")
    assert json.loads(result.stdout)["signed_by"] == ["otto", "vera"]
    assert done("sign", *both, "--passphrase-file", file).exit_code == 0
    error = refused(SettingsError, "sign", *both, "--passphrase-file", f"lena={file}")
    assert "'lena', who is not among the officers" in str(error)


def test_add_kernel_of_another_form(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "kernel.json"
    path.write_text('{"name": "python"}')
    error = refused(SettingsError, "add-kernel", path)
    assert "does not describe a kernel image (language: Field required)" in str(error)


def test_publish_with_central_down(folder: Path) -> None:
    done("sign", "--officer", "vera", "--officer", "otto")
    error = refused(CentralUnreachableError, "publish", "--central", "http://127.0.0.1:9")
    assert "127.0.0.1:9" in str(error)


def test_publish_hands_over_the_bundle(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Any] = []
    monkeypatch.setattr(
        "phtlab.wire.central.client.CentralClient.publish_roster",
        lambda _, bundle: taken.append(bundle),
    )
    done("sign", "--officer", "vera", "--officer", "otto")
    result = done("publish", "--central", "http://127.0.0.1:9/")
    assert set(taken[0].targets) == {"roster.json", "catalogue.json"}
    assert "Published version 1 of the roster of hearts" in result.stderr


def test_no_consortium_here(tmp_path: Path) -> None:
    error = refused(SettingsError, "show", "--directory", tmp_path)
    assert "phtlab consortium init" in str(error)
