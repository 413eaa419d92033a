"""Source code is shown as it is stored: nothing turns it round, hides it or passes for another."""

from __future__ import annotations

import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from phtlab.station.review.code_html import MANY_EMPTY, line_html, numbered
from phtlab.station.review.visible_source import Piece, latin, lines_of, pieces, visible_line

HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("<>&\"'`=/ \t\n\r\x00\x1b\u202e\u2066\ufeff\u200b\u00ad\u0430\u05d0\ud800"),
    ),
    max_size=200,
)


class Elements(HTMLParser):
    """Every element, attribute and text of some HTML, as a browser's parser meets them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""
        self.other: list[str] = []
        self.feed(str(html))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.other.append(data)

    def handle_decl(self, decl: str) -> None:
        self.other.append(decl)

    def handle_pi(self, data: str) -> None:
        self.other.append(data)


@pytest.mark.parametrize(
    ("line", "kind", "text"),
    [
        ("a\u202eb", "bidi", "\\u202e"),
        ("a\u2066b", "bidi", "\\u2066"),
        ("a\u200bb", "hidden", "\\u200b"),
        ("a\u00a0b", "hidden", "\\xa0"),
        ("a\u3164b", "hidden", "\\u3164"),
        ("a\ufe0fb", "hidden", "\\ufe0f"),
        ("a\x1b[2Jb", "hidden", "\\x1b"),
        ("a\x00b", "hidden", "\\x00"),
        ("a\x0cb", "hidden", "\\x0c"),
        ("a\u2028b", "hidden", "\\u2028"),
        ("a\ud800b", "hidden", "\\ud800"),
        ("a\U000e0041b", "hidden", "\\U000e0041"),
        ("a\u0430b", "odd", "\u0430"),
        ("a\uff45b", "odd", "\uff45"),
        ("a\u05d0b", "odd", "\u05d0"),
    ],
)
def test_a_character_that_deceives_is_a_piece_of_its_own(line: str, kind: str, text: str) -> None:
    assert [(p.text, p.kind) for p in pieces(line) if p.kind != "plain"] == [(text, kind)]


@pytest.mark.parametrize("line", ["x = 1  # Müller, façade, 3 µm, α ≥ 0.05…", "", "\tif a:"])
def test_what_people_write_is_left_alone(line: str) -> None:
    odd = [p for p in pieces(line) if p.kind != "plain"]
    assert [p.text for p in odd] == (["α"] if "α" in line else [])


def test_letters_that_look_alike_read_as_what_they_look_like() -> None:
    assert latin("раураl") == "paypal"
    assert latin("ｅｖａｌ") == "eval"


def test_spaces_push_nothing_out_of_sight() -> None:
    assert [p.text for p in pieces("x = 1" + " " * 500 + "; evil()")] == [
        "x = 1",
        "[500 spaces]",
        "; evil()",
    ]
    assert pieces(" " * 32 + "x")[0].kind == "plain", "an indent is left alone"


def test_empty_lines_push_nothing_out_of_sight() -> None:
    rows = numbered(["a", *[" "] * 400, "b"])
    assert [number for number, _ in rows] == ["1", "2–401", "402"]
    assert "400 empty lines" in rows[1][1]
    assert len(numbered([""] * MANY_EMPTY)) == MANY_EMPTY


def test_marks_are_not_drawn_over_other_lines() -> None:
    kinds = [p.kind for p in pieces("a" + "\u0301" * 5)]
    assert kinds == ["plain", "hidden", "hidden", "hidden"]


def test_lines_are_those_that_python_counts() -> None:
    assert lines_of("a\r\nb\rc\n\x0cd\u2028e") == ["a", "b", "c", "\x0cd\u2028e"]


@given(HOSTILE)
def test_a_terminal_gets_visible_characters_in_the_order_in_which_they_are_stored(
    line: str,
) -> None:
    told = visible_line(line)
    for character in told:
        assert unicodedata.category(character)[0] not in "C", character
        assert unicodedata.category(character) not in ("Zl", "Zp"), character
        assert unicodedata.bidirectional(character) not in ("R", "AL", "AN"), character


@given(HOSTILE)
def test_a_line_is_one_element_of_text_and_marks(line: str) -> None:
    html = line_html(line)
    parsed = Elements(html)
    assert parsed.elements[0] == ("bdo", ("dir",))
    assert set(parsed.elements[1:]) <= {("mark", ("class", "title"))}
    assert not parsed.other
    assert parsed.text == "".join(piece.text for piece in pieces(line))
    html.encode()


@given(HOSTILE)
def test_no_character_of_a_line_is_lost(line: str) -> None:
    def stored(piece: Piece) -> str:
        if piece.name == "spaces":
            return " " * int(piece.text[1:].split()[0])
        if piece.kind in ("hidden", "bidi"):
            return piece.text.encode().decode("unicode_escape")
        return piece.text

    assert "".join(map(stored, pieces(line))) == line.expandtabs(4)


def test_html_in_code_is_text() -> None:
    assert line_html('<script>alert("x")</script>') == Markup(
        '<bdo dir="ltr">&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;</bdo>'
    )
