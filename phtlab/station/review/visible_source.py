"""Source code with every character visible, in the order in which it is stored.

What an editor shows and what Python reads can differ (Boucher and Anderson, "Trojan Source",
CVE-2021-42574 and CVE-2021-42694): direction marks move code into a comment, invisible characters
make two names of one, look-alike letters stand for others. This module shows such characters as
what they are. Nothing is lost: each stored character is in exactly one piece.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

Kind = Literal["plain", "hidden", "bidi", "odd"]

LONGEST_BLANK: Final = 24
"""Most spaces in a row that are shown; a longer run is shown as its number of spaces."""

_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Letters, marks and spaces that are invisible although Unicode does not class them so.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_RIGHT_TO_LEFT: Final = ("R", "AL", "AN", "RLE", "RLO", "RLI")
_MOST_MARKS: Final = 2  # marks on one letter; more would be drawn over other lines
_RUNS: Final = re.compile(rf" {{{LONGEST_BLANK},}}")

# Letters of other scripts that look like Latin letters (after Unicode's confusables.txt, UTS 39);
# compatibility decomposition (NFKC) finds those that it turns into ASCII.
CONFUSABLES: Final[dict[str, str]] = dict(
    zip(
        "аеорсухіјѕһԁԛԝзбтпгвкмнАВЕКМНОРСТУХЅІЈԌԚԜҮαονρτυικγωΑΒΕΖΗΙΚΜΝΟΡΤΥΧօոսցհզքᴀᴄᴏᴠᴡᴢɡɩıℓ",
        "aeopcyxijshdqw36tnrBKMHABEKMHOPCTYXSIJGQWYaovptuikywABEZHIKMNOPTYXonughqpacovwzgiil",
        strict=True,
    )
)


class Piece(NamedTuple):
    """Some characters of a line, as shown. `name` describes them if `kind` is not plain."""

    text: str
    kind: Kind = "plain"
    name: str = ""


def lines_of(source: str) -> list[str]:
    """Split `source` into lines as Python counts them: a carriage return alone also ends a line."""
    return source.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def pieces(line: str) -> list[Piece]:
    """Split `line` into pieces, each deceptive character a piece of its own."""
    found: list[Piece] = []
    for piece in _characters(line.expandtabs(4)):
        if piece.kind == "plain" and found and found[-1].kind == "plain":
            found[-1] = Piece(found[-1].text + piece.text)
        else:
            found.append(piece)
    return [part for piece in found for part in _counted(piece)]


def visible_line(line: str) -> str:
    """Return `line` for a terminal without colours: only ASCII and plain letters remain."""
    return "".join(
        piece.text if piece.kind != "odd" else escape(piece.text) for piece in pieces(line)
    )


def escape(text: str) -> str:
    """Return `text` as Python would write it in ASCII."""
    return text.encode("unicode_escape", "surrogatepass").decode("ascii")


def latin(text: str) -> str:
    """Return what `text` looks like to a reader of Latin letters."""
    return "".join(
        CONFUSABLES.get(character, character) for character in unicodedata.normalize("NFKC", text)
    )


def named(character: str) -> str:
    """Return the character's code point and name."""
    return f"U+{ord(character):04X} {unicodedata.name(character, 'without a name')}"


def _characters(line: str) -> Iterator[Piece]:
    marks = 0
    for character in line:
        if " " <= character <= "~":
            marks = 0
            yield Piece(character)
            continue
        category = unicodedata.category(character)
        marks = marks + 1 if category.startswith("M") else 0
        if character in _BIDI:
            yield Piece(escape(character), "bidi", named(character))
        elif _is_hidden(character, category) or marks > _MOST_MARKS:
            yield Piece(escape(character), "hidden", named(character))
        elif _is_odd(character, category):
            yield Piece(character, "odd", named(character))
        else:
            yield Piece(character)


def _is_hidden(character: str, category: str) -> bool:
    return (
        category[0] in "CZ"
        or character in _BLANK
        or "\ufe00" <= character <= "\ufe0f"
        or "\U000e0100" <= character <= "\U000e01ef"
    )


def _is_odd(character: str, category: str) -> bool:
    """Return whether the character looks like ASCII, or would be drawn from right to left."""
    if category[0] in "LN" and character in CONFUSABLES:
        return True
    if unicodedata.bidirectional(character) in _RIGHT_TO_LEFT:
        return True
    plain = unicodedata.normalize("NFKC", character)
    single = category[0] in "LN" or len(plain) == 1  # "…" becomes three points, and is no deception
    return plain != character and plain.isascii() and single


def _counted(piece: Piece) -> Iterator[Piece]:
    """Replace a long run of spaces by its number: it would push what follows out of sight."""
    if piece.kind != "plain":
        yield piece
        return
    at = 0
    for run in _RUNS.finditer(piece.text):
        if run.start() == 0 and at == 0 and len(run[0]) < 2 * LONGEST_BLANK:
            continue  # an indent
        if run.start() > at:
            yield Piece(piece.text[at : run.start()])
        yield Piece(f"[{len(run[0])} spaces]", "hidden", "spaces")
        at = run.end()
    if at < len(piece.text):
        yield Piece(piece.text[at:])
