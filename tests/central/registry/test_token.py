"""Registry tokens: their form, and what each member's may hold."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from phtlab.central.registry.token import (
    Access,
    RegistryTokens,
    certificate,
    fingerprint,
    parse_scopes,
)
from phtlab.errors import CentralError
from phtlab.wire.registry.cargo import cargo_repository, values_repository
from phtlab.wire.registry.released_log import log_repository
from tests.central.journeys.test_continuations import broken, continuing
from tests.central.round_series import RoundSeries
from tests.central.world import World
from tests.raising import raises_code

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def _granted(central: World, name: str, *scopes: str) -> dict[str, list[str]]:
    token = central.client(name).registry_token(scopes)
    claims = jwt.decode(token, options={"verify_signature": False})
    return {access["name"]: access["actions"] for access in claims["access"]}


def test_the_key_id_is_libtrust_s_fingerprint() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    text = fingerprint(key.public_key())
    groups = text.split(":")
    assert (len(groups), {len(group) for group in groups}) == (12, {4})
    made = x509.load_pem_x509_certificate(certificate(key, "central", NOW))
    assert made.public_key() == key.public_key()


def test_a_token_holds_what_distribution_reads() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    tokens = RegistryTokens(key, issuer="me", service="registry", seconds=300)
    answer = tokens.sign("ada", [Access("a/b", frozenset({"pull", "push"}))], NOW)
    assert answer.token == answer.access_token
    assert (answer.expires_in, answer.issued_at) == (300, "2026-05-04T12:00:00Z")
    header = jwt.get_unverified_header(answer.token)
    assert (header["alg"], header["kid"]) == ("ES256", fingerprint(key.public_key()))
    claims = jwt.decode(
        answer.token,
        key.public_key(),
        algorithms=["ES256"],
        audience="registry",
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    assert claims["access"] == [{"type": "repository", "name": "a/b", "actions": ["pull", "push"]}]
    assert claims["exp"] - claims["iat"] == 300


@pytest.mark.parametrize(
    "scope",
    ["registry:catalog:*", "repository:A:pull", "repository::pull", "x", "repository:a:pull:push"],
)
def test_a_scope_of_another_kind_is_nobody_s(scope: str) -> None:
    assert parse_scopes([scope]) == ()


def test_scopes_may_come_in_one_string_or_several() -> None:
    one = parse_scopes(["repository:a:pull repository:b/c:pull,push"])
    assert one == parse_scopes(["repository:a:pull", "repository:b/c:push,pull"])
    with raises_code(CentralError, "request"):
        parse_scopes(["repository:a:pull"] * 33)


def test_a_researcher_pushes_his_trains_and_pulls_kernels(central: World) -> None:
    central.client("bob").submit_train(central.train(author="bob"))
    assert _granted(
        central,
        "ada",
        "repository:trains/ada/heart:pull,push",
        "repository:trains/bob/heart:pull,push",
        "repository:trains/adam/heart:pull,push",
        "repository:kernels/python:pull,push",
        "repository:other:pull",
    ) == {
        "trains/ada/heart": ["pull", "push"],
        "trains/bob/heart": ["pull"],
        "kernels/python": ["pull"],
    }


def test_an_officer_pushes_kernels_and_nothing_else(central: World) -> None:
    central.client("ada").submit_train(central.train())
    assert _granted(
        central, "vera", "repository:kernels/r:pull,push", "repository:trains/ada/heart:pull"
    ) == {"kernels/r": ["pull", "push"]}


def test_a_station_reads_its_trains_and_writes_its_cargo(central: World) -> None:
    journey = central.journey("ulm", "mainz")
    own = cargo_repository(journey.id, "ulm")
    other = cargo_repository(journey.id, "mainz")
    scopes = [
        "repository:trains/ada/heart:pull,push",
        "repository:kernels/python:pull,push",
        "repository:kernels/other:pull",
        f"repository:{own}:pull,push",
        f"repository:{other}:pull,push",
    ]
    assert _granted(central, "ulm", *scopes) == {
        "trains/ada/heart": ["pull"],
        "kernels/python": ["pull"],
        own: ["pull", "push"],
    }
    ahead = {"kernels/python": ["pull"]}  # of the catalogue, for the first train
    assert _granted(central, "jena", *scopes) == ahead
    central.client("ulm").put_record(journey.id, "ulm", central.record(journey, "ulm"))
    assert _granted(central, "ulm", *scopes) == ahead


def test_on_a_sequential_route_a_station_reads_the_cargo_before_it(central: World) -> None:
    journey = central.journey("ulm", "mainz", "jena", route="sequential")
    before = cargo_repository(journey.id, "ulm")
    scopes = [f"repository:{before}:pull,push", "repository:trains/ada/heart:pull"]
    assert _granted(central, "mainz", *scopes) == {}
    central.client("ulm").put_record(journey.id, "ulm", central.record(journey, "ulm"))
    assert _granted(central, "mainz", *scopes) == {before: ["pull"], "trains/ada/heart": ["pull"]}
    assert _granted(central, "jena", *scopes) == {}


def test_a_station_that_goes_on_reads_the_cargo_of_the_journey_before(central: World) -> None:
    journey, first = broken(central)
    handed_on = cargo_repository(journey.id, "ulm")
    scope = f"repository:{handed_on}:pull,push"
    for name in ("mainz", "jena"):
        assert _granted(central, name, scope) == {}
    ada, mainz = central.client("ada"), central.client("mainz")
    view = ada.submit_journey(continuing(central, journey.id, first.digest))
    assert _granted(central, "mainz", scope) == {handed_on: ["pull"]}
    assert _granted(central, "jena", scope) == {}
    mainz.put_record(view.id, "mainz", central.record(view, "mainz", "failed", previous=first))
    assert _granted(central, "mainz", scope) == {}
    ada.submit_journey(continuing(central, view.id, first.digest))
    assert _granted(central, "mainz", scope) == {handed_on: ["pull"]}


def test_values_go_from_the_researcher_to_the_stations_of_a_journey_of_rounds(
    central: World,
) -> None:
    series = RoundSeries.ordered(central, recipients=("bob",))
    values = values_repository(series.id)
    scope = f"repository:{values}:pull,push"
    assert _granted(central, "ada", scope) == {values: ["pull", "push"]}
    for station in ("ulm", "mainz"):
        assert _granted(central, station, scope) == {values: ["pull"]}
    assert _granted(central, "bob", scope) == {values: ["pull"]}  # what combine cells report
    for name in ("adder", "jena", "vera"):
        assert _granted(central, name, scope, f"repository:{values}/ulm:pull") == {}
    series.depart("ulm")
    assert _granted(central, "ulm", scope) == {}
    assert _granted(central, "ada", scope) == {values: ["pull", "push"]}
    series.depart("mainz")
    assert _granted(central, "ada", scope) == {values: ["pull"]}


def test_a_cancelled_journey_gets_no_more_values(central: World) -> None:
    series = RoundSeries.ordered(central)
    values = values_repository(series.id)
    central.client("ada").cancel(series.id)
    assert _granted(central, "ada", f"repository:{values}:pull,push") == {values: ["pull"]}


def test_an_aggregator_sends_values_and_reads_updates_while_its_stop_goes_on(
    central: World,
) -> None:
    series = RoundSeries.ordered(central, recipients=("bob",), aggregator="adder")
    values, cargo = values_repository(series.id), cargo_repository(series.id, "ulm")
    scopes = [f"repository:{name}:pull,push" for name in (values, cargo)]
    assert _granted(central, "adder", *scopes) == {values: ["pull", "push"], cargo: ["pull"]}
    for name in ("ada", "bob"):
        assert _granted(central, name, *scopes) == {values: ["pull"], cargo: ["pull"]}
    assert _granted(central, "ulm", *scopes) == {values: ["pull"], cargo: ["pull", "push"]}
    assert _granted(central, "mainz", *scopes) == {values: ["pull"]}
    for name in ("tally", "jena", "vera"):
        assert _granted(central, name, *scopes) == {}
    series.compute("ulm", 1)
    series.instruct(ends=True)
    series.depart("adder")
    assert _granted(central, "adder", *scopes) == {}


def test_an_aggregator_of_a_cancelled_journey_sends_no_values(central: World) -> None:
    series = RoundSeries.ordered(central, aggregator="adder")
    values = values_repository(series.id)
    central.client("ada").cancel(series.id)
    for name in ("adder", "ada"):
        assert _granted(central, name, f"repository:{values}:pull,push") == {values: ["pull"]}


def test_an_aggregator_has_the_rights_of_a_station_for_its_own_stop_alone(central: World) -> None:
    ahead = {"kernels/python": ["pull"], "self-test/adder": ["pull", "push"]}
    series = RoundSeries.ordered(central, aggregator="adder")
    other = RoundSeries.ordered(central)
    own_log, log = (log_repository(series.id, name) for name in ("adder", "ulm"))
    scopes = [
        "repository:trains/ada/heart:pull,push",
        "repository:kernels/python:pull,push",
        "repository:self-test/adder:pull,push",
        "repository:self-test/ulm:pull,push",
        *(f"repository:{name}:pull,push" for name in (own_log, log)),
        f"repository:{cargo_repository(other.id, 'ulm')}:pull",
        f"repository:{log_repository(other.id, 'ulm')}:pull",
    ]
    assert _granted(central, "adder", *scopes) == {
        "trains/ada/heart": ["pull"],
        own_log: ["pull", "push"],
        **ahead,
    }
    assert _granted(central, "tally", *scopes) == {"kernels/python": ["pull"]}
    central.client("adder").put_record(
        series.id, "adder", central.record(series.journey, "adder", "failed")
    )
    assert _granted(central, "adder", *scopes) == {own_log: ["pull", "push"], **ahead}


def test_other_routes_have_no_values(central: World) -> None:
    for route in ("parallel", "sequential"):
        values = values_repository(central.journey("ulm", route=route).id)
        for name in ("ada", "ulm"):
            assert _granted(central, name, f"repository:{values}:pull,push") == {}


def test_a_station_writes_its_cargo_of_each_round_while_its_stop_goes_on(central: World) -> None:
    series = RoundSeries.ordered(central, recipients=("bob",))
    own = cargo_repository(series.id, "ulm")
    scope = f"repository:{own}:pull,push"
    for number in (1, 2):
        assert _granted(central, "ulm", scope) == {own: ["pull", "push"]}
        series.compute("ulm", number)
        series.instruct(ends=number == 2)
        for name in ("ada", "bob"):
            assert _granted(central, name, scope) == {own: ["pull"]}
        assert _granted(central, "mainz", scope) == {}
    series.depart("ulm")
    assert _granted(central, "ulm", scope) == {}


def test_cargo_is_read_by_who_ordered_or_may_open_it(central: World) -> None:
    journey = central.journey("ulm", recipients=("bob",))
    repository = cargo_repository(journey.id, "ulm")
    scope = f"repository:{repository}:pull,push"
    for name in ("ada", "bob"):
        assert _granted(central, name, scope) == {repository: ["pull"]}
    for name in ("mainz", "vera"):
        assert _granted(central, name, scope) == {}


def test_a_station_writes_its_log_after_its_stop_has_ended_and_who_may_open_it_reads(
    central: World,
) -> None:
    journey = central.journey("ulm", "mainz", recipients=("bob",))
    own, other = (log_repository(journey.id, name) for name in ("ulm", "mainz"))
    scopes = [f"repository:{name}:pull,push" for name in (own, other)]
    central.client("ulm").put_record(journey.id, "ulm", central.record(journey, "ulm"))
    assert _granted(central, "ulm", *scopes) == {own: ["pull", "push"]}
    for name in ("ada", "bob"):
        assert _granted(central, name, *scopes) == {own: ["pull"], other: ["pull"]}
    for name in ("jena", "vera"):
        assert _granted(central, name, *scopes) == {}


def test_a_station_tests_itself_in_a_repository_of_its_own(central: World) -> None:
    own, other = "self-test/ulm", "self-test/mainz"
    scopes = [f"repository:{name}:pull,push" for name in (own, other, f"{own}/more")]
    assert _granted(central, "ulm", *scopes) == {own: ["pull", "push"]}
    assert _granted(central, "ada", *scopes, "repository:self-test/ada:pull,push") == {}


def test_in_a_registry_with_a_path_the_path_is_part_of_each_name(small_central: World) -> None:
    from phtlab.central.registry.scopes import allowed

    services = small_central.services
    published = services.publication.current()
    ada = published.roster.member("ada")
    asked = parse_scopes(
        ["repository:pht/trains/ada/heart:pull,push", "repository:trains/ada/heart:pull"]
    )
    with services.database.read() as session:
        granted = allowed(session, published.catalogue, ada, asked, "pht")
    assert granted == (Access("pht/trains/ada/heart", frozenset({"pull", "push"})),)


@pytest.mark.parametrize("name", ["ada", "vera", "ulm"])
def test_nobody_deletes(central: World, name: str) -> None:
    journey = central.journey("ulm")
    for repository in (
        "trains/ada/heart",
        "kernels/python",
        cargo_repository(journey.id, "ulm"),
    ):
        granted = _granted(central, name, f"repository:{repository}:delete,*")
        assert granted == {}


def test_the_fingerprint_is_of_the_public_key() -> None:
    from base64 import b32decode

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    raw = b32decode(fingerprint(key).replace(":", ""))
    assert raw == hashlib.sha256(der).digest()[:30]
