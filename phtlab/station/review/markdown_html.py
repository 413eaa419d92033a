"""Markdown as HTML of a few harmless elements. Only used within the worker.

phtlab leaves text cells out of a train; if a train has some, they are shown all the same. Raw HTML,
links and images stay plain text: nothing in the result can be followed, loaded or styled. What the
rendering omits (the depths of nested quotes, a fence's first line) is in the source beside it.
"""

from __future__ import annotations

from typing import Final

from phtlab.station.review.visible_source import pieces

ELEMENTS: Final = frozenset(
    {
        *("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
    }
)
LONGEST: Final = 50_000
_DEEPEST: Final = 20


def markdown_html(source: str) -> str:
    """Return `source` as HTML of `ELEMENTS` without attributes; a long text is cut."""
    import nh3
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False, "maxNesting": _DEEPEST})
    reader.enable(["table", "strikethrough"])
    reader.disable(["link", "autolink", "image", "reference", "html_block", "html_inline"])
    text = "\n".join("".join(p.text for p in pieces(line)) for line in _cut(source).split("\n"))
    return nh3.clean(reader.render(text), tags=set(ELEMENTS), attributes={}, link_rel=None)


def _cut(source: str) -> str:
    if len(source) <= LONGEST:
        return source
    return f"{source[:LONGEST]}\n\n[{len(source) - LONGEST} further characters]"
