"""The network that is trained by rounds, as its reader trains it, beside the other ways."""

from __future__ import annotations

import io
import shutil
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from phtlab.demo.heart import HOSPITALS
from tests.notebooks.executed import NOTEBOOKS, Executed, execute
from tests.notebooks.test_neural_network import (
    ROUTE,
    Network,
    accuracy,
    likely,
    measured,
    trained,
)

NETWORKS = "{way: {n: v.tolist() for n, v in net.items()} for way, net in networks.items()}"
UNTRAINED = "{name: numbers.tolist() for name, numbers in untrained.items()}"
COMPARED = "compared.to_dict('index')"
REPORTS = "results.of_rounds.reports.to_dict('list')"
ROUNDS, STEPS = 20, 10

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def showcase(researcher: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Executed:
    folder = tmp_path_factory.mktemp("averaging")
    shutil.copy(NOTEBOOKS / "neural_network.ipynb", folder)
    values = [NETWORKS, UNTRAINED, COMPARED, REPORTS]
    return execute("neural_network_rounds.ipynb", folder, researcher, values)


def network(numbers: dict[str, list[float]]) -> Network:
    return {name: np.array(values) for name, values in numbers.items()}


@pytest.fixture
def networks(showcase: Executed) -> dict[str, Network]:
    return {way: network(numbers) for way, numbers in showcase.values[NETWORKS].items()}


@pytest.fixture
def untrained(showcase: Executed) -> Network:
    return network(showcase.values[UNTRAINED])


def require_equal(found: Network, expected: Network) -> None:
    assert found.keys() == expected.keys()
    for name, numbers in found.items():
        np.testing.assert_allclose(numbers, expected[name], rtol=0, atol=1e-8)


def test_rounds_average_what_the_hospitals_train(
    showcase: Executed, networks: dict[str, Network], untrained: Network
) -> None:
    at = {hospital: measured(hospital)[0] for hospital in HOSPITALS}
    people = {hospital: len(ill) for hospital, (_, ill) in at.items()}
    common, losses = untrained, []
    for _ in range(ROUNDS):
        told = [
            -np.log(np.where(ill == 1, p, 1 - p)).sum()
            for inputs, ill in at.values()
            for p in [likely(common, inputs)]
        ]
        losses.append(sum(told) / sum(people.values()))
        own = {hospital: trained(common, rows, STEPS) for hospital, rows in at.items()}
        common = {
            name: np.average([n[name] for n in own.values()], axis=0, weights=list(people.values()))
            for name in common
        }
    require_equal(networks["by rounds"], common)
    reports = showcase.values[REPORTS]
    assert reports["heard"] == [len(HOSPITALS)] * ROUNDS
    np.testing.assert_allclose(reports["loss"], losses, rtol=0, atol=1e-8)


def test_in_turn_and_in_one_place_it_is_trained_as_said(
    networks: dict[str, Network], untrained: Network
) -> None:
    for way, route in (("first", ROUTE), ("last", ROUTE[::-1])):
        expected = untrained
        for hospital in route:
            expected = trained(expected, measured(hospital)[0], ROUNDS * STEPS)
        require_equal(networks[f"sequential, small hospitals {way}"], expected)
    together = [measured(hospital)[0] for hospital in ROUTE]
    rows = np.concatenate([x for x, _ in together]), np.concatenate([y for _, y in together])
    require_equal(networks["in one place"], trained(untrained, rows, ROUNDS * STEPS))


def test_accuracies_are_side_by_side_as_they_are(
    showcase: Executed, networks: dict[str, Network]
) -> None:
    compared = showcase.values[COMPARED]
    assert list(compared) == list(networks)
    (shown,) = showcase.shown("comparison", "text/html")
    for way, row in compared.items():
        assert row["all hospitals"] == pytest.approx(accuracy(networks[way]))
        for hospital in HOSPITALS:
            inputs, ill = measured(hospital)[1]
            right = (likely(networks[way], inputs) > 0.5) == ill
            assert row[hospital] == pytest.approx(right.mean())
        assert f"{row['all hospitals']:.1%}" in shown
        assert f"{row['all hospitals']:.0%}" in showcase.cell("reading").source


def test_rounds_do_as_well_as_one_place_and_order_matters_in_turn(showcase: Executed) -> None:
    everywhere = {way: row["all hospitals"] for way, row in showcase.values[COMPARED].items()}
    assert abs(everywhere["by rounds"] - everywhere["in one place"]) < 0.02
    assert abs(everywhere["sequential, small hospitals first"] - everywhere["in one place"]) < 0.02
    assert everywhere["sequential, small hospitals last"] < everywhere["by rounds"] - 0.1


def test_the_figure_is_drawn(showcase: Executed) -> None:
    (png,) = showcase.shown("figure", "image/png")
    image = Image.open(io.BytesIO(b64decode(png)))
    assert image.width > 2 * image.height
    colours = {colour for _, colour in image.convert("RGB").getcolors(100_000) or []}
    assert {(0x44, 0x77, 0xAA), (0xCC, 0x66, 0x77)} <= colours, "by rounds and in turn"
