"""The files of hub_config load, and set what their Spawners and JupyterHub know."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from traitlets import HasTraits
from traitlets.config import Config, PyFileConfigLoader

from phtlab.errors import SettingsError
from phtlab_hub import roles, security, service, workspaces
from phtlab_hub.accounts import write_accounts

HUB_CONFIG = Path(__file__).parents[2] / "hub_config"
VALUES = HUB_CONFIG / "kubernetes" / "values.yaml"

# hub.toml of a hub whose users work in containers.
CONTAINERS = """
image = "phtlab/workspace-python:1"
reverse_proxy = "http://10.1.2.1:8787"
network = "workspaces"
prefix = "hub"
[workspaces.researcher]
memory = "4G"
"""
NEEDED = {
    "local": ("", ""),
    "docker": ("root", 'root = "/etc/phtlab/root.json"\n'),
    "swarm": ("root_config", 'root_config = "phtlab-root"\n'),
}
SPAWNERS = {"docker": "WorkspaceSpawner", "swarm": "SwarmWorkspaceSpawner"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "hub"
    place.mkdir(mode=0o700)
    (place / "hub.toml").write_text("")
    write_accounts(place / "accounts.toml", {})
    monkeypatch.setenv("PHTLAB_HUB_DIRECTORY", str(place))
    return place


def loaded(name: str) -> Config:
    path = HUB_CONFIG / name / "jupyterhub_config.py"
    return PyFileConfigLoader(path.name, path=str(path.parent)).load_config()


def require_known(config: Config, classes: dict[str, str]) -> None:
    """Each setting is a trait of its class that takes the value; `classes` has their modules."""
    for name, values in config.items():
        cls = getattr(importlib.import_module(classes[name]), name)
        for trait, value in values.items():
            assert trait in cls.class_trait_names(config=True), f"{name} has no {trait}"
            cls.class_traits()[trait]._validate(HasTraits(), value)


JUPYTERHUB = {
    "JupyterHub": "jupyterhub.app",
    "ConfigurableHTTPProxy": "jupyterhub.proxy",
    "Authenticator": "jupyterhub.auth",
    "LocalAccounts": "phtlab_hub.accounts",
    "Spawner": "jupyterhub.spawner",
    "SimpleLocalProcessSpawner": "jupyterhub.spawner",
    "WorkspaceSpawner": "phtlab_spawner.docker_workspace",
    "SwarmWorkspaceSpawner": "phtlab_spawner.swarm_workspace",
}


@pytest.mark.parametrize("name", NEEDED)
def test_each_configuration_sets_only_what_there_is(folder: Path, name: str) -> None:
    (folder / "hub.toml").write_text(NEEDED[name][1] + CONTAINERS)
    config = loaded(name)
    require_known(config, JUPYTERHUB)
    assert [role["name"] for role in config.JupyterHub.load_roles] == [
        *(role["name"] for role in roles.ROLES),
        "idle-culler",
        "shutdown",
    ]


@pytest.mark.parametrize("name", SPAWNERS)
def test_containers_get_what_the_settings_say(folder: Path, name: str) -> None:
    (folder / "hub.toml").write_text(NEEDED[name][1] + CONTAINERS)
    spawner = loaded(name)[SPAWNERS[name]]
    assert spawner.image == "phtlab/workspace-python:1"
    assert spawner.network_name == "workspaces"
    assert spawner.reverse_proxy == "http://10.1.2.1:8787"
    assert spawner.prefix == "hub"
    assert spawner.workspaces == {"researcher": {"memory": "4G"}}


@pytest.mark.parametrize("name", SPAWNERS)
def test_what_a_configuration_cannot_do_without_is_asked_for(folder: Path, name: str) -> None:
    missing, _ = NEEDED[name]
    (folder / "hub.toml").write_text(CONTAINERS)
    with pytest.raises(SettingsError, match=missing):
        loaded(name)


# Kubernetes: the values are for a chart that is not here, so their parts are held to what reads
# them in the end: JupyterHub, its classes, and KubeSpawner.


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(VALUES.read_text())
    return read


def test_kubernetes_has_the_roles_and_scopes_of_every_other_hub(values: dict[str, Any]) -> None:
    declared = values["hub"]["loadRoles"]
    assert declared == {
        role["name"]: {key: role[key] for key in ("description", "scopes", "groups")}
        for role in roles.ROLES
    }
    assert values["hub"]["config"]["JupyterHub"]["custom_scopes"] == roles.CUSTOM_SCOPES


def test_kubernetes_knows_central_as_every_other_hub_does(
    values: dict[str, Any], folder: Path
) -> None:
    config = Config()
    settings = service.HubSettings.load(folder)
    service.apply(config, settings)
    (declared,) = config.JupyterHub.services
    central = values["hub"]["services"][service.NAME]
    for key in ("oauth_no_confirm", "oauth_client_allowed_scopes"):
        assert central[key] == declared[key]
    spawner = values["hub"]["config"]["Spawner"]
    assert spawner["server_token_scopes"] == list(workspaces.SERVER_SCOPES)


def test_kubernetes_sets_only_what_there_is(values: dict[str, Any]) -> None:
    require_known(
        Config(values["hub"]["config"]),
        {
            **JUPYTERHUB,
            "GenericOAuthenticator": "oauthenticator.generic",
            "KubeSpawner": "kubespawner",
        },
    )


def test_kubernetes_is_as_safe_as_every_other_hub(values: dict[str, Any], folder: Path) -> None:
    (folder / "hub.toml").write_text('public_url = "https://hub.example.org"\n')
    config = Config()
    security.apply(config, security.HubSettings.load(folder))
    given = values["hub"]["config"]
    for name in ("cookie_max_age_days", "oauth_token_expires_in", "token_expires_in_max_seconds"):
        assert given["JupyterHub"][name] == config.JupyterHub[name], name
    assert given["JupyterHub"]["oauth_require_pkce"] is True
    for name, value in config.JupyterHub.tornado_settings["headers"].items():
        assert given["JupyterHub"]["tornado_settings"]["headers"][name] == value
    assert given["JupyterHub"]["tornado_settings"]["cookie_options"] == {
        "samesite": "Lax",
        "secure": True,
    }
    assert given["Authenticator"]["username_pattern"] == config.Authenticator.username_pattern
    assert given["Authenticator"]["allow_all"] is False
    assert given["Spawner"]["disable_user_config"] is True
    assert given["GenericOAuthenticator"]["allowed_groups"] == list(roles.GROUPS)
    assert values["hub"]["allowNamedServers"] is False
    assert values["cull"]["enabled"] is True


def test_a_kubernetes_workspace_reaches_central_and_registry_only(values: dict[str, Any]) -> None:
    policy = values["singleuser"]["networkPolicy"]
    assert policy["enabled"] is True
    open_by_the_chart = {name for name, is_open in policy["egressAllowRules"].items() if is_open}
    assert open_by_the_chart == {"dnsPortsKubeSystemNamespace"}
    reached = {
        rule["to"][0]["podSelector"]["matchLabels"]["app"]: [port["port"] for port in rule["ports"]]
        for rule in policy["egress"]
    }
    assert reached == {"central": [8400], "registry": [5000]}
