"""Key files of this workspace, and the requests that carry a passphrase."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from phtlab.files.key_file import MAX_KEY_FILE_BYTES
from phtlab.lab.server.api.model import ApiModel, Timestamp

Passphrase = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class Key(ApiModel):
    name: str
    path: str
    current: bool
    fingerprint: str | None
    created: Timestamp | None


class NewKey(ApiModel):
    name: str = Field(min_length=1, max_length=100)
    organisation: str = Field("", max_length=200)
    passphrase: Passphrase


class KeyUnlock(ApiModel):
    passphrase: Passphrase


class PassphraseChange(ApiModel):
    old: Passphrase
    new: Passphrase


class KeyRestoration(ApiModel):
    content: str = Field(max_length=2 * MAX_KEY_FILE_BYTES, description="The key file, as base64.")
    passphrase: Passphrase


class KeyRevocation(ApiModel):
    passphrase: Passphrase
    reason: str = Field("", max_length=2000)


class RevokedKey(ApiModel):
    """A revoked key: where the signed request for an officer was written, and its file's name."""

    path: str
    name: str
