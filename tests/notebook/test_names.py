"""Names that a cell uses must be defined by cells that travel before it."""

from __future__ import annotations

from typing import Any

import pytest

from phtlab.notebook import read_analysis


def codes(content: bytes) -> list[tuple[str, int | None, int | None]]:
    return [(f.code, f.cell, f.line) for f in read_analysis(content).errors]


def test_a_name_of_a_local_cell_is_said_with_both_ways_to_mend(nb: Any) -> None:
    content = nb(("station", "a = 1\nb = cohort2 + a"), (None, "cohort2 = 1"))
    (finding,) = read_analysis(content).errors
    assert (finding.code, finding.cell, finding.line) == ("name-local", 1, 2)
    assert finding.message == (
        "cell 1 uses 'cohort2', which only the local cell 2 defines. Cells at stations see only "
        "parameters, station and round cells. Move the definition, or mark cell 2 as 'station'."
    )


def test_several_local_cells_are_all_named(nb: Any) -> None:
    (finding,) = read_analysis(nb((None, "x = 1"), (None, "x = 2"), ("station", "x"))).errors
    assert "which only the local cells 1 and 2 define." in finding.message


def test_a_name_of_an_aggregate_cell_is_said_too(nb: Any) -> None:
    (finding,) = read_analysis(nb(("aggregate", "x = 1"), ("station", "x"))).errors
    assert finding.message == (
        "cell 2 uses 'x', which only the aggregate cell 1 defines. Cells at stations see only "
        "parameters, station and round cells. Move the definition into a station cell."
    )


def test_a_name_reassigned_from_a_local_one_is_found(nb: Any) -> None:
    content = nb((None, "cohort = 1"), ("station", "cohort = cohort + 1"))
    assert codes(content) == [("name-local", 2, 1)]


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    return outside",
        "f = lambda a: a + outside",
        "[a for a in range(3) if a > outside]",
        "[outside for outside in outside]",
        "{k: outside for k in 'ab'}",
        "class A:\n    x = outside",
        "class A:\n    def f(self):\n        return outside",
        "class A(outside): pass",
        "@outside\ndef f(): pass",
        "def f(a=outside): pass",
        "def f(a: outside): pass",
        "async def f():\n    async for a in outside: pass",
        "f'{outside}'",
        "for i in outside: pass",
        "with outside as o: pass",
        "outside += 1",
        "outside[0] = 1",
        "outside.x = 1",
        "del outside",
        "try:\n    pass\nexcept outside: pass",
        "match outside:\n    case 1: pass",
        "match 1:\n    case outside.x: pass",
        "import os\nprint(os.path, outside)",
        "await outside",
        "def f():\n    def g():\n        return outside\n    return g",
        "def f():\n    x = [outside for _ in 'ab']",
        "sorted([1], key=lambda a: outside)",
        "x: outside = 1",
        "if (n := outside) > 1: pass",
        "while outside: break",
        "assert outside",
        "def f():\n    global outside\n    return outside",
        "def f(d):\n    return f'{d[\"a\"]} {outside}' + f\"{d['a']}\\n\"",
        "f'{(lambda: outside)()}'",
        "f = sorted([1],\n    key=lambda a:\n    a + outside)",
        "if True:\n    if True:\n        def f():\n            return outside",
    ],
)
def test_uses_are_found_wherever_they_stand(nb: Any, source: str) -> None:
    content = nb((None, "outside = 1"), ("station", source))
    assert [code for code, _, _ in codes(content)] == ["name-local"]


@pytest.mark.parametrize(
    "source",
    [
        "inside = 1\ninside",
        "for inside in range(3): pass\ninside",
        "with open('f') as inside: pass\ninside",
        "import os.path as inside\ninside",
        "from os import path as inside\ninside",
        "import inside.deep\ninside",
        "def inside(): return inside\ninside()",
        "class inside: pass\ninside()",
        "if (inside := 1): pass\ninside",
        "[inside := a for a in range(3)]\ninside",
        "match [1, 2]:\n    case [inside, *rest]: inside, rest",
        "match {}:\n    case {'a': inside, **rest}: inside, rest",
        "match 1:\n    case int() as inside: inside",
        "try:\n    pass\nexcept ValueError as inside:\n    print(inside)",
        "(inside, (other, *more)) = 1, (2, 3)\ninside, other, more",
        "def f(inside, *args, key=1, **kwargs): return inside, args, key, kwargs",
        "lambda inside: inside",
        "[inside for inside in range(3) for other in range(inside)]",
        "{a: b for a, b in {}.items()}",
        "def f():\n    global inside\n    inside = 1\nf()\ninside",
        "def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 2\n    return g",
        "class A:\n    a = 1\n    b = a\n    def f(self): return __class__, super()",
        "def f():\n    return later()\ndef later(): return 1\nf()",
        "print(len([]), __name__, display, _, In, Out)",
        "if False:\n    inside = 1\nelse:\n    inside = 2\ninside",
        "for i in range(3):\n    inside = i\n    del inside",
        "async def g(): pass\nawait g()",
        "inside: int = 1\ninside",
        "try:\n    import numpy\nexcept ImportError:\n    numpy = None\nnumpy",
    ],
)
def test_what_a_cell_defines_itself_is_no_finding(nb: Any, source: str) -> None:
    content = nb((None, "inside = other = rest = later = a = 1"), ("station", source))
    assert codes(content) == []


def test_the_name_of_an_exception_is_gone_after_its_handler(nb: Any) -> None:
    content = nb(("station", "try:\n    pass\nexcept ValueError as e:\n    pass\ne"))
    assert codes(content) == [("name-undefined", 1, 5)]


def test_a_function_may_use_what_a_later_travelling_cell_defines(nb: Any) -> None:
    content = nb(("station", "def f(): return g()"), ("station", "def g(): return 1\nf()"))
    assert codes(content) == []


def test_a_use_before_the_travelling_cell_that_defines_it(nb: Any) -> None:
    content = nb(("station", "print(x)"), ("station", "x = 1"))
    (finding,) = read_analysis(content).errors
    assert finding.code == "name-order"
    assert "cell 1 uses 'x' before cell 2 defines it." in finding.message


def test_a_use_before_the_definition_in_the_same_cell(nb: Any) -> None:
    (finding,) = read_analysis(nb(("station", "print(x)\nx = 1"))).errors
    assert finding.code == "name-order"
    assert "cell 1 uses 'x' before it defines it in line 2." in finding.message


def test_a_deleted_name_names_the_cell_that_deletes_it(nb: Any) -> None:
    content = nb(("station", "x = 1"), ("station", "del x"), ("station", "x"))
    (finding,) = read_analysis(content).errors
    assert (finding.code, finding.cell) == ("name-deleted", 3)
    assert "which cell 2 deletes" in finding.message


def test_a_name_that_nobody_defines(nb: Any) -> None:
    (finding,) = read_analysis(nb(("station", "x = nowhere"))).errors
    assert finding.message == (
        "cell 1 uses 'nowhere', which no cell defines. Define or import it in a station cell."
    )


def test_parameters_are_defined_with_and_without_a_default(nb: Any) -> None:
    assert codes(nb(("parameters", "a: int\nb: int = 1"), ("station", "a + b"))) == []


def test_a_star_import_is_warned_of_and_stops_guessing(nb: Any) -> None:
    analysis = read_analysis(nb(("station", "from math import *\nx = sqrt(2)")))
    assert analysis.errors == ()
    assert "cell 1 imports every name of 'math'." in analysis.warnings[-1].message


def test_names_wait_until_every_travelling_cell_can_be_read(nb: Any) -> None:
    content = nb(("station", "x = (1"), ("station", "x"))
    assert [code for code, _, _ in codes(content)] == ["syntax"]


def test_an_aggregate_cell_that_leans_on_a_station_cell_is_warned_of(nb: Any) -> None:
    analysis = read_analysis(nb(("station", "cohort = 1"), ("aggregate", "print(cohort)")))
    assert analysis.errors == ()
    found = [f for f in analysis.warnings if f.code == "aggregate-name"]
    assert "cell 2 uses 'cohort' of the station cell 1" in found[0].message


def test_local_cells_may_hold_anything(nb: Any) -> None:
    content = nb((None, "!pip install x\n%magic\nnowhere("), ("station", "x = 1"))
    assert codes(content) == []
