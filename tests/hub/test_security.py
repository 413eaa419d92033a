"""JupyterHub's checklist of secure settings, as our configuration has it.

docs/hub.md names a test for each line of it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from traitlets.config import Config

from phtlab.errors import SettingsError
from phtlab_hub import workspaces
from phtlab_hub.accounts import write_accounts
from phtlab_hub.configuration import configure
from phtlab_hub.settings import HubSettings
from tests.raising import raises_code

DOCS = Path(__file__).parents[2] / "docs"
TESTS = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "hub"
    place.mkdir(mode=0o700)
    write_accounts(place / "accounts.toml", {})
    return place


def configured(folder: Path, settings: str = "") -> Config:
    (folder / "hub.toml").write_text(settings)
    config = Config()
    configure(config, HubSettings.load(folder))
    return config


def test_each_login_ends_and_no_token_is_for_ever(folder: Path) -> None:
    hub = configured(folder).JupyterHub
    assert hub.cookie_max_age_days == 1
    assert hub.oauth_token_expires_in == 24 * 3600
    assert hub.token_expires_in_max_seconds == 30 * 24 * 3600


def test_secrets_are_made_once_kept_private_and_not_in_the_configuration(folder: Path) -> None:
    config = configured(folder)
    token = config.ConfigurableHTTPProxy.auth_token
    assert len(token) == 64
    assert configured(folder).ConfigurableHTTPProxy.auth_token == token
    assert config.JupyterHub.cookie_secret_file == str(folder / "cookie-secret")
    (folder / "proxy-token").chmod(0o644)
    with raises_code(SettingsError, "not-private"):
        configured(folder)


def test_nobody_comes_in_by_default(folder: Path) -> None:
    authenticator = configured(folder).Authenticator
    assert authenticator.allow_all is False
    assert authenticator.allow_existing_users is False
    assert authenticator.admin_users == set()


@pytest.mark.parametrize("name", ["Ada", "a", "a_b", "-ada", "ada-", "../ada", "x" * 64])
def test_a_name_is_a_members_or_none(folder: Path, name: str) -> None:
    pattern = configured(folder).Authenticator.username_pattern
    assert re.compile(pattern).match("dr-lovelace")
    assert not re.compile(pattern).match(name)


def test_what_a_user_left_in_their_home_starts_nothing(folder: Path) -> None:
    config = configured(folder)
    assert config.Spawner.disable_user_config is True
    assert config.JupyterHub.allow_named_servers is False


def test_code_in_a_notebook_gets_a_token_of_little_use(folder: Path) -> None:
    scopes = configured(folder).Spawner.server_token_scopes
    assert scopes == list(workspaces.SERVER_SCOPES)
    assert not {"inherit", "self", "all", "tokens", "shares"} & {
        s.partition("!")[0] for s in scopes
    }


def test_numbers_of_servers_and_starts_are_bounded(folder: Path) -> None:
    hub = configured(folder).JupyterHub
    assert (hub.concurrent_spawn_limit, hub.active_server_limit) == (10, 100)


def test_metrics_and_the_login_of_services_are_closed(folder: Path) -> None:
    hub = configured(folder).JupyterHub
    assert hub.oauth_require_pkce is True
    assert "authenticate_prometheus" not in hub  # JupyterHub's default asks for a scope


def test_hub_proxy_and_its_orders_listen_on_the_loopback(folder: Path) -> None:
    config = configured(folder)
    for url in (
        config.JupyterHub.bind_url,
        config.JupyterHub.hub_bind_url,
        config.ConfigurableHTTPProxy.api_url,
    ):
        assert url.startswith("http://127.0.0.1:"), url


def test_idle_servers_are_stopped_by_a_service_that_can_do_no_more(folder: Path) -> None:
    config = configured(folder, "idle_seconds = 1200\n")
    (service,) = [s for s in config.JupyterHub.services if s["name"] == "idle-culler"]
    assert "--timeout=1200" in service["command"]
    (role,) = [r for r in config.JupyterHub.load_roles if r["name"] == "idle-culler"]
    assert role["scopes"] == ["list:users", "read:users:activity", "read:servers", "delete:servers"]
    none = configured(folder, "idle_seconds = 0\n").JupyterHub
    assert "idle-culler" not in [part["name"] for part in (*none.services, *none.load_roles)]


def test_with_a_host_name_for_each_user_no_other_host_sets_cookies(folder: Path) -> None:
    https = 'public_url = "https://hub.example.org"\n'
    hub = configured(folder, f"{https}subdomains = true\n").JupyterHub
    assert hub.subdomain_host == "https://hub.example.org"
    assert hub.cookie_host_prefix_enabled is True
    assert "subdomain_host" not in configured(folder, https).JupyterHub
    with raises_code(SettingsError, "hub-subdomains"):
        configured(folder, "subdomains = true\n")


def test_only_a_named_tls_server_says_who_a_browser_is(folder: Path) -> None:
    assert configured(folder).JupyterHub.trusted_downstream_ips == []
    named = configured(folder, 'trusted_proxies = ["192.0.2.7"]\n').JupyterHub
    assert named.trusted_downstream_ips == ["192.0.2.7"]


def test_every_test_that_the_page_of_hubs_names_is_there() -> None:
    page = (DOCS / "hub.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", page))
    there = set()
    for file in TESTS.rglob("test_*.py"):
        there |= set(re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE))
    assert len(named) > 15
    assert named <= there, named - there
