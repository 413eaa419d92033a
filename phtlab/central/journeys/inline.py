"""Sealed content that comes in a message, beside the signed document that names it."""

from __future__ import annotations

import base64

from phtlab.errors import CentralError
from phtlab.train.documents.round import RoundCargo
from phtlab.wire.api.rounds import INLINE_BYTES, decoded, sealed_of


def inline_bytes(text: str | None, declared: RoundCargo | None, what: str) -> bytes | None:
    """Return the content in the base64 `text`, which must be what the document declares.

    None if there is no `text`: there is no content, or the registry has it. `what` names it in
    words. Raises CentralError: ``too-large``, ``inline-content`` for any other content.
    """
    if text is None:
        return None
    content = decoded(text)
    if content is not None and len(content) > INLINE_BYTES:
        raise CentralError(
            f"The sealed {what} have {len(content):,} bytes; central takes {INLINE_BYTES:,} at "
            "most beside a document.",
            "Push them to the registry.",
            code="too-large",
        )
    if sealed_of(text, declared) is None:
        raise CentralError(
            f"The sealed {what} in this message are not those that the signed document names.",
            "Send them again; if it happens again, something changes messages on their way.",
            code="inline-content",
        )
    return content


def inline_json(content: bytes | None) -> str:
    """Return `content` as JSON: base64, or null."""
    return "null" if content is None else f'"{base64.b64encode(content).decode()}"'
