"""In a hub's workspace: the hub's token reads, the key acts, and what is missing is said."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from phtlab.files.key_file import write_key
from phtlab.train.canonical import digest
from tests.central.hub.hub_simulator import HubSimulator
from tests.central.world import World
from tests.lab.server.conftest import PASSPHRASE, Asking, until
from tests.lab.server.test_check import STATION, cell, check, notebook
from tests.lab.server.test_events import central_is, in_thread, reads, shows


@pytest.fixture
def workspace_of_ada(
    hub_central: World, hub: HubSimulator, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """What the Spawner tells a workspace; ada's key is in its place. Ask for it before `asking`."""
    root = home / "root.json"
    root.parent.mkdir(parents=True)
    root.write_bytes(hub_central.founding.consortium.root)
    told = {
        "JUPYTERHUB_USER": "ada",
        "JUPYTERHUB_API_TOKEN": hub.token("ada", ["read", "dispatch"]),
        "PHTLAB_CENTRAL": hub_central.url + "/services/central",
        "PHTLAB_ROOT": str(root),
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    key = home / "config" / "keys" / "ada.key.age"
    write_key(key, hub_central.identity("ada"), PASSPHRASE, log_n=4)
    return key


async def test_the_hub_s_token_reads_while_the_key_is_locked(
    hub_central: World, workspace_of_ada: Path, asking: Asking
):
    sent = await in_thread(hub_central.journey, "ulm")
    async with asking.events() as events:
        await until(events, shows(sent.id, "offered"), reads)
    status = await asking.get("status")
    assert (status["place"], status["user"], status["problem"]) == ("hub", "ada", None)
    assert (status["key"]["state"], status["key"]["name"]) == ("locked", "ada")
    assert status["key"]["path"] == str(workspace_of_ada)
    assert [station["name"] for station in await asking.get("stations")] == ["ulm", "mainz", "jena"]
    (journey,) = await asking.get("journeys")
    assert journey["mine"] is True


async def test_the_token_alone_sends_and_cancels_nothing(
    hub_central: World, workspace_of_ada: Path, asking: Asking, jp_root_dir: Path
):
    sent = await in_thread(hub_central.journey, "ulm")
    nbformat.write(nbformat.v4.new_notebook(), jp_root_dir / "a.ipynb")
    order = {"path": "a.ipynb", "checked": digest(b""), "stations": "all"}
    for path, body in [("journeys", order), (f"journeys/{sent.id}/cancel", {})]:
        status, problem = await asking.refused("POST", path, json=body)
        assert (status, problem["code"]) == (423, "key-locked"), path
    await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
    assert (await asking.post(f"journeys/{sent.id}/cancel", {}))["cancelled"] is True


async def test_a_key_that_no_officer_admitted_does_not_speak_and_the_token_still_reads(
    hub_central: World, workspace_of_ada: Path, asking: Asking
):
    workspace_of_ada.unlink()
    body = {"name": "ada", "organisation": "", "passphrase": PASSPHRASE}
    await asking.post("keys", body)
    async with asking.events() as events:
        heard = await until(events, reads)
    assert heard[-1].data["key"]["member"] is False
    assert heard[-1].data["problem"] is None
    assert len(await asking.get("stations")) == 3


async def test_an_expired_token_is_said(
    hub_central: World,
    hub: HubSimulator,
    workspace_of_ada: Path,
    asking: Asking,
):
    hub.tokens.clear()
    hub.seconds += 3600.0  # central remembers for a while what the hub said
    asking.extension.workspace.profile_changed()
    async with asking.events() as events:
        heard = await until(
            events, lambda event: event.kind == "status" and event.data["problem"] is not None
        )
    status = heard[-1].data
    assert status["problem"]["code"] == "token-invalid"
    assert (status["reads"], status["central"]["state"]) == (False, "ok")
    # With the key unlocked, one speaks for oneself.
    await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
    async with asking.events() as events:
        await until(events, reads)


async def test_a_hub_without_central_writes_and_checks(
    home: Path, monkeypatch: pytest.MonkeyPatch, asking: Asking, jp_root_dir: Path
):
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    asking.extension.workspace.profile_changed()
    status = await asking.get("status")
    assert status["problem"]["code"] == "central-missing"
    assert "This hub has no central" in status["problem"]["message"]
    assert (status["central"]["url"], status["reads"]) == ("", False)
    assert (await check(asking, notebook(cell(STATION, "station"))))["ok"] is True
    body = {"name": "ada", "organisation": "", "passphrase": PASSPHRASE}
    assert (await asking.post("keys", body))["current"] is True
    nbformat.write(nbformat.v4.new_notebook(), jp_root_dir / "a.ipynb")
    order = {"path": "a.ipynb", "checked": digest(b""), "stations": "twin"}
    for verb, path, sent in [
        ("POST", "journeys", order),
        ("GET", "kernels", None),
        ("GET", "members", None),
        ("GET", f"journeys/sha256:{'a' * 64}", None),
    ]:
        status_code, problem = await asking.refused(verb, path, json=sent)
        assert (status_code, problem["code"]) == (409, "central-missing"), path


@pytest.fixture
def _no_root(workspace_of_ada: Path, home: Path) -> None:
    (home / "root.json").write_text("no root")


async def test_a_root_that_is_none_is_said(_no_root: None, asking: Asking):
    async with asking.events() as events:
        heard = await until(events, central_is("ok"))
    status = heard[-1].data
    assert status["root"] is None
    assert status["problem"]["code"] == "roster-metadata"
    assert "root" in status["problem"]["message"]
    # Nothing is believed, so nothing is sent.
    await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
    status_code, problem = await asking.refused("GET", "members")
    assert (status_code, problem["code"]) == (422, "roster-metadata")
