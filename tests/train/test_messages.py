"""What people read when a train, a signature, a roster, a key file or cargo is refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from phtlab.errors import KeyFileError
from phtlab.files.key_file import decode_key, encode_key, identity_text, parse_identity, read_key
from phtlab.train.canonical import parse_canonical, parse_json
from phtlab.train.crypto.age import HybridIdentity
from phtlab.train.crypto.identity import Member
from phtlab.train.documents.envelope import Envelope, open_statement
from phtlab.train.documents.order import ORDER_TYPE
from phtlab.train.documents.roster import Roster
from phtlab.train.sealing import open_sealed, seal
from phtlab.train.verify import verify_order, verify_records, verify_train, verify_turn
from tests.raising import wrong_messages
from tests.train.rounds import STATIONS, RoundsJourney, Series

OTHER = "sha256:" + "d" * 64
X25519 = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"a":1,"a":2}', "a key is given twice"),
        (b'[{"a":{"b":1,"b":1}}]', "a key is given twice"),
        (b"[NaN]", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"1e400", "too large"),
        (b"1" * 401, "too long"),
        (b"[" * 65 + b"]" * 65, "nested deeper than 64 levels"),
        (b"[" * 10**6, "nested deeper than 64 levels"),
    ],
    ids=["twice", "twice inside", "NaN", "Infinity", "large", "long", "deep", "very deep"],
)
def test_json_with_two_readings_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_json(content)


def test_not_canonical_refused() -> None:
    assert parse_json(b'{"b": 1, "a": 2}') == {"a": 2, "b": 1}
    with pytest.raises(ValueError, match="not in canonical form"):
        parse_canonical(b'{"b":1,"a":2}')


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "mara"}, "the name mara appears twice"),
        ({"ed25519": "mara"}, "the key .* appears twice"),
        ({"ml_dsa_65": "mara"}, "the key .* appears twice"),
        ({"age": "mara"}, "the age recipient .* appears twice"),
    ],
)
def test_nobody_is_on_the_roster_twice(
    people: Any, roster: Any, changes: dict[str, str], reason: str
) -> None:
    keys = people["mallory"].public
    taken = people["mara"].public
    for field in changes.keys() - {"name"}:
        keys = keys.model_copy(update={field: getattr(taken, field)})
    twin = Member(name=changes.get("name", "mallory"), roles=("researcher",), keys=keys)
    with pytest.raises(ValidationError, match=reason):
        Roster(consortium="hearts", members=(*roster.members, twin))


def test_signatures(documents: Any, roster: Roster, people: Any) -> None:
    envelope = documents.train()
    changed = envelope.model_copy(update={"payload": documents.order().payload})
    one = envelope.model_copy(update={"signatures": envelope.signatures[:1]})
    members = roster.members
    assert not wrong_messages(
        {
            "Expected a document of type https://phtlab.org/order/v2, got": lambda: open_statement(
                envelope, ORDER_TYPE, members
            ),
            "signature of mara does not hold: the document was changed after signing": lambda: (
                open_statement(changed, ORDER_TYPE, members)
            ),
            "exactly one Ed25519 and one ML-DSA-65 signature": lambda: open_statement(
                one, ORDER_TYPE, members
            ),
            "signed by keys that are not on the roster. Ask a consortium officer": lambda: (
                open_statement(documents.train("mallory"), ORDER_TYPE, members)
            ),
            "at most 4194304 are read": lambda: Envelope.from_bytes(bytes(2**22 + 1)),
            "not a signed phtlab document (a DSSE envelope)": lambda: Envelope.from_bytes(b"{}"),
            "cannot be signed: NaN and infinity have no form in JSON": lambda: documents.order(
                parameters={"x": float("nan")}
            ),
        }
    )


def test_trains_and_orders(documents: Any, roster: Roster, now: datetime) -> None:
    train = verify_train(documents.train(), roster)

    def check(envelope: Envelope, **changes: Any) -> Callable[[], object]:
        asked = {"train": train, "station": "cleveland", "now": now, "seen": frozenset(), **changes}
        return lambda: verify_order(envelope, asked.pop("roster", roster), **asked)

    order = documents.order
    taken = order()
    colleagues = verify_train(documents.train("nils"), roster)
    assert not wrong_messages(
        {
            "cleveland is on the roster as station; only a researcher may sign": lambda: (
                verify_train(documents.train("cleveland"), roster)
            ),
            "it must lie under trains/mara/": lambda: verify_train(
                documents.train(repository="cargo/x"), roster
            ),
            "zurich is on the roster as station; only a researcher may send trains": check(
                order("zurich")
            ),
            "This order is for zurich, not for cleveland": check(order(stations=("zurich",))),
            "no station 'basel' on the roster of hearts (version 4). Its stations": check(
                order(stations=("basel",)), station=None
            ),
            "This order expired at 2026-03-09 09:00 UTC": check(
                order(), now=now + timedelta(days=7)
            ),
            "This order was issued in the future": check(order(), now=now - timedelta(minutes=9)),
            "expires before it was issued": check(order(expires=now - timedelta(days=9))),
            "valid for more than 60 days": check(order(expires=now + timedelta(days=61))),
            f"The journey {taken.digest} was taken before": check(taken, seen={taken.digest}),
            "Central paired the wrong documents": check(order(train=OTHER)),
            "comes with nils's statement about the train, not with mara's own": check(
                order(), train=colleagues
            ),
            "sends 'heart' on a sequential route; its author made it for a parallel one": check(
                order(route="sequential")
            ),
            "sealed to 'mallory', who is not on the roster": check(
                order(recipients=("mara", "mallory"))
            ),
            "mara signed this order but is not among its recipients (nils)": check(
                order(recipients=("nils",))
            ),
            "names the station cleveland twice": check(order(stations=("cleveland", "cleveland"))),
            "made with version 5 of the roster; here is version 4. Refresh": check(
                order(roster_version=5)
            ),
        }
    )


def test_records(documents: Any, roster: Roster, now: datetime) -> None:
    order = documents.order_value(route="sequential")
    journey = order.sign(documents.people["mara"]).digest
    first = documents.record(journey, order)
    second = documents.record(
        journey, order, "zurich", previous=first.digest, received="sha256:" + "c" * 64
    )
    failed = documents.record(journey, order, outcome="failed", code="x", cargos=())
    other = documents.record(journey, order, cargos=(documents.cargo(journey, order, size=2000),))
    late = documents.record(journey, order, finished=now + timedelta(days=1))
    after_failed = documents.record(journey, order, "zurich", previous=failed.digest)
    train = verify_train(documents.train(route="sequential"), roster)

    def check(**records: Envelope) -> Callable[[], object]:
        return lambda: verify_records(records, journey=journey, order=order, roster=roster)

    def turn(*before: Envelope) -> Callable[[], object]:
        return lambda: verify_turn(
            order,
            journey=journey,
            station="zurich",
            train=train,
            roster=roster,
            now=now,
            records=before,
        )

    assert not wrong_messages(
        {
            "follows no record of the stop before: one is missing": check(zurich=second),
            "stop at zurich is signed by cleveland. Only zurich may say": check(
                cleveland=first, zurich=first
            ),
            "dropped, repeated or put in between": check(cleveland=other, zurich=second),
            "It is not zurich's turn: 0 of the 1 stops before it have departed": turn(),
            "The journey ended at cleveland (failed): nothing is handed on": turn(failed),
            "The stop at cleveland ended in the future, at": turn(late),
            "follows cleveland, where the journey ended (failed)": check(
                cleveland=failed, zurich=after_failed
            ),
        }
    )


def test_rounds(documents: Any, roster: Roster, people: Any) -> None:
    made = RoundsJourney.made(documents, people["nils"], quorum=2)
    first = {station: made.record(station, 1) for station in STATIONS}
    second = made.instruction(2, None, first)
    other = made.instruction(2, None, first, values=None)
    few = made.instruction(2, None, {"zurich": first["zurich"]})
    then = made.record("zurich", 2, second, first["zurich"])
    whole = Series.computed(made)

    def followed(envelope: Envelope, number: int = 2, **more: Any) -> Callable[[], object]:
        return lambda: made.verify_instruction(envelope, roster, number, made.journey, **more)

    def combined(by: Envelope, previous: Envelope | None) -> Callable[[], object]:
        return lambda: made.verify_record(then, roster, "zurich", 2, by, previous)

    assert not wrong_messages(
        {
            "not followed: it is of round 2; 3 is next. Tell whoever combines": followed(second, 3),
            "it names 1 of the 2 records that a round needs": followed(few),
            "names another record of zurich than zurich signed": followed(second, station="zurich"),
            "zurich computed round 2 by another instruction": combined(other, first["zurich"]),
            "of round 2 does not follow its record before": combined(second, None),
            "not those of the rounds that it closed its stop with": lambda: whole.with_records(
                "zurich", ()
            ).verify(roster, whole.done),
        }
    )


def test_rosters(world: Any) -> None:
    nothing_published = world.trust.refresh
    assert not wrong_messages({"an officer has not published one there yet": nothing_published})
    world.publish(datetime.now(UTC) - timedelta(days=1.5))
    assert not wrong_messages({"which roster is newest has expired": nothing_published})
    world.central.renew()
    world.trust.refresh()
    timestamp = world.central.metadata["timestamp.json"]
    for content, sentence in (
        (b" " * 20_000, "sends more than a roster can hold"),
        (b"garbage", "without the signatures that the consortium's root asks for"),
    ):
        world.central.metadata["timestamp.json"] = content
        assert not wrong_messages({sentence: world.trust.refresh})
    world.central.metadata["timestamp.json"] = timestamp
    world.join("cleveland", "station")
    assert not wrong_messages(
        {
            "has changes that are not signed. Sign them with 'phtlab consortium sign": (
                world.consortium.bundle
            ),
            "'cleveland' is on the roster with other keys": lambda: world.join("cleveland"),
            "'nobody' is not on the roster of hearts (version 1). On it: vera": lambda: (
                world.consortium.remove_member("nobody")
            ),
            "'nobody' is not an officer of hearts; its officers are": lambda: world.consortium.sign(
                {"nobody": "correct horse"}
            ),
            "A threshold of 4 cannot be met by 3 officers": lambda: world.consortium.set_threshold(
                4
            ),
            "phtlab consortium officer remove vera": lambda: world.consortium.remove_member("vera"),
        }
    )


def test_rosters_that_expired(world: Any) -> None:
    world.publish(datetime.now(UTC) - timedelta(days=7.5))
    world.central.renew()
    assert not wrong_messages(
        {"The consortium's roster has expired. Its officers renew it": world.trust.refresh}
    )


def test_key_files(people: Any, tmp_path: Path) -> None:
    content = encode_key(people["mara"], "correct horse 1", log_n=10)
    for size, sentence in ((10, "age identity is not a hybrid"), (0, "holds 0 age identities")):
        text = identity_text(people["mara"])
        line = text.splitlines()[-1]
        with pytest.raises(KeyFileError, match=sentence):
            parse_identity(text.replace(line, line[:size]).encode())
    assert not wrong_messages(
        {
            "This passphrase does not open the key file. Try again": lambda: decode_key(
                content, ""
            ),
            "was changed after it was sealed: its content is not what was sealed": lambda: (
                decode_key(content[:-1], "correct horse 1")
            ),
            "asks for 2^10 of work to try a passphrase; at most 2^9 is done here": lambda: (
                decode_key(content, "correct horse 1", max_log_n=9)
            ),
            "not a sealed file (age v1, not armored)": lambda: decode_key(b"PEM\n", ""),
            "a key file has at most 65536": lambda: decode_key(bytes(70_000), ""),
            "nobody.key.age cannot be read: No such file or directory": lambda: read_key(
                tmp_path / "nobody.key.age", ""
            ),
        }
    )


def test_cargo(people: Any) -> None:
    mara, nils = people["mara"].age, people["nils"].age
    sealed = io.BytesIO()
    seal(io.BytesIO(b"counts"), sealed, [str(mara.recipient())], b"context")

    def opened(content: bytes, identity: HybridIdentity = mara, context: bytes = b"context") -> Any:
        return lambda: open_sealed(io.BytesIO(content), io.BytesIO(), identity, context, 1)

    content = sealed.getvalue()
    assert not wrong_messages(
        {
            "it was sealed to someone else, or its recipients were changed": opened(content, nils),
            "belongs to another train, journey, station or stop": opened(content, context=b"other"),
            "The payload of this file was changed after it was sealed": opened(content[:-1]),
            "it ends within its header": opened(content[:40]),
            "This cargo has no recipient, so nobody could open it": lambda: seal(
                io.BytesIO(b""), io.BytesIO(), [], b""
            ),
            "sealed to hybrid post-quantum recipients only": lambda: seal(
                io.BytesIO(b""), io.BytesIO(), [X25519], b""
            ),
        }
    )
