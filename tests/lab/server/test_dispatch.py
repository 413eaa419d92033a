"""A dispatch signs what was checked, and nothing that the file became meanwhile."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from phtlab.errors import CentralUnreachableError, NotOnRosterError
from phtlab.lab.client.lab import Lab
from phtlab.lab.workspace.payload_digest import payload_digest_of
from phtlab.notebook import read_analysis
from tests.central.world import World
from tests.lab.server.conftest import PASSPHRASE, Asking, until
from tests.lab.server.test_check import PARAMETERS, STATION, cell, check, notebook
from tests.lab.server.test_events import in_thread, reads
from tests.raising import raises_code

FOREIGN = {"kernelspec": {"name": "ir", "language": "R", "display_name": "R"}}


def sound() -> dict[str, Any]:
    return notebook(cell("a = 1"), cell(PARAMETERS, "parameters"), cell(STATION, "station"))


def first_line_of_station(content: dict[str, Any]) -> None:
    content["cells"][2]["source"] += "\nheart = heart[:1]"


def a_default(content: dict[str, Any]) -> None:
    content["cells"][1]["source"] += "\n" + "max_age: int = 9"


def an_output(content: dict[str, Any]) -> None:
    content["cells"][2]["source"] += '\nphtlab.publish("m", 1, kind="scalar")'


CHANGES = [first_line_of_station, a_default, an_output]


async def unlocked(asking: Asking) -> None:
    async with asking.events() as events:
        await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
        await until(events, reads)


@pytest.mark.parametrize("change", CHANGES)
async def test_a_file_that_changed_after_its_check_is_not_sent(
    change: Callable[[dict[str, Any]], None], central: World, asking: Asking, jp_root_dir: Path
):
    content = sound()
    file = jp_root_dir / "heart.ipynb"
    file.write_text(json.dumps(content))
    await unlocked(asking)
    checked = (await check(asking, content))["digest"]
    change(content)
    file.write_text(json.dumps(content))
    for stations in ("all", ["ulm"], "twin"):
        order = {"path": file.name, "checked": checked, "stations": stations}
        status, problem = await asking.refused("POST", "journeys", json=order)
        assert (status, problem["code"]) == (409, "notebook-changed")
        assert "Nothing was sent." in problem["message"]
    assert await in_thread(central.client("ada").trains) == ()


async def test_a_file_that_is_as_it_was_checked_is_sent(
    central: World, asking: Asking, jp_root_dir: Path, monkeypatch: pytest.MonkeyPatch
):
    """As far as the registry, which this small consortium has none of."""
    sent = []
    real = Lab.dispatch

    def dispatch(self: Lab, train: Any, **more: Any) -> Any:
        sent.append(train.analysis)
        return real(self, train, **more)

    monkeypatch.setattr(Lab, "dispatch", dispatch)
    file = jp_root_dir / "heart.ipynb"
    file.write_text(json.dumps(sound()))
    await unlocked(asking)
    checked = (await check(asking, sound()))["digest"]
    order = {"path": file.name, "checked": checked, "stations": "all"}
    _, problem = await asking.refused("POST", "journeys", json=order)
    assert problem["code"] == "registry-unreachable"
    assert [payload_digest_of(one) for one in sent] == [checked]


@pytest.mark.parametrize(
    ("body", "aggregator"),
    [({}, ""), ({"aggregator": None}, ""), ({"aggregator": "adder"}, "adder")],
)
async def test_who_combines_is_what_the_person_was_shown(
    body: dict[str, Any],
    aggregator: str,
    central: World,
    asking: Asking,
    jp_root_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """Not what the proposal says: the order is refused if these differ."""
    named: list[str] = []

    def dispatch(_: Lab, train: Any, **more: Any) -> Any:
        named.append(more["aggregator"])
        raise NotOnRosterError("There is no aggregator of that name.", code="order-aggregator")

    monkeypatch.setattr(Lab, "dispatch", dispatch)
    file = jp_root_dir / "heart.ipynb"
    file.write_text(json.dumps(sound()))
    await unlocked(asking)
    checked = (await check(asking, sound()))["digest"]
    order = {"path": file.name, "checked": checked, "stations": "all", **body}
    _, problem = await asking.refused("POST", "journeys", json=order)
    assert (problem["code"], problem["field"]) == ("order-aggregator", "aggregator")
    assert named == [aggregator]


@pytest.mark.parametrize("name", ["heart.ipynb", "a.b.ipynb", "Älter 2.ipynb", ".x.ipynb"])
async def test_the_page_s_content_and_the_saved_file_have_one_digest(
    name: str, asking: Asking, tmp_path: Path
):
    picture = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "AAAA"}}
    words = "name = 'Zoë \u2028 \U0001f600'\r\n\n"
    for code, more in ((f"{STATION}\n{words}", {}), (words, {"metadata": FOREIGN})):
        content = notebook(
            cell("# mine", id="a", execution_count=3, outputs=[picture]),
            cell(code, "station", id="b", execution_count=3, outputs=[picture]),
            {"cell_type": "markdown", "id": "c", "source": "words", "metadata": {}},
            **more,
        )
        file = tmp_path / name
        node = nbformat.from_dict(content)
        nbformat.write(node, file)  # as Jupyter does: the source in lines
        read = read_analysis(file)
        assert read.errors == ()
        assert (await check(asking, content, name))["digest"] == payload_digest_of(read)


async def test_what_stays_here_is_no_part_of_the_digest(asking: Asking):
    before = (await check(asking, sound()))["digest"]
    content = sound()
    content["cells"][0]["source"] = "a = 2"
    content["cells"][2]["execution_count"] = 7
    content["metadata"]["mine"] = 1
    assert (await check(asking, content))["digest"] == before
    assert (await check(asking, content, "liver.ipynb"))["digest"] != before


async def test_a_key_that_is_locked_during_a_dispatch_leaves_it_its_connection(
    central: World, asking: Asking, jp_root_dir: Path, monkeypatch: pytest.MonkeyPatch
):
    """Another tab locks the key while this one sends: the clients close once it has sent."""
    began, locked = threading.Event(), threading.Event()
    real = Lab.dispatch
    labs: list[Lab] = []

    def dispatch(self: Lab, train: Any, **more: Any) -> Any:
        labs.append(self)
        began.set()
        assert locked.wait(60)
        return real(self, train, **more)

    monkeypatch.setattr(Lab, "dispatch", dispatch)
    (jp_root_dir / "heart.ipynb").write_text(json.dumps(sound()))
    await unlocked(asking)
    follower = asking.extension.workspace._connection.follower._thread
    checked = (await check(asking, sound()))["digest"]
    order = {"path": "heart.ipynb", "checked": checked, "stations": "all"}
    sending = asyncio.create_task(asking.refused("POST", "journeys", json=order))
    assert await in_thread(began.wait, 60)
    await asking.post("keys/lock", {})
    await in_thread(follower.join, 60)
    assert not follower.is_alive()
    locked.set()
    _, problem = await sending
    # It asked central for roster and registry, and came as far as the registry, of which there is
    # none here.
    assert problem["code"] == "registry-unreachable"
    (lab,) = labs
    with raises_code(CentralUnreachableError, "central-unreachable"):
        await in_thread(lab.central.stations)
