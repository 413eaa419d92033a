"""What differs from run to run, and what stands in a page for it.

Fingerprints and digests have one sample each, by the order in which they are first seen: the same
key reads the same in all pages, and a command in a page can name it. Times, durations, sizes and
versions are of the run that was pasted; they are not compared.
"""

from __future__ import annotations

import re
import textwrap
from base64 import b32encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

_FINGERPRINT: Final = r"(?<![\w-])[a-z2-7]{4}(?:-[a-z2-7]{4}){7}(?![\w-])"
_DIGEST: Final = r"(?<![0-9a-f])[0-9a-f]{12}(?:[0-9a-f]{52})?(?![0-9a-f])"
_RECIPIENT: Final = r"age1pq1[a-z0-9]{8,}"
_ID: Final = re.compile(f"{_FINGERPRINT}|{_DIGEST}|{_RECIPIENT}")

_LOOSE: Final = (
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?Z?"), "<time>"),
    (re.compile(r"until \d{4}-\d\d-\d\d\b"), "until <day>"),
    (re.compile(r"\b\d:\d\d:\d\d\b"), "<duration>"),
    (re.compile(r"\b\d+(\.\d)? MB(, as before)? *$", re.MULTILINE), "<size>"),
    (re.compile(r"Docker Engine \S+"), "Docker Engine <version>"),
    (re.compile(r"\b\d+\.\d [GM]iB free"), "<size> free"),
    # Another test may have brought the image to the engine.
    (
        re.compile(r"The engine has \w+ of those that the policy allows\.[^:]*(?=\nwarn)"),
        "<images>",
    ),
)
# Shown in place on a terminal; here it would be one line for each state that happened to be seen.
_PROGRESS: Final = re.compile(
    r"^[a-z0-9-]+: (offered|verified|held|admitted|running|airlock|sealed|departed|refused)\b.*\n?",
    re.MULTILINE,
)


class Samples:
    """The two ways between the world of one run and the pages.

    `places` maps what is the run's own (its home, its ports) to what the pages say.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(places)
        self._sample: dict[str, str] = {}
        self._real: dict[str, str] = {}

    def to_page(self, printed: str) -> str:
        """What a command printed, as a page shows it."""
        text = _PROGRESS.sub("", printed)
        for real, told in self._places.items():
            text = text.replace(real, told)
        lines = _ID.sub(lambda found: self._told(found[0]), text).splitlines()
        return "\n".join(shown for line in lines for shown in _wrapped(line)).strip("\n")

    def to_world(self, command: str) -> str:
        """A command of a page, as it is typed in this run. Raises LookupError for a stranger."""

        def real(found: re.Match[str]) -> str:
            key = _key(found[0])
            if key not in self._real:
                known = ", ".join(sorted(self._real)) or "none"
                raise LookupError(f"'{found[0]}' was printed by no command before; known: {known}")
            return self._real[key][: len(found[0])]

        text = _ID.sub(real, command)
        for own, told in self._places.items():
            text = text.replace(told, own)
        return text

    def _told(self, found: str) -> str:
        sample = self._sample.setdefault(_key(found), _made(found, len(self._sample) + 1))
        known = self._real.setdefault(_key(sample), found)
        if len(found) > len(known):
            self._real[_key(sample)] = found
        return sample[: len(found)]


def _wrapped(line: str) -> list[str]:
    """`line` as a terminal of 80 columns shows a sentence that is longer than 88."""
    if len(line) <= 88:
        return [line.rstrip()]
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        line.strip(),
        80,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def loose(text: str) -> str:
    """`text` without what no page is held to."""
    for pattern, name in _LOOSE:
        text = pattern.sub(name, text)
    return text


def _made(like: str, number: int) -> str:
    seed = sha256(f"sample {number}".encode())
    if _is_hex(like):
        return seed.hexdigest()
    letters = b32encode(seed.digest()).decode().lower().rstrip("=")
    if like.startswith("age1"):
        return "age1pq1" + letters[: len(like) - 7]
    return "-".join(letters[at : at + 4] for at in range(0, 32, 4))


def _key(text: str) -> str:
    """What a digest and its short form have in common."""
    return text[:12] if _is_hex(text) else text


def _is_hex(text: str) -> bool:
    return "-" not in text and not text.startswith("age1")
