"""docs/hub.md says what the hub's configuration does: its roles, settings and folders."""

from __future__ import annotations

import re
import tomllib

from phtlab_hub import roles
from phtlab_hub.settings import HubSettings, OidcSettings
from tests.docs.generate import DOCS, ROOT

PAGE = (DOCS / "hub.md").read_text("utf-8")


def test_the_roles_are_those_of_the_configuration():
    rows = re.findall(r"^\| (`[a-z`, ]+`) \| ([a-z]+) \| (`custom[^|]+) \|$", PAGE, re.MULTILINE)
    told = {
        role: (re.findall(r"`([^`]+)`", groups), re.findall(r"`([^`]+)`", scopes))
        for groups, role, scopes in rows
    }
    assert told == {role["name"]: (role["groups"], role["scopes"]) for role in roles.ROLES}


def test_the_examples_of_hub_toml_are_settings():
    blocks = re.findall(r"^ *```toml\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
    told = [tomllib.loads(block) for block in blocks]
    plain, single = told
    HubSettings(directory=ROOT, **plain)
    OidcSettings(**single["oidc"])


def test_each_folder_of_hub_config_has_a_row():
    there = {p.name for p in (ROOT / "hub_config").iterdir() if p.is_dir()}
    there -= {"phtlab_hub", "node_modules"}
    rows = set(re.findall(r"^\| `([a-z]+)` \| [^|]+ \|[^|]*\|$", PAGE, re.MULTILINE))
    assert there <= rows


def test_each_setting_that_the_page_names_is_one():
    fields = set(HubSettings.model_fields) | set(OidcSettings.model_fields)
    named = set(re.findall(r"`([a-z]+_[a-z_]+)(?: = [^`]*)?`", PAGE))
    others = {"phtlab_hub", "hub_config", "hub_api_url", "internal_ssl"}
    named = {name for name in named if not name.startswith("test_")} - others
    assert named <= fields, named - fields
