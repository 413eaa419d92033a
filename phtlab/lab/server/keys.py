"""`keys`: the key files of this workspace. A passphrase comes in here and goes nowhere else."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from phtlab.files.key_file import MAX_KEY_FILE_BYTES
from phtlab.lab.server.answers import Shape, key_shape, status_shape
from phtlab.lab.server.exchange import KIB, Attachment, Body, Exchange, Nothing
from phtlab.lab.server.refusals import Refusal

Passphrase = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class NewKey(Body):
    name: str = Field(min_length=1, max_length=100)
    organisation: str = Field("", max_length=200)
    passphrase: Passphrase


class Opening(Body):
    passphrase: Passphrase


class NewPassphrase(Body):
    old: Passphrase
    new: Passphrase


class Restored(Body):
    """`content` is the key file, as base64."""

    content: str = Field(max_length=2 * MAX_KEY_FILE_BYTES)
    passphrase: Passphrase


class Revoked(Body):
    passphrase: Passphrase
    reason: str = Field("", max_length=2000)


class KeysExchange(Exchange[NewKey]):
    """GET: `IKey[]`. POST: a new key, which is the current one then, and unlocked; its `IKey`."""

    takes = NewKey
    acts_in = "secret"
    fields: ClassVar = {"request": "name"}

    def read(self, **path: str) -> list[Shape]:
        return [key_shape(key) for key in self.workspace.keys.files()]

    def act(self, body: NewKey, **path: str) -> Shape:
        if not body.organisation.isprintable() or len(body.organisation) > 128:
            raise Refusal(
                422,
                "request",
                "An organisation's name has at most 128 characters, all of them printable.",
                field="organisation",
            )
        key = self.workspace.keys.create(body.name, body.organisation, body.passphrase)
        self.workspace.profile_changed()
        return key_shape(key)


class UnlockExchange(Exchange[Opening]):
    """POST: open the current key; `IStatus`."""

    takes = Opening
    acts_in = "secret"

    def act(self, body: Opening, **path: str) -> Shape:
        self.workspace.unlock(body.passphrase)
        return status_shape(self.workspace)


class LockExchange(Exchange[Nothing]):
    """POST: forget the key and every opened result; `IStatus`."""

    acts_in = "quick"

    def act(self, body: Nothing, **path: str) -> Shape:
        self.workspace.lock()
        return status_shape(self.workspace)


class PassphraseExchange(Exchange[NewPassphrase]):
    """POST: write the current key under another passphrase; its `IKey`."""

    takes = NewPassphrase
    acts_in = "secret"
    fields: ClassVar = {"passphrase": "old", "passphrase-short": "new"}

    def act(self, body: NewPassphrase, **path: str) -> Shape:
        return key_shape(self.workspace.keys.change_passphrase(body.old, body.new))


class BackupExchange(Exchange[Nothing]):
    """GET: the current key file, which is encrypted, as a file to keep."""

    def read(self, **path: str) -> Attachment:
        return Attachment(*self.workspace.keys.backup())


class RequestExchange(Exchange[Nothing]):
    """GET: the request for membership of the current key, as a file for an officer."""

    def read(self, **path: str) -> Attachment:
        return Attachment(*self.workspace.keys.request())


class RestoreExchange(Exchange[Restored]):
    """POST: put a key file from a backup in its place, once it has opened; its `IKey`."""

    takes = Restored
    limit = 256 * KIB
    acts_in = "secret"
    fields: ClassVar = dict.fromkeys(
        (
            "key-file",
            "key-file-ascii",
            "key-file-exists",
            "key-file-identities",
            "key-file-identity",
            "key-file-seed",
            "key-file-size",
            "key-file-twice",
            "key-name",
        ),
        "content",
    )

    def act(self, body: Restored, **path: str) -> Shape:
        try:
            content = base64.b64decode(body.content, validate=True)
        except (binascii.Error, ValueError):
            raise Refusal(
                400,
                "request",
                "The key file did not arrive as base64.",
                "Reload the page.",
                field="content",
            ) from None
        key = self.workspace.keys.restore(content, body.passphrase)
        self.workspace.profile_changed()
        return key_shape(key)


class RevokeExchange(Exchange[Revoked]):
    """POST: a signed request for an officer, and the key file put aside; `{path, name}`."""

    takes = Revoked
    acts_in = "secret"
    fields: ClassVar = {"request": "reason"}

    def act(self, body: Revoked, **path: str) -> Shape:
        place, name = self.workspace.keys.revoke(body.passphrase, body.reason)
        self.workspace.lock()
        return {"path": str(place), "name": name}
