"""The key that signs the instructions of one journey, kept sealed to its researcher.

The order names it, so it is stored before the order is signed: whoever ordered the journey can
combine its rounds, in this kernel or a later one.
"""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Final

from phtlab.errors import JourneyError, SealError
from phtlab.files.durable_file import create_durably, sync_folder
from phtlab.lab.rounds.folder import journey_folder, made_folder
from phtlab.train.canonical import canonical
from phtlab.train.crypto.age import HybridIdentity
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.order import Order
from phtlab.train.sealing import open_sealed, seal

_FILE: Final = "key.age"
_NAME: Final = "journey-key"


def new_journey_key() -> Identity:
    """Return a new key for one journey; only its signing keys matter."""
    return Identity.generate(_NAME)


def keep_journey_key(researcher: Identity, nonce: str, key: Identity) -> None:
    """Keep `key` for the order with `nonce`, sealed to `researcher`.

    Once this returns, the key survives a power cut. Raises JourneyError (``journey-key-kept``) if
    it cannot be written: the order must not be signed then.
    """
    ed25519, ml_dsa_65 = (base64.b64encode(seed).decode() for seed in key.seeds())
    content = canonical({"ed25519": ed25519, "ml_dsa_65": ml_dsa_65, "age": str(key.age)})
    sealed = io.BytesIO()
    seal(io.BytesIO(content), sealed, [researcher.public.age], _context(nonce))
    try:
        folder = made_folder(nonce)
        create_durably(folder / _FILE, sealed.getvalue())
        for above in (folder.parent, folder.parent.parent):
            sync_folder(above)
    except OSError as error:
        raise JourneyError(
            f"The journey's key cannot be kept: {error.strerror}. Nothing was sent.",
            f"Check that {journey_folder(nonce).parent} can be written, then dispatch again.",
            code="journey-key-kept",
        ) from None


def journey_key(researcher: Identity, order: Order) -> Identity:
    """Return the key that signs the instructions of `order`, a verified order with such a key.

    Raises JourneyError (``journey-key-missing``) if it is not on this machine, is sealed to another
    key, or is another key than the order names.
    """
    path = journey_folder(order.nonce) / _FILE
    try:
        key = _opened(path, researcher, _context(order.nonce))
    except (OSError, ValueError, LookupError, TypeError, SealError):
        raise _missing(path) from None
    if order.rounds is None or order.rounds.key != key.public:
        raise _missing(path)
    return key


def forget_journey_key(nonce: str) -> None:
    """Remove the key of the order with `nonce`: its rounds have ended."""
    (journey_folder(nonce) / _FILE).unlink(missing_ok=True)


def _opened(path: Path, researcher: Identity, context: bytes) -> Identity:
    content = io.BytesIO()
    with path.open("rb") as source:
        open_sealed(source, content, researcher.age, context, recipients=1)
    seeds = json.loads(content.getvalue())
    ed25519, ml_dsa_65 = (base64.b64decode(seeds[name]) for name in ("ed25519", "ml_dsa_65"))
    return Identity.from_seeds(_NAME, ed25519, ml_dsa_65, HybridIdentity.parse(seeds["age"]))


def _context(nonce: str) -> bytes:
    return canonical({"kind": "journey-key", "nonce": nonce})


def _missing(path: Path) -> JourneyError:
    return JourneyError(
        f"The key that combines this journey's rounds is not at {path}.",
        "Wait for the journey where it was dispatched; journey.cancel() ends it from anywhere.",
        code="journey-key-missing",
    )
