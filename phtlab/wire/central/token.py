"""The token that authenticates a member to central: a JWT signed with the member's own key.

There is no shared secret. A token lasts a minute, names the central it is
for, and is signed with Ed25519 (RFC 8037): it proves presence, not content,
so a later quantum computer gains nothing by it. Documents with effect are signed
under both schemes in an envelope.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from phtlab.clock import duration_text
from phtlab.errors import CentralError, NotOnRosterError
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.roster import Roster

LIFETIME: Final = timedelta(seconds=60)
SKEW: Final = timedelta(seconds=60)
ALGORITHM: Final = "EdDSA"


def audience_of(consortium: str) -> str:
    """Return the audience in tokens for the central of `consortium`."""
    return f"central@{consortium}"


def mint(identity: Identity, audience: str, now: datetime | None = None) -> str:
    """Sign a token of `identity` for `audience`, valid for a minute from `now`."""
    issued = now or datetime.now(UTC)
    claims = {
        "iss": identity.name,
        "aud": audience,
        "iat": int(issued.timestamp()),
        "exp": int((issued + LIFETIME).timestamp()),
        "jti": secrets.token_hex(16),
    }
    key_id = identity.public.key_ids()["ed25519"]
    return jwt.encode(claims, identity.ed25519, algorithm=ALGORITHM, headers={"kid": key_id})


def verify(token: str, roster: Roster, audience: str, now: datetime | None = None) -> Member:
    """Return the member of `roster` who signed `token` for `audience`.

    Clocks may differ by a minute. Raises NotOnRosterError if its issuer is not
    a member, else CentralError with code ``token-invalid``, ``token-audience``
    or ``token-expired``.
    """
    try:
        header = jwt.get_unverified_header(token)
        name = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except jwt.PyJWTError:
        raise _invalid("it is no token of the accepted form") from None
    if not isinstance(name, str):
        raise _invalid("it names nobody")
    member = _on_roster(roster, name)
    if header.get("kid") != member.keys.key_ids()["ed25519"]:
        raise _invalid(f"its key is not the one that the roster has for {name}")
    claims = _signed_claims(token, member, audience)
    _check_times(claims, now or datetime.now(UTC))
    return member


def _on_roster(roster: Roster, name: str) -> Member:
    for member in roster.members:
        if member.name == name:
            return member
    # Do not list members to strangers.
    raise NotOnRosterError(
        f"'{name[:64]}' is not on the roster of {roster.consortium} (version {roster.version}).",
        "Ask a consortium officer to add you, or try again once the new roster is published.",
    )


def _signed_claims(token: str, member: Member, audience: str) -> Mapping[str, Any]:
    try:
        return _claims_of(token, member.keys.ed25519, audience)
    except jwt.InvalidAudienceError:
        raise CentralError(
            f"This token is for another central than {audience}.",
            "Check the address.",
            code="token-audience",
        ) from None
    except jwt.PyJWTError:
        raise _invalid(f"it is not signed by {member.name}'s key") from None


@lru_cache(maxsize=512)  # a client sends a token again for some seconds
def _claims_of(token: str, key: str, audience: str) -> Mapping[str, Any]:
    """Return the claims of a token that is signed with the base64 Ed25519 `key`."""
    return MappingProxyType(
        jwt.decode(
            token,
            Ed25519PublicKey.from_public_bytes(base64.b64decode(key)),
            algorithms=[ALGORITHM],
            audience=audience,
            options={
                "require": ["iss", "aud", "iat", "exp", "jti"],
                # `_check_times` compares times: PyJWT reads its own clock.
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    )


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    try:
        issued, expires = float(claims["iat"]), float(claims["exp"])
    except (TypeError, ValueError):
        raise _invalid("its times are no numbers") from None
    if not 0 < expires - issued <= LIFETIME.total_seconds():
        raise _invalid("it lasts longer than a minute")
    moment, skew = now.timestamp(), SKEW.total_seconds()
    if issued > moment + skew or expires < moment - skew:
        raise CentralError(
            f"This token is of {_clock(issued)}, and here it is {_clock(moment)}: it is expired, "
            f"or the sender's clock is {_difference(issued - moment)}.",
            "Set the clock that is wrong and try again.",
            code="token-expired",
        )


def _difference(seconds: float) -> str:
    """Return a clock's offset as text."""
    return f"{duration_text(abs(seconds))} {'ahead' if seconds > 0 else 'behind'}"


def _clock(moment: float) -> str:
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return "no time at all"


def _invalid(reason: str) -> CentralError:
    return CentralError(f"Central does not accept this token: {reason}.", code="token-invalid")
