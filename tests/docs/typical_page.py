"""docs/reference/typical.md: what the airlock says of tables as analysts write them."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence

from phtlab.demo.heart import HOSPITALS
from phtlab.station.airlock.check_outputs import CheckedOutput
from tests.airlock.typical import OTHERS, TABLES, Typical, alone
from tests.docs.markdown import heading, table

_INTRODUCTION = (
    "Twenty tables and some other outputs, as analysts publish them, of the heart data of four "
    "hospitals (UCI Heart Disease, 920 patients), each by itself, under the policy of a new "
    "station. Whoever writes a train finds here what to expect, and whoever changes a rule, what "
    "it costs."
)


def page() -> str:
    rows = [_row(typical) for typical in TABLES]
    more = [_row(typical) for typical in OTHERS]
    lines = [
        *heading("Typical outputs", _INTRODUCTION),
        *table(("table", *HOSPITALS), rows),
        "A number is that of the rows that stay at the station; `released` says that all leave.",
        "",
        *table(("other output", *HOSPITALS), more),
        "## As they are written",
        "",
    ]
    for typical in (*TABLES, *OTHERS):
        source = textwrap.dedent(typical.source).strip()
        lines += [f"**{typical.title}**", "", "```python", source, "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def _row(typical: Typical) -> tuple[str, ...]:
    return (typical.title, *(_summary(alone(typical, name)) for name in HOSPITALS))


def _summary(passed: Sequence[CheckedOutput]) -> str:
    stayed = sum(one.verdict.suppressed_rows for one in passed)
    worst = Counter(one.verdict.verdict for one in passed)
    rules = sorted({one.verdict.rule for one in passed if one.verdict.rule})
    for verdict in ("refused", "held", "suppressed"):
        if worst[verdict]:
            number = f" {stayed}" if verdict == "suppressed" else ""
            return f"{verdict}{number}: {', '.join(f'`{rule}`' for rule in rules)}"
    return "released"
