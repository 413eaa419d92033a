"""Signed documents: whatever is changed, doubled, missing or malformed is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from phtlab.errors import NotOnRosterError, SignatureError
from phtlab.train.canonical import canonical
from phtlab.train.crypto.identity import Identity, Member
from phtlab.train.documents.envelope import (
    MAX_ENVELOPE_BYTES,
    PAYLOAD_TYPE,
    Envelope,
    Signature,
    Subject,
    open_statement,
    peek,
    sign_statement,
)
from tests.raising import raises_code

KIND = "https://phtlab.org/test/v1"
DIGEST = "sha256:" + "a" * 64


def member(identity: Identity) -> Member:
    return Member(name=identity.name, roles=("researcher",), keys=identity.public)


MARA, NILS = Identity.generate("mara"), Identity.generate("nils")
MEMBERS = (member(NILS), member(MARA))
SIGNED = sign_statement(MARA, KIND, {"thing": DIGEST}, {"answer": 42, "text": "ünï", "x": [1.5]})


def with_body(identity: Identity, body: bytes, kind: str = PAYLOAD_TYPE) -> Envelope:
    """Signed by `identity`, whatever the body is."""
    signatures = identity.sign(b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(body), body))
    ids = identity.public.key_ids()
    return Envelope(
        payload=base64.b64encode(body).decode(),
        payloadType=PAYLOAD_TYPE,
        signatures=tuple(
            Signature(keyid=ids[scheme], sig=base64.b64encode(raw).decode())
            for scheme, raw in signatures.items()
        ),
    )


def test_statement_comes_back_with_its_signer() -> None:
    statement, signer = open_statement(Envelope.from_bytes(SIGNED.to_bytes()), KIND, MEMBERS)
    assert signer.name == "mara"
    assert statement.predicate == {"answer": 42, "text": "ünï", "x": [1.5]}
    assert [(s.name, s.sha256) for s in statement.subject] == [("thing", DIGEST)]


def test_digest_names_the_statement_whoever_signed_it() -> None:
    again = sign_statement(NILS, KIND, {"thing": DIGEST}, {"answer": 42, "text": "ünï", "x": [1.5]})
    assert again.digest == SIGNED.digest
    assert again != SIGNED


def test_document_of_a_stranger_refused() -> None:
    with raises_code(NotOnRosterError, "not-on-roster"):
        open_statement(SIGNED, KIND, (member(NILS),))


def test_document_of_another_kind_refused() -> None:
    with raises_code(SignatureError, "signature"):
        open_statement(SIGNED, "https://phtlab.org/order/v1", MEMBERS)


@pytest.mark.parametrize(
    ("read", "sentence"),
    [
        (
            "https://phtlab.org/test/v2",
            "is of version 1 of its format; this phtlab reads version 2",
        ),
        ("https://phtlab.org/test/v2", "Ask its author to update phtlab"),
    ],
)
def test_document_of_another_version_names_the_version_that_is_lacking(
    read: str, sentence: str
) -> None:
    with raises_code(SignatureError, "document-version") as refused:
        open_statement(SIGNED, read, MEMBERS)
    assert sentence in str(refused.value)


def test_document_of_a_newer_version_asks_for_an_update() -> None:
    newer = sign_statement(NILS, "https://phtlab.org/test/v3", {"thing": DIGEST}, {})
    with raises_code(SignatureError, "document-version") as refused:
        open_statement(newer, KIND, MEMBERS)
    assert "version 3" in str(refused.value)
    assert "Update phtlab on this machine" in str(refused.value)


# Signatures


def signatures(*chosen: Signature) -> Envelope:
    return SIGNED.model_copy(update={"signatures": chosen})


ED, ML = SIGNED.signatures
OTHER = sign_statement(NILS, KIND, {"thing": DIGEST}, {"answer": 42}).signatures
WRONG = {
    "only Ed25519": (ED,),
    "only ML-DSA": (ML,),
    "Ed25519 twice": (ED, ED),
    "three": (ED, ML, ED),
    "two people": (ED, OTHER[1]),
    "two people, all of them": (ED, ML, *OTHER),
    "keyids swapped": (
        Signature(keyid=ML.keyid, sig=ED.sig),
        Signature(keyid=ED.keyid, sig=ML.sig),
    ),
    "another's keyids": tuple(
        Signature(keyid=o.keyid, sig=mine.sig) for o, mine in zip(OTHER, (ED, ML), strict=True)
    ),
    "of another document": tuple(
        sign_statement(MARA, KIND, {"thing": DIGEST}, {"answer": 43}).signatures
    ),
    "empty": (Signature(keyid=ED.keyid, sig=""), ML),
    "truncated": (ED, Signature(keyid=ML.keyid, sig=ML.sig[:400])),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_wrong_signatures_refused(wrong: tuple[Signature, ...]) -> None:
    with pytest.raises(SignatureError):
        open_statement(signatures(*wrong), KIND, MEMBERS)


def test_no_signature_refused() -> None:
    with pytest.raises(NotOnRosterError):
        open_statement(signatures(), KIND, MEMBERS)


def test_order_of_the_signatures_does_not_matter() -> None:
    open_statement(signatures(ML, ED), KIND, MEMBERS)


def test_signature_over_another_payload_type_refused() -> None:
    body = SIGNED.body
    with raises_code(SignatureError, "signature"):
        open_statement(with_body(MARA, body, "text/plain"), KIND, MEMBERS)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_every_changed_byte_of_payload_or_signature_refused(data: st.DataObject) -> None:
    which = data.draw(st.sampled_from(["payload", "ed25519", "ml-dsa-65"]))
    text = {"payload": SIGNED.payload, "ed25519": ED.sig, "ml-dsa-65": ML.sig}[which]
    raw = bytearray(base64.b64decode(text))
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= data.draw(st.integers(1, 255))
    refuse_with(which, base64.b64encode(raw).decode())


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_every_changed_character_of_payload_or_signature_refused(data: st.DataObject) -> None:
    """A second spelling of the same bytes is a change too."""
    which = data.draw(st.sampled_from(["payload", "ed25519", "ml-dsa-65"]))
    text = {"payload": SIGNED.payload, "ed25519": ED.sig, "ml-dsa-65": ML.sig}[which]
    position = data.draw(st.integers(0, len(text) - 1) | st.just(len(text) - 3))
    new = data.draw(st.sampled_from("AQgw5/+=-_ \n") | st.characters(codec="utf-8"))
    if new != text[position]:
        refuse_with(which, text[:position] + new + text[position + 1 :])


def refuse_with(which: str, text: str) -> None:
    changed = {
        "payload": lambda: SIGNED.model_copy(update={"payload": text}),
        "ed25519": lambda: signatures(Signature(keyid=ED.keyid, sig=text), ML),
        "ml-dsa-65": lambda: signatures(ED, Signature(keyid=ML.keyid, sig=text)),
    }[which]()
    with pytest.raises(SignatureError):
        open_statement(changed, KIND, MEMBERS)


# What is signed must have one reading


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"a":' * 500 + b"1" + b"}" * 500,
        b"9" * 5000,
        b"NaN",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_signed_nonsense_refused(body: bytes) -> None:
    envelope = with_body(MARA, body)
    with raises_code(SignatureError, "signature-statement"):
        open_statement(envelope, KIND, MEMBERS)
    with raises_code(SignatureError, "signature-statement"):
        peek(envelope)


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.replace(b'"answer":42', b'"answer":41,"answer":42'),
        lambda body: body.replace(b'"answer":42', b'"answer": 42'),
        lambda body: body.replace(b'"answer":42', b'"answer":42.0'),
        lambda body: body.replace(b'"answer":42', b'"answer":NaN'),
        lambda body: body.replace(b'"answer":42', b'"answer":1e999'),
        lambda body: body.replace("ünï".encode(), b"\\u00fcn\\u00ef"),
        lambda body: body.replace("ünï".encode(), b"\\ud800"),
        lambda body: body + b"\n",
        lambda body: b"\xef\xbb\xbf" + body,
    ],
    ids=["double key", "space", "42.0", "NaN", "1e999", "escape", "surrogate", "newline", "BOM"],
)
def test_second_form_of_a_statement_refused(change: Any) -> None:
    body = change(SIGNED.body)
    assert body != SIGNED.body
    with raises_code(SignatureError, "signature-statement"):
        open_statement(with_body(MARA, body), KIND, MEMBERS)


@pytest.mark.parametrize(
    "change",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"extra": 1},
        {"subject": "thing"},
        {"predicate": []},
    ],
)
def test_statement_of_another_form_refused(change: dict[str, Any]) -> None:
    body = canonical({**json.loads(SIGNED.body), **change})
    with raises_code(SignatureError, "signature-statement"):
        open_statement(with_body(MARA, body), KIND, MEMBERS)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 2**53, -(2**53), "\ud800", {"\ud800": 1}, {1: 2}, b"x", object()],
)
def test_what_json_cannot_hold_is_not_signed(value: Any) -> None:
    with raises_code(SignatureError, "not-canonical"):
        sign_statement(MARA, KIND, {"thing": DIGEST}, {"value": value})


@pytest.mark.parametrize("value", [1e20, 1e308, 5e-324, -0.0, 2**53 - 1, 0.1, "\0", "é"])
def test_what_json_can_hold_comes_back(value: Any) -> None:
    envelope = sign_statement(MARA, KIND, {"thing": DIGEST}, {"value": value})
    statement, _ = open_statement(envelope, KIND, MEMBERS)
    assert statement.predicate["value"] == value


def test_nesting_has_a_limit() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    with raises_code(SignatureError, "not-canonical"):
        sign_statement(MARA, KIND, {"thing": DIGEST}, {"value": deep})


@pytest.mark.parametrize(
    "digest", [{}, {"sha256": "A" * 64}, {"sha1": "a" * 40}, {"sha256": "a" * 64, "md5": "b"}]
)
def test_subject_without_one_sha256_refused(digest: dict[str, str]) -> None:
    with raises_code(SignatureError, "signature-subject"):
        _ = Subject(name="thing", digest=digest).sha256


# Reading what arrives


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
@example(b"[" * 100_000)
@example(b'{"payload":' * 100_000)
@example(b"\xff\xfe{}")
@example(b"9" * 10_000)
@example(
    b'{"payload":"","payload":"","payloadType":"application/vnd.in-toto+json","signatures":[]}'
)
def test_arbitrary_bytes_give_nothing_but_a_signature_error(content: bytes) -> None:
    with raises_code(SignatureError, "signature-form"):
        Envelope.from_bytes(content)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "payload": _JSON | st.just(SIGNED.payload),
            "payloadType": st.just(PAYLOAD_TYPE) | _JSON,
            "signatures": st.lists(
                st.fixed_dictionaries(
                    {"keyid": st.just(ED.keyid) | _JSON, "sig": st.just(ED.sig) | _JSON}
                )
                | _JSON,
                max_size=3,
            ),
        },
        optional={"more": _JSON},
    )
)
def test_arbitrary_envelopes_never_open(value: dict[str, Any]) -> None:
    with pytest.raises((SignatureError, NotOnRosterError)):
        open_statement(Envelope.from_bytes(json.dumps(value).encode()), KIND, MEMBERS)


def test_envelope_that_is_too_long_refused() -> None:
    with raises_code(SignatureError, "signature-size"):
        Envelope.from_bytes(b" " * (MAX_ENVELOPE_BYTES + 1))
