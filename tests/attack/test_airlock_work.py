"""A researcher who makes a station work: too much is held or refused before it is worked on.

Counted in steps, calls and bytes, never in time.
"""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from phtlab.station.airlock import work_limit
from phtlab.station.airlock.disclosure import beside_counts, output_readings
from phtlab.station.airlock.formats import figure, significant_digits
from phtlab.station.airlock.formats import table as tables
from phtlab.station.airlock.history import released_counts
from phtlab.station.airlock.work_limit import MOST_DIMENSIONS
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output
from tests.attack.publishing import Airlock, Published, counts, table
from tests.evidence import Evidence
from tests.station.station_world import FakeRun, make_world

ATTACKER = "hostile researcher"
PROMISE = "cannot keep a station busy with {}"
SOURCE = "import phtlab\nheart = phtlab.dataset('heart')\n"


def labelled(rows: int, labels: int, values: int = 0) -> Published:
    """A table of so many columns of labels, which tell its rows apart, and of values."""
    base = next(b for b in range(2, rows + 2) if b**labels >= rows)
    columns: dict[str, list[object]] = {
        f"d{d}": [chr(97 + row // base**d % base) for row in range(rows)] for d in range(labels)
    }
    columns["n"] = [20 + row for row in range(rows)]
    columns |= {f"v{k}": [10.5 + k + row for row in range(rows)] for k in range(values)}
    return table(columns)


def verdicts(airlock: Airlock, **published: Published) -> list[tuple[str, str]]:
    return [(one.verdict, one.rule) for one in airlock.stop(**published).values()]


@pytest.fixture
def airlock(tmp_path: Path) -> Airlock:
    return Airlock(tmp_path / "released")


def test_a_table_of_many_labels_is_held_and_says_why(airlock: Airlock, evidence: Evidence) -> None:
    found = airlock.stop(t=labelled(60, MOST_DIMENSIONS + 1))["t"]
    assert (found.verdict, found.rule) == ("held", "unchecked")
    assert f"more than {MOST_DIMENSIONS} columns" in found.sentence
    assert "by=" in found.sentence
    enough = airlock.stop(t=labelled(64, MOST_DIMENSIONS))["t"]
    assert enough.verdict == "released"
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=PROMISE.format("a table of 99 columns of labels"),
        outcome=f"held beyond {MOST_DIMENSIONS} columns that say whom a row counts: `unchecked`",
    )


def test_a_table_of_many_labels_takes_the_memory_of_its_labels(
    airlock: Airlock, evidence: Evidence
) -> None:
    """Each label as a table by itself would be ninety times the table."""
    published = labelled(300, 90)
    verdicts(airlock, t=labelled(10, 2))  # what is loaded once
    tracemalloc.start()
    try:
        found = verdicts(airlock, t=published)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 20 * 2**20
    assert found == [("held", "unchecked")]
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise="cannot end a stop, or a station, by a table that needs its memory",
        outcome="labels are read once, and not again for each label: at most some kB a row",
    )


def test_a_value_is_looked_at_once_and_not_for_each_sum(
    airlock: Airlock, monkeypatch: pytest.MonkeyPatch, evidence: Evidence
) -> None:
    rows, values = 64, 20
    calls = 0

    def counted(value: float) -> int:
        nonlocal calls
        calls += 1
        return significant_digits.decimals(value)

    monkeypatch.setattr(beside_counts, "decimals", counted)
    # So many values wait for a person, but are worked on all the same.
    airlock.rules = AirlockRules(values="pass")
    assert verdicts(airlock, t=labelled(rows, MOST_DIMENSIONS, values)) == [("released", "")]
    assert 0 < calls <= 3 * rows * values
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=PROMISE.format("sixty columns beside the count, in a table of six labels"),
        outcome="each value is read once, each sum is worked out once, and both are counted steps",
    )


def test_the_sums_that_columns_tell_are_counted_steps(
    airlock: Airlock, monkeypatch: pytest.MonkeyPatch, evidence: Evidence
) -> None:
    """So many steps are enough for the table, and not for its columns."""
    monkeypatch.setattr(work_limit, "MOST_STEPS", 6_000)
    assert verdicts(airlock, t=labelled(64, MOST_DIMENSIONS)) == [("released", "")]
    assert verdicts(airlock, u=labelled(64, MOST_DIMENSIONS, 60)) == [("held", "unchecked")]
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise="cannot have a table pass whose columns take too long to check",
        outcome="readings, sums and parts count the steps of the stop; beyond them: `unchecked`",
    )


def test_what_is_beyond_the_amount_is_not_worked_on(
    airlock: Airlock, monkeypatch: pytest.MonkeyPatch, evidence: Evidence
) -> None:
    airlock.rules = AirlockRules(max_numbers=200)
    worked_on: list[str] = []
    told = output_readings.with_known_sums

    def noted(*given: object) -> object:
        worked_on.append(given[0].source)  # type: ignore[attr-defined]
        return told(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(output_readings, "with_known_sums", noted)
    found = airlock.stop(a=counts("sex", {"f": 96, "m": 208}), b=labelled(60, 3, 5))
    assert [(one.verdict, one.rule) for one in found.values()] == [
        ("released", ""),
        ("held", "amount"),
    ]
    assert worked_on == ["a"]
    assert "not checked" in found["b"].sentence
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=PROMISE.format("more numbers than may leave"),
        outcome="held as `amount` before it is checked with the others, and said so to a person",
    )


def test_what_nobody_could_look_at_is_not_read(
    airlock: Airlock, monkeypatch: pytest.MonkeyPatch, evidence: Evidence
) -> None:
    airlock.rules = AirlockRules(max_numbers=20)
    parsed: list[bytes] = []
    parse = tables.parse_table

    def noted(content: bytes, rules: AirlockRules) -> tables.Table:
        parsed.append(content)
        return parse(content, rules)

    monkeypatch.setattr(tables, "parse_table", noted)
    outputs = {f"t{n}": labelled(60, 3) for n in range(5)}  # 240 numbers each, of 200
    assert verdicts(airlock, **outputs) == [("refused", "amount")] * 5
    assert len(parsed) == 1
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=PROMISE.format("ten times the numbers that may leave"),
        outcome="refused: `amount`, and not read any more",
    )


def test_so_many_pixels_are_drawn_and_no_more(
    airlock: Airlock, monkeypatch: pytest.MonkeyPatch, evidence: Evidence
) -> None:
    airlock.rules = AirlockRules(max_pixels=64)
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    drawn = 0

    def draw(content: bytes, *_: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return content

    monkeypatch.setattr(figure, "redraw", draw)
    outputs = {
        f"f{n}": counts("ward", {f"a{n}": 100 + 20 * n, f"b{n}": 9_000 + 50 * n}, kind="figure")
        for n in range(25)
    }
    found = verdicts(airlock, **outputs)
    assert found[20:] == [("refused", "amount")] * 5
    assert drawn == 20
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise=PROMISE.format("two hundred large pictures"),
        outcome="refused beyond twenty of the largest, or more that are smaller: `amount`",
    )


def test_other_stops_do_not_wait_for_what_a_run_wrote_to_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evidence: Evidence
) -> None:
    """Whoever has the turn keeps the others waiting: reading and drawing come before it."""
    order: list[str] = []
    turn, redraw, parse = released_counts.exclusive_access, figure.redraw, tables.parse_table

    @contextmanager
    def noted_turn(folder: Path) -> Iterator[None]:
        order.append("turn")
        with turn(folder):
            yield

    def noted_redraw(*given: object) -> bytes:
        order.append("draw")
        return redraw(*given)  # type: ignore[arg-type]

    def noted_parse(*given: object) -> tables.Table:
        order.append("parse")
        return parse(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(released_counts, "exclusive_access", noted_turn)
    monkeypatch.setattr(figure, "redraw", noted_redraw)
    monkeypatch.setattr(tables, "parse_table", noted_parse)
    world = make_world(tmp_path)
    world.add_hearts()
    published = {
        "bars": counts("sex", {"f": 25, "m": 31}, kind="figure"),
        "by_sex": counts("sex", {"f": 25, "m": 31}),
    }
    files: dict[str, bytes] = {}
    for name, one in published.items():
        files[f"outputs/{name}.json"] = f'{{"kind": "{one.kind}"}}'.encode()
        files |= {f"outputs/{name}{suffix}": content for suffix, content in one.files.items()}
    world.scripted.script = FakeRun(files=files)
    outputs = tuple(
        Output.model_validate({"name": name, "kind": one.kind, **one.declared})
        for name, one in published.items()
    )
    record = world.travel(world.offer(world.train(SOURCE, outputs=outputs)))
    assert [one.verdict for one in record.outputs] == ["released", "released"]
    assert order.index("turn") > max(order.index("draw"), order.index("parse"))
    assert not {"draw", "parse"} & {*order[order.index("turn") :]}
    evidence(
        "attacks",
        attacker=ATTACKER,
        promise="cannot have other stops wait while a station reads and draws what a run wrote",
        outcome="both come before the turn at the station's memory, and outside of its lock",
    )
