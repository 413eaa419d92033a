"""The consortium's agreement: signed by officers, accepted by members, word for word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import phtlab
from phtlab.cli.main import app
from phtlab.errors import ApprovalError, CentralError
from phtlab.governance import Acceptance, open_acceptance, require_accepted
from phtlab.lab.client.lab import Lab
from phtlab.lab.session.session import Session
from phtlab.train.documents.roster import Agreement, Catalogue
from phtlab.trust_store.trust import Trust
from tests.central.conftest import run_central
from tests.central.world import World, found
from tests.governance import documents
from tests.raising import raises_code

TEXT = Agreement(text="1. Data stay.\n2. Nobody looks for persons.\n")


@pytest.fixture(scope="module")
def agreed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    place = tmp_path_factory.mktemp("agreement")
    founding = found(place)
    founding.consortium.agree_on(TEXT)
    founding.sign()
    url = f"sqlite:///{place / 'central.sqlite'}"
    yield from run_central(url, founding)


@pytest.fixture
def lab(agreed: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    client = agreed.client("ada")
    trust = Trust(tmp_path / "t", client.tuf_fetcher(), client.metadata_url, client.targets_url)
    trust.pin(agreed.founding.consortium.root)
    made = Lab(Session(agreed.identity("ada"), client, trust))
    monkeypatch.setattr(phtlab, "connect", lambda: made, raising=False)
    return made


def _acceptance(member: str, agreement: Agreement = TEXT) -> Acceptance:
    return Acceptance(
        member=member, agreement=agreement.digest, roster_version=1, issued=documents.now()
    )


def test_members_accept_exactly_the_text_that_officers_signed(agreed: World) -> None:
    bob = agreed.client("bob").governance
    signed = _acceptance("bob").sign(agreed.identity("bob"))
    assert bob.accept(signed) == bob.accept(signed)
    assert bob.accept(_acceptance("bob").sign(agreed.identity("bob"))).envelope == signed
    other = Agreement(text="1. Data may leave.\n")
    for acceptance, by, error, code in (
        (_acceptance("bob", other), "bob", ApprovalError, "agreement-other"),
        (_acceptance("ada"), "bob", ApprovalError, "acceptance-signer"),
        (_acceptance("vera"), "vera", CentralError, "forbidden"),
    ):
        with pytest.raises(error) as refused:
            bob.accept(acceptance.sign(agreed.identity(by)))
        assert refused.value.code == code
    seen = agreed.client("ulm").governance.acceptances()
    assert [view.member for view in seen] == ["bob"]
    roster = agreed.founding.consortium.roster
    held = [open_acceptance(view.envelope, roster) for view in seen]
    require_accepted(TEXT, held, "bob")
    for agreement, name in ((TEXT, "ada"), (other, "bob")):
        with raises_code(ApprovalError, "agreement-missing"):
            require_accepted(agreement, held, name)
    require_accepted(None, (), "ada")


def test_the_agreement_is_read_and_accepted_by_command(lab: Lab) -> None:
    assert lab.trusted.catalogue.agreement == TEXT

    def run(*words: str, answer: str = "", code: int = 0) -> str:
        done = CliRunner().invoke(app, ["key", "accept", *words], input=answer)
        assert done.exit_code == code, (done.output, done.exception)
        return done.output

    assert "Nobody looks for persons." in run(answer="n\n", code=1)
    run("--digest", "sha256:" + "0" * 64, code=1)
    assert "ada" not in run("--list")
    assert "Accepted." in run("--digest", TEXT.digest)
    assert "accepted it already" in run()
    assert "ada" in run("--list")


def test_officers_stage_a_text_and_see_what_they_sign(tmp_path: Path) -> None:
    consortium = found(tmp_path).consortium
    text = tmp_path / "agreement.md"
    text.write_text(TEXT.text)

    def run(*words: str, code: int = 0) -> str:
        folder = ["--directory", str(consortium.folder.directory)]
        done = CliRunner().invoke(app, ["consortium", "agreement", *words, *folder])
        assert done.exit_code == code, (done.output, done.exception)
        return done.output

    assert "has no agreement" in run()
    assert TEXT.digest in run(str(text))
    assert "Data stay." in run()
    assert any(TEXT.digest in line for line in consortium.changes())
    text.write_text("a\u202eb")
    refused = CliRunner().invoke(
        app, ["consortium", "agreement", str(text), "-d", str(consortium.folder.directory)]
    )
    assert "nobody sees" in str(refused.exception)
    run("--remove")
    assert consortium.catalogue.agreement is None
    assert not consortium.unsigned_changes


def test_without_an_agreement_a_catalogue_is_signed_as_before() -> None:
    """So that a phtlab which knows of no agreement reads it, and nothing has to be signed anew."""
    assert Catalogue().signed_form() == {"images": []}
