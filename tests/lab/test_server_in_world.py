"""The server extension in a real `jupyter lab`, with a real consortium and real containers.

The researcher of `world` unlocks the key, rehearses at the twin, sends the heart notebook to two
hospitals, and the Jupyter server is stopped and started in the middle of it.
"""

from __future__ import annotations

import json
import shutil
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from phtlab.demo.world import RESEARCHER, World
from tests.conftest import CACHE, ROOT
from tests.ui.lab_server import LabServer, lab_running

pytestmark = pytest.mark.engine

HEART = "heart_disease.ipynb"
SECONDS = 120.0  # for a journey, on a busy machine


class Page:
    """What a page of Lab does: requests with the login, and the stream of events."""

    def __init__(self, server: LabServer) -> None:
        self.server = server
        self._http = httpx.Client(
            base_url=server.url,
            headers={"Authorization": f"token {server.token}"},
            timeout=SECONDS,
            trust_env=False,
        )

    def close(self) -> None:
        self._http.close()

    def get(self, path: str) -> Any:
        return self._good(self._http.get(f"phtlab/{path}"))

    def post(self, path: str, body: Any) -> Any:
        return self._good(self._http.post(f"phtlab/{path}", json=body))

    def refused(self, verb: str, path: str, body: Any = None) -> tuple[int, str]:
        answer = self._http.request(verb, f"phtlab/{path}", json=body)
        return answer.status_code, answer.json()["code"]

    def jupyter(self, verb: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(verb, path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    @contextmanager
    def events(self) -> Iterator[Iterator[tuple[str, Any]]]:
        with self._http.stream("GET", "phtlab/events") as stream:
            yield self._heard(stream)

    def _heard(self, stream: httpx.Response) -> Iterator[tuple[str, Any]]:
        kind = ""
        for line in stream.iter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield kind, json.loads(line.removeprefix("data: "))

    def watch(self, journey: str, enough: Callable[[Any], bool]) -> list[Any]:
        """What is told of `journey` until it is `enough`, and that last."""
        told = []
        with self.events() as events:
            for kind, data in events:
                shown = {"journey": [data], "journeys": data}.get(kind, [])
                told += [one for one in shown if one["id"] == journey]
                if told and enough(told[-1]):
                    return told
        raise AssertionError("the stream ended")

    def unlock(self, world: World) -> None:
        self.post("keys/unlock", {"passphrase": world.passphrase})
        with self.events() as events:
            for kind, data in events:
                if kind == "status" and data["reads"]:
                    return

    def checked(self, path: str = HEART) -> str:
        """What the check says is sent of the notebook as it is now."""
        notebook = self.jupyter("GET", f"api/contents/{path}")
        body = {"name": notebook["name"], "content": notebook["content"]}
        return str(self.post("check", body)["digest"])

    def send(self, stations: Any, path: str = HEART) -> Any:
        order = {
            "path": path,
            "checked": self.checked(path),
            "stations": stations,
            "parameters": {"min_age": 40},
            "recipients": [],
        }
        return self.post("journeys", order)

    @contextmanager
    def kernel(self) -> Iterator[BlockingKernelClient]:
        """A kernel that the server starts, as for a notebook."""
        started = self.jupyter("POST", "api/kernels", {"name": "python3"})
        runtime = self.server.folder / "jupyter-runtime"
        client = BlockingKernelClient(connection_file=str(runtime / f"kernel-{started['id']}.json"))
        client.load_connection_file()
        # Without a heartbeat: on a busy machine a kernel that misses a beat is not dead.
        client.start_channels(hb=False)
        try:
            client.wait_for_ready(timeout=SECONDS)
            yield client
        finally:
            client.stop_channels()
            self.jupyter("DELETE", f"api/kernels/{started['id']}")

    @staticmethod
    def _good(answer: httpx.Response) -> Any:
        assert answer.status_code == 200, answer.text
        return answer.json()


def run(kernel: BlockingKernelClient, source: str) -> list[dict[str, Any]]:
    """The outputs of `source`, run in `kernel`."""
    outputs: list[dict[str, Any]] = []
    kernel.execute_interactive(
        source,
        timeout=SECONDS,
        output_hook=lambda message: outputs.append(
            {"type": message["header"]["msg_type"], **message["content"]}
        ),
    )
    return [output for output in outputs if output["type"] not in ("status", "execute_input")]


def errors(outputs: list[dict[str, Any]]) -> list[str]:
    return [f"{o['ename']}: {o['evalue']}" for o in outputs if o["type"] == "error"]


def pictures(outputs: list[dict[str, Any]]) -> int:
    return sum("image/png" in output.get("data", {}) for output in outputs)


def done(journey: Any) -> bool:
    return bool(journey["done"])


@pytest.fixture(scope="module")
def server(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    known = {"PHTLAB_CONFIG": str(world.researcher), "PHTLAB_CACHE": str(CACHE)}
    with lab_running(tmp_path_factory.mktemp("jupyter") / "lab", known) as server:
        shutil.copy(ROOT / "notebooks" / HEART, server.root / HEART)
        yield server


@pytest.fixture(scope="module")
def page(server: LabServer, world: World) -> Iterator[Page]:
    page = Page(server)
    page.unlock(world)
    yield page
    page.close()


@pytest.fixture(scope="module")
def journey(page: Page, world: World) -> Any:
    """A journey of the heart notebook through both hospitals that is done."""
    sent = page.send(["cleveland", "hungary"])
    return page.watch(sent["id"], done)[-1]


def test_a_wrong_passphrase_opens_nothing(page: Page, world: World):
    page.post("keys/lock", {})
    assert page.refused("POST", "keys/unlock", {"passphrase": "not this one"}) == (
        422,
        "passphrase",
    )
    assert page.get("status")["key"]["state"] == "locked"
    page.unlock(world)
    status = page.get("status")
    assert (status["key"]["state"], status["key"]["member"], status["problem"]) == (
        "unlocked",
        True,
        None,
    )
    assert status["dry_runs"] is True
    assert {s["name"]: (s["online"], s["twin"]) for s in page.get("stations")} == {
        "cleveland": (True, False),
        "hungary": (True, False),
        "switzerland": (True, False),
        "va-long-beach": (True, False),
        "twin": (True, True),
    }


def test_a_dry_run_is_told_cell_by_cell(page: Page):
    sent = page.send("twin")
    assert (sent["twin"], sent["mine"], sent["notebook"]) == (True, True, HEART)
    assert sent["parameters"] == {"min_age": 40}
    (stops,) = zip(*(told["stops"] for told in page.watch(sent["id"], done)), strict=True)
    states = list(dict.fromkeys(stop["state"] for stop in stops))
    order = ["offered", "verified", "admitted", "running", "airlock", "sealed", "departed"]
    assert states == [state for state in order if state in states]
    assert (states[-1], "running" in states) == ("departed", True)
    cells = [stop["cell"] for stop in stops if stop["state"] == "running" and stop["cell"]]
    # The station does not tell of every cell: one that takes no time is not worth a message.
    assert cells and cells == sorted(cells)
    # The parameters, and six cells of the station.
    assert {stop["cells"] for stop in stops if stop["cell"]} == {7}
    assert stops[-1]["seconds"] > 0


def test_results_are_shown_once_they_verify(page: Page, journey: Any):
    assert [stop["state"] for stop in journey["stops"]] == ["departed", "departed"]
    results = page.get(f"journeys/{journey['id']}/results")
    assert [one["station"] for one in results["stations"]] == ["cleveland", "hungary"]
    assert (results["failures"], results["unsigned"]) == ([], [])
    for one in results["stations"]:
        outputs = {output["name"]: output for output in one["outputs"]}
        assert outputs["moments"]["table"]["columns"][:3] == ["variable", "disease", "n"]
        assert outputs["moments"]["table"]["total"] == len(outputs["moments"]["table"]["rows"])
        assert b64decode(outputs["age_hist"]["png"]).startswith(b"\x89PNG")
        assert outputs["heart_rate_model"]["shapes"]["xtx"] == [3, 3]
        assert {v["verdict"] for v in one["verdicts"]} <= {"released", "suppressed"}


def test_results_need_the_key(page: Page, journey: Any, world: World):
    page.post("keys/lock", {})
    for verb, path, body in [
        ("GET", "results", None),
        ("POST", "aggregate", {}),
        ("POST", "export", {"directory": "locked"}),
    ]:
        assert page.refused(verb, f"journeys/{journey['id']}/{path}", body) == (423, "key-locked")
    assert not (page.server.root / "locked").exists()
    page.unlock(world)


def test_the_new_aggregate_notebook_runs_as_it_is(page: Page, journey: Any):
    path = page.post(f"journeys/{journey['id']}/aggregate", {})["path"]
    file = page.server.root / path
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    shown: list[dict[str, Any]] = []
    with page.kernel() as kernel:
        for cell in notebook.cells:
            if cell.cell_type == "code":
                shown += run(kernel, cell.source)
    assert errors(shown) == []
    assert pictures(shown) >= 2
    # Asked for again, it is the same one, unless somebody wrote in it.
    assert page.post(f"journeys/{journey['id']}/aggregate", {})["path"] == path
    file.write_text(file.read_text().replace("what came back", "my notes"))
    other = page.post(f"journeys/{journey['id']}/aggregate", {})["path"]
    assert other == path.replace(".ipynb", "-2.ipynb")
    assert "my notes" in file.read_text()


def test_the_notebook_s_own_aggregate_cells_are_filled_and_run(page: Page, journey: Any):
    own = page.server.root / HEART
    before = nbformat.read(own, as_version=4)
    told = page.post(f"journeys/{journey['id']}/aggregate", {"path": HEART})
    assert told == {"path": HEART}
    after = nbformat.read(own, as_version=4)
    changed = [
        (old, new)
        for old, new in zip(before.cells, after.cells, strict=True)
        if old.source != new.source
    ]
    ((old, new),) = changed
    call = f'phtlab.results("{journey["id"]}")'
    assert new.source == old.source.replace("phtlab.results()", call)
    cells = [c.source for c in after.cells if "aggregate" in c.metadata.get("tags", [])]
    shown: list[dict[str, Any]] = []
    with page.kernel() as kernel:
        for source in cells:
            shown += run(kernel, source)
    assert errors(shown) == []
    assert pictures(shown) >= 1


def test_a_kernel_speaks_with_the_unlocked_key_and_not_with_a_locked_one(page: Page, world: World):
    whose = "import phtlab\nphtlab.connect().name"
    with page.kernel() as kernel:
        shown = run(kernel, whose)
        assert [output["data"]["text/plain"] for output in shown] == [repr(RESEARCHER)]
    page.post("keys/lock", {})
    with page.kernel() as kernel:
        (error,) = errors(run(kernel, whose))
        assert error.startswith("KeyFileError: Your key is locked")
        page.unlock(world)
        assert errors(run(kernel, whose)) == []


def test_a_station_cell_runs_here_on_the_twin(page: Page):
    with page.kernel() as kernel:
        shown = run(kernel, 'import phtlab\nlen(phtlab.dataset("heart"))')
    assert errors(shown) == []
    assert int(shown[-1]["data"]["text/plain"]) > 100


def test_results_are_exported_to_a_new_folder(page: Page, journey: Any):
    told = page.post(f"journeys/{journey['id']}/export", {"directory": "out/heart"})
    assert told == {"path": "out/heart"}
    folder = page.server.root / "out" / "heart"
    assert sorted(p.name for p in folder.iterdir()) == ["cleveland", "hungary"]
    names = {path.name for path in (folder / "cleveland").iterdir()}
    assert names >= {"moments.csv", "moments.parquet", "age_hist.png", "record.json"}
    assert (folder / "cleveland" / "moments.csv").read_text().startswith("variable,disease,n")
    assert page.refused("POST", f"journeys/{journey['id']}/export", {"directory": "out/heart"}) == (
        409,
        "folder-exists",
    )


def test_a_notebook_that_cannot_travel_is_not_sent(page: Page):
    cell = nbformat.v4.new_code_cell("print(nowhere)", metadata={"tags": ["station"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), page.server.root / "slip.ipynb")
    before = len(page.get("journeys"))
    order = {
        "path": "slip.ipynb",
        "checked": page.checked(),
        "stations": "all",
        "parameters": {},
        "recipients": [],
    }
    assert page.refused("POST", "journeys", order)[0] == 422
    for change, code in [
        ({"parameters": {"min_age": 3}}, "parameter-bounds"),
        ({"stations": ["atlantis"]}, "unknown-station"),
        ({"recipients": ["nobody"]}, "not-on-roster"),
    ]:
        status, told = page.refused("POST", "journeys", {**order, "path": HEART, **change})
        assert (status in (403, 422), told) == (True, code)
    assert len(page.get("journeys")) == before


def test_what_changed_after_its_check_is_not_signed(page: Page):
    """Another tab, a terminal or a pull writes the file while the dialog is open."""
    file = page.server.root / "changed.ipynb"
    shutil.copy(page.server.root / HEART, file)
    seen, before = page.checked(file.name), len(page.get("journeys"))
    notebook = nbformat.read(file, as_version=4)
    station = next(c for c in notebook.cells if "station" in c.metadata.get("tags", []))
    station.source += "\n# Somebody else was here."
    nbformat.write(notebook, file)
    for stations in ("twin", "all", ["cleveland"]):
        order = {"path": file.name, "checked": seen, "stations": stations}
        assert page.refused("POST", "journeys", order) == (409, "notebook-changed")
    assert len(page.get("journeys")) == before
    assert page.checked(file.name) != seen
    sent = page.send("twin", file.name)
    assert page.watch(sent["id"], done)[-1]["stops"][0]["state"] == "departed"


def test_a_cancelled_journey_has_no_results_and_says_why(page: Page):
    sent = page.send(["cleveland"])
    page.post(f"journeys/{sent['id']}/cancel", {})
    (stop,) = page.watch(sent["id"], done)[-1]["stops"]
    results = page.get(f"journeys/{sent['id']}/results")
    told = [*results["failures"], *results["unsigned"], *results["stations"]]
    assert [one["station"] for one in told] == ["cleveland"]
    assert stop["state"] in ("cancelled", "departed")


def test_a_journey_goes_on_without_the_server_that_sent_it(
    page: Page, server: LabServer, world: World
):
    sent = page.send("all")
    page.watch(sent["id"], lambda told: any(s["state"] == "running" for s in told["stops"]))
    server.restart()
    status = page.get("status")
    assert status["key"]["state"] == "locked"
    assert page.refused("GET", f"journeys/{sent['id']}/results")[1] == "key-locked"
    page.unlock(world)
    last = page.watch(sent["id"], done)[-1]
    assert [stop["state"] for stop in last["stops"]] == 4 * ["departed"]
    assert last["notebook"] == HEART
    results = page.get(f"journeys/{sent['id']}/results")
    assert len(results["stations"]) == 4


def test_the_tutorial_is_copied_beside_what_is_there(page: Page, server: LabServer):
    wanted = (ROOT / "notebooks" / "tutorial.ipynb").read_bytes()
    mine = server.root / "tutorial.ipynb"
    mine.write_text("mine")
    assert page.post("tutorial", {}) == {"path": "tutorial-2.ipynb"}
    assert page.post("tutorial", {}) == {"path": "tutorial-3.ipynb"}
    assert mine.read_text() == "mine"
    assert (server.root / "tutorial-2.ipynb").read_bytes() == wanted


def test_no_secret_is_in_the_server_s_log(server: LabServer, world: World, page: Page):
    assert world.passphrase not in server.log
    assert "AGE-SECRET-KEY" not in server.log
