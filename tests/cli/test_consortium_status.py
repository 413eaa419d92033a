"""`phtlab consortium status`: what is staged, who must still sign, and what ends soon."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from phtlab.cli.consortium.status import warnings
from phtlab.cli.main import app
from phtlab.consortium.consortium import Consortium
from phtlab.consortium.enrolment import request_membership
from phtlab.errors import RosterError
from phtlab.train.crypto.identity import Identity, Role
from phtlab.trust_store.repository import Lifetimes, online_public_key

OFFICERS = {"vera": "correct horse 1", "otto": "correct horse 2", "lena": "correct horse 3"}
NOW = datetime.now(UTC)


def found(folder: Path, **options: Any) -> Consortium:
    return Consortium.found(
        folder,
        "hearts",
        OFFICERS,
        online_key=online_public_key(Ed25519PrivateKey.generate()),
        log_n=4,
        **options,
    )


@pytest.fixture
def consortium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Consortium:
    monkeypatch.setenv("PHTLAB_CONSORTIUM", str(tmp_path / "hearts"))
    return found(tmp_path / "hearts")


def does(*args: object) -> Any:
    result = CliRunner().invoke(app, ["consortium", *map(str, args)])
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def status() -> str:
    text: str = does("status").stdout
    return text


def sign(consortium: Consortium, *names: str, now: datetime | None = None) -> None:
    consortium.sign({name: OFFICERS[name] for name in names}, now=now)


def request(folder: Path, name: str, role: Role = "station") -> tuple[Path, Identity]:
    identity = Identity.generate(name)
    path = folder / f"{name}.request.json"
    path.write_bytes(request_membership(identity, "", (role,)).to_bytes())
    return path, identity


def test_nothing_staged(consortium: Consortium) -> None:
    sign(consortium, "vera", "otto")
    assert status().startswith("Nothing is staged.\nroster    Version 1 is signed by otto, vera;")


def test_before_the_first_signature(consortium: Consortium) -> None:
    assert "signed by nobody; 2 must sign, of lena, otto, vera" in status()


def test_a_member_comes_has_other_keys_and_goes(consortium: Consortium, tmp_path: Path) -> None:
    sign(consortium, "vera", "otto")
    path, ulm = request(tmp_path, "ulm")
    does("add", path, "--fingerprint", ulm.public.fingerprint)
    assert f"  ulm (station) is added, fingerprint {ulm.public.fingerprint}\n" in status()
    sign(consortium, "vera", "otto")
    path, new = request(tmp_path, "ulm")
    does("rotate", "ulm", path, "--fingerprint", new.public.fingerprint)
    assert f"  ulm (station) gets other keys, fingerprint {new.public.fingerprint}\n" in status()
    assert "is believed" not in status()
    assert (
        f"former        ulm, until version 2\n{'':<14}{ulm.public.fingerprint}\n"
        in does("show").stdout
    )
    assert json.loads(does("show", "--json").stdout)["former"][0]["until"] == 2
    sign(consortium, "vera")
    assert "version 3 signed by vera; 1 more must sign, of lena, otto" in status()
    sign(consortium, "otto")
    told = does("remove", "ulm", "--stolen").stderr
    assert "Nothing that the old keys signed is believed any more" in told
    for keys in (ulm, new):
        assert f"nothing that ulm signed with {keys.public.fingerprint} is believed" in status()
    assert "  ulm is removed\n" in status()
    path, other = request(tmp_path, "mainz")
    refused = CliRunner().invoke(
        app, ["consortium", "rotate", "ulm", str(path), "--fingerprint", other.public.fingerprint]
    )
    assert isinstance(refused.exception, RosterError)
    assert "request of 'mainz', not of 'ulm'" in str(refused.exception)


def test_officers_their_number_centrals_key_and_lifetimes(
    consortium: Consortium, tmp_path: Path
) -> None:
    sign(consortium, "vera", "otto")
    path, ines = request(tmp_path, "ines", "officer")
    does("officer", "add", path, "--fingerprint", ines.public.fingerprint)
    does("officer", "remove", "lena")
    does("threshold", 3)
    online = tmp_path / "online.json"
    online.write_text(json.dumps(online_public_key(Ed25519PrivateKey.generate())))
    does("online-key", online)
    does("lifetimes", "--roster-days", 30)
    shown = status()
    for change in (
        "officer ines is added",
        "officer lena is removed",
        "3 officers must sign instead of 2",
        "central's online key becomes ",
        "a roster holds for 30 days and a root for 365 days",
        "the root holds until ",
    ):
        assert f"  {change}" in shown
    assert (
        "root 2    of the officers before: signed by nobody; 2 more must sign, of lena, " in shown
    )
    assert "of the officers after: signed by nobody; 3 more must sign, of ines, otto, vera" in shown
    told = json.loads(does("status", "--json").stdout)
    assert told["root"]["old"] == {
        "signed_by": [],
        "waiting": ["lena", "otto", "vera"],
        "needed": 2,
    }
    does("discard")
    assert "Nothing is staged." in status()


def test_a_root_that_is_renewed_says_until_when(
    consortium: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(consortium, "vera", "otto")
    does("renew-root")
    monkeypatch.setenv("PHTLAB_PASSPHRASE", OFFICERS["vera"])
    told = does("sign", "--officer", "vera").stderr
    assert (
        "Version 2 is signed by vera; 1 more must sign. For root 2, 1 more of the officers before "
        "and 1 more of those after must sign." in told
    )
    assert "of the officers before: signed by vera; 1 more must sign" in status()


@pytest.mark.parametrize(
    ("days", "age", "warned"),
    [(7, 5, False), (7, 6.1, True), (7, 8, True), (30, 20, False), (30, 24, True), (1, 0.1, False)],
)
def test_a_roster_that_ends_soon(tmp_path: Path, days: float, age: float, warned: bool) -> None:
    """In the last quarter of its life, at most a week before."""
    consortium = found(tmp_path / "c", lifetimes=Lifetimes(targets=timedelta(days=days)))
    sign(consortium, "vera", "otto", now=NOW - timedelta(days=age))
    told = warnings(consortium, NOW)
    assert bool(told) == warned
    if warned:
        assert ("has expired on" if age > days else "expires in") in told[0]
        assert "phtlab consortium sign --officer NAME" in told[0]


def test_a_root_that_ends_soon(tmp_path: Path) -> None:
    consortium = found(tmp_path / "c", now=NOW - timedelta(days=340))
    sign(consortium, "vera", "otto")
    (told,) = warnings(consortium, NOW)
    assert told.startswith("The root expires in 2")
    assert "phtlab consortium renew-root" in told
