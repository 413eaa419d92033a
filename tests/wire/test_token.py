"""Member tokens: what is accepted, and every way in which one is not."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from phtlab.errors import CentralError, NotOnRosterError
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.roster import Roster
from phtlab.wire.central.token import audience_of, mint, verify
from tests.raising import raises_code

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
AUDIENCE = audience_of("pht")
ADA, BOB = Identity.generate("ada"), Identity.generate("bob")
ROSTER = Roster(
    consortium="pht",
    version=3,
    members=(
        Member(name="ada", roles=("researcher",), keys=ADA.public),
        Member(name="bob", roles=("researcher",), keys=BOB.public),
    ),
)


def _forge(identity: Identity = ADA, *, kid: str | None = None, **changes: Any) -> str:
    claims = {
        "iss": "ada",
        "aud": AUDIENCE,
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 60,
        "jti": secrets.token_hex(8),
    } | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    key_id = kid if kid is not None else identity.public.key_ids()["ed25519"]
    return jwt.encode(claims, identity.ed25519, algorithm="EdDSA", headers={"kid": key_id})


def _code(token: str, now: datetime = NOW) -> str:
    with pytest.raises(CentralError) as refused:
        verify(token, ROSTER, AUDIENCE, now)
    return refused.value.code


def test_a_token_names_its_member() -> None:
    assert verify(mint(ADA, AUDIENCE, NOW), ROSTER, AUDIENCE, NOW).name == "ada"


@pytest.mark.parametrize("seconds", [-59, 0, 59, 119])
def test_clocks_may_differ_by_a_minute(seconds: int) -> None:
    token = mint(ADA, AUDIENCE, NOW)
    assert verify(token, ROSTER, AUDIENCE, NOW + timedelta(seconds=seconds)).name == "ada"


@pytest.mark.parametrize("seconds", [-61, 121, 10**6])
def test_a_token_of_another_time_is_expired(seconds: int) -> None:
    token = mint(ADA, AUDIENCE, NOW)
    assert _code(token, NOW + timedelta(seconds=seconds)) == "token-expired"


def test_a_token_for_another_central_is_refused() -> None:
    assert _code(mint(ADA, audience_of("other"), NOW)) == "token-audience"


def test_a_token_of_another_key_is_refused() -> None:
    assert _code(_forge(BOB, kid=ADA.public.key_ids()["ed25519"])) == "token-invalid"
    assert _code(_forge(BOB)) == "token-invalid"


def test_a_token_without_signature_is_refused() -> None:
    claims = jwt.decode(_forge(), options={"verify_signature": False})
    kid = ADA.public.key_ids()["ed25519"]
    assert _code(jwt.encode(claims, None, algorithm="none", headers={"kid": kid})) == (
        "token-invalid"
    )


def test_a_token_under_a_shared_secret_is_refused() -> None:
    """The public key as an HMAC secret: the classic confusion of algorithms."""
    claims = jwt.decode(_forge(), options={"verify_signature": False})
    kid = ADA.public.key_ids()["ed25519"]
    secret = ADA.public.ed25519
    token = jwt.encode(claims, secret, algorithm="HS256", headers={"kid": kid})
    assert _code(token) == "token-invalid"


@pytest.mark.parametrize("changes", [{"exp": int(NOW.timestamp()) + 3600}, {"exp": 0}])
def test_a_token_lasts_a_minute_at_most(changes: dict[str, Any]) -> None:
    assert _code(_forge(**changes)) == "token-invalid"


@pytest.mark.parametrize("claim", ["aud", "iat", "exp", "jti"])
def test_every_claim_is_needed(claim: str) -> None:
    assert _code(_forge(**{claim: None})) == "token-invalid"


@pytest.mark.parametrize("value", ["soon", [1], {"a": 1}, "9" * 400, 1e308])
def test_strange_times_are_refused(value: Any) -> None:
    assert _code(_forge(iat=value, exp=value)).startswith("token-")


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é" * 9, "." * 1000])
def test_garbage_is_refused(text: str) -> None:
    assert _code(text) == "token-invalid"


def test_a_stranger_hears_no_names() -> None:
    eve = Identity.generate("eve")
    with raises_code(NotOnRosterError, "not-on-roster") as refused:
        verify(mint(eve, AUDIENCE, NOW), ROSTER, AUDIENCE, NOW)
    assert "bob" not in str(refused.value)


def test_a_changed_token_is_refused() -> None:
    head, body, signature = mint(ADA, AUDIENCE, NOW).split(".")
    other = mint(ADA, AUDIENCE, NOW + timedelta(seconds=1)).split(".")[1]
    assert _code(f"{head}.{other}.{signature}") == "token-invalid"
    assert _code(f"{head}.{body}.{signature[:-4]}") == "token-invalid"
