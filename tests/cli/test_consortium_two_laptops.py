"""Two officers on two laptops: a file goes to and fro, and no key of one lies at the other's."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner, Result

from phtlab.cli.main import app
from phtlab.consortium.consortium import Consortium
from phtlab.consortium.enrolment import request_membership
from phtlab.errors import KeyFileError, NotOnRosterError, PhtlabError, RosterError, SettingsError
from phtlab.files.key_file import write_key
from phtlab.train.crypto.identity import Identity, Member
from phtlab.trust_store.repository import online_public_key

PASSPHRASE = "correct horse battery staple"


class Laptop:
    """One officer's machine: her folder, and her key file where 'phtlab key create' wrote it."""

    def __init__(self, place: Path, name: str) -> None:
        self.name = name
        self.place = place
        place.mkdir(exist_ok=True)
        self.folder = place / "officers"
        self.new_key(name)

    def new_key(self, file: str) -> None:
        self.identity = Identity.generate(self.name)
        self.key = self.place / f"{file}.key.age"
        write_key(self.key, self.identity, PASSPHRASE, log_n=8)
        self.request = self.place / f"{file}.request.json"
        self.request.write_bytes(request_membership(self.identity, "", ("officer",)).to_bytes())

    def moved(self, place: Path) -> Laptop:
        shutil.copytree(self.place, place)
        other = copy(self)
        other.place, other.folder = place, place / "officers"
        other.key = place / self.key.relative_to(self.place)
        other.request = place / self.request.relative_to(self.place)
        return other

    @property
    def fingerprint(self) -> str:
        return self.identity.public.fingerprint

    def run(self, *args: object) -> Result:
        directory = ["-d", str(self.folder)]
        return CliRunner().invoke(app, ["consortium", *map(str, args), *directory])

    def does(self, *args: object) -> Result:
        result = self.run(*args)
        assert result.exit_code == 0, (result.output, result.exception)
        return result

    def refused(self, kind: type[PhtlabError], *args: object) -> PhtlabError:
        result = self.run(*args)
        assert isinstance(result.exception, kind), (result.exception, result.output)
        return result.exception

    def signs(self) -> Result:
        return self.does("sign", "--officer", self.name, "--key", self.key)

    @property
    def consortium(self) -> Consortium:
        return Consortium(self.folder)

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.does("status", "--json").stdout)
        return found


@pytest.fixture(scope="module", autouse=True)
def _cheap_keys() -> Iterator[None]:
    from phtlab.consortium import founding

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHTLAB_PASSPHRASE", PASSPHRASE)
        patch.delenv("PHTLAB_CONSORTIUM", raising=False)
        patch.setattr(founding, "write_key", partial(_write_cheap_key, write_key))
        yield


def _write_cheap_key(write: Any, path: Path, identity: Identity, secret: str, log_n: int) -> None:
    write(path, identity, secret, log_n=min(log_n, 8))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Laptop, Laptop]:
    """Ada prepared the consortium, with Bo's request; both signed, a file went to and fro."""
    place = tmp_path_factory.mktemp("prepared")
    ada, bo = Laptop(place / "ada", "ada"), Laptop(place / "bo", "bo")
    online = place / "online.json"
    online.write_text(json.dumps(online_public_key(Ed25519PrivateKey.generate())))
    arguments = [
        "consortium", "init", str(ada.folder), "--name", "hearts", "--officer", "ada",
        "--officer-request", str(bo.request), "--fingerprint", bo.fingerprint,
        "--online-key", str(online),
    ]  # fmt: skip
    made = CliRunner().invoke(app, arguments)
    assert made.exit_code == 0, (made.output, made.exception)
    fingerprint = made.stdout.strip()
    ada.key = ada.folder / "keys" / "ada.key.age"
    assert not ada.consortium.founded
    ada.signs()
    to_bo(ada, bo, "--fingerprint", fingerprint)
    bo.signs()
    assert bo.consortium.founded
    to_bo(bo, ada)
    assert ada.consortium.fingerprint == bo.consortium.fingerprint == fingerprint
    assert not ada.consortium.unsigned_changes
    return ada, bo


@pytest.fixture
def founded(prepared: tuple[Laptop, Laptop], tmp_path: Path) -> tuple[Laptop, Laptop]:
    """Each test's own copy."""
    return prepared[0].moved(tmp_path / "ada"), prepared[1].moved(tmp_path / "bo")


def to_bo(sender: Laptop, receiver: Laptop, *options: object) -> Result:
    """The file goes from one to the other."""
    file = sender.place / "hearts.consortium.json"
    sender.does("export", file)
    return receiver.does("import", file, *options)


def test_founded_by_two_and_no_key_of_one_lies_at_the_other(
    founded: tuple[Laptop, Laptop],
) -> None:
    ada, bo = founded
    assert [p.name for p in (ada.folder / "keys").iterdir()] == ["ada.key.age"]
    assert list((bo.folder / "keys").iterdir()) == []
    ada.consortium.bundle()
    bo.consortium.bundle()
    sent = (ada.place / "hearts.consortium.json").read_bytes()
    assert b"age-encryption" not in sent
    assert base64.b64encode(b"age-encryption")[:16] not in sent


def test_a_key_that_lies_elsewhere_is_asked_for(founded: tuple[Laptop, Laptop]) -> None:
    ada, _ = founded
    error = ada.refused(KeyFileError, "sign", "--officer", "bo")
    assert "give it with --key FILE" in str(error)


def test_a_member_is_added_by_one_and_signed_by_both(
    founded: tuple[Laptop, Laptop], tmp_path: Path
) -> None:
    ada, bo = founded
    mara = Identity.generate("mara")
    request = tmp_path / "mara.request.json"
    request.write_bytes(request_membership(mara, "Ulm").to_bytes())
    ada.does("add", request, "--fingerprint", mara.public.fingerprint)
    assert "First" in str(ada.refused(RosterError, "export", ada.place / "x.json"))
    ada.signs()
    told = to_bo(ada, bo).stderr
    assert f"mara (researcher) is added, fingerprint {mara.public.fingerprint}" in told
    shown = bo.does("status").stdout
    assert "version 2 signed by ada; 1 more must sign, of bo" in shown
    bo.signs()
    told = to_bo(bo, ada).stderr
    assert "phtlab consortium publish" in told
    assert ada.consortium.roster.version == 2
    ada.consortium.bundle()


def test_a_stolen_officers_key_is_replaced_across_the_two(
    founded: tuple[Laptop, Laptop],
) -> None:
    ada, bo = founded
    old = bo.key
    bo.new_key("bo-2027")
    ada.does("officer", "replace", "bo", bo.request, "--fingerprint", bo.fingerprint)
    ada.signs()
    told = to_bo(ada, bo).stderr
    assert "officer bo gets another key" in told
    assert bo.fingerprint in told
    shown = bo.does("status").stdout
    assert "of the officers before: signed by ada; 1 more must sign, of bo" in shown
    bo.signs()
    assert bo.status()["root"]["old"]["signed_by"] == ["ada"]
    bo.does("sign", "--officer", "bo", "--key", old)  # two of two: the old key agrees too
    to_bo(bo, ada)
    assert ada.status()["root"] is None
    assert ada.consortium.roster.member("bo").keys == bo.identity.public
    assert len(ada.consortium.bundle()["metadata"]) == 3
    refused = bo.refused(NotOnRosterError, "sign", "--officer", "bo", "--key", old)
    assert "not an officer's key" in str(refused)


def test_another_threshold_goes_to_and_fro(founded: tuple[Laptop, Laptop]) -> None:
    ada, bo = founded
    ada.does("threshold", 1)
    ada.signs()
    to_bo(ada, bo)
    bo.signs()
    assert bo.consortium.threshold == 1
    told = to_bo(bo, ada).stderr
    assert "phtlab consortium publish" in told
    assert ada.status()["staged"] == []


def _changed(path: Path, part: str, change: Any) -> None:
    value = json.loads(path.read_text())
    value[part] = change(value[part])
    path.write_text(json.dumps(value))


@pytest.mark.parametrize("part", ["files", "next_signed", "next_root", "roots", "signed"])
def test_a_file_that_is_changed_on_its_way_is_refused(
    founded: tuple[Laptop, Laptop], tmp_path: Path, part: str
) -> None:
    """One letter of a name, in each part; what is signed no longer fits."""
    ada, bo = founded
    ada.does("officer", "add", _officer(tmp_path, "ines"), "--fingerprint", _fingerprint(tmp_path))
    ada.signs()
    file = tmp_path / "changed.json"
    ada.does("export", file)

    def spoil(value: Any) -> Any:
        if isinstance(value, str):
            content = base64.b64decode(value)
            changed = content.replace(b'"expires":"20', b'"expires":"21').replace(
                b'"expires": "20', b'"expires": "21'
            )
            assert changed != content
            return base64.b64encode(changed).decode()
        if isinstance(value, list):
            return [spoil(value[0]), *value[1:]]
        roster = base64.b64decode(value["roster.json"]).replace(b'"ines"', b'"eves"')
        return {**value, "roster.json": base64.b64encode(roster).decode()}

    _changed(file, part, spoil)
    before = bo.consortium.folder.target_files()
    error = bo.refused(RosterError, "import", file)
    assert error.code == "handover"
    assert "changed on its way" in str(error)
    assert bo.consortium.folder.target_files() == before
    assert bo.status()["staged"] == []


def _officer(place: Path, name: str) -> Path:
    identity = Identity.generate(name)
    (place / "fingerprint").write_text(identity.public.fingerprint)
    path = place / f"{name}.request.json"
    path.write_bytes(request_membership(identity, "", ("officer",)).to_bytes())
    return path


def _fingerprint(place: Path) -> str:
    return (place / "fingerprint").read_text()


def test_a_forger_who_makes_himself_an_officer_in_the_file_is_refused(
    founded: tuple[Laptop, Laptop], tmp_path: Path
) -> None:
    """All of the file fits together, and is signed by the officer whom it adds: by no other."""
    ada, bo = founded
    eve, consortium = Identity.generate("eve"), ada.consortium
    consortium.add_officer(Member(name="eve", roles=("officer",), keys=eve.public))
    consortium.sign_with([eve])
    file = tmp_path / "forged.json"
    file.write_bytes(consortium._handover().to_bytes())
    error = bo.refused(RosterError, "import", file)
    assert "no officer has signed the next root" in str(error)


def test_a_file_of_another_consortium_is_refused(
    founded: tuple[Laptop, Laptop], tmp_path: Path
) -> None:
    _, bo = founded
    other = Consortium.found(
        tmp_path / "other",
        "hearts",
        {"eve": PASSPHRASE},
        threshold=1,
        online_key=online_public_key(Ed25519PrivateKey.generate()),
        log_n=8,
    )
    other.sign({"eve": PASSPHRASE})
    file = tmp_path / "other.json"
    file.write_bytes(other.export().to_bytes())
    assert "another consortium" in str(bo.refused(RosterError, "import", file))


def test_an_older_file_is_refused(founded: tuple[Laptop, Laptop], tmp_path: Path) -> None:
    ada, bo = founded
    old = tmp_path / "old.json"
    ada.does("export", old)
    ada.signs()
    to_bo(ada, bo)
    bo.signs()
    assert bo.refused(RosterError, "import", old).code == "handover-older"


def test_two_who_went_different_ways_are_told(
    founded: tuple[Laptop, Laptop], tmp_path: Path
) -> None:
    ada, bo = founded
    ada.does("threshold", 1)
    ada.signs()
    bo.does("officer", "add", _officer(tmp_path, "ines"), "--fingerprint", _fingerprint(tmp_path))
    file = tmp_path / "ada.json"
    ada.does("export", file)
    error = bo.refused(RosterError, "import", file)
    assert error.code == "handover-conflict"
    bo.does("discard")
    bo.does("import", file)


def test_a_first_import_asks_for_the_roots_fingerprint(
    founded: tuple[Laptop, Laptop], tmp_path: Path
) -> None:
    ada, _ = founded
    file = tmp_path / "ada.json"
    ada.does("export", file)
    carl = Laptop(tmp_path / "carl", "carl")
    wrong = ada.fingerprint
    assert carl.refused(RosterError, "import", file, "--fingerprint", wrong).code == "fingerprint"
    assert carl.refused(RosterError, "import", file).code == "fingerprint"
    assert not carl.folder.exists()
    carl.does("import", file, "--fingerprint", ada.consortium.fingerprint)
    assert carl.consortium.roster.version == 1


def test_what_is_no_export_is_refused(founded: tuple[Laptop, Laptop], tmp_path: Path) -> None:
    _, bo = founded
    file = tmp_path / "x.json"
    for content in ("", "{}", "[]", '{"phtlab_consortium": 2}'):
        file.write_text(content)
        assert bo.refused(RosterError, "import", file).code == "handover"
    assert "No such file" in str(bo.refused(SettingsError, "import", tmp_path / "none"))
