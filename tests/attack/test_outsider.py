"""Someone without the right: tokens forged, stolen, bent; rights at the registry overstepped.

Requests go to the real central and the real registry as they are, by HTTP.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from phtlab.central.registry.token import Access, RegistryTokens, read_registry_key
from phtlab.demo.world import OFFICERS, World
from phtlab.errors import CentralError, NotOnRosterError, RegistryError, SealKeyError
from phtlab.lab import Journey, Lab
from phtlab.lab.session.session import Session
from phtlab.train.canonical import digest
from phtlab.train.crypto.identity import Identity
from phtlab.wire.api.journeys import Problem
from phtlab.wire.central.client import CentralClient
from phtlab.wire.central.token import audience_of, mint
from phtlab.wire.registry.cargo import push_cargo
from phtlab.wire.registry.client import Registry
from tests.attack.handmade import ANSWER, HandmadeStation, registry_tokens
from tests.e2e.parts import ended
from tests.e2e.written_notebook import write_notebook
from tests.limits import LIMIT

pytestmark = pytest.mark.engine

ATTACKER = "outsider"
HERE, THERE = "switzerland", "va-long-beach"
AUDIENCE = audience_of("heart-net")

Refused = Callable[[str, str, str], None]
Claims = dict[str, Any]


# Tokens for central


def asked_with(world: World, header: str, path: str = "/api/v1/inbox") -> httpx.Response:
    return httpx.get(
        world.central_url + path, headers={"Authorization": header}, trust_env=False, timeout=LIMIT
    )


def code_with(world: World, token: str) -> str:
    """The code with which central refuses `token`; 200 is no refusal, and fails the test."""
    answer = asked_with(world, f"Bearer {token}")
    assert answer.status_code == 401, answer.text
    problem = Problem.model_validate_json(answer.content)
    assert token not in problem.detail
    return problem.code


def claims_of(name: str, *, at: datetime | None = None, seconds: int = 60) -> Claims:
    issued = int((at or datetime.now(UTC)).timestamp())
    return {
        "iss": name,
        "aud": AUDIENCE,
        "iat": issued,
        "exp": issued + seconds,
        "jti": secrets.token_hex(16),
    }


def signed(identity: Identity, claims: Claims, kid: str | None = None) -> str:
    kid = kid or identity.public.key_ids()["ed25519"]
    return jwt.encode(claims, identity.ed25519, algorithm="EdDSA", headers={"kid": kid})


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def renamed(token: str, name: str, other: str) -> str:
    """`token` with another issuer's name, under the signature that it had."""
    header, claims, signature = token.split(".")
    changed = jwt.utils.base64url_decode(claims).replace(name.encode(), other.encode())
    return f"{header}.{b64(changed)}.{signature}"


Forge = Callable[[Identity, Identity], str]

BENT: dict[str, tuple[Forge, str]] = {
    "of another audience": (
        lambda me, _: mint(me, audience_of("other-net")),
        "token-audience",
    ),
    "of the registry's audience": (
        lambda me, _: signed(me, claims_of(me.name) | {"aud": "phtlab-registry"}),
        "token-audience",
    ),
    "a minute after its minute": (
        lambda me, _: signed(me, claims_of(me.name, at=datetime.now(UTC) - timedelta(seconds=130))),
        "token-expired",
    ),
    "from the future": (
        lambda me, _: signed(me, claims_of(me.name, at=datetime.now(UTC) + timedelta(minutes=2))),
        "token-expired",
    ),
    "made to last for a day": (
        lambda me, _: signed(me, claims_of(me.name, seconds=86_400)),
        "token-invalid",
    ),
    "that ends before it begins": (
        lambda me, _: signed(me, claims_of(me.name, seconds=-1)),
        "token-invalid",
    ),
    "without an end": (
        lambda me, _: signed(me, {k: v for k, v in claims_of(me.name).items() if k != "exp"}),
        "token-invalid",
    ),
    "with an endless end": (
        lambda me, _: signed(me, claims_of(me.name) | {"exp": 1e308}),
        "token-invalid",
    ),
    "with the algorithm none": (
        lambda me, _: jwt.encode(
            claims_of(me.name),
            None,
            algorithm="none",
            headers={"kid": me.public.key_ids()["ed25519"]},
        ),
        "token-invalid",
    ),
    "signed with the public key as a shared secret": (
        lambda me, _: jwt.encode(
            claims_of(me.name),
            base64.b64decode(me.public.ed25519),
            algorithm="HS256",
            headers={"kid": me.public.key_ids()["ed25519"]},
        ),
        "token-invalid",
    ),
    "signed by another station's key": (
        lambda me, other: signed(other, claims_of(me.name)),
        "token-invalid",
    ),
    "signed by another station's key under its key's id": (
        lambda me, other: signed(other, claims_of(me.name), me.public.key_ids()["ed25519"]),
        "token-invalid",
    ),
    "without its signature": (
        lambda me, _: signed(me, claims_of(me.name)).rpartition(".")[0] + ".",
        "token-invalid",
    ),
    "with another name put in": (
        lambda me, other: renamed(signed(me, claims_of(me.name)), me.name, other.name),
        "token-invalid",
    ),
    "of a name that is on no roster": (
        lambda me, _: signed(me, claims_of("dr-nobody")),
        "not-on-roster",
    ),
}


@pytest.mark.parametrize("how", BENT)
def test_a_token(
    how: str, small: World, by_hand: dict[str, HandmadeStation], refused: Refused
) -> None:
    me, other = by_hand[HERE].identity, by_hand[THERE].identity
    assert asked_with(small, f"Bearer {mint(me, AUDIENCE)}").status_code == 200
    forge, code = BENT[how]
    assert code_with(small, forge(me, other)) == code
    refused(ATTACKER, f"cannot use a token {how}", code)


@pytest.mark.parametrize("header", ["", "Bearer x.y.z", "Basic Og==", "token abc"])
def test_no_token_or_nonsense(header: str, small: World, refused: Refused) -> None:
    answer = asked_with(small, header)
    code = Problem.model_validate_json(answer.content).code
    assert answer.status_code == 401
    assert code in ("unauthenticated", "token-invalid")
    refused(ATTACKER, "cannot use central without a token", code)


def test_a_registry_token_at_central(
    small: World, by_hand: dict[str, HandmadeStation], refused: Refused
) -> None:
    token = by_hand[HERE].central.registry_token(["repository:kernels/python:pull"])
    code = code_with(small, token)
    assert code in ("token-invalid", "not-on-roster")
    refused(ATTACKER, "cannot use the registry's token at central", code)


def test_someone_who_is_not_on_the_roster(stranger: Lab, notebook: Path, refused: Refused) -> None:
    with pytest.raises(NotOnRosterError) as told:
        stranger.dispatch(notebook, stations="cleveland")
    roster = stranger.trusted.roster
    assert str(told.value) == (
        "'dr-nobody' is not on the roster of heart-net (version "
        f"{roster.version}). On it: {', '.join(m.name for m in roster.members)}."
    )
    with pytest.raises(NotOnRosterError) as unknown:
        stranger.central.journeys()
    assert str(unknown.value) == (
        f"'dr-nobody' is not on the roster of heart-net (version {roster.version}). Ask a "
        "consortium officer to add you, or try again once the new roster is published."
    )
    refused(ATTACKER, "cannot use central with a key that no officer admitted", unknown.value.code)


# Tokens for the registry


@dataclass(frozen=True)
class Bent:
    """A registry token with something wrong: its key, its claims, or the clock that it goes by."""

    key: ec.EllipticCurvePrivateKey | None = None
    issuer: str = "phtlab-central"
    service: str = "phtlab-registry"
    ago: timedelta = timedelta()


BENT_AT_THE_REGISTRY: dict[str, Bent] = {
    "signed by another key": Bent(key=ec.generate_private_key(ec.SECP256R1())),
    "of another issuer": Bent(issuer="somebody"),
    "of another audience": Bent(service="another-registry"),
    "whose time is over": Bent(ago=timedelta(hours=1)),
    "from the future": Bent(ago=-timedelta(hours=1)),
}


@pytest.mark.parametrize("how", BENT_AT_THE_REGISTRY)
def test_a_registry_token(
    how: str, small: World, small_lab: Lab, departed: Journey, refused: Refused
) -> None:
    bent, repository = (
        BENT_AT_THE_REGISTRY[how],
        small_lab.central.train(departed.view.train).repository,
    )
    access = [Access(repository, frozenset({"pull"}))]
    now = datetime.now(UTC)
    right = registry_tokens(small).sign("dr-lovelace", access, now).token
    with Registry(small.registry_url, lambda scopes: right) as registry:
        assert registry.has_manifest(repository, departed.view.train)
    own = read_registry_key(small.directory / "central" / "registry-key.pem")
    tokens = RegistryTokens(bent.key or own, issuer=bent.issuer, service=bent.service, seconds=300)
    token = tokens.sign("dr-lovelace", access, now - bent.ago).token
    with (
        Registry(small.registry_url, lambda scopes: token) as registry,
        pytest.raises(RegistryError) as told,
    ):
        registry.has_manifest(repository, departed.view.train)
    assert told.value.code == "registry-denied"
    refused(ATTACKER, f"cannot use a registry token {how}", told.value.code)


def test_a_member_s_token_at_the_registry(
    small: World, small_lab: Lab, departed: Journey, refused: Refused
) -> None:
    repository = small_lab.central.train(departed.view.train).repository
    token = mint(small_lab.identity, AUDIENCE)
    with (
        Registry(small.registry_url, lambda scopes: token) as registry,
        pytest.raises(RegistryError) as told,
    ):
        registry.has_manifest(repository, departed.view.train)
    assert told.value.code == "registry-denied"
    refused(ATTACKER, "cannot use central's token at the registry", told.value.code)


# Rights at the registry: each role at each kind of repository, to pull, to push and to delete


@dataclass(frozen=True)
class Place:
    """A repository, and the manifest that lies there."""

    repository: str
    manifest: str


@pytest.fixture(scope="module")
def places(
    small: World,
    small_lab: Lab,
    colleague: Lab,
    by_hand: dict[str, HandmadeStation],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Place]:
    """One of each kind: trains and cargo of a journey to HERE, which goes on, and of another's."""
    folder = tmp_path_factory.mktemp("places")
    own = small_lab.dispatch(write_notebook(folder / "own.ipynb", ANSWER), stations=[HERE])
    other = colleague.dispatch(
        write_notebook(folder / "other.ipynb", f"{ANSWER}# another\n"), stations=[THERE]
    )
    kernel = small_lab.trusted.catalogue.images[0]
    found = {
        "the kernel": Place(kernel.repository, kernel.digest),
        "another kernel": Place("kernels/unknown", digest(b"none")),
        "a train of its journey": Place(
            small_lab.central.train(own.view.train).repository, own.view.train
        ),
        "a train of another journey": Place(
            colleague.central.train(other.view.train).repository, other.view.train
        ),
        "a place outside": Place("library/python", digest(b"none")),
        "cargo of no journey": Place(f"cargo/{'0' * 64}/{HERE}", digest(b"none")),
    }
    for whose, journey, station in (
        ("its", own, by_hand[HERE]),
        ("another", other, by_hand[THERE]),
    ):
        _, order, _ = journey.verified()
        path, made = station.sealed(journey.id, order, small_lab.trusted.roster)
        repository = f"cargo/{journey.id[7:]}/{station.name}"
        push_cargo(station.registry, journey.id, station.name, path)
        found[f"cargo of {whose} journey"] = Place(repository, made.digest[7:])
    found["another station's cargo"] = Place(f"cargo/{own.id[7:]}/{THERE}", digest(b"none"))
    return found


# What each may do; nothing else. "the researcher" ordered the journey to HERE, "another
# researcher" the one to THERE, "the station" is HERE, on whose journey nothing has ended.
PULL, PUSH, NONE = frozenset({"pull"}), frozenset({"pull", "push"}), frozenset[str]()
RIGHTS: dict[str, dict[str, frozenset[str]]] = {
    "the station": {
        "the kernel": PULL,
        "a train of its journey": PULL,
        "cargo of its journey": PUSH,
    },
    "the researcher": {
        "the kernel": PULL,
        "another kernel": PULL,
        "a train of its journey": PUSH,
        "a train of another journey": PULL,
        "cargo of its journey": PULL,
        "another station's cargo": PULL,
    },
    "another researcher": {
        "the kernel": PULL,
        "another kernel": PULL,
        "a train of its journey": PULL,
        "a train of another journey": PUSH,
        "cargo of another journey": PULL,
    },
    "an officer": {"the kernel": PUSH, "another kernel": PUSH},
    "nobody": {},
}
KINDS = (
    "the kernel",
    "another kernel",
    "a train of its journey",
    "a train of another journey",
    "cargo of its journey",
    "another station's cargo",
    "cargo of another journey",
    "cargo of no journey",
    "a place outside",
)


@pytest.fixture(scope="module")
def tokens(
    small: World, small_lab: Lab, colleague: Lab, by_hand: dict[str, HandmadeStation]
) -> Iterator[dict[str, Callable[[list[str]], str]]]:
    officer = small.consortium.officer(OFFICERS[0], small.passphrase)
    with CentralClient(small.central_url, officer) as central:
        yield {
            "the station": by_hand[HERE].central.registry_token,
            "the researcher": small_lab.central.registry_token,
            "another researcher": colleague.central.registry_token,
            "an officer": central.registry_token,
            "nobody": lambda scopes: "",
        }


def may(url: str, authorize: Callable[[list[str]], str], place: Place, action: str) -> bool:
    """Whether the registry lets it: asked with all the rights that central gives for the asking."""
    token = authorize([f"repository:{place.repository}:pull,push,delete,*"])
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    base = f"{url}/v2/{place.repository}"
    request: dict[str, tuple[str, str]] = {
        "pull": ("GET", f"{base}/manifests/{place.manifest}"),
        "push": ("POST", f"{base}/blobs/uploads/"),
        "delete": ("DELETE", f"{base}/blobs/{digest(b'none')}"),
    }
    method, path = request[action]
    answer = httpx.request(method, path, headers=headers, trust_env=False, timeout=LIMIT)
    if method == "POST" and answer.status_code == 202:
        httpx.delete(answer.headers["location"], headers=headers, trust_env=False, timeout=LIMIT)
    if answer.status_code in (401, 403):
        return False
    assert answer.status_code in (200, 202, 404), answer.text
    return True


@pytest.mark.parametrize("who", RIGHTS)
@pytest.mark.parametrize("kind", KINDS)
def test_rights_at_the_registry(
    who: str,
    kind: str,
    small: World,
    places: dict[str, Place],
    tokens: dict[str, Callable[[list[str]], str]],
    refused: Refused,
) -> None:
    allowed = {
        action
        for action in ("pull", "push", "delete")
        if may(small.registry_url, tokens[who], places[kind], action)
    }
    assert allowed == RIGHTS[who].get(kind, NONE)
    given = " and ".join(sorted(allowed)) or "nothing"
    outcome = f"may {given}; the rest refused: `registry-denied`"
    refused(who, f"cannot overstep its rights at {kind}", outcome)


@pytest.mark.parametrize(
    "scope", ["registry:catalog:*", "repository:*:pull", "repository:cargo/*:pull"]
)
def test_a_scope_over_everything(
    scope: str, small: World, tokens: dict[str, Callable[[list[str]], str]], refused: Refused
) -> None:
    for who, authorize in tokens.items():
        if who != "nobody":
            claims = jwt.decode(authorize([scope]), options={"verify_signature": False})
            assert claims["access"] == []
            answer = httpx.get(
                f"{small.registry_url}/v2/_catalog",
                headers={"Authorization": f"Bearer {authorize([scope])}"},
                trust_env=False,
                timeout=LIMIT,
            )
            assert answer.status_code == 401
    refused(ATTACKER, "cannot ask for a token over everything", "an empty token")


def test_a_station_s_rights_end_with_its_stop(
    small: World,
    small_lab: Lab,
    by_hand: dict[str, HandmadeStation],
    answering: Path,
    refused: Refused,
) -> None:
    """It cannot exchange its cargo once it has signed for it."""
    journey = small_lab.dispatch(answering, stations=[HERE])
    station = by_hand[HERE]
    place = Place(f"cargo/{journey.id[7:]}/{HERE}", digest(b"none"))
    assert may(small.registry_url, station.central.registry_token, place, "push")
    station.depart(journey)
    for action in ("pull", "push", "delete"):
        assert not may(small.registry_url, station.central.registry_token, place, action)
    refused("hostile station", "cannot exchange cargo that it signed for", "registry-denied")


# Cargo


def test_cargo_opened_by_the_wrong_key(
    small_lab: Lab, departed: Journey, colleague: Lab, notebook: Path, refused: Refused
) -> None:
    """A colleague who is no recipient: central shows the journey to nobody else, and a key
    that came to the sealed file all the same does not open it. As a recipient they open it."""
    shared = small_lab.dispatch(notebook, stations="hungary", recipients=["dr-hopper"])
    with pytest.raises(CentralError) as hidden:
        colleague.central.journey(departed.id)
    assert str(hidden.value) == (
        f"There is no journey {departed.id} here, or not for dr-hopper to see."
    )
    at_the_file = Lab(Session(colleague.identity, small_lab.central, small_lab.session.trust))
    with pytest.raises(SealKeyError) as told:
        Journey(at_the_file.session, departed.view).results()
    at_the_file.registry.close()
    assert str(told.value) == (
        "None of the keys at hand opens this file: it was sealed to someone else, or its "
        "recipients were changed. Check whom it was meant for."
    )
    ended(shared, "hungary")
    theirs = colleague.journey(shared.id).results()["hungary"].table("counts")
    assert theirs.equals(shared.results()["hungary"].table("counts"))
    refused(ATTACKER, "cannot open cargo of which they are no recipient", told.value.code)
