"""`python -m bench`: every bench on one consortium; what they found is in results.json."""

from __future__ import annotations

from bench import interface, scheduler
from bench.consortium import consortium


def main() -> None:
    with consortium() as world:
        scheduler.measure(world)
        interface.measure(world)


if __name__ == "__main__":
    main()
