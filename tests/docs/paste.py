"""Runs the story and writes what each command printed into the pages: `python -m tests.docs.paste`.

What differs only in times, sizes and versions stays as it is written.
"""

from __future__ import annotations

import sys

from tests.docs.console_page import Session, rewritten, with_printed
from tests.docs.story import DOCS, PAGES, StoryError, page_text, tell


def main() -> None:
    """Run the story; write each page that changed, also as far as a story got that broke off."""
    printed: dict[tuple[str, int], list[str]] = {}
    try:
        for told in tell(patience=15.0):
            text = told.exchange.printed if told.as_written else told.printed
            printed.setdefault((told.page, told.session.line), []).append(text)
    except (StoryError, LookupError, TimeoutError) as broken:
        sys.exit(f"{broken}")
    finally:
        for page in PAGES:
            _write(page, printed)


def _write(page: str, printed: dict[tuple[str, int], list[str]]) -> None:
    def pasted(session: Session) -> Session:
        new = printed.get((page, session.line), [])
        old = [one.printed for one in session.exchanges]
        return with_printed(session, new + old[len(new) :])

    before = page_text(page)
    after = rewritten(before, pasted)
    if after != before:
        (DOCS / page).write_text(after, "utf-8")
        print(f"written: docs/{page}", file=sys.stderr)


if __name__ == "__main__":
    main()
