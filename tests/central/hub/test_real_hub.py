"""Central as the service of a real JupyterHub: tokens, login and streams through its proxy."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from phtlab.errors import CentralError, NotOnRosterError
from phtlab.wire.central.client import CentralClient
from tests.central.hub.real_hub import RealHub, real_hub
from tests.central.world import found
from tests.limits import LIMIT
from tests.raising import raises_code

pytestmark = pytest.mark.engine

READ, DISPATCH = "custom:phtlab:read", "custom:phtlab:dispatch"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    folder = tmp_path_factory.mktemp("hub")
    with real_hub(folder, found(folder)) as running:
        yield running


def test_a_token_reads_what_its_scopes_say_as_the_member_of_its_user(hub: RealHub) -> None:
    token, _ = hub.token("ada", READ)
    with CentralClient(hub.central, hub_token=token) as ada:
        assert ada.info().consortium == "pht"
        with_data = [station.name for station in ada.stations() if station.has_data]
        assert with_data == ["ulm", "mainz", "jena"]
        assert ada.journeys().journeys == ()
        with raises_code(CentralError, "hub-scope"):
            ada.cancel(f"sha256:{'0' * 64}")


def test_a_user_who_is_no_member_sees_the_stations_only(hub: RealHub) -> None:
    token, _ = hub.token("eve", READ)
    with CentralClient(hub.central, hub_token=token) as eve:
        assert len(eve.stations()) == 5
        with raises_code(NotOnRosterError, "not-on-roster"):
            eve.journeys()


def test_a_token_of_before_the_role_and_one_revoked_open_nothing(hub: RealHub) -> None:
    without, _ = hub.token("ada", "read:users:name!user=ada")
    with (
        CentralClient(hub.central, hub_token=without) as ada,
        raises_code(CentralError, "hub-scope"),
    ):
        ada.stations()
    revoked, identifier = hub.token("ada", READ)
    hub.revoke("ada", identifier)
    with (
        CentralClient(hub.central, hub_token=revoked) as ada,
        raises_code(CentralError, "token-invalid"),
    ):
        ada.stations()


def test_news_come_through_the_hub_s_proxy_at_once(hub: RealHub) -> None:
    token, _ = hub.token("ada", READ, DISPATCH)
    with CentralClient(hub.central, hub_token=token) as ada:
        first = next(ada.changes())
    assert isinstance(first, tuple)
    assert len(first) == 5


def test_a_browser_logs_in_at_the_hub_and_sees_the_page(hub: RealHub) -> None:
    with hub.browser() as browser:
        page = hub.log_in(browser, "ada")
        assert page.url.path == "/services/central/"
        assert page.status_code == 200
        for shown in ("pht", "ada", "ulm", "Your journeys"):
            assert shown in page.text
        (session,) = [cookie for cookie in browser.cookies.jar if cookie.name == "phtlab-central"]
        assert session.path == "/services/central/"
        assert session.has_nonstandard_attr("HttpOnly")
        again = browser.get(f"{hub.central}/")
        assert again.status_code == 200
        assert not again.history


def test_a_user_without_a_role_is_not_let_in_by_the_hub(hub: RealHub) -> None:
    with hub.browser() as browser:
        page = hub.log_in(browser, "tim")
        assert page.status_code == 403
        assert "Your journeys" not in page.text
        assert "phtlab-central" not in {cookie.name for cookie in browser.cookies.jar}


def test_a_logout_at_the_hub_takes_the_session_s_token_back(hub: RealHub) -> None:
    with hub.browser() as browser:
        hub.log_in(browser, "ada")
        (session,) = [cookie for cookie in browser.cookies.jar if cookie.name == "phtlab-central"]
        browser.get(f"{hub.url}/hub/logout")
    # Asked of the hub: central itself believes what it heard for half a minute.
    headers = {"Authorization": f"token {session.value}"}
    answer = httpx.get(f"{hub.url}/hub/api/user", headers=headers, trust_env=False, timeout=LIMIT)
    assert answer.status_code == 403
