"""Writes the pages of docs/reference from the code: `python -m tests.docs.generate`.

`test_generated.py` holds the pages to what this would write.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from tests.docs import (
    access_page,
    airlock_page,
    api_page,
    bench_page,
    capacity_page,
    cli_page,
    errors_page,
    evidence_page,
    http_page,
    settings_page,
    stops_page,
    typical_page,
)
from tests.evidence import TABLES

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS: Final = ROOT / "docs"

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "reference/cli.md": cli_page.page,
    "reference/settings.md": settings_page.page,
    "reference/api.md": api_page.page,
    "reference/errors.md": errors_page.page,
    "reference/http.md": http_page.page,
    "reference/access.md": access_page.page,
    "airlock.md": airlock_page.page,
    "reference/bench.md": bench_page.page,
    "reference/capacity.md": capacity_page.page,
    "reference/stops.md": stops_page.page,
    "reference/typical.md": typical_page.page,
    **{f"reference/{name}.md": partial(evidence_page.page, name) for name in TABLES},
}


def main() -> None:
    """Write each page that is not current."""
    for name, page in PAGES.items():
        path, text = DOCS / name, page()
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
            print(f"written: docs/{name}", file=sys.stderr)


if __name__ == "__main__":
    main()
