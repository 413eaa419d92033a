"""age v1 (c2sp.org/age), the format of sealed cargo and of key files, on `cryptography`."""

from phtlab.train.crypto.age.file import AgeIdentity, Recipient, decrypt, encrypt, unlock
from phtlab.train.crypto.age.header import MAX_HEADER_BYTES, Header, LineSource, Stanza, read_header
from phtlab.train.crypto.age.hybrid import HYBRID, HybridIdentity, HybridRecipient
from phtlab.train.crypto.age.scrypt import ScryptIdentity, ScryptRecipient
from phtlab.train.crypto.age.stream import Source, Target, decrypt_payload
from phtlab.train.crypto.age.x25519 import X25519Identity, X25519Recipient

__all__ = [
    "HYBRID",
    "MAX_HEADER_BYTES",
    "AgeIdentity",
    "Header",
    "HybridIdentity",
    "HybridRecipient",
    "LineSource",
    "Recipient",
    "ScryptIdentity",
    "ScryptRecipient",
    "Source",
    "Stanza",
    "Target",
    "X25519Identity",
    "X25519Recipient",
    "decrypt",
    "decrypt_payload",
    "encrypt",
    "read_header",
    "unlock",
]
