"""`phtlab audit`: central's log, a station's, and what was written out, all by one command."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

import phtlab
from phtlab.cli.main import app
from phtlab.errors import AuditError, PhtlabError
from phtlab.files.key_file import write_key
from phtlab.lab.client.lab import Lab
from phtlab.lab.session.session import Session
from phtlab.station.audit.log import Log
from phtlab.station.context.bootstrap import open_station, trust_of
from phtlab.station.daemon.audit_witness import AuditWitness
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import StationSettings, write_settings
from phtlab.trust_store.trust import Trust
from tests.central.world import World

LOG = "central of pht"
PASSPHRASE = "correct horse battery"


@pytest.fixture
def central(small_central: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A central with a journey, and bob's profile for the command."""
    monkeypatch.setenv("PHTLAB_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("PHTLAB_CENTRAL", small_central.url)
    monkeypatch.setenv("PHTLAB_KEY", str(tmp_path / "key"))
    client = small_central.client("bob")
    place = tmp_path / "config" / "trust"
    trust = Trust(place, client.tuf_fetcher(), client.metadata_url, client.targets_url)
    trust.pin(small_central.founding.consortium.root)
    lab = Lab(Session(small_central.identity("bob"), client, trust))
    monkeypatch.setattr(phtlab, "connect", lambda: lab, raising=False)
    journey = small_central.journey("ulm")
    record = small_central.record(journey, "ulm")
    small_central.client("ulm").put_record(journey.id, "ulm", record)
    return small_central


@pytest.fixture
def ulm(central: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the station ulm, with a log that it signed at central."""
    monkeypatch.setenv("PHTLAB_PASSPHRASE", PASSPHRASE)
    folder = StationFolder(tmp_path / "ulm")
    folder.create()
    settings = StationSettings(name="ulm", central=central.url)
    write_settings(folder, settings)
    write_key(folder.key, central.identity("ulm"), PASSPHRASE, log_n=4)
    trust_of(folder, central.client("ulm")).pin(central.founding.consortium.root)
    log = Log(folder.audit, "ulm")
    for number in range(3):
        log.append(actor="ulm", action="stop-offered", subject=f"j-{number}")
    station = open_station(folder, settings, central.identity("ulm"))
    assert AuditWitness(station).review_logs() == ()
    station.close()
    return folder.path


def run(*words: str | Path) -> Result:
    result = CliRunner().invoke(app, ["audit", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit | PhtlabError):
        raise result.exception
    return result


def refused(*words: str | Path) -> str:
    error = run(*words).exception
    assert isinstance(error, AuditError), error
    return error.code


def change(central: World, statement: str) -> None:
    """Behind central's back."""
    with central.services.database.note() as session:
        session.execute(text(statement))


def test_verify_says_how_far_and_who_signed_it(central: World, ulm: Path) -> None:
    assert run("witness").exit_code == 0
    told = run("verify").stdout
    assert f"The log of {LOG} holds as far as entry 5." in told
    assert [line.split()[:3] for line in told.splitlines()[2:]] == [
        ["bob", "1", "5"],
        ["ulm", "1", "5"],
    ]
    found = json.loads(run("verify", "--json").stdout)
    assert (found["log"], found["number"], found["witnessed"]) == (LOG, 5, 5)
    central.client("ada").cancel(central.journey("mainz").id)
    assert "Nobody has signed the last" in run("verify").stdout


def test_witness_signs_what_is_new(central: World) -> None:
    assert f"You signed the log of {LOG} as far as entry 4; 4 new." in run("witness").stdout
    central.journey("mainz")
    assert "as far as entry 5; 1 new." in run("witness").stdout
    assert json.loads(run("witness", "--json").stdout)["witness"] == "bob"


def test_what_was_seen_before_is_asked_for_again(central: World) -> None:
    run("witness")
    change(central, "DELETE FROM audit_checkpoint")
    change(central, "DELETE FROM audit_entry WHERE number = 4")
    assert refused("verify") == refused("witness") == "audit-cut"


def test_a_station_s_log_is_verified_with_what_it_signed(ulm: Path) -> None:
    told = run("verify", "-C", ulm).stdout
    assert "The log of ulm holds as far as entry 4." in told
    assert "Nobody has signed the last 1 yet." in told
    path = next((ulm / "audit").glob("*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))
    assert refused("verify", "-C", ulm) == refused("verify", "-C", ulm, "--offline") == "audit-cut"
    (ulm / "audit" / "seen.json").unlink()
    assert run("verify", "-C", ulm, "--offline").exit_code == 0
    assert refused("verify", "-C", ulm) == "audit-cut"


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_what_was_written_out_is_verified_offline(
    central: World, ulm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert run("export", tmp_path / name).exit_code == 0
    assert run("export", tmp_path / f"ulm-{name}", "-C", ulm).exit_code == 0
    monkeypatch.setattr(phtlab, "connect", lambda: pytest.fail("it asks central"), raising=False)
    for target, log in ((name, LOG), (f"ulm-{name}", "ulm")):
        told = run("verify", tmp_path / target).stdout
        assert f"The log of {log} holds" in told and "Compare its digest" in told
        assert "ulm" in told.splitlines()[2]
    assert refused("export", tmp_path / f"ulm-{name}", "-C", ulm) == "audit-export"


def test_what_was_written_out_and_changed_is_found_out(central: World, tmp_path: Path) -> None:
    run("witness")
    run("export", tmp_path / "out")
    path = tmp_path / "out" / "entries.jsonl"
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    for changed, code in (
        (lines[:3], "audit-cut"),
        (lines[1:], "audit-gap"),
        ([*lines[:3], lines[3].replace(b"departed", b"refused!")], "audit-rewritten"),
        ([lines[0].replace(b"roster", b"Roster"), *lines[1:]], "audit-chain"),
        ([b"{}\n"], "audit-form"),
        ([content[:-1]], "audit-export"),
    ):
        path.write_bytes(b"".join(changed))
        assert refused("verify", tmp_path / "out") == code
    (tmp_path / "out" / "roster.json").unlink()
    assert refused("verify", tmp_path / "out") == refused("verify", tmp_path) == "audit-export"


def test_a_zip_that_is_none_or_a_bomb_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK no zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("log.json", "checkpoints.jsonl", "roster.json"):
            archive.writestr(name, b"{}")
        with archive.open("entries.jsonl", "w", force_zip64=True) as member:
            for _ in range(1025):
                member.write(bytes(2**20))
    assert refused("verify", tmp_path / "a.zip") == refused("verify", tmp_path / "b.zip")


def test_show_filters(central: World, ulm: Path, tmp_path: Path) -> None:
    def shown(*words: str | Path) -> list[int]:
        return [entry["number"] for entry in json.loads(run("show", *words, "--json").stdout)]

    assert shown() == [1, 2, 3, 4, 5]
    assert shown("--actor", "ada") == [2, 3]
    assert shown("--actor", "ada", "--action", "journey-ordered") == [3]
    assert shown("--last", "2") == [4, 5]
    journey = json.loads(run("show", "--json").stdout)[2]["subject"]
    assert shown("--subject", journey[:20]) == shown("--digest", journey[7:15]) == [3, 4]
    assert shown("--since", "2100-01-01") == []
    assert shown("--until", "2100-01-01T10:00") == [1, 2, 3, 4, 5]
    assert shown("-C", ulm, "--action", "stop-offered") == [1, 2, 3]
    run("export", tmp_path / "out")
    assert shown(tmp_path / "out", "--actor", "ulm") == [4, 5]
    table = run("show", "--action", "stop-recorded").stdout
    assert "outcome: departed" in table and journey[7:19] in table
    assert "no such entry" in run("show", "--actor", "nobody").stderr
    assert refused("show", "--since", "yesterday") == "audit-moment"
    assert run("show", "x", "-C", ulm).exit_code == 2


def test_a_station_chooses_how_its_people_are_told(central: World, ulm: Path) -> None:
    def notifications(*words: str) -> Result:
        return CliRunner().invoke(app, ["notifications", *words, "-C", str(ulm)])

    made = notifications("set", "--webhook", "https://ulm.example.org/hook")
    assert made.exit_code == 0 and "whsec_" in made.stderr
    assert "https://ulm.example.org/hook" in notifications("how").stdout
    assert "https://ulm" not in CliRunner().invoke(app, ["notifications", "how"]).stdout
