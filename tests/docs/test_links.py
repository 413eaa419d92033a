"""Links lead somewhere, code fences compile, and every page can be found from the index."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.generate import DOCS, ROOT

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    """The page without what stands in fences and in code."""
    return re.sub(r"`[^`\n]*`", "code", _FENCE.sub("", page.read_text("utf-8")))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = _FENCE.sub("", page.read_text("utf-8"))
    found: set[str] = set()
    for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        bare = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "")
        anchor = re.sub(r"[^\w\- ]", "", bare.lower()).replace(" ", "-")
        number = 1
        while anchor in found:
            anchor, number = f"{anchor.removesuffix(f'-{number - 1}')}-{number}", number + 1
        found.add(anchor)
    return found


def test_relative_links_lead_to_something_there():
    assert not [f"{page.relative_to(ROOT)}: {link}" for page in PAGES for link in broken_in(page)]


def broken_in(page: Path) -> list[str]:
    """The page's relative links that lead nowhere."""
    broken = []
    for link in _LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        there = target.exists() and target.is_relative_to(ROOT)
        if there and anchor and target.suffix == ".md":
            there = anchor in anchors(target)
        if not there:
            broken.append(link)
    return broken


def test_python_in_fences_compiles():
    wrong = []
    for page in PAGES:
        for language, code in _FENCE.findall(page.read_text("utf-8")):
            if language == "python" and not shows_a_finding(page, code):
                try:
                    compile(code, str(page), "exec")
                except SyntaxError as error:
                    wrong.append(str(error))
    assert not wrong


def shows_a_finding(page: Path, code: str) -> bool:
    """The reference of notebooks shows faults too; tests/notebook/test_reference.py runs those."""
    return page.name == "notebooks.md" and code.startswith("# %%")


def test_pages_named_in_messages_are_there():
    """Messages and docstrings of phtlab send nobody to a page that is not there."""
    named = {
        match
        for path in (ROOT / "phtlab").rglob("*.py")
        for match in re.findall(r"docs/[\w/-]+\.md", path.read_text("utf-8"))
    }
    assert named
    assert not [name for name in sorted(named) if not (ROOT / name).exists()]


def test_every_page_is_in_the_index():
    index = (DOCS / "README.md").read_text("utf-8")
    for page in DOCS.glob("*.md"):
        assert page.name == "README.md" or f"]({page.name})" in index, page.name
    for page in (DOCS / "reference").glob("*.md"):
        assert f"](reference/{page.name})" in index, page.name


def test_every_decision_is_in_its_index_by_its_title():
    index = (DOCS / "decisions" / "README.md").read_text("utf-8")
    decisions = sorted((DOCS / "decisions").glob("0*.md"))
    for number, page in enumerate(decisions, 1):
        title = page.read_text("utf-8").splitlines()[0]
        assert title.startswith(f"# {number}. "), page.name
        assert page.name.startswith(f"{number:04}-")
        assert f"{number}. [{title.split('. ', 1)[1]}]({page.name})" in index
