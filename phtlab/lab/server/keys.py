"""`keys`: the key files of this workspace. A passphrase comes in here and goes nowhere else."""

from __future__ import annotations

import base64
import binascii
from typing import ClassVar

from phtlab.lab.server import api
from phtlab.lab.server.answers import key_answer, status_answer
from phtlab.lab.server.exchange import KIB, Attachment, Exchange, Nothing
from phtlab.lab.server.refusals import Refusal


class KeysExchange(Exchange[api.NewKey]):
    """GET: the key files. POST: a new key, which is the current one then, and unlocked."""

    takes = api.NewKey
    acts_in = "secret"
    fields: ClassVar = {"request": "name"}

    def read(self, **path: str) -> list[api.Key]:
        return [key_answer(key) for key in self.workspace.keys.files()]

    def act(self, body: api.NewKey, **path: str) -> api.Key:
        if not body.organisation.isprintable() or len(body.organisation) > 128:
            raise Refusal(
                422,
                "request",
                "An organisation's name has at most 128 characters, all of them printable.",
                field="organisation",
            )
        key = self.workspace.keys.create(body.name, body.organisation, body.passphrase)
        self.workspace.profile_changed()
        return key_answer(key)


class UnlockExchange(Exchange[api.KeyUnlock]):
    """POST: open the current key; the status."""

    takes = api.KeyUnlock
    acts_in = "secret"

    def act(self, body: api.KeyUnlock, **path: str) -> api.Status:
        self.workspace.unlock(body.passphrase)
        return status_answer(self.workspace)


class LockExchange(Exchange[Nothing]):
    """POST: forget the key and every opened result; the status."""

    acts_in = "quick"

    def act(self, body: Nothing, **path: str) -> api.Status:
        self.workspace.lock()
        return status_answer(self.workspace)


class PassphraseExchange(Exchange[api.PassphraseChange]):
    """POST: write the current key under another passphrase."""

    takes = api.PassphraseChange
    acts_in = "secret"
    fields: ClassVar = {"passphrase": "old", "passphrase-short": "new"}

    def act(self, body: api.PassphraseChange, **path: str) -> api.Key:
        return key_answer(self.workspace.keys.change_passphrase(body.old, body.new))


class BackupExchange(Exchange[Nothing]):
    """GET: the current key file, which is encrypted, as a file to keep."""

    def read(self, **path: str) -> Attachment:
        return Attachment(*self.workspace.keys.backup())


class RequestExchange(Exchange[Nothing]):
    """GET: the request for membership of the current key, as a file for an officer."""

    def read(self, **path: str) -> Attachment:
        return Attachment(*self.workspace.keys.request())


class RestoreExchange(Exchange[api.KeyRestoration]):
    """POST: put a key file from a backup in its place, once it has opened."""

    takes = api.KeyRestoration
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

    def act(self, body: api.KeyRestoration, **path: str) -> api.Key:
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
        return key_answer(key)


class RevokeExchange(Exchange[api.KeyRevocation]):
    """POST: a signed request for an officer, and the key file put aside."""

    takes = api.KeyRevocation
    acts_in = "secret"
    fields: ClassVar = {"request": "reason"}

    def act(self, body: api.KeyRevocation, **path: str) -> api.RevokedKey:
        place, name = self.workspace.keys.revoke(body.passphrase, body.reason)
        self.workspace.lock()
        return api.RevokedKey(path=str(place), name=name)
