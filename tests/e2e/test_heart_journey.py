"""The main job from end to end, on the real parts: dispatch, run, seal, open, pool, plot."""

import json

import pytest

from phtlab.demo.heart import HOSPITALS
from phtlab.demo.pooled import patients
from phtlab.demo.showcase import DATA, NOTEBOOK, Showcase, conclude
from phtlab.demo.world import RESEARCHER, World
from phtlab.lab import Journey, Lab, Results
from phtlab.share import share

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def journey(lab: Lab) -> Journey:
    train = lab.train(share(NOTEBOOK))
    return lab.dispatch(train, stations=tuple(HOSPITALS)).wait(600)


@pytest.fixture(scope="module")
def results(journey: Journey) -> Results:
    return journey.results()


@pytest.fixture(scope="module")
def shown(world: World, journey: Journey) -> Showcase:
    return conclude(world, journey)


def test_all_four_hospitals_depart(journey: Journey, results: Results):
    assert [stop.state for stop in journey.stops] == ["departed"] * 4
    assert results.stations == tuple(HOSPITALS)
    assert not results.failures


def test_released_counts_are_the_hospitals_own(results: Results):
    rows = patients(share(DATA))
    sent = results.table("moments")
    ages = sent[sent.variable == "age"].set_index(["station", "disease"]).n.to_dict()
    expected = rows.groupby(["station", "disease"]).size()
    assert ages == {key: n for key, n in expected.items() if n >= 10}
    assert sum(ages.values()) == 912, "the eight of Switzerland stay there"


def test_small_cells_stay_home_and_the_record_says_so(results: Results):
    assert (results.table("moments").n >= 10).all()
    assert (results.table("by_sex").n >= 10).all()
    verdicts = {v.name: v for v in results["switzerland"].record.outputs}
    assert verdicts["moments"].verdict == "suppressed"
    assert verdicts["moments"].suppressed_rows > 0
    assert "10" in verdicts["moments"].sentence


def test_federated_figures_equal_the_pooled_ones(shown: Showcase):
    assert shown.difference < 1e-9


def test_the_report_holds_the_plot_and_the_aggregate_cells_output(shown: Showcase):
    assert shown.png.read_bytes().startswith(b"\x89PNG")
    page = shown.html.read_text()
    assert "data:image/png;base64," in page
    assert "cholesterol" in page


def test_results_export_as_parquet_and_csv(results: Results, tmp_path):
    results.export(tmp_path)
    table = results["cleveland"].table("moments")
    lines = (tmp_path / "cleveland" / "moments.csv").read_text().splitlines()
    assert len(lines) == len(table) + 1
    assert (tmp_path / "cleveland" / "moments.parquet").exists()
    record = json.loads((tmp_path / "cleveland" / "record.json").read_text())
    assert record["outcome"] == "departed"


def test_a_figure_brings_the_data_that_it_is_drawn_from(results: Results):
    figure = results["cleveland"].figure("age_hist")
    assert figure.png.startswith(b"\x89PNG")
    assert len(figure.data) > 0


def test_dry_run_is_a_journey_to_the_twin_station(lab: Lab):
    results = lab.train(share(NOTEBOOK)).dry_run({"min_age": 40})
    assert results.stations == ("twin",)
    assert len(results.table("moments")) > 0


def test_parameters_reach_the_hospitals(lab: Lab):
    journey = lab.dispatch(share(NOTEBOOK), stations="cleveland", parameters={"min_age": 60}).wait(
        600
    )
    sent = journey.results()["cleveland"].table("moments")
    rows = patients(share(DATA))
    old = rows[(rows.station == "cleveland") & (rows.age >= 60)]
    ages = sent[sent.variable == "age"].set_index("disease").n.to_dict()
    assert ages == old.groupby("disease").size().to_dict()


def test_nothing_is_left_of_a_run(world: World, journey: Journey, engine):
    names = [name for found in engine.api.containers(all=True) for name in found["Names"]]
    assert not [name for name in names if journey.id[7:19] in name]


def test_central_sees_only_age_files(world: World, journey: Journey):
    """Every piece of cargo in the registry's storage is an age file."""
    storage = world.directory / "central"
    blobs = [p for p in storage.rglob("data") if p.is_file() and "blobs" in p.parts]
    assert blobs
    sealed = [p for p in blobs if p.read_bytes()[:22] == b"age-encryption.org/v1\n"]
    assert len(sealed) >= 4
    for blob in blobs:
        content = blob.read_bytes() if blob.stat().st_size < 2**20 else b""
        assert b"moments.parquet" not in content


def test_the_researcher_is_named_as_author(lab: Lab, journey: Journey):
    train, order, records = journey.verified()
    assert train.author == RESEARCHER
    assert set(records) == set(order.stations)
