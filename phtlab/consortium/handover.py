"""What goes to and fro between officers' laptops: all of the folder but the keys, in one file.

Whoever takes a file over believes nothing of it but signatures: the chain of roots, the roster
under it, and for what is staged the signature of at least one officer. So a file that was changed
on its way is refused, and one that somebody else made too. Pure.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError
from tuf.api.metadata import Metadata, Root, Targets
from tuf.api.serialization import DeserializationError

from phtlab.errors import RosterError
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import parse_json
from phtlab.trust_store.repository import (
    CATALOGUE_FILE,
    ROSTER_FILE,
    TARGET_FILES,
    check_target,
    load_next_root,
    load_root,
    load_targets,
    read_catalogue,
    read_roster,
    root_fingerprint,
)
from phtlab.trust_store.root import (
    is_under,
    progress,
    read_draft,
    require_same_officers,
    settings_of,
    threshold_of,
)

_Files = dict[str, str]


class _Packed(StrictModel):
    """The file: base64 by name."""

    phtlab_consortium: Literal[1]
    roots: tuple[str, ...]
    next_root: str | None
    signed: str | None
    signed_files: _Files
    next_signed: str | None
    files: _Files


@dataclass(frozen=True)
class Handover:
    """An officer's folder without its keys.

    `roots` is the chain; `next_root` is staged. `signed` is the roster's metadata of
    `signed_files`, `next_signed` that of `files`, signed by fewer than must; None if `files` are
    the signed ones.
    """

    roots: tuple[bytes, ...]
    next_root: bytes | None
    signed: bytes | None
    signed_files: Mapping[str, bytes]
    next_signed: bytes | None
    files: Mapping[str, bytes]

    @property
    def fingerprint(self) -> str:
        """Of the newest root, or of the first while it is being signed."""
        newest = self.roots[-1] if self.roots else self.next_root
        return root_fingerprint(newest or b"")

    @property
    def version(self) -> int:
        """Of the roster that was signed last, 0 for none."""
        return (
            0 if self.signed is None else Metadata[Targets].from_bytes(self.signed).signed.version
        )

    def to_bytes(self) -> bytes:
        return json.dumps(
            {
                "phtlab_consortium": 1,
                "roots": [_encode(root) for root in self.roots],
                "next_root": _encode(self.next_root),
                "signed": _encode(self.signed),
                "signed_files": {n: _encode(c) for n, c in self.signed_files.items()},
                "next_signed": _encode(self.next_signed),
                "files": {n: _encode(c) for n, c in self.files.items()},
            },
            indent=1,
        ).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Handover:
        """What an officer exported, checked. Raises RosterError (``handover``) or `check`'s."""
        try:
            packed = _Packed.model_validate(parse_json(content))
            handover = cls(
                roots=tuple(_decode(root) for root in packed.roots),
                next_root=_optional(packed.next_root),
                signed=_optional(packed.signed),
                signed_files={n: _decode(c) for n, c in packed.signed_files.items()},
                next_signed=_optional(packed.next_signed),
                files={n: _decode(c) for n, c in packed.files.items()},
            )
        except (ValidationError, ValueError):
            raise _damaged("it is not what 'phtlab consortium export' writes, or was cut") from None
        try:
            check(handover)
        except RosterError as error:
            raise _damaged(error.message.rstrip(".")) from error
        return handover


def check(handover: Handover) -> None:
    """Whether every part is signed by officers. Raises RosterError for what is not."""
    root = _chain(handover.roots)
    draft = None if handover.next_root is None else read_draft(handover.next_root)
    if draft is not None:
        if draft.signed.version != (root.version if root else 0) + 1:
            raise RosterError(
                "the next root in it does not follow the newest", code="handover-next-root"
            )
        # Of the officers before: those of the next root may be whom a forger wrote there.
        if not progress(root, draft).old.signed_by:
            raise RosterError(
                "no officer has signed the next root in it", code="handover-next-root-unsigned"
            )
    if draft is None and not handover.roots:
        raise RosterError("it holds no root", code="handover-no-root")
    rules = draft or load_root(handover.roots[-1])
    ruling = rules.signed
    if handover.signed is not None:
        _check_files(_signed(handover.roots, handover.signed), handover.signed_files)
    if handover.next_signed is not None:
        targets = _pending(handover.next_signed, handover.version + 1)
        if not threshold_of(ruling, "targets", targets).signed_by:
            raise RosterError(
                "no officer has signed the next roster in it", code="handover-next-roster-unsigned"
            )
        if not is_under(targets.signed, rules):
            raise RosterError(
                "its next roster was signed under another root", code="handover-other-root"
            )
        _check_files(targets.signed, handover.files)
    elif handover.signed is None or dict(handover.files) != dict(handover.signed_files):
        raise RosterError("no officer has signed the roster in it", code="handover-unsigned")
    elif draft is not None:
        raise RosterError(
            "no officer has signed the roster under the next root in it", code="handover-unsigned"
        )
    roster = read_roster(handover.files[ROSTER_FILE], handover.version)
    read_catalogue(handover.files[CATALOGUE_FILE])
    if roster.consortium != settings_of(ruling).name:
        raise RosterError(
            "its roster is of another consortium than its root", code="handover-consortium"
        )
    require_same_officers(ruling, roster)


def merged(mine: Handover, theirs: Handover) -> Handover:
    """`theirs` on top of `mine`, with the signatures of both.

    Raises RosterError: ``handover`` if it is of another consortium, ``handover-older`` if `mine` is
    further, ``handover-conflict`` if both have gone on in different ways.
    """
    for own, other in zip(mine.roots, theirs.roots, strict=False):
        if root_fingerprint(own) != root_fingerprint(other):
            raise _damaged("it is of another consortium, or its root was rotated in another way")
    _require_further(mine, theirs)
    if theirs.version > mine.version and mine.roots and theirs.signed is not None:
        # Officers of roots before mine may have been replaced for their stolen keys.
        try:
            _signed(theirs.roots[len(mine.roots) - 1 :], theirs.signed)
        except RosterError as error:
            raise _damaged(error.message.rstrip(".")) from error
    newest = len(theirs.roots)
    my_next = _fingerprint(mine.next_root)
    if my_next is not None:
        newer = {root_fingerprint(root) for root in theirs.roots[len(mine.roots) :]}
        if my_next not in {_fingerprint(theirs.next_root), *newer}:
            raise _conflict("another next root")
    elif not mine.roots and newest:
        raise _conflict("another first root")
    if dict(mine.files) not in (dict(mine.signed_files), dict(theirs.files)):
        raise _conflict("another roster or catalogue")
    return Handover(
        roots=(*mine.roots, *theirs.roots[len(mine.roots) :]),
        next_root=_both(mine.next_root, theirs.next_root),
        signed=theirs.signed,
        signed_files=theirs.signed_files,
        next_signed=_both(mine.next_signed, theirs.next_signed),
        files=theirs.files,
    )


def _require_further(mine: Handover, theirs: Handover) -> None:
    if len(theirs.roots) < len(mine.roots) or theirs.version < mine.version:
        raise RosterError(
            f"This file is older than this folder: it has version {theirs.version} of the roster, "
            f"here is version {mine.version}.",
            "Nothing was taken over; send your own file back with 'phtlab consortium export'.",
            code="handover-older",
        )
    if theirs.version == mine.version and theirs.version and mine.signed != theirs.signed:
        signed = [
            Metadata[Targets].from_bytes(h.signed or b"").signed_bytes for h in (mine, theirs)
        ]
        if signed[0] != signed[1]:
            raise _conflict(f"another version {mine.version} of the roster")


def _both(mine: bytes | None, theirs: bytes | None) -> bytes | None:
    """`theirs`, and the signatures of mine too if both are of the same."""
    if theirs is None or mine is None:
        return theirs
    merged = Metadata[Any].from_bytes(theirs)
    own = Metadata[Any].from_bytes(mine)
    if own.signed_bytes == merged.signed_bytes:
        merged.signatures = {**own.signatures, **merged.signatures}
        return merged.to_bytes()
    return theirs


def _chain(roots: tuple[bytes, ...]) -> Root | None:
    if not roots:
        return None
    root = load_root(roots[0]).signed
    if root.version != 1:
        raise RosterError(
            "its chain of roots does not begin with the first", code="handover-first-root"
        )
    for content in roots[1:]:
        root = load_next_root(root, content).signed
    return root


def _signed(roots: tuple[bytes, ...], content: bytes) -> Targets:
    """The roster's metadata under the newest of `roots` that it is signed under."""
    for root in reversed(roots):
        try:
            return load_targets(load_root(root).signed, content).signed
        except RosterError:
            continue
    raise RosterError(
        "the roster in it is not signed by enough officers", code="handover-too-few-signed"
    )


def _pending(content: bytes, version: int) -> Metadata[Targets]:
    try:
        parse_json(content)
        metadata = Metadata[Targets].from_bytes(content)
    except (DeserializationError, ValueError):
        raise RosterError(
            "the next roster in it is damaged", code="handover-next-roster-damaged"
        ) from None
    if metadata.signed.type != "targets" or metadata.signed.version != version:
        raise RosterError(
            "the next roster in it does not follow the signed one", code="handover-next-roster"
        )
    return metadata


def _check_files(targets: Targets, files: Mapping[str, bytes]) -> None:
    if set(files) != set(TARGET_FILES) or set(targets.targets) != set(TARGET_FILES):
        raise RosterError(
            f"it does not hold exactly {' and '.join(TARGET_FILES)}", code="handover-files"
        )
    for name, content in files.items():
        check_target(targets, name, content)


def _fingerprint(root: bytes | None) -> str | None:
    return None if root is None else root_fingerprint(root)


def _damaged(reason: str) -> RosterError:
    return RosterError(
        f"This file cannot be taken over: {reason}.",
        "It was changed on its way, or somebody else made it: ask the officer who sent it to send "
        "it again, in another way.",
        code="handover",
    )


def _conflict(what: str) -> RosterError:
    return RosterError(
        f"Your staged changes and this file's differ: here is {what} staged than in the file. "
        "Nothing was taken over.",
        "Agree whose changes are kept; the other one drops theirs with 'phtlab consortium "
        "discard'.",
        code="handover-conflict",
    )


def _encode(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _optional(text: str | None) -> bytes | None:
    return None if text is None else _decode(text)


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
