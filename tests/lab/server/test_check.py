"""The check of a notebook as it is in the editor: findings at their cells, and nothing run."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.central.world import World
from tests.lab.server.conftest import Asking, until
from tests.lab.server.test_events import central_is

PARAMETERS = "from typing import Annotated\nfrom annotated_types import Interval\n" + (
    "min_age: Annotated[int, Interval(ge=18, le=100)] = 40"
)
STATION = (
    'import phtlab\nheart = phtlab.dataset("heart")\n'
    'phtlab.publish("n", len(heart), kind="scalar", counts="patients")'
)


def cell(source: str, role: str | None = None, **more: Any) -> dict[str, Any]:
    tags = [role] if role else []
    return {"cell_type": "code", "source": source, "metadata": {"tags": tags}, **more}


def notebook(*cells: Any, **more: Any) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **more}


async def check(asking: Asking, content: dict[str, Any], name: str = "heart.ipynb") -> Any:
    return await asking.post("check", {"name": name, "content": content})


async def test_a_sound_notebook_tells_what_it_takes_and_gives(asking: Asking):
    told = await check(asking, notebook(cell(PARAMETERS, "parameters"), cell(STATION, "station")))
    assert told == {
        "name": "heart",
        "language": "python",
        "kernel": None,  # nobody's catalogue is known here
        "ok": True,
        "digest": told["digest"],
        "parameters": {
            "type": "object",
            "properties": {
                "min_age": {"type": "integer", "minimum": 18, "maximum": 100, "default": 40}
            },
            "required": [],
            "additionalProperties": False,
        },
        "outputs": [{"name": "n", "kind": "scalar", "to": "researcher"}],
        "route": "parallel",
        "received": [],
        "datasets": ["heart"],
        "findings": [],
    }


async def test_the_kernel_image_is_the_catalogue_s(central: World, asking: Asking):
    async with asking.events() as events:
        await until(events, central_is("ok"))
    assert (await check(asking, notebook(cell(STATION, "station"))))["kernel"] == "python"


async def test_a_finding_is_at_its_cell_from_0_and_its_line_from_1(asking: Asking):
    content = notebook(cell("cohort = 1"), cell("import phtlab\n\nprint(cohort)", "station"))
    told = await check(asking, content)
    (error,) = [finding for finding in told["findings"] if finding["severity"] == "error"]
    assert (told["ok"], told["digest"]) == (False, None)
    assert (error["cell"], error["line"]) == (1, 3)
    assert "cell 2 uses 'cohort'" in error["message"]


async def test_what_mends_a_finding_comes_with_it(asking: Asking):
    before = 'x = "😀"; phtlab.publish("n", len(phtlab.dataset("heart")), "scalar"'
    content = notebook(cell(f"import phtlab\n{before})", "station"))
    (finding,) = (await check(asking, content))["findings"]
    assert (finding["code"], finding["line"]) == ("output-uncounted", 2)
    assert finding["fix"] == {
        "title": 'Declare counts="n"',
        "line": 2,
        "column": len(before) + 1,  # in UTF-16, as pages count
        "text": ', counts="n"',
        "select": None,
    }


async def test_outputs_are_no_part_of_a_check(asking: Asking):
    """A notebook with pictures is checked as fast as one without."""
    picture = {"output_type": "display_data", "data": {"image/png": "A" * 5_000_000}}
    content = notebook(cell(STATION, "station", outputs=[picture], attachments={"a": {}}))
    assert (await check(asking, content))["ok"] is True


async def test_what_is_no_notebook_is_one_finding(asking: Asking):
    for content in ({}, {"nbformat": 4, "cells": 1}, notebook(1), notebook({"cell_type": "code"})):
        told = await check(asking, content)
        assert (told["ok"], [finding["cell"] for finding in told["findings"]]) == (False, [None])
        assert told["digest"] is None
        assert told["findings"][0]["code"] == "notebook-format"


async def test_hostile_cells_are_text(asking: Asking):
    script, marks = "<script>alert(1)</script>", "\u202e" * 10_000
    content = notebook(
        cell(f"{script}\n", "station"), cell("x = 1", "statoin"), cell(f"phtlab.{marks}", "station")
    )
    told = await check(asking, content, name=f"{script}{marks[:50]}.ipynb")
    assert told["name"] == "script_alert_1_script"
    assert all(len(finding["message"]) <= 600 for finding in told["findings"])
    assert not any("\u202e" in finding["message"] for finding in told["findings"])


async def test_other_requests_are_answered_while_a_large_notebook_is_checked(asking: Asking):
    large = notebook(*(cell(f"x_{number} = {number}\n" * 40, "station") for number in range(400)))
    checking = asyncio.create_task(check(asking, large))
    answered = 0
    while not checking.done():
        await asking.get("stations")
        answered += 1
    assert (await checking)["ok"] is True
    # Were it done on the event loop, the first ones would have waited for all of it.
    assert answered > 3
