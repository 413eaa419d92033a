"""Unlocking of a key in Lab: passphrases tried one at a time, and the key that is open."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from phtlab.errors import PassphraseError
from phtlab.files.key_file import decode_key, read_key
from phtlab.train.crypto.identity import Identity

# Delay after a wrong passphrase, doubled each time up to the longest.
FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 30.0


class KeyUnlock:
    """The unlocked key of this process. Every method may be called from any thread."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._opening = threading.Lock()
        self._wrong = 0
        self._unlocked: tuple[Path, Identity] | None = None

    def identity(self, path: Path) -> Identity | None:
        """Return the identity in the key file `path`; None while that key is locked."""
        unlocked = self._unlocked
        return unlocked[1] if unlocked is not None and unlocked[0] == path else None

    def unlock(self, path: Path, passphrase: str) -> Identity:
        """Open the key file `path` and keep it open. Raises PassphraseError or KeyFileError."""
        identity = self.read(path, passphrase)
        self.keep(path, identity)
        return identity

    def keep(self, path: Path, identity: Identity) -> None:
        """Keep `identity`, whose key file is `path`, open in place of another."""
        self._unlocked = (path, identity)

    def lock(self) -> None:
        """Forget the identity. A kernel that connected before keeps its own copy."""
        self._unlocked = None

    def read(self, path: Path, passphrase: str) -> Identity:
        """Read the key file `path`, which stays locked here. Raises as `unlock` does."""
        return self._opened(lambda: read_key(path, passphrase))

    def decode(self, content: bytes, passphrase: str) -> Identity:
        """Read the key file with this `content`. Raises as `unlock` does."""
        return self._opened(lambda: decode_key(content, passphrase))

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold back other uses of a passphrase: each takes 280 MiB for a second."""
        with self._opening:
            yield

    def _opened(self, read: Callable[[], Identity]) -> Identity:
        # One at a time, so that parallel guesses wait as well.
        with self._opening:
            try:
                identity = read()
            except PassphraseError:
                self._sleep(min(FIRST_DELAY * 2.0**self._wrong, LONGEST_DELAY))
                self._wrong += 1
                raise
            self._wrong = 0
            return identity
