"""From a provider's claims to a member's name and the hub's groups; and its discovery document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from tornado.web import HTTPError

from phtlab.errors import SettingsError, UnreachableError
from phtlab_hub import oidc
from phtlab_hub.oidc import discover, hub_groups, member_name
from phtlab_hub.settings import HubSettings, OidcSettings
from tests.raising import raises_code

ISSUER = "https://login.example.org/realms/hospital"
SETTINGS = OidcSettings(
    issuer=ISSUER,
    client_id="hub",
    domain="Hospital.example",
    names={"Ada Lovelace": "dr-lovelace", "Kay@Hospital.example": "kay"},
    groups={"/pht/researchers": "researcher", "/pht/all": "wheel"},
)
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "userinfo_endpoint": f"{ISSUER}/me",
}


@pytest.mark.parametrize(
    ("claim", "name"),
    [
        ("ada@hospital.example", "ada"),
        ("ada@HOSPITAL.EXAMPLE", "ada"),
        ("Ada Lovelace", "dr-lovelace"),
        ("Kay@Hospital.example", "kay"),
    ],
)
def test_a_claim_becomes_a_members_name(claim: str, name: str) -> None:
    assert member_name({"preferred_username": claim}, SETTINGS) == name


def test_without_a_domain_a_claim_is_the_name() -> None:
    anywhere = SETTINGS.model_copy(update={"domain": ""})
    assert member_name({"preferred_username": "ada"}, anywhere) == "ada"
    _refused("ada@hospital.example", anywhere)


def _refused(claim: Any, settings: OidcSettings = SETTINGS) -> None:
    with pytest.raises(HTTPError) as refused:
        member_name({"preferred_username": claim}, settings)
    assert refused.value.status_code == 403


@pytest.mark.parametrize(
    "name",
    ["ada.l", "ada_l", "ada lovelace", "", "-ada", "ada\n", "аda", "a" * 64, "Ada", "ADA"],
)
def test_what_is_no_members_name_is_refused_and_never_mended(name: str) -> None:
    _refused(f"{name}@hospital.example")
    _refused(name, SETTINGS.model_copy(update={"domain": ""}))


@pytest.mark.parametrize("claim", [3, None, True, ["ada@hospital.example"], {"ada": "ada"}])
def test_what_is_no_text_is_no_name(claim: Any) -> None:
    _refused(claim)
    with pytest.raises(HTTPError):
        member_name({}, SETTINGS)


@pytest.mark.parametrize(
    "claim",
    [
        "ada",  # of no domain, so perhaps of another
        "ada@elsewhere.example",
        "ada@hospital.example.elsewhere.example",
        "ada@hospital.example@elsewhere.example",
        "ada@hospital.example@hospital.example",
        "ada@",
        "@hospital.example",
        "ada@hospital.example\n",
        "ada@hoſpital.example",
    ],
)
def test_another_domains_name_is_nobodys_here(claim: str) -> None:
    _refused(claim)


@pytest.mark.parametrize(
    "kay", ["\N{KELVIN SIGN}ay", "Kay", "KAY", "\N{FULLWIDTH LATIN SMALL LETTER K}ay"]
)
def test_letters_that_are_alike_in_lower_case_make_no_two_people_one(kay: str) -> None:
    anywhere = SETTINGS.model_copy(update={"names": {}, "domain": ""})
    assert member_name({"preferred_username": "kay"}, anywhere) == "kay"
    _refused(kay, anywhere)
    _refused(f"{kay}@hospital.example", SETTINGS.model_copy(update={"names": {}}))


@pytest.mark.parametrize("domain", ["", "hospital.example"])
def test_a_name_that_an_entry_gives_is_that_entrys_alone(domain: str) -> None:
    settings = SETTINGS.model_copy(update={"domain": domain})
    assert member_name({"preferred_username": "Ada Lovelace"}, settings) == "dr-lovelace"
    _refused("dr-lovelace", settings)
    _refused("dr-lovelace@hospital.example", settings)
    _refused("ada lovelace", settings)
    hers = settings.model_copy(update={"names": {"dr-lovelace": "dr-lovelace"}})
    assert member_name({"preferred_username": "dr-lovelace"}, hers) == "dr-lovelace"


@pytest.mark.parametrize(
    ("claim", "groups"),
    [
        (["/pht/researchers", "staff", "teacher"], ["researcher", "teacher"]),
        (["/pht/all", "wheel"], []),
        ("admin", []),
        ({"admin": True}, []),
        ([["admin"], 3, None], []),
        (None, []),
    ],
)
def test_only_known_groups_in_a_list_count(claim: Any, groups: list[str]) -> None:
    assert hub_groups({"groups": claim}, SETTINGS) == groups


def _answers(monkeypatch: pytest.MonkeyPatch, content: Any) -> None:
    def get(url: str, **_: Any) -> httpx.Response:
        assert url == f"{ISSUER}/.well-known/openid-configuration"
        if content is None:
            raise httpx.ConnectError("refused")
        return httpx.Response(200, json=content, request=httpx.Request("GET", url))

    monkeypatch.setattr(oidc.httpx, "get", get)


def test_the_document_is_kept_for_when_the_provider_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = HubSettings(directory=tmp_path)
    _answers(monkeypatch, None)
    with raises_code(UnreachableError, "unreachable"):
        discover(settings, SETTINGS)
    _answers(monkeypatch, DOCUMENT)
    found = discover(settings, SETTINGS)
    _answers(monkeypatch, None)
    assert discover(settings, SETTINGS) == found == DOCUMENT


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://login.example.org/realms/other"},
        {"token_endpoint": "http://login.example.org/token"},
        {"userinfo_endpoint": None, "issuer": None},
    ],
)
def test_a_document_of_another_issuer_or_without_tls_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    _answers(monkeypatch, DOCUMENT | change)
    with pytest.raises(SettingsError):
        discover(HubSettings(directory=tmp_path), SETTINGS)
    assert not (tmp_path / "oidc-endpoints.json").exists()
    _answers(monkeypatch, json.dumps("no document"))
    with pytest.raises(SettingsError):
        discover(HubSettings(directory=tmp_path), SETTINGS)
