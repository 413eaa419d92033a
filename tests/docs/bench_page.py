"""The page docs/reference/bench.md: what `make bench` measured last."""

from __future__ import annotations

from bench.aims import AIMS
from bench.figures import Row, kept
from tests.docs.markdown import code, heading, table

_COLUMNS = ("name", "what", "measured", "aim", "peer", "the peer's", "ratio", "note")


def page() -> str:
    title = "What was measured"
    introduction = (
        "Written from `bench/results.json`, which `make bench` fills: ours and the peer in turn, "
        "in the same run, on one machine. Machines differ and are noisy: read the ratio, ours to "
        "the peer's. How each is measured: [bench/README.md](../../bench/README.md)."
    )
    rows = [_row(one) for one in kept()]
    missing = [code(name) for name in AIMS if name not in {one.name for one in kept()}]
    end = [f"Not measured yet: {', '.join(missing)}."] if missing else []
    return "\n".join([*heading(title, introduction), *table(_COLUMNS, rows), *end]).rstrip() + "\n"


def _row(one: Row) -> list[str]:
    aim = AIMS[one.name]
    return [
        code(one.name),
        aim.what,
        f"{one.value:g} {one.unit}",
        aim.said(),
        one.peer,
        "" if one.peer_value is None else f"{one.peer_value:g} {one.unit}",
        "" if one.ratio is None else f"{one.ratio:g}",
        one.note,
    ]
