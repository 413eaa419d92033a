"""The pages attacks, probes and kills of docs/reference: what tests have shown."""

from __future__ import annotations

import re
from typing import Final

from tests.docs.markdown import code, heading, table
from tests.evidence import TABLES, kept

_PAGES: Final = {
    "attacks": (
        "Attacks",
        "What each attacker tries, what phtlab promises then, and what came of the attempt when "
        "its test ran last. Each row is told by its test once it has passed.",
    ),
    "probes": (
        "Probes of the sandbox",
        "What a hostile notebook tries from inside, by runtime class, and what came of it when "
        "its test ran last. The list: [sandbox](../sandbox.md).",
    ),
    "strings": (
        "Strings",
        "Every place where a run can write a string into what might leave, and what became of the "
        "string when the test ran last. Rules: [airlock](../airlock.md).",
    ),
    "kills": (
        "Kills and faults",
        "Where a process was killed or a part taken away, how often, and what all parties' records "
        "said afterwards when the test ran last.",
    ),
    "self-test": (
        "The self-test",
        "What was broken at a station, what `phtlab station check` and the nightly self-test said "
        "of it when the test ran last, and how it was mended. More: "
        "[the life of a station](../station-life.md).",
    ),
}


def page(name: str) -> str:
    title, introduction = _PAGES[name]
    columns = TABLES[name]
    rows = sorted(
        ([str(row[c]) for c in columns] + [code(row["test"])] for row in kept(name)),
        key=lambda row: [_numbered(cell) for cell in row],
    )
    return "\n".join(heading(title, introduction) + table([*columns, "test"], rows)).rstrip() + "\n"


def _numbered(cell: str) -> str:
    """`cell` as it is sorted: a number at its beginning counts as one."""
    digits = re.match(r"\d*", cell)
    assert digits is not None
    return digits[0].rjust(9) + cell[digits.end() :] if digits[0] else cell
