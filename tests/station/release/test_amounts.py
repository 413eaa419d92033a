"""What leaves in a month for a researcher of a data set is bounded, in however many stops."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from phtlab.errors import StationError
from phtlab.station.airlock.check_outputs import CheckedOutput
from phtlab.station.airlock.history import monthly_amount
from phtlab.station.airlock.history.monthly_amount import (
    ReleasedAmount,
    amount_of,
)
from phtlab.station.context.station_context import StationContext
from phtlab.station.policy.month_limits import (
    Amount,
    MonthLimits,
)
from phtlab.station.policy.policy import default_policy
from phtlab.station.release.amounts import Share, month_page, size_text
from phtlab.station.release.waiting import waiting_at
from phtlab.train.documents.record import OutputVerdict
from tests.evidence import Evidence
from tests.raising import raises_code
from tests.station.station_world import make_world

NOON = datetime(2026, 12, 31, 12, tzinfo=UTC)


def table(name: str, rows: int, verdict: str = "released") -> CheckedOutput:
    target = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"n": range(rows)}), target)
    said = OutputVerdict.model_validate({"name": name, "kind": "table", "verdict": verdict})
    return CheckedOutput(
        said, {f"{name}.parquet": target.getvalue()} if verdict != "refused" else {}
    )


def left(researcher: str, datasets: Sequence[str], rows: int) -> ReleasedAmount:
    many = Amount(outputs=1, rows=rows, size=8 * rows)
    return ReleasedAmount(researcher=researcher, datasets=tuple(datasets), amount=many)


def test_what_leaves_is_counted_and_nothing_else() -> None:
    passed = [table("a", 3), table("b", 4, "suppressed"), table("c", 5, "held")]
    found = amount_of([*passed, table("d", 6, "refused")])
    assert (found.outputs, found.rows) == (2, 7)
    assert found.size == sum(len(c) for one in passed[:2] for c in one.files.values())


def test_what_is_beyond_the_month_is_held_and_what_fits_still_leaves() -> None:
    passed = [table("a", 60), table("b", 60), table("c", 30)]
    found = monthly_amount.hold_beyond(passed, Amount(rows=10), MonthLimits(rows=100))
    assert [one.verdict.verdict for one in found] == ["released", "held", "released"]
    assert found[1].verdict.rule == "amount"
    assert found[1].files == passed[1].files
    found = monthly_amount.hold_beyond(passed, Amount(), MonthLimits(size=1))
    assert {one.verdict.verdict for one in found} == {"held"}


def test_the_month_is_a_researchers_and_a_data_sets(tmp_path: Path) -> None:
    monthly_amount.note(tmp_path, "a" * 8, NOON, left("ada", ["heart"], 5))
    monthly_amount.note(
        tmp_path, "a" * 8, NOON, left("ada", ["heart"], 5)
    )  # after a crash, once more
    monthly_amount.note(tmp_path, "b" * 8, NOON, left("ada", ["heart", "lung"], 7))
    monthly_amount.note(tmp_path, "c" * 8, NOON, left("bob", ["heart"], 100))
    monthly_amount.note(
        tmp_path, "d" * 8, NOON, ReleasedAmount(researcher="ada", datasets=(), amount=Amount())
    )
    month = monthly_amount.amounts_of_month(tmp_path, NOON)
    assert len(month) == 3
    assert monthly_amount.most_left(month, "ada", ["heart"]).rows == 12
    assert monthly_amount.most_left(month, "ada", ["lung", "heart"]).rows == 12
    assert monthly_amount.most_left(month, "ada", ["lung"]).rows == 7
    assert monthly_amount.most_left(month, "ada", []).rows == 0
    assert monthly_amount.amounts_of_month(tmp_path, NOON + timedelta(days=1)) == []


def test_the_same_values_at_several_stops_are_shown_once(tmp_path: Path) -> None:
    for stop, values in (("a", {"x": 5}), ("b", {"x": 5, "y": 2}), ("c", {"y": 2})):
        many = Amount(outputs=1, rows=1, size=1)
        told = ReleasedAmount(researcher="ada", datasets=("heart",), amount=many, values=values)
        monthly_amount.note(tmp_path, stop * 8, NOON, told)
    (use,) = monthly_amount.uses(monthly_amount.amounts_of_month(tmp_path, NOON))
    assert (use.stops, use.values) == (3, 7)


def test_a_file_that_is_not_what_was_written_is_said_so(tmp_path: Path) -> None:
    monthly_amount.note(tmp_path, "a" * 8, NOON, left("ada", ["heart"], 5))
    (path,) = tmp_path.glob("amounts/*/*.json")
    path.write_bytes(b"{}")
    with raises_code(StationError, "station-error"):
        monthly_amount.amounts_of_month(tmp_path, NOON)


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


def test_numbers_are_counted_of_every_kind_of_file(tmp_path: Path) -> None:
    def passed(name: str, content: bytes) -> CheckedOutput:
        said = OutputVerdict(name="a", kind="file", verdict="released")
        return CheckedOutput(said, {name: content})

    header = b'{"w":{"dtype":"F64","shape":[3,4],"data_offsets":[0,96]}}'
    model = len(header).to_bytes(8, "little") + header + bytes(96)
    for name, content, numbers in (
        ("a.json", b'{"value": 1}', 1),
        ("a.safetensors", model, 12),
        ("a.png", bytes(17), 3),
        ("a.bin", bytes(16), 2),
    ):
        assert amount_of([passed(name, content)]).numbers == numbers, name
    assert amount_of([table("a", 5)]).numbers == 5


def test_what_was_noted_before_numbers_were_counted_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "amounts" / "2026-12"
    folder.mkdir(parents=True)
    old = b'{"amount":{"outputs":1,"rows":5,"size":9},"datasets":["heart"],"researcher":"ada"}'
    (folder / "aa.json").write_bytes(old)
    (found,) = monthly_amount.amounts_of_month(tmp_path, NOON)
    assert (found.amount.rows, found.amount.numbers) == (5, 0)


def test_a_month_is_shown_for_each_researcher_and_data_set_beside_its_limits(
    tmp_path: Path,
) -> None:
    world = make_world(tmp_path)
    world.folder.policy.write_text(
        f'{default_policy("auto")}\n[month]\nrows = 100\nsize = "1 KiB"\n'
    )
    here = StationContext(world.folder, world.settings, lambda: NOON)
    assert month_page(here).lines == ()
    monthly_amount.note(world.folder.released, "a" * 8, NOON, left("ada", ["heart"], 5))
    monthly_amount.note(world.folder.released, "b" * 8, NOON, left("ada", ["heart", "lung"], 94))
    monthly_amount.note(world.folder.released, "c" * 8, NOON, left("bob", ["heart"], 130))
    view = month_page(here)
    assert [(one.use.researcher, one.use.dataset, one.use.stops) for one in view.lines] == [
        ("bob", "heart", 1),
        ("ada", "heart", 2),
        ("ada", "lung", 1),
    ]
    bob, ada, lung = view.lines
    assert (ada.rows.used, ada.rows.percent, ada.reached) == (99, 99, False)
    assert (bob.rows.percent, bob.rows.reached, bob.reached) == (100, True, True)
    assert (lung.size.percent, lung.size.reached) == (74, False)
    assert (view.month, view.current, view.months) == ("2026-12", True, ("2026-12",))
    before = month_page(here, "2026-11")
    assert (before.lines, before.current, before.months) == ((), False, ("2026-12",))


def test_a_share_is_full_only_once_its_limit_is_reached() -> None:
    assert [Share(used, 1000).percent for used in (0, 1, 991, 999, 1000, 5000)] == [
        *(0, 1, 99, 99, 100, 100)
    ]
    assert Share(0, 0).reached


def test_another_form_of_a_month_is_refused(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    for month in ("2026", "12-2026", "2026-13", "../../etc"):
        with raises_code(StationError, "month"):
            month_page(StationContext(world.folder, world.settings), month)


def test_what_leaves_a_station_is_in_the_month_of_its_researcher(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.add_hearts()
    world.travel()
    (line,) = month_page(StationContext(world.folder, world.settings, world.now)).lines
    assert (line.use.researcher, line.use.dataset) == ("ada", "heart")
    assert (line.use.amount.rows, line.use.amount.numbers, line.use.stops) == (2, 4, 1)


def test_sizes_are_written_as_a_person_compares_them() -> None:
    sizes = {980: "980 B", 3174: "3.1 KiB", 8 * 2**20: "8 MiB", 3 * 2**30: "3 GiB"}
    assert {size: size_text(size) for size in sizes} == sizes
