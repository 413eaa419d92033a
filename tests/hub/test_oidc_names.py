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

ISSUER = "https://login.example.org/realms/hospital"
SETTINGS = OidcSettings(
    issuer=ISSUER,
    client_id="hub",
    domain="Hospital.example",
    names={"Ada Lovelace": "dr-lovelace"},
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
        ("ada", "ada"),
        ("Ada", "ada"),
        ("ada@hospital.example", "ada"),
        ("ADA@HOSPITAL.EXAMPLE", "ada"),
        ("Ada Lovelace", "dr-lovelace"),
    ],
)
def test_a_claim_becomes_a_members_name(claim: str, name: str) -> None:
    assert member_name({"preferred_username": claim}, SETTINGS) == name


@pytest.mark.parametrize(
    "claim",
    [
        "ada@elsewhere.example",
        "ada.l",
        "ada_l",
        "ada lovelace",
        "",
        "-ada",
        "ada\n",
        3,
        None,
        "ada@hospital.example@hospital.example",
        "аda",
        "a" * 64,
    ],
)
def test_what_is_no_members_name_is_refused_and_never_mended(claim: Any) -> None:
    with pytest.raises(HTTPError) as refused:
        member_name({"preferred_username": claim}, SETTINGS)
    assert refused.value.status_code == 403


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
    with pytest.raises(UnreachableError, match="does not answer"):
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
