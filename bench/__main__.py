"""`python -m bench`: every bench, those of one consortium together; results.json has what came.

A bench whose claim does not hold, or that cannot run, does not keep the others from running: it
is told at the end, and the command fails.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable

from bench import approval, interface, journey, scheduler, seal, stop, waiting
from bench.aims import AIMS
from bench.consortium import consortium
from bench.figures import kept, said

_failed: list[str] = []


def main() -> int:
    tried("seal", seal.measure)
    tried("waiting", waiting.measure)
    with consortium() as world:
        tried("journey", lambda: journey.measure(world))
        tried("stop", lambda: stop.measure(world))
        tried("approval", lambda: approval.measure(world))
        tried("scheduler", lambda: scheduler.measure(world))
        tried("interface", lambda: interface.measure(world))
    print("\n== What was aimed at and missed")
    for one in kept():
        if AIMS[one.name].missed(one.value, one.peer_value):
            print(said(one))
    if _failed:
        print(f"Not measured, or a claim does not hold: {', '.join(_failed)}.", file=sys.stderr)
    return 1 if _failed else 0


def tried(name: str, measure: Callable[[], None]) -> None:
    print(f"\n== {name}")
    began = time.monotonic()
    try:
        measure()
    except Exception:  # whatever it is: it is told, and the others run
        traceback.print_exc()
        _failed.append(name)
    print(f"({name}: {time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    sys.exit(main())
