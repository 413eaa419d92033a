"""`python -m bench`: run every bench, and store the rows in results.json.

Benches that need a consortium share one. If a bench's claim does not hold, or a bench cannot run,
the others still run; the command reports that bench at the end, and fails.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from functools import partial

from bench.aims import AIMS
from bench.consortium import consortium
from bench.figures import Row, keep, kept, summary
from bench.size import FULL
from bench.suite import ALONE, IN_CONSORTIUM

_failed: list[str] = []


def main() -> int:
    for name, measure_alone in ALONE.items():
        run_bench(name, partial(measure_alone, FULL))
    with consortium() as world:
        for name, measure in IN_CONSORTIUM.items():
            run_bench(name, partial(measure, world, FULL))
    print("\n== Missed aims")
    for row in kept():
        if AIMS[row.name].missed(row.value, row.peer_value):
            print(summary(row))
    if _failed:
        print(f"Failed, or a claim does not hold: {', '.join(_failed)}.", file=sys.stderr)
    return 1 if _failed else 0


def run_bench(name: str, measure: Callable[[], list[Row]]) -> None:
    """Run a bench and keep its rows; print any exception, and note that the bench failed."""
    print(f"\n== {name}")
    began = time.monotonic()
    try:
        keep(measure())
    except Exception:  # of any kind: it is reported, and the others run
        traceback.print_exc()
        _failed.append(name)
    print(f"({name}: {time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    sys.exit(main())
