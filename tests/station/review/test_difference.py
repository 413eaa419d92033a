"""What changed between two notebooks: lines marked, counted, and from them both texts again."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from phtlab.station.review.difference import difference, near
from phtlab.station.review.examination import CodeCell, Difference
from phtlab.station.review.visible_source import lines_of

LINES = st.lists(
    st.sampled_from(
        ["a = 1", "b = 2", "", "    c = 3", "d\x0cd", "e\u2028", "f\r", "\x1c", "g\x85"]
    ),
    max_size=8,
).map("\n".join)


def cells(*sources: str) -> list[CodeCell]:
    return [
        CodeCell(number=n, kind="code", role="station", source=source)
        for n, source in enumerate(sources, start=1)
    ]


def texts(changed: Difference, *, before: bool) -> list[list[str]]:
    """The lines of each cell of one side, out of the difference."""
    gone, side = ("added", "before") if before else ("removed", "after")
    return [
        [line.text for line in cell.lines if line.mark != gone]
        for cell in changed.cells
        if getattr(cell, side) is not None
    ]


def test_a_changed_line_is_one_that_went_and_one_that_came() -> None:
    changed = difference(cells("a\nold = 40\nb"), cells("a\nold = 50\nb"))
    (cell,) = changed.cells
    assert [(line.mark, line.text) for line in cell.lines] == [
        ("same", "a"),
        ("removed", "old = 40"),
        ("added", "old = 50"),
        ("same", "b"),
    ]
    assert (changed.changed_cells, changed.added, changed.removed) == (1, 1, 1)


def test_a_new_cell_is_added_and_the_others_keep_their_place() -> None:
    one, two = "import phtlab\nx = 1", "phtlab.publish('a', x)"
    changed = difference(cells(one, two), cells(one, "y = open('/etc/passwd')", two))
    assert [(c.change, c.before, c.after) for c in changed.cells] == [
        ("same", 1, 1),
        ("added", None, 2),
        ("same", 2, 3),
    ]


def test_another_role_is_a_change() -> None:
    before, after = cells("x = 1"), [cells("x = 1")[0].model_copy(update={"role": "round"})]
    assert difference(before, after).changed_cells == 1


def test_without_a_change_nothing_is_marked() -> None:
    changed = difference(cells("a", "b\n\n"), cells("a", "b\n\n"))
    assert (changed.changed_cells, changed.added, changed.removed) == (0, 0, 0)


def test_lines_far_from_a_change_are_left_out() -> None:
    source = "\n".join(f"line{n}" for n in range(30))
    (cell,) = difference(cells(source), cells(source.replace("line15", "other"))).cells
    assert sorted(near(cell.lines)) == list(range(12, 20))


@given(st.lists(LINES, max_size=4), st.lists(LINES, max_size=4))
@settings(max_examples=60, deadline=None)
def test_both_notebooks_are_in_their_difference(before: list[str], after: list[str]) -> None:
    changed = difference(cells(*before), cells(*after))
    assert texts(changed, before=True) == [lines_of(source) for source in before]
    assert texts(changed, before=False) == [lines_of(source) for source in after]
