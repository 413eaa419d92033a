"""`phtlab station`: what an operator types, gets and reads."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import structlog
from typer.testing import CliRunner, Result

from phtlab.central.context import CentralContext
from phtlab.central.server import serving
from phtlab.cli.station import commands as station_cli
from phtlab.consortium.enrolment import open_request
from phtlab.errors import (
    ApprovalError,
    CentralUnreachableError,
    DataSetError,
    EngineMissingError,
    PassphraseError,
    PhtlabError,
    RosterError,
    SettingsError,
    StationError,
)
from phtlab.files.key_file import read_key, write_key
from phtlab.governance.proposal import Proposal, RequestedData, new_id
from phtlab.station.context.station_context import StationContext
from phtlab.station.daemon.loop import Daemon
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import load_settings
from phtlab.train.documents.envelope import Envelope
from phtlab.trust_store.trust import root_fingerprint
from tests.central.world import Clock, Founding, found
from tests.limits import LIMIT, read_line
from tests.station.approvals.test_approvals import proposed
from tests.station.station_world import COUNTS, KERNEL, SCHEMA, World, identity, make_world

PASSPHRASE = "correct horse battery staple"
_PHTLAB = "from phtlab.cli import main; main()"


@pytest.fixture(autouse=True)
def _configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """No log of central's among what the command prints."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    monkeypatch.setenv("PHTLAB_PASSPHRASE", PASSPHRASE)
    monkeypatch.delenv("PHTLAB_STATION", raising=False)


def run(*args: str | Path, ask: str | None = None) -> Result:
    return CliRunner().invoke(station_cli.app, [str(arg) for arg in args], input=ask)


def ok(*args: str | Path, ask: str | None = None) -> Result:
    result = run(*args, ask=ask)
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def refusal(kind: type[PhtlabError], *args: str | Path) -> str:
    result = run(*args)
    assert isinstance(result.exception, kind), (result.output, result.exception)
    return str(result.exception)


def world_with_key(tmp_path: Path) -> World:
    world = make_world(tmp_path)
    write_key(world.folder.key, identity("cleveland"), PASSPHRASE, log_n=8)
    return world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_with_key(tmp_path)


# init and request


def test_init_makes_a_station_prints_its_fingerprint_and_the_next_step(tmp_path: Path) -> None:
    folder = StationFolder(tmp_path / "cleveland")
    result = ok(
        "init", folder.path, "--name", "cleveland", "--organisation", "Cleveland Clinic",
        "--central", "https://pht.example",
    )  # fmt: skip
    identity = read_key(folder.key, PASSPHRASE)
    assert result.stdout.strip() == identity.public.fingerprint
    assert f"send {folder.request} to a consortium officer" in result.stderr
    assert f"phtlab station join -C {folder.path} --root root.json" in result.stderr
    assert load_settings(folder).central == "https://pht.example"
    member = open_request(Envelope.from_bytes(folder.request.read_bytes()))
    assert (member.name, member.organisation, member.roles) == (
        "cleveland",
        "Cleveland Clinic",
        ("station",),
    )
    shown = json.loads(ok("policy", "show", "--json", "-C", folder.path).stdout)
    assert shown["mode"] == "human"
    assert shown["airlock"]["minimum_count"] == 10
    again = refusal(
        SettingsError, "init", folder.path, "--name", "cleveland", "--organisation", "C"
    )
    assert "There is a station in" in again


def test_a_twin_station_asks_for_its_role_and_admits_by_itself(tmp_path: Path) -> None:
    folder = StationFolder(tmp_path / "twin")
    result = ok("init", folder.path, "--name", "twin", "--organisation", "Hub", "--twin", "--json")
    assert json.loads(result.stdout)["name"] == "twin"
    assert open_request(Envelope.from_bytes(folder.request.read_bytes())).roles == (
        "station",
        "twin",
    )
    assert json.loads(ok("policy", "show", "--json", "-C", folder.path).stdout)["mode"] == "auto"


def test_a_name_that_no_station_has_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    message = refusal(
        SettingsError, "init", tmp_path / "x", "--name", "Cleveland!", "--organisation", "C"
    )
    assert message.startswith("'Cleveland!' cannot name a station")
    assert not (tmp_path / "x").exists()


def test_request_writes_the_request_again(world: World) -> None:
    result = ok("request", "-C", world.folder.path)
    assert result.stdout.strip() == identity("cleveland").public.fingerprint
    assert open_request(Envelope.from_bytes(world.folder.request.read_bytes())).is_station


def test_the_passphrase_may_come_from_a_file_or_from_systemd(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PHTLAB_PASSPHRASE")
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    ok("request", "-C", world.folder.path, "--passphrase-file", tmp_path / "passphrase")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    ok("request", "-C", world.folder.path)
    monkeypatch.setenv("PHTLAB_PASSPHRASE", "another one altogether")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert "does not open the key file" in refusal(
        PassphraseError, "request", "-C", world.folder.path
    )


# join


@pytest.fixture(scope="module")
def founding(tmp_path_factory: pytest.TempPathFactory) -> Founding:
    return found(tmp_path_factory.mktemp("founding"))


@pytest.fixture
def central(founding: Founding, tmp_path: Path) -> Iterator[str]:
    settings = founding.central.settings.model_copy(
        update={"database": f"sqlite:///{tmp_path / 'central.sqlite'}"}
    )
    services = CentralContext.of(settings, Clock())
    from phtlab.wire.central.client import CentralClient

    with serving(settings, services) as url:
        with CentralClient(url) as client:
            client.publish_roster(founding.bundle())
        yield url


def root_of(founding: Founding, tmp_path: Path) -> Path:
    path = tmp_path / "root.json"
    path.write_bytes(founding.consortium.root)
    return path


def test_join_shows_the_fingerprint_to_compare_and_whether_we_are_on_the_roster(
    world: World, founding: Founding, central: str, tmp_path: Path
) -> None:
    root = root_of(founding, tmp_path)
    heard = root_fingerprint(founding.consortium.root)
    result = ok(
        "join", "-C", world.folder.path, "--root", root, "--central", central, "--by", "grace",
        "--channel", "in person", ask=f"{heard}\n",
    )  # fmt: skip
    (entry,) = StationContext(world.folder, world.settings).audit.entries()
    assert (entry.actor, entry.action) == ("grace", "consortium-joined")
    assert (entry.details["fingerprint"], entry.details["channel"]) == (heard, "in person")
    assert "Joined pht (roster version" in result.stderr
    assert "cleveland is not on the roster yet: send" in result.stderr
    assert load_settings(world.folder).central == central


def test_join_of_a_station_on_the_roster_says_what_comes_next(
    founding: Founding, central: str, tmp_path: Path
) -> None:
    folder = StationFolder(tmp_path / "ulm")
    folder.create()
    folder.settings.write_text('name = "ulm"\n')
    root = root_of(founding, tmp_path)
    fingerprint = root_fingerprint(founding.consortium.root)
    result = ok(
        "join", "-C", folder.path, "--root", root, "--central", central,
        "--fingerprint", fingerprint, "--json",
    )  # fmt: skip
    assert json.loads(result.stdout)["on_roster"] is True


def test_join_with_another_fingerprint_pins_nothing(
    world: World, founding: Founding, central: str, tmp_path: Path
) -> None:
    root = root_of(founding, tmp_path)
    message = refusal(
        RosterError, "join", "-C", world.folder.path, "--root", root, "--central", central,
        "--fingerprint", "aaaa-bbbb",
    )  # fmt: skip
    assert "not the one given. Ask an officer to read it again" in message
    assert not list(world.folder.trust.glob("*"))


def test_join_without_central_says_where_it_looked(
    world: World, founding: Founding, tmp_path: Path
) -> None:
    message = refusal(
        CentralUnreachableError, "join", "-C", world.folder.path,
        "--root", root_of(founding, tmp_path), "--central", "http://127.0.0.1:9",
        "--fingerprint", root_fingerprint(founding.consortium.root),
    )  # fmt: skip
    assert "http://127.0.0.1:9" in message


# Data sets


def test_data_sets_are_added_listed_and_removed(world: World, tmp_path: Path) -> None:
    (tmp_path / "heart.csv").write_text("age,sex\n40,female\n")
    (tmp_path / "heart.csv").chmod(0o600)
    (tmp_path / "heart.toml").write_bytes(SCHEMA)
    at = ("-C", world.folder.path)
    result = ok(
        "dataset", "add", "heart", tmp_path / "heart.csv", "--schema", tmp_path / "heart.toml", *at
    )
    assert "Declared 'heart' (csv, 2 columns) and made its twin of 200 synthetic" in result.stderr
    assert "chmod -R o+rX" in result.stderr
    (listed,) = json.loads(ok("dataset", "list", "--json", *at).stdout)
    assert (listed["name"], listed["columns"]) == ("heart", 2)
    assert "heart" in ok("dataset", "list", *at).stdout
    ok("dataset", "remove", "heart", *at)
    assert json.loads(ok("dataset", "list", "--json", *at).stdout) == []
    assert "There is no data set 'heart' here" in refusal(
        DataSetError, "dataset", "remove", "heart", *at
    )


def test_a_schema_that_is_not_there_is_named(world: World, tmp_path: Path) -> None:
    message = refusal(
        SettingsError, "dataset", "add", "heart", tmp_path, "--schema", tmp_path / "no.toml",
        "-C", world.folder.path,
    )  # fmt: skip
    assert "no.toml cannot be read (No such file or directory)" in message


# status, show, approve, refuse


def held(world: World) -> str:
    world.add_hearts()
    world.folder.policy.write_text('mode = "human"\n')
    offer = world.offer(world.train(COUNTS + 'title = "\x1b[31mred"\n'))
    daemon = Daemon(world.station())
    daemon.receive(offer)
    daemon.step()
    daemon.step()
    return offer.journey


def test_a_held_stop_is_listed_shown_and_approved(world: World) -> None:
    at = ("-C", world.folder.path)
    assert "has had no stop yet" in ok("status", *at).stderr
    journey = held(world)
    status = ok("status", *at).stdout
    assert journey[7:19] in status
    assert "held" in status
    shown = ok("show", journey[7:15], *at).stdout
    assert "parameter   min_age = 50" in shown
    assert "\x1b" not in shown
    assert "\\x1b[31mred" in shown
    assert "because     The kernel image python is new here." in shown
    sentence = "cleveland allows the train sha256:"
    assert ok("approve", journey[7:15], "--show", *at).stdout.startswith(sentence)
    approved = ok("approve", journey[7:15], "--by", "olga", *at)
    assert approved.stdout.startswith(sentence)
    assert "approved by olga. Risk: at most mid. Parameters: min_age 18 to 100." in approved.stdout
    assert "approved" in approved.stderr
    Daemon(world.station()).step()
    (stop,) = json.loads(ok("status", "--json", *at).stdout)["stops"]
    assert stop["state"] == "admitted"
    assert "waits for no decision" in refusal(StationError, "approve", journey, *at)


def test_the_second_of_two_persons_is_asked_for(world: World) -> None:
    at = ("-C", world.folder.path)
    journey = held(world)
    world.folder.policy.write_text('mode = "human"\n[approval]\ntwo_persons = ["mid"]\n')
    said = ok("approve", journey, "--by", "olga", *at).stderr
    assert "olga approved. It starts once another person did so too." in said
    assert "approved by olga; it needs 2 persons" in ok("show", journey, *at).stdout
    assert "1 of 2" in ok("pending", *at).stdout
    assert "Another person must approve" in refusal(
        ApprovalError, "approve", journey, "--by", "olga", *at
    )
    assert "approved" in ok("approve", journey, "--by", "peter", *at).stderr


def test_an_approval_is_listed_and_taken_back(world: World) -> None:
    at = ("-C", world.folder.path)
    assert "has approved nothing yet" in ok("approvals", *at).stderr
    journey = held(world)
    ok("approve", journey, "--days", "30", "--bound", "min_age=40..60", *at)
    Daemon(world.station()).step()
    (one,) = json.loads(ok("approvals", "--json", *at).stdout)
    assert one["parameters"]["properties"]["min_age"]["maximum"] == 60
    assert "active" in ok("approvals", *at).stdout
    ok("revoke", one["digest"][7:19], "--reason", "a mistake", *at)
    (one,) = json.loads(ok("approvals", "--json", *at).stdout)
    assert (one["state"], one["why"]) == ("revoked", "a mistake")


def test_a_proposal_is_shown_asked_about_and_approved_by_a_rule(world: World) -> None:
    at = ("-C", world.folder.path)
    assert "No proposal has named cleveland yet" in ok("proposals", *at).stderr
    now = world.now().replace(microsecond=0)
    proposal = Proposal(
        id=new_id(),
        version=1,
        researcher="ada",
        title="Hearts by age",
        question="How many?",
        legal_ground="Consent",
        datasets=(RequestedData(name="heart", columns=("age",)),),
        stations=("cleveland",),
        images=(KERNEL.digest,),
        risk="low",
        issued=now,
        until=now + timedelta(days=90),
    )
    world.central.governance.submit(proposal.sign(identity("ada")))
    daemon = Daemon(world.station())
    daemon.exchange()
    assert "Hearts by age" in ok("proposals", *at).stdout
    shown = ok("proposals", "show", proposal.id[:6], *at).stdout
    assert "data          heart (age)" in shown
    ok("proposals", "ask", proposal.id, "Why?", "--by", "olga", *at)
    assert "Say which rule" in refusal(ApprovalError, "approve-rule", proposal.id, *at)
    said = ("approve-rule", proposal.id, "--low-risk", "--by", "olga", *at)
    asked = "Say which version of the proposal you read: --version DIGEST"
    assert asked in refusal(ApprovalError, *said)
    assert asked in refusal(ApprovalError, "refuse", proposal.id, *at)
    version = proposal.sign(identity("ada")).digest
    assert f"1, {version}" in shown
    assert json.loads(ok("pending", "--json", *at).stdout)[0]["proposal"] == version
    assert version[7:19] in ok("pending", *at).stdout
    assert "at least 12 characters" in refusal(ApprovalError, *said, "--version", version[7:12])
    other = "0" * 12
    assert "is not the newest" in refusal(ApprovalError, *said, "--version", other)
    assert "is not the newest" in refusal(
        ApprovalError, "refuse", proposal.id, "--version", other, *at
    )
    rule = ok(*said, "--version", version[7:19]).stdout
    allowed = "cleveland allows trains of ada of at most low risk under proposal"
    assert rule.startswith(f"{allowed} {proposal.id}")
    daemon.step()
    daemon.exchange()
    (one,) = json.loads(ok("proposals", "--json", *at).stdout)
    assert one["state"] == "approved"
    assert world.central.governance.talk[proposal.id][0].text == "Why?"


def test_a_proposal_s_version_that_comes_while_the_terminal_asks_is_not_what_was_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = ("-C", world.folder.path)
    signed, proposal = proposed(world)
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("phtlab.cli.station.approval.sys", terminal)
    said = ("approve", proposal.id, "--by", "olga", *at)
    no = run(*said, ask="n\n")
    assert no.exit_code == 1
    assert f"version {signed.digest}" in no.stdout
    assert "Approve exactly this?" in no.stderr
    asked: list[str] = []

    def meanwhile(text: str, **_: object) -> bool:
        asked.append(text)
        if len(asked) == 1:
            older = {"id": proposal.id, "version": 2, "previous": signed.digest}
            proposed(world, **older, journeys=9)
        return True

    monkeypatch.setattr("typer.confirm", meanwhile)
    assert "is not the newest" in refusal(ApprovalError, *said)
    (waiting,) = json.loads(ok("pending", "--json", *at).stdout)
    assert waiting["approvers"] == []
    ok("refuse", proposal.id, "--by", "olga", *at)
    assert asked[1].startswith(f"Refuse 'Hearts by age' ({proposal.id}, version 2, sha256:")


def test_a_held_stop_is_refused_with_a_reason(world: World) -> None:
    at = ("-C", world.folder.path)
    journey = held(world)
    ok("refuse", journey, "--reason", "no ethics vote", *at)
    daemon = Daemon(world.station())
    for _ in range(3):
        daemon.step()
    view = json.loads(ok("show", journey, "--json", *at).stdout)
    assert (view["state"], view["code"]) == ("refused", "operator")
    assert view["sentence"].endswith(": no ethics vote.")


def test_a_journey_that_never_came_here_is_named(world: World) -> None:
    message = refusal(StationError, "show", "abc", "-C", world.folder.path)
    assert message == (
        "There is no stop that begins with 'abc'. 'phtlab station status' lists them."
    )


def test_the_folder_may_come_from_the_environment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHTLAB_STATION", str(world.folder.path))
    assert json.loads(ok("status", "--json").stdout) == {
        "station": "cleveland",
        "closed": None,
        "self_test": None,
        "broken": "",
        "stops": [],
    }


def test_the_folder_that_one_stands_in_is_absolute_to_an_engine(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.folder.path)
    journey = held(world)
    shown = ok("show", journey).stdout
    assert f"files       {world.folder.stops}" in shown


# check and run


def test_check_names_each_thing_and_what_mends_it(world: World) -> None:
    result = run("check", "-C", world.folder.path, "--json")
    assert result.exit_code == 8
    found = {entry["name"]: entry for entry in json.loads(result.stdout)}
    assert found["policy"]["ok"]
    assert found["key"]["ok"]
    assert identity("cleveland").public.fingerprint in found["key"]["sentence"]
    assert found["data sets"]["advice"].startswith("phtlab station dataset add")
    assert "phtlab station join" in found["central"]["advice"]
    text = run("check", "-C", world.folder.path).stdout
    assert "FAIL data sets: No data set is declared." in text
    assert "repair: phtlab station dataset add NAME PATH" in text


def test_check_over_a_real_central(founding: Founding, central: str, tmp_path: Path) -> None:
    folder = StationFolder(tmp_path / "ulm")
    folder.create()
    folder.settings.write_text(f'name = "ulm"\ncentral = "{central}"\n')
    write_key(folder.key, founding.identities["ulm"], PASSPHRASE, log_n=8)
    root = root_of(founding, tmp_path)
    ok(
        "join",
        "-C",
        folder.path,
        "--root",
        root,
        ask=f"{root_fingerprint(founding.consortium.root)}\n",
    )
    result = run("check", "-C", folder.path, "--json")
    found = {entry["name"]: entry for entry in json.loads(result.stdout)}
    assert found["central"]["sentence"] == f"pht at {central} answers."
    assert found["roster"]["sentence"].startswith("ulm is on the roster of pht, version")
    assert not found["registry"]["ok"]


def joined(world: World) -> None:
    (world.folder.trust / "pinned.root.json").write_text("{}")


def test_run_without_an_engine_says_how_to_get_one(world: World) -> None:
    joined(world)
    world.folder.settings.write_text(
        'name = "cleveland"\ncentral = "http://127.0.0.1:9"\n'
        f'executor_options = {{ engine = "unix://{world.root}/no.sock" }}\n'
    )
    message = refusal(EngineMissingError, "run", "-C", world.folder.path)
    assert message.startswith("The station cleveland cannot run anything. ")
    assert "no.sock" in message


def test_run_without_having_joined_says_so(world: World) -> None:
    assert "phtlab station join" in refusal(SettingsError, "run", "-C", world.folder.path)
    world.folder.settings.write_text('name = "cleveland"\ncentral = "http://127.0.0.1:9"\n')
    message = refusal(SettingsError, "run", "-C", world.folder.path)
    assert message.startswith("The station cleveland has joined no consortium yet.")


def test_an_executor_that_nobody_installed_is_named(world: World) -> None:
    world.folder.settings.write_text(
        'name = "cleveland"\ncentral = "http://127.0.0.1:9"\nexecutor = "slurm"\n'
    )
    message = refusal(SettingsError, "run", "-C", world.folder.path)
    assert message.startswith("There is no executor 'slurm'; there is: docker.")


@pytest.mark.engine
def test_run_logs_json_and_ends_cleanly_on_sigterm_even_while_central_is_away(
    world: World,
) -> None:
    joined(world)
    world.folder.settings.write_text('name = "cleveland"\ncentral = "http://127.0.0.1:9"\n')
    with subprocess.Popen(
        [sys.executable, "-c", _PHTLAB, "station", "run", "-C", str(world.folder.path)],
        stderr=subprocess.PIPE,
        env={**os.environ, "PHTLAB_PASSPHRASE": PASSPHRASE},
        text=True,
    ) as process:
        try:
            lines = []
            while not any("central not reached" in line for line in lines):
                line = read_line(process, process.stderr)
                assert line, "".join(lines)
                lines.append(line)
            process.send_signal(signal.SIGTERM)
            rest = process.communicate(timeout=LIMIT)[1]
            assert process.returncode == 0, rest
            logged = [json.loads(line) for line in [*lines, *rest.splitlines()]]
            events = [entry["event"] for entry in logged]
            assert (events[0], events[-1]) == ("station started", "station stopped")
            assert {entry.get("station") for entry in (logged[0], logged[-1])} == {"cleveland"}
            assert PASSPHRASE not in "".join(lines) + rest
        finally:
            if process.poll() is None:
                process.kill()
