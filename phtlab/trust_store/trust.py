"""The roster and the catalogue as a station or a researcher may believe them.

`Trust` follows the consortium from the root that was pinned when it joined, by TUF's
client workflow, and keeps the last good state for when central does not answer. What
is believed is decided by signatures, versions and expiry only, never by who delivered it.
"""

from __future__ import annotations

import base64
import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError
from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
)
from tuf.api.metadata import Root
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from phtlab.clock import utc_now
from phtlab.errors import CentralUnreachableError, RosterError, RosterStaleError, UnreachableError
from phtlab.files.durable_file import write_durably
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import canonical, parse_json
from phtlab.train.documents.roster import Catalogue, Roster
from phtlab.trust_store.repository import (
    CATALOGUE_FILE,
    MAX_METADATA_BYTES,
    MAX_TARGET_BYTES,
    ROSTER_FILE,
    TARGET_FILES,
    check_target,
    load_next_root,
    load_root,
    load_targets,
    read_catalogue,
    read_roster,
    require_fresh,
    root_fingerprint,
)

__all__ = ["Trust", "Trusted", "root_fingerprint"]

_CONFIG = UpdaterConfig(
    root_max_length=MAX_METADATA_BYTES,
    timestamp_max_length=16_384,
    snapshot_max_length=65_536,
    targets_max_length=MAX_METADATA_BYTES,
)


@dataclass(frozen=True)
class Trusted:
    """What the consortium says. `fresh` is False if central could not be asked just now."""

    roster: Roster
    catalogue: Catalogue
    expires: datetime
    fresh: bool


class _Kept(StrictModel):
    """The last good state in one file, as base64; it is checked again whenever it is read."""

    targets: str
    roster: str
    catalogue: str


class Trust:
    """Follows one consortium from `directory`. Threads and processes may share the directory.

    `metadata_url` and `targets_url` are central's; `fetcher` gets them, and raises TUF's
    DownloadHTTPError with status 404 for what is not there.
    """

    def __init__(
        self, directory: Path, fetcher: FetcherInterface, metadata_url: str, targets_url: str
    ) -> None:
        self.directory = directory
        self._fetcher = fetcher
        self._metadata_url = metadata_url
        self._targets_url = targets_url

    def pin(self, root: bytes) -> None:
        """Trust the consortium of `root` from now on, after its fingerprint was compared.

        Pinning the same root again changes nothing. Raises RosterError if `root` is not
        a root signed by its own officers, or if another one is pinned.
        """
        load_root(root)
        with self._locked():
            path = self.directory / "pinned.root.json"
            if path.exists() and root_fingerprint(path.read_bytes()) != root_fingerprint(root):
                raise RosterError(
                    f"Another consortium's root is pinned in {self.directory}.",
                    "Rotated roots are followed without pinning; to join another consortium, use "
                    "a new folder.",
                    code="root-pinned",
                )
            write_durably(path, root)

    @property
    def pinned(self) -> bool:
        """Whether a root is pinned."""
        return (self.directory / "pinned.root.json").exists()

    @property
    def fingerprint(self) -> str:
        """Of the pinned root. Raises RosterError if none is pinned."""
        return root_fingerprint(self._pinned())

    @property
    def consortium(self) -> str | None:
        """The consortium's name as last believed, also once that has expired.

        None until the first refresh: joining does one.
        """
        roster = last_roster(self.directory)
        return None if roster is None else roster.consortium

    def refresh(self) -> Trusted:
        """The newest roster and catalogue, or the kept ones if central does not answer.

        Raises RosterStaleError if what is there has expired (``roster-stale``) or is older
        than what was seen before (``roster-rollback``), RosterError if a signature or a
        digest does not hold, CentralUnreachableError if central does not answer and nothing
        is kept.
        """
        with self._locked():
            pinned = self._pinned()
            try:
                return self._update(pinned)
            except DownloadLengthMismatchError as error:
                raise RosterError(
                    f"{self._metadata_url} sends more than a roster can hold.",
                    "Central is broken or hostile: tell its operator.",
                ) from error
            except (DownloadError, UnreachableError) as error:
                return self._kept(pinned, _why(error, self._metadata_url))
            except RepositoryError as error:
                raise _refusal(error) from error

    def cached(self) -> Trusted:
        """The kept roster and catalogue, without asking central, until they expire.

        Raises RosterStaleError if they have, CentralUnreachableError if nothing is kept.
        """
        with self._locked():
            return self._kept(self._pinned(), None)

    def _update(self, pinned: bytes) -> Trusted:
        metadata = self.directory / "metadata"
        metadata.mkdir(exist_ok=True)
        # An Updater reads its clock and refreshes once: each refresh has its own.
        updater = Updater(
            str(metadata),
            self._metadata_url,
            target_base_url=self._targets_url,
            fetcher=self._fetcher,
            config=_CONFIG,
            bootstrap=pinned,
        )
        updater.refresh()
        kept = _read_kept(self.directory)
        contents = {
            name: self._target(updater, name, _content(kept, name)) for name in TARGET_FILES
        }
        signed = (metadata / "targets.json").read_bytes()
        state = _Kept(
            targets=_encode(signed),
            roster=_encode(contents[ROSTER_FILE]),
            catalogue=_encode(contents[CATALOGUE_FILE]),
        )
        trusted = self._check(state, self._newest_root(pinned), fresh=True)
        if state != kept:
            write_durably(self.directory / "trusted.json", canonical(state.model_dump()))
        return trusted

    def _target(self, updater: Updater, name: str, known: bytes) -> bytes:
        info = updater.get_targetinfo(name)
        if info is None:
            raise RosterError(
                f"The consortium's officers signed no '{name}'.", "Ask them to publish again."
            )
        if info.length > MAX_TARGET_BYTES:
            raise RosterError(
                f"'{name}' of the consortium is longer than {MAX_TARGET_BYTES} bytes."
            )
        try:
            info.verify_length_and_hashes(known)
        except LengthOrHashMismatchError:
            with tempfile.TemporaryDirectory(dir=self.directory) as folder:
                path = updater.download_target(info, str(Path(folder, "target")))
                return Path(path).read_bytes()
        return known

    def _kept(self, pinned: bytes, why: str | None) -> Trusted:
        kept = _read_kept(self.directory)
        if kept is None:
            raise CentralUnreachableError(
                why or "No roster is kept on this machine.",
                "Without a roster no signature can be verified: check the address and the network, "
                "and try again.",
            )
        try:
            return self._check(kept, self._newest_root(pinned), fresh=False)
        except RosterStaleError as stale:
            raise RosterStaleError(
                f"{why + ' ' if why else ''}{stale.message}", stale.hint, code=stale.code
            ) from None

    def _check(self, kept: _Kept, root: Root, *, fresh: bool) -> Trusted:
        contents = {name: _content(kept, name) for name in TARGET_FILES}
        targets = load_targets(root, base64.b64decode(kept.targets)).signed
        require_fresh(root, targets, utc_now())
        for name, content in contents.items():
            check_target(targets, name, content)
        return Trusted(
            roster=read_roster(contents[ROSTER_FILE], targets.version),
            catalogue=read_catalogue(contents[CATALOGUE_FILE]),
            expires=min(targets.expires, root.expires),
            fresh=fresh,
        )

    def _newest_root(self, pinned: bytes) -> Root:
        """From the pinned root along the chain that the Updater has kept."""
        root = load_root(pinned).signed
        history = self.directory / "metadata" / "root_history"
        while (path := history / f"{root.version + 1}.root.json").exists():
            root = load_next_root(root, path.read_bytes()).signed
        return root

    def _pinned(self) -> bytes:
        try:
            return (self.directory / "pinned.root.json").read_bytes()
        except FileNotFoundError:
            raise RosterError(
                f"No consortium is pinned in {self.directory}.",
                "Get root.json from an officer, compare its fingerprint by telephone, and join "
                "with it.",
                code="root-not-pinned",
            ) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One at a time: TUF's Updater must not share its folder."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def last_roster(directory: Path) -> Roster | None:
    """The roster that a `Trust` of `directory` believed last, also once it has expired.

    For display: nothing may be done because of it. None before the first refresh. Its version is
    not known, and is 0. Raises RosterError if it is not readable.
    """
    kept = _read_kept(directory)
    return None if kept is None else read_roster(_content(kept, ROSTER_FILE), 0)


def _read_kept(directory: Path) -> _Kept | None:
    """None if nothing is kept, or if it is damaged: it can be fetched again."""
    try:
        return _parse_kept((directory / "trusted.json").read_bytes())
    except (FileNotFoundError, ValidationError, ValueError):
        return None


@lru_cache(maxsize=4)
def _parse_kept(content: bytes) -> _Kept:
    """Parse once what each request to central reads again."""
    kept = _Kept.model_validate(parse_json(content))
    for text in kept.model_dump().values():
        base64.b64decode(text, validate=True)
    return kept


def _content(kept: _Kept | None, name: str) -> bytes:
    if kept is None:
        return b""
    return base64.b64decode(kept.roster if name == ROSTER_FILE else kept.catalogue)


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _why(error: Exception, url: str) -> str:
    if isinstance(error, DownloadHTTPError):
        if error.status_code == 404:
            return f"{url} has no roster: an officer has not published one there yet."
        return f"{url} answered with status {error.status_code}."
    return f"{url} does not answer."


def _refusal(error: RepositoryError) -> RosterError:
    text = str(error)
    if isinstance(error, ExpiredMetadataError):
        role = next((r for r in ("timestamp", "snapshot", "root") if r in text), "roster")
        if role in ("timestamp", "snapshot"):
            return RosterStaleError(
                "Central's word on which roster is newest has expired.",
                "Central does not renew it, or somebody holds the newest one back; check this "
                "machine's clock, then ask central's operator.",
            )
        return RosterStaleError(
            f"The consortium's {role} has expired.",
            "Its officers renew it with 'phtlab consortium sign' and 'phtlab consortium publish'; "
            "check this machine's clock too.",
        )
    if isinstance(error, BadVersionNumberError):
        return RosterStaleError(
            f"Central offers an older roster than this machine has seen ({text}). It is refused: "
            "central was set back, or is hostile.",
            "Ask its operator and an officer.",
            code="roster-rollback",
        )
    if isinstance(error, LengthOrHashMismatchError):
        return RosterError(
            "Central delivers a roster that is not the one the officers signed.",
            "It is refused: tell central's operator.",
        )
    return RosterError(
        "Central delivers a roster without the signatures that the consortium's root asks for "
        f"({text}).",
        "It is refused: ask an officer whether the root was renewed.",
    )
