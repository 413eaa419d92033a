"""Signing in through a real OpenID provider, by its forms, as a browser would send them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from phtlab.processes.services import Service
from phtlab_hub.settings import HubSettings
from tests.hub.running_hub import hub_folder, running_hub
from tests.hub.session import HubSession
from tests.real_registry import answers, free_port

PROVIDER = Path(__file__).parent / "oidc"
SECRET = "a-secret-of-the-tests"
MAPPED = """
[oidc]
issuer = "{issuer}"
client_id = "phtlab-hub"
domain = "hospital.example"
groups = {{ "/pht/researchers" = "researcher" }}
names = {{ "Dora" = "dr-lovelace" }}
"""


@pytest.fixture(scope="module")
def oidc_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubSettings]:
    """A hub whose users come from a provider that runs beside it."""
    node = shutil.which("node")
    assert node, "install the Debian package nodejs"
    assert (PROVIDER / "node_modules").is_dir(), f"run 'npm ci' in {PROVIDER}"
    place, port = tmp_path_factory.mktemp("oidc"), free_port()
    issuer = f"http://127.0.0.1:{port}"
    # Anything that answers stands for central, which no test here asks.
    folder = hub_folder(place / "hub", f'central = "{issuer}"\n' + MAPPED.format(issuer=issuer))
    settings = HubSettings.load(folder)
    secret = folder / "oidc-client-secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    callback = f"http://{settings.listen}/hub/oauth_callback"
    command = [node, str(PROVIDER / "provider.mjs"), str(port), SECRET, callback]
    provider = Service("provider", command, place, {})
    provider.start()
    try:
        provider.wait_until(lambda: answers(port))
        with running_hub(folder):
            yield settings
    finally:
        provider.stop()


def _sign_in(session: HubSession, name: str) -> httpx.Response:
    """Follow the hub to the provider, fill in its two forms, and come back."""
    page = session.http.get("/hub/oauth_login", params={"next": "/hub/home"})
    asked = page.history[1].url if len(page.history) > 1 else page.url
    assert asked.params["code_challenge_method"] == "S256"
    for form in ({"prompt": "login", "login": name, "password": "any"}, {"prompt": "consent"}):
        action = re.search(r'<form[^>]* action="([^"]+)"', page.text)
        assert action, page.text[:2000]
        page = session.http.post(action[1], data=form)
    return page


@pytest.fixture
def session(oidc_hub: HubSettings) -> Iterator[HubSession]:
    with HubSession(f"http://{oidc_hub.listen}") as session:
        yield session


def test_a_login_at_the_provider_is_one_at_the_hub(session: HubSession) -> None:
    page = _sign_in(session, "ada")
    assert (page.status_code, page.url.path) == (200, "/hub/home")
    me = session.me()
    assert (me["name"], me["groups"]) == ("ada", ["researcher"])
    assert "custom:phtlab:dispatch" in me["scopes"]
    assert "custom:phtlab:govern" not in me["scopes"]


def test_groups_of_the_hubs_names_count_as_they_are(session: HubSession) -> None:
    _sign_in(session, "dora")
    me = session.me()
    assert (me["name"], sorted(me["groups"])) == ("dr-lovelace", ["researcher", "teacher"])
    assert {"custom:phtlab:teach", "custom:phtlab:dispatch"} <= set(me["scopes"])


@pytest.mark.parametrize("name", ["stranger", "upstart"])
def test_who_is_in_no_group_of_the_hub_is_refused(session: HubSession, name: str) -> None:
    page = _sign_in(session, name)
    assert page.status_code == 403
    assert session.http.get("/hub/home", follow_redirects=False).status_code == 302


@pytest.mark.parametrize("name", ["mallory", "impostor"])
def test_who_is_not_who_has_the_name_here_is_refused(session: HubSession, name: str) -> None:
    page = _sign_in(session, name)
    assert page.status_code == 403
    assert "none that a member of the consortium can have" in page.text
    assert session.http.get("/hub/home", follow_redirects=False).status_code == 302


def test_an_answer_that_nobody_asked_for_is_refused(session: HubSession) -> None:
    page = session.http.get("/hub/oauth_callback", params={"code": "x", "state": "y"})
    assert page.status_code in (400, 403)


def test_what_the_provider_said_of_itself_is_kept(oidc_hub: HubSettings) -> None:
    kept = oidc_hub.directory / "oidc-endpoints.json"
    assert "token_endpoint" in kept.read_text()
    assert SECRET not in (oidc_hub.directory / "hub.log").read_text()
