"""One way to write a value as bytes, and one way to name bytes.

Canonical JSON is RFC 8785 (JCS). Digests are written as OCI writes them:
``sha256:`` and 64 lower-case hexadecimal characters.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

import rfc8785
from pydantic import StringConstraints

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


def canonical(value: Any) -> bytes:
    """`value` as RFC 8785 canonical JSON."""
    return rfc8785.dumps(value)


def digest(content: bytes) -> str:
    """The OCI digest of `content`."""
    return "sha256:" + hashlib.sha256(content).hexdigest()
