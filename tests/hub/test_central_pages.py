"""Central's pages behind the hub: login by OAuth with PKCE, and what is said while it is away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hub.conftest import LogIn
from tests.hub.session import HubSession

if TYPE_CHECKING:
    from phtlab.demo.hub import HubWorld

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("name", ["dr-lovelace", "officer-ada", "newcomer"])
def test_a_login_at_the_hub_opens_centrals_page_without_a_question(
    log_in: LogIn, name: str
) -> None:
    session = log_in(name)
    page = session.http.get("/services/central/")
    assert page.status_code == 200
    assert page.url.path == "/services/central/"
    assert "cleveland" in page.text
    assert "oauth2/authorize" in " ".join(str(step.url) for step in page.history)


def test_without_a_login_the_page_leads_to_it(hub_world: HubWorld) -> None:
    with HubSession(hub_world.url) as session:
        page = session.http.get("/services/central/")
        assert page.url.path == "/hub/login"


def test_central_away_is_said_in_a_sentence_and_over_when_it_is_back(
    hub_world: HubWorld, log_in: LogIn
) -> None:
    session = log_in("dr-lovelace")
    _, central, *_ = hub_world.world.services()
    central.stop()
    try:
        page = session.http.get("/services/central/")
        assert page.status_code == 503
        assert "journeys that are under way go on at their" in page.text
        assert "phtlab central status" in page.text
        # The hub goes on without it.
        assert session.me()["name"] == "dr-lovelace"
        hub_world.restart_hub()
        assert log_in("newcomer").me()["name"] == "newcomer"
    finally:
        hub_world.world.start(lambda doing: None)
    assert session.http.get("/services/central/").status_code == 200
