"""Published vectors of Ed25519, and of the forms around signatures: DSSE, tokens of RFC 8037."""

from __future__ import annotations

import base64
import json

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jwt.api_jws import PyJWS
from jwt.exceptions import InvalidSignatureError
from securesystemslib.dsse import Envelope as OtherEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from phtlab.train.crypto.age import HybridIdentity
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents import envelope
from phtlab.wire.central.token import ALGORITHM

# DSSE, protocol.md, "Test Vectors": a payload, its type, a key of P-256, and the signature by it.
PAYLOAD, KIND = b"hello world", "http://example.com/HelloWorld"
ENCODED = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
SIGNATURE = (
    "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
)

# RFC 8037, appendix A: a key, and a token signed by it.
RFC_8037_KEY = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
RFC_8037_TOKEN = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg"
    "3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)


def test_dsse_encoding_is_what_the_published_signature_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(envelope, "PAYLOAD_TYPE", KIND)
    encoded = envelope._pae(PAYLOAD)
    assert encoded == ENCODED
    raw = base64.b64decode(SIGNATURE)
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    key = ec.EllipticCurvePublicNumbers(X, Y, ec.SECP256R1()).public_key()
    key.verify(encode_dss_signature(r, s), encoded, ec.ECDSA(hashes.SHA256()))


def test_another_implementation_of_dsse_verifies_our_envelope() -> None:
    """Its Ed25519 half: securesystemslib knows no ML-DSA."""
    identity = Identity.generate("mara")
    signed = envelope.sign_statement(
        identity, "https://phtlab.org/test/v1", {"thing": "sha256:" + "a" * 64}, {"answer": 42}
    )
    key_id = identity.public.key_ids()["ed25519"]
    raw = base64.b64decode(identity.public.ed25519)
    key = SSlibKey(key_id, "ed25519", "ed25519", {"public": raw.hex()})
    theirs = OtherEnvelope.from_dict(json.loads(signed.to_bytes()))

    assert theirs.pae() == envelope._pae(signed.body)
    assert list(theirs.verify([key], 1)) == [key_id]

    theirs.payload += b" "
    with pytest.raises(VerificationError):
        theirs.verify([key], 1)


def test_token_of_rfc_8037() -> None:
    key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(RFC_8037_KEY + "="))
    payload = PyJWS().decode(RFC_8037_TOKEN, key, algorithms=[ALGORITHM])
    assert payload == b"Example of Ed25519 signing"
    other = Ed25519PrivateKey.generate().public_key()
    with pytest.raises(InvalidSignatureError):
        PyJWS().decode(RFC_8037_TOKEN, other, algorithms=[ALGORITHM])


def test_ed25519_seeds_sign_as_published() -> None:
    """The 1,024 of the reference implementation, RFC 8032's among them."""
    age = HybridIdentity.generate()
    with cryptography_vectors.open_vector_file("asymmetric/Ed25519/sign.input", "r") as file:
        lines = [line.split(":") for line in file if line.strip()]
    assert len(lines) == 1024
    for secret, public, message, signed, _ in lines:
        identity = Identity.from_seeds("someone", bytes.fromhex(secret[:64]), bytes(32), age)
        signature = identity.ed25519.sign(bytes.fromhex(message))
        assert identity.ed25519.public_key().public_bytes_raw().hex() == public
        assert signature.hex() + message == signed
