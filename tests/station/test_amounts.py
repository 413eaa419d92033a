"""What leaves in a month for a researcher of a data set is bounded, in however many stops."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from phtlab.errors import StationError
from phtlab.station.airlock import amount
from phtlab.station.airlock.amount import Amount, Left, MonthLimits
from phtlab.station.airlock.passage import Passed
from phtlab.station.policy import default_policy
from phtlab.station.release_waiting import waiting_at
from phtlab.train.record import OutputVerdict
from tests.evidence import Evidence
from tests.raising import raises_code
from tests.station.station_world import make_world

NOON = datetime(2026, 12, 31, 12, tzinfo=UTC)


def table(name: str, rows: int, verdict: str = "released") -> Passed:
    target = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"n": range(rows)}), target)
    said = OutputVerdict.model_validate({"name": name, "kind": "table", "verdict": verdict})
    return Passed(said, {f"{name}.parquet": target.getvalue()} if verdict != "refused" else {})


def left(researcher: str, datasets: Sequence[str], rows: int) -> Left:
    many = Amount(outputs=1, rows=rows, size=8 * rows)
    return Left(researcher=researcher, datasets=tuple(datasets), amount=many)


def test_what_leaves_is_counted_and_nothing_else() -> None:
    passed = [table("a", 3), table("b", 4, "suppressed"), table("c", 5, "held")]
    found = Amount.of([*passed, table("d", 6, "refused")])
    assert (found.outputs, found.rows) == (2, 7)
    assert found.size == sum(len(c) for one in passed[:2] for c in one.files.values())


def test_what_is_beyond_the_month_is_held_and_what_fits_still_leaves() -> None:
    passed = [table("a", 60), table("b", 60), table("c", 30)]
    found = amount.hold_beyond(passed, Amount(rows=10), MonthLimits(rows=100))
    assert [one.verdict.verdict for one in found] == ["released", "held", "released"]
    assert found[1].verdict.rule == "amount"
    assert found[1].files == passed[1].files
    found = amount.hold_beyond(passed, Amount(), MonthLimits(size=1))
    assert {one.verdict.verdict for one in found} == {"held"}


def test_the_month_is_a_researchers_and_a_data_sets(tmp_path: Path) -> None:
    amount.note(tmp_path, "a" * 8, NOON, left("ada", ["heart"], 5))
    amount.note(tmp_path, "a" * 8, NOON, left("ada", ["heart"], 5))  # after a crash, once more
    amount.note(tmp_path, "b" * 8, NOON, left("ada", ["heart", "lung"], 7))
    amount.note(tmp_path, "c" * 8, NOON, left("bob", ["heart"], 100))
    amount.note(tmp_path, "d" * 8, NOON, Left(researcher="ada", datasets=(), amount=Amount()))
    month = amount.left_in_month(tmp_path, NOON)
    assert len(month) == 3
    assert amount.most_left(month, "ada", ["heart"]).rows == 12
    assert amount.most_left(month, "ada", ["lung", "heart"]).rows == 12
    assert amount.most_left(month, "ada", ["lung"]).rows == 7
    assert amount.most_left(month, "ada", []).rows == 0
    assert amount.left_in_month(tmp_path, NOON + timedelta(days=1)) == []


def test_a_file_that_is_not_what_was_written_is_said_so(tmp_path: Path) -> None:
    amount.note(tmp_path, "a" * 8, NOON, left("ada", ["heart"], 5))
    (path,) = tmp_path.glob("amounts/*/*.json")
    path.write_bytes(b"{}")
    with raises_code(StationError, "station-error"):
        amount.left_in_month(tmp_path, NOON)


def test_many_journeys_carry_out_no_more_than_the_month_lets(
    tmp_path: Path, evidence: Evidence
) -> None:
    world = make_world(tmp_path)
    world.add_hearts()
    world.folder.policy.write_text(f"{default_policy('auto')}\n[month]\nrows = 5\n")
    stops = []
    for _ in range(3):
        offer = world.offer()
        world.begun(offer, steps=40)
        stops.append(world.stop(offer))
    assert [stop.waits_for for stop in stops] == [None, None, "release"]
    (output,) = waiting_at(stops[2]).outputs
    assert (output.verdict.verdict, output.verdict.rule) == ("held", "amount")
    evidence(
        "attacks",
        attacker="hostile researcher",
        promise="cannot carry out in many journeys what one may not",
        outcome="rows and bytes are counted for each researcher, data set and month: `amount`",
    )
