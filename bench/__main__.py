"""`python -m bench`: every bench, those of one consortium together; results.json has what came.

A bench whose claim does not hold, or that cannot run, does not keep the others from running: it
is told at the end, and the command fails.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from functools import partial

from bench.aims import AIMS
from bench.consortium import consortium
from bench.figures import Row, keep, kept, said
from bench.size import FULL
from bench.suite import ALONE, IN_CONSORTIUM

_failed: list[str] = []


def main() -> int:
    for name, alone in ALONE.items():
        tried(name, partial(alone, FULL))
    with consortium() as world:
        for name, measure in IN_CONSORTIUM.items():
            tried(name, partial(measure, world, FULL))
    print("\n== What was aimed at and missed")
    for one in kept():
        if AIMS[one.name].missed(one.value, one.peer_value):
            print(said(one))
    if _failed:
        print(f"Not measured, or a claim does not hold: {', '.join(_failed)}.", file=sys.stderr)
    return 1 if _failed else 0


def tried(name: str, measure: Callable[[], list[Row]]) -> None:
    print(f"\n== {name}")
    began = time.monotonic()
    try:
        keep(measure())
    except Exception:  # whatever it is: it is told, and the others run
        traceback.print_exc()
        _failed.append(name)
    print(f"({name}: {time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    sys.exit(main())
