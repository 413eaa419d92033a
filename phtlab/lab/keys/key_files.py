"""Key files of one person's workspace: created, backed up, restored, revoked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from phtlab.consortium.enrolment import open_request, request_membership, request_removal
from phtlab.errors import KeyFileError, PhtlabError
from phtlab.files.durable_file import create_durably, write_durably
from phtlab.files.key_file import require_new_passphrase, write_key
from phtlab.lab.keys.key_unlock import KeyUnlock
from phtlab.train.crypto.age.scrypt import DEFAULT_LOG_N
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope
from phtlab.user_settings import PartialSettings, keys_directory, remember

KeyState = Literal["none", "locked", "unlocked"]
SUFFIX: Final = ".key.age"


@dataclass(frozen=True)
class KeyFile:
    """A key file, as far as it is known without its passphrase."""

    name: str
    path: Path
    current: bool
    fingerprint: str | None
    created: datetime | None


class WorkspaceKeys:
    """The keys in the profile's folder. A private key leaves this process through `identity` only.

    Every method may be called from any thread. Methods that take a passphrase need a second and
    280 MiB, run one at a time, and take longer after a wrong passphrase. `log_n` is scrypt's work
    factor.
    """

    def __init__(
        self, *, log_n: int = DEFAULT_LOG_N, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._log_n = log_n
        self._unlock = KeyUnlock(sleep)

    @property
    def path(self) -> Path | None:
        """The current key file: the profile's, else the only one in the folder."""
        named = PartialSettings.load().key
        if named is not None:
            return named
        found = sorted(keys_directory().glob(f"*{SUFFIX}"))
        return found[0] if len(found) == 1 else None

    @property
    def state(self) -> KeyState:
        path = self.path
        if path is None or not path.is_file():
            return "none"
        return "unlocked" if self._unlock.identity(path) is not None else "locked"

    @property
    def identity(self) -> Identity | None:
        """The unlocked identity; None while the key is locked or missing."""
        path = self.path
        return None if path is None or not path.is_file() else self._unlock.identity(path)

    def require(self) -> Identity:
        """Return the unlocked identity. Raises KeyFileError (`key-missing`, `key-locked`)."""
        self._current()
        identity = self.identity
        if identity is None:
            raise KeyFileError(
                "Your key is locked.",
                "Unlock it with its passphrase, then try again.",
                code="key-locked",
            )
        return identity

    def files(self) -> list[KeyFile]:
        """List the key files of the folder, and the profile's key file wherever it is."""
        current = self.path
        paths = set(keys_directory().glob(f"*{SUFFIX}"))
        if current is not None and current.is_file():
            paths.add(current)
        return [self._described(path, current) for path in sorted(paths)]

    def current(self) -> KeyFile | None:
        path = self.path
        return self._described(path, path) if path is not None and path.is_file() else None

    def unlock(self, passphrase: str) -> Identity:
        """Unlock the current key and keep it in memory. Raises PassphraseError or KeyFileError."""
        return self._unlock.unlock(self._current(), passphrase)

    def lock(self) -> None:
        """Forget the identity. A kernel that connected before keeps its own copy."""
        self._unlock.lock()

    def create(self, name: str, organisation: str, passphrase: str) -> KeyFile:
        """Create a key and its request for membership; it becomes the current key, unlocked.

        Raises RosterError for an invalid name, PassphraseError for a short passphrase, KeyFileError
        (`key-file-exists`) for a name that has a key.
        """
        identity = Identity.generate(name)
        request = request_membership(identity, organisation)
        require_new_passphrase(passphrase, f"the new key of {name}")
        path = keys_directory() / f"{name}{SUFFIX}"
        with self._unlock.exclusive():
            write_key(path, identity, passphrase, log_n=self._log_n)
        _write_request(path, request)
        self._adopt(path, identity)
        return self._described(path, path)

    def change_passphrase(self, old: str, new: str) -> KeyFile:
        """Encrypt the current key under `new`. Copies made before still open with `old`."""
        path = self._current()
        require_new_passphrase(new, "your key from now on")
        identity = self._unlock.read(path, old)
        with self._unlock.exclusive():
            write_key(path, identity, new, log_n=self._log_n, replace=True)
        return self._described(path, path)

    def backup(self) -> tuple[str, bytes]:
        """Return name and content of the current key file, which is encrypted."""
        path = self._current()
        return path.name, path.read_bytes()

    def request(self) -> tuple[str, bytes]:
        """Return the current key's request for membership, as a file for an officer.

        The request beside the key, else a new request if the key is unlocked. Raises KeyFileError
        (`key-missing`, `key-locked`).
        """
        path = self._current()
        place = _request_path(path)
        if self._requested(path) is None:
            _write_request(path, request_membership(self.require()))
        return place.name, place.read_bytes()

    def restore(self, content: bytes, passphrase: str) -> KeyFile:
        """Restore a key file from a backup, once the passphrase has opened it.

        It becomes the current key, unlocked. Raises PassphraseError, KeyFileError
        (`key-file-exists` if there is another key of its name).
        """
        identity = self._unlock.decode(content, passphrase)
        path = keys_directory() / f"{identity.name}{SUFFIX}"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            create_durably(path, content)
        except FileExistsError:
            if path.read_bytes() != content:
                raise KeyFileError(
                    f"There is another key of '{identity.name}' here already, and it is not "
                    "overwritten.",
                    f"Revoke that one, or move {path} away, then restore again.",
                    code="key-file-exists",
                ) from None
        self._adopt(path, identity)
        return self._described(path, path)

    def revoke(self, passphrase: str, reason: str) -> tuple[Path, str]:
        """Write a signed request for removal from the roster, and move the key file to `revoked/`.

        Returns the request's path and the member's name. The key file is kept, as it opens what was
        sealed to it. Raises PassphraseError, KeyFileError.
        """
        path = self._current()
        identity = self._unlock.read(path, passphrase)
        request = request_removal(identity, reason)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        aside = path.parent / "revoked" / f"{identity.name}-{stamp}{SUFFIX}"
        place = path.parent / f"{identity.name}-{stamp}.removal.json"
        aside.parent.mkdir(mode=0o700, exist_ok=True)
        create_durably(place, request.to_bytes() + b"\n")
        path.rename(aside)
        self.lock()
        return place, identity.name

    def _current(self) -> Path:
        path = self.path
        if path is None or not path.is_file():
            raise KeyFileError(
                "There is no key in this workspace yet.",
                "Create one, or restore one from a backup.",
                code="key-missing",
            )
        return path

    def _adopt(self, path: Path, identity: Identity) -> None:
        if PartialSettings.load().key != path:
            remember(key=str(path))
        self._unlock.keep(path, identity)

    def _described(self, path: Path, current: Path | None) -> KeyFile:
        identity = self._unlock.identity(path)
        fingerprint = identity.public.fingerprint if identity else self._requested(path)
        return KeyFile(
            identity.name if identity else path.name.removesuffix(SUFFIX),
            path,
            path == current,
            fingerprint,
            _written(path),
        )

    def _requested(self, path: Path) -> str | None:
        """Return the fingerprint in the request beside the key, which only that key could sign."""
        try:
            member = open_request(Envelope.from_bytes(_request_path(path).read_bytes()))
        except (OSError, PhtlabError):
            return None
        return member.keys.fingerprint if f"{member.name}{SUFFIX}" == path.name else None


def _request_path(key: Path) -> Path:
    return key.with_name(f"{key.name.removesuffix(SUFFIX)}.request.json")


def _write_request(key: Path, request: Envelope) -> None:
    try:
        write_durably(_request_path(key), request.to_bytes() + b"\n", 0o644)
    except OSError as error:
        raise KeyFileError(
            f"The request {_request_path(key)} cannot be written: {error.strerror}.",
            "The key exists; correct the folder and write the request again.",
        ) from None


def _written(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None
