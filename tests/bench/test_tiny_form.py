"""Every bench runs from start to end in its tiny form: each step, with the smallest numbers.

No figure is asserted, and none is kept. The peers run as well: Debian's age, pyrage and papermill;
PHT-meDIC's library, jupyter-scheduler, Flower and NVFLARE in environments that are made from
`bench/*.lock`, once a checkout, in seconds if uv has their packages in its cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import docker
import pytest

from bench.aims import AIMS
from bench.figures import RESULTS, Row
from bench.size import FULL, TINY, BenchSize
from bench.suite import ALONE, IN_CONSORTIUM
from phtlab.demo.world import TWIN, World, running
from tests.conftest import CACHE

MARKS = {"interface": pytest.mark.browser}


def rows_of(size: BenchSize) -> dict[str, set[str]]:
    """The rows that each bench returns."""
    outputs = {f"stop_{output}" for output in size.stop_runs}
    journeys = {"journey4_cold", "journey4_warm"}
    return {
        "seal": {"seal_1gb", "open_1gb", "seal_1gb_rss", "open_1gb_rss"},
        "airlock": {"airlock_million_rows"},
        "waiting": {"central_wait_p99"},
        "journey": {"train_build_warm", "stop_trivial_over_papermill", *journeys},
        "stop": outputs | {f"{name}_rss" for name in outputs},
        "approval": {"approval_rule_added"},
        "rounds": {"round_trivial", "rounds_first", "rounds_1000"}
        | {f"round_{name}" for name in ("1mb", "100mb") if name in size.rounds_payloads},
        "round-stations": {"round_30_stations"},
        "scheduler": {"dry_run", "dry_run_opened"},
        "interface": {"interface_begin", "interface_end"},
    }


@pytest.fixture(scope="module")
def consortium(
    tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient
) -> Iterator[World]:
    """Two hospitals and a twin of their own: benches restart services and change a policy."""
    place = tmp_path_factory.mktemp("bench") / "world"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHTLAB_CACHE", str(CACHE))
        made = World(place, log_n=12, stations=("cleveland", "hungary", TWIN))
        with running(made, lambda doing: None) as world:
            yield world


@pytest.fixture(autouse=True)
def _results_unchanged() -> Iterator[None]:
    before = RESULTS.read_bytes()
    yield
    assert RESULTS.read_bytes() == before


@pytest.mark.engine  # no container: PostgreSQL and processes of their own
@pytest.mark.parametrize("name", ALONE)
def test_a_bench_that_runs_alone(name: str) -> None:
    require_rows(name, ALONE[name](TINY))


@pytest.mark.engine
@pytest.mark.timeout(900)  # servers start, are killed, and start again
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=MARKS.get(name, ())) for name in IN_CONSORTIUM]
)
def test_a_bench_in_a_consortium(name: str, consortium: World) -> None:
    require_rows(name, IN_CONSORTIUM[name](consortium, TINY))


def test_the_benches_measure_all_that_is_aimed_at() -> None:
    rows = rows_of(FULL)
    assert rows.keys() == {*ALONE, *IN_CONSORTIUM}
    assert set().union(*rows.values()) == AIMS.keys()


def require_rows(name: str, rows: list[Row]) -> None:
    assert {row.name for row in rows} == rows_of(TINY)[name]
    assert all(math.isfinite(row.value) for row in rows)
