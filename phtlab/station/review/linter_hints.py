"""Bandit's findings in a cell's source, by phtlab's own profile: hints, never a verdict.

Bandit parses the source and runs nothing; only the worker uses it.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence

from phtlab.station.review.examination import Remark
from phtlab.station.review.reader_hints import profile


def hints_of(sources: Sequence[tuple[int, str]]) -> Iterator[Remark]:
    """Yield bandit's findings in the sources of cells, by cell number; the sources must parse."""
    from bandit.core.config import BanditConfig
    from bandit.core.manager import BanditManager

    logging.getLogger("bandit").setLevel(logging.CRITICAL)
    manager = BanditManager(
        BanditConfig(),
        "file",
        quiet=True,
        profile={"include": set(profile().bandit), "exclude": set()},
        ignore_nosec=True,
    )
    for cell, source in sources:
        # From memory, since the worker cannot open files.
        name = str(cell)
        manager._parse_file(name, io.BytesIO(source.encode()), [name])
    for issue in manager.results:
        yield Remark(
            code=issue.test_id,
            sentence=f"{issue.text} ({issue.severity.lower()}, {issue.test_id})",
            cell=int(issue.fname),
            line=issue.lineno,
        )
