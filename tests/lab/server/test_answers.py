"""What the server extension answers: of the API's models, printable and of bounded length."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from phtlab.lab.server.answers import journey_answer, stations_answer, words
from phtlab.lab.server.api import Output, WrittenFile
from phtlab.lab.server.tutorial import TutorialExchange
from phtlab.lab.workspace.central_follower import CentralSnapshot
from phtlab.lab.workspace.workspace import Workspace
from phtlab.train.canonical import canonical, digest
from phtlab.train.documents.record import CellError
from phtlab.wire.api.journeys import Column, DataSetDescription, JourneyView, StationView, StopView
from tests.central.world import World
from tests.lab.server.conftest import PASSPHRASE, Asking, until
from tests.lab.server.test_check import STATION, cell, check, notebook
from tests.lab.server.test_events import in_thread, reads

# As browsers sort and read it.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SCRIPT = "<script>alert(1)</script>"
MARKS = "\u202e\u0007\x1b[31m"


async def test_every_answer_of_a_consortium_is_of_its_model(central: World, asking: Asking):
    """`asking` holds them to it; here is at least one of each kind."""
    description = DataSetDescription(
        name="heart",
        columns=(Column(name="age", type="integer"),),
        schema_digest=digest(b"schema"),
    )
    profile = {"datasets": [description.model_dump()], "version": "0.1.0"}
    answer = await in_thread(
        lambda: central.request("PUT", "/api/v1/stations/self", as_="ulm", json=profile)
    )
    assert answer.is_success
    async with asking.events() as events:
        await asking.post("keys/unlock", {"passphrase": PASSPHRASE})
        await until(events, reads)
    sent = await in_thread(central.journey)
    failed = central.record(sent, "ulm", "failed").model_dump(mode="json")
    await in_thread(
        lambda: central.request(
            "PUT", f"/api/v1/journeys/{sent.id}/stops/ulm/record", as_="ulm", json=failed
        )
    )
    await asking.get("status")
    stations = await asking.get("stations")
    (data,) = next(station["datasets"] for station in stations if station["name"] == "ulm")
    assert [column["name"] for column in data["columns"]] == ["age"]
    for path in ("kernels", "members", "keys"):
        assert len(await asking.get(path)) > 0
    journey = await asking.get(f"journeys/{sent.id}")
    assert journey["stops"][0]["state"] == "failed"
    assert TIME.fullmatch(journey["submitted"])
    told = await check(asking, notebook(cell(STATION), cell("x = y", "station")))
    assert len(told["findings"]) > 0
    told = await check(asking, notebook(cell("import phtlab\nphtlab.publish('n', 1)", "station")))
    assert told["findings"][0]["fix"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "tutorial.ipynb"},
        [{"path": "tutorial.ipynb"}],
        "tutorial.ipynb",
        None,
        lambda: WrittenFile(path=7),
        lambda: WrittenFile(path="tutorial.ipynb", secret="x"),
        lambda: Output(name="n", kind="scalar", png="iVBORw0KGgo="),
        lambda: Output(name="n", kind="scalar"),
    ],
    ids=["dict", "list", "text", "nothing", "type", "field", "kind", "without"],
)
async def test_what_is_no_answer_of_the_api_cannot_be_sent(
    wrong: Any, asking: Asking, monkeypatch: pytest.MonkeyPatch
):
    def act(handler: object, body: object, **path: str) -> Any:
        return wrong() if callable(wrong) else wrong

    monkeypatch.setattr(TutorialExchange, "act", act)
    status, problem = await asking.refused("POST", "tutorial", json={})
    assert (status, problem["code"]) == (500, "server-failed")


class Told(Workspace):
    """A workspace that heard `said`."""

    def __init__(self, said: CentralSnapshot) -> None:
        super().__init__()
        self._rest = said


def hostile_journey(central: World) -> JourneyView:
    ada = central.client("ada")
    ada.submit_train(central.train())
    view = ada.submit_journey(central.order("ulm"))
    stop = StopView(
        station="ulm",
        number=0,
        state="failed",
        code=SCRIPT,
        sentence=MARKS + SCRIPT + "x" * 10_000,
        error=CellError(type="ValueError", cell=1, line=1, message=MARKS + "y" * 1900),
        updated=view.submitted,
    )
    return view.model_copy(update={"train_name": MARKS * 3000, "stops": (stop,)})


def visible(told: Any) -> bool:
    """Whether every text in `told` is printable and short."""
    if isinstance(told, dict):
        return all(visible(part) for part in told.values())
    if isinstance(told, list):
        return all(visible(part) for part in told)
    return not isinstance(told, str) or (told.isprintable() and len(told) <= 600)


def test_what_a_hostile_central_says_of_a_journey_is_short_printable_text(central: World):
    told = journey_answer(
        Told(CentralSnapshot()), hostile_journey(central), lambda path: None
    ).to_json()
    assert visible(told)
    assert "\\x1b[31m" in told["train_name"]
    assert SCRIPT in told["stops"][0]["code"]  # text it is, and text it stays


def test_what_a_hostile_station_says_of_itself_is_short_printable_text(home: Path):
    columns = [
        Column(name=SCRIPT, type="string", description=MARKS * 999, unit=MARKS * 99,
               categories=(MARKS,) * 5000)
        for _ in range(2000)
    ]  # fmt: skip
    data = DataSetDescription(
        name=MARKS * 999,
        title="x" * 10_000,
        description=MARKS * 10_000,
        columns=tuple(columns),
        schema_digest=digest(b"schema"),
    )
    station = StationView(
        name="ulm",
        organisation=MARKS * 999,
        online=True,
        datasets=(data,),
        version=SCRIPT * 99,
        paused=MARKS * 40,
    )
    told = stations_answer(Told(CentralSnapshot(stations=(station,))))[0].to_json()
    assert visible(told)
    (shown,) = told["datasets"]
    assert len(shown["columns"]) == 500
    assert len(shown["columns"][0]["categories"]) == 200


def test_an_order_that_is_no_order_has_no_parameters(central: World):
    view = hostile_journey(central)
    broken = view.order.model_copy(update={"payload": "bm8gSlNPTg=="})
    told = journey_answer(
        Told(CentralSnapshot()), view.model_copy(update={"order": broken}), lambda path: None
    )
    assert (told.parameters, told.recipients) == (None, [])


def of(central: World, predicate: dict[str, Any]) -> JourneyView:
    """A journey whose order is signed, has the journey's id, and says `predicate`."""
    view = hostile_journey(central)
    statement = json.loads(view.order.body)
    statement["predicate"] |= predicate
    payload = b64encode(canonical(statement)).decode()
    order = view.order.model_copy(update={"payload": payload})
    return view.model_copy(update={"order": order, "id": order.digest})


def test_another_order_than_the_journey_s_is_not_told(central: World):
    other = of(central, {"recipients": ["mallory"], "parameters": {"min_age": 1}})
    told = journey_answer(Told(CentralSnapshot()), other, lambda path: None)
    assert (told.parameters, told.recipients) == ({"min_age": 1}, ["mallory"])
    swapped = other.model_copy(update={"id": digest(b"another")})
    told = journey_answer(Told(CentralSnapshot()), swapped, lambda path: None)
    assert (told.parameters, told.recipients) == (None, [])


@pytest.mark.parametrize("wrong", [None, 7, "mallory", {"mallory": 1}, [None, 7, ["mallory"]]])
def test_an_order_with_values_of_other_types_has_none(wrong: object, central: World):
    view = of(central, {"recipients": wrong, "parameters": [wrong]})
    told = journey_answer(Told(CentralSnapshot()), view, lambda path: None)
    assert (told.parameters, told.recipients) == (None, [])


def test_a_long_word_keeps_both_ends():
    cut = words("a" * 500 + "z" * 500)
    assert len(cut) == 200
    assert (cut[0], cut[-1]) == ("a", "z")
