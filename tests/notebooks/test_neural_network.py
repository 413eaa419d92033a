"""The network that travels from hospital to hospital, as its reader trains it."""

from __future__ import annotations

import io
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from phtlab.demo.pooled import patients
from phtlab.demo.showcase import DATA
from phtlab.share import share
from tests.notebooks.executed import Executed, execute

ROUTE = ["switzerland", "va-long-beach", "hungary", "cleveland"]
NETWORK = "{name: numbers.tolist() for name, numbers in trained.items()}"
UNTRAINED = "{name: numbers.tolist() for name, numbers in untrained.items()}"
SENDERS = "list(results.models('network'))"
STEPS = 200

pytestmark = pytest.mark.engine

Network = dict[str, np.ndarray]
Patients = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def showcase(researcher: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Executed:
    folder = tmp_path_factory.mktemp("network")
    return execute("neural_network.ipynb", folder, researcher, [NETWORK, UNTRAINED, SENDERS])


def measured(station: str) -> tuple[Patients, Patients]:
    """Inputs and diagnoses of the patients to train with, and of those to test with."""
    rows = patients(share(DATA)).dropna(subset=["age", "cp", "thalch", "exang"])
    rows = rows[rows.station == station]
    inputs = np.empty((len(rows), 4))
    inputs[:, 0] = (rows["age"] - 54) / 9
    inputs[:, 1] = (rows["thalch"] - 138) / 26
    inputs[:, 2] = rows["exang"].astype(bool)
    inputs[:, 3] = rows["cp"] == "asymptomatic"
    ill = (rows["disease"] == "yes").to_numpy(dtype=float)
    train = np.ones(len(rows), dtype=bool)
    train[::6] = False
    return (inputs[train], ill[train]), (inputs[~train], ill[~train])


def likely(network: Network, inputs: np.ndarray) -> np.ndarray:
    hidden = np.tanh(np.einsum("ni,ih->nh", inputs, network["w1"]) + network["b1"])
    return 1 / (1 + np.exp(-(hidden @ network["w2"] + network["b2"])))


def trained(network: Network, data: Patients, steps: int) -> Network:
    """The same training, written anew: each patient's gradient, then their mean."""
    inputs, ill = data
    for _ in range(steps):
        hidden = np.tanh(inputs @ network["w1"] + network["b1"])
        error = likely(network, inputs) - ill
        outer = error[:, None] * network["w2"] * (1 - hidden * hidden)
        gradient = {
            "w1": (inputs[:, :, None] * outer[:, None, :]).mean(axis=0),
            "b1": outer.mean(axis=0),
            "w2": (hidden * error[:, None]).mean(axis=0),
            "b2": np.array([error.mean()]),
        }
        network = {
            name: numbers - 0.2 * (gradient[name] + 0.001 * numbers)
            for name, numbers in network.items()
        }
    return network


def accuracy(network: Network) -> float:
    tests = [measured(station)[1] for station in ROUTE]
    right = [(likely(network, inputs) > 0.5) == ill for inputs, ill in tests]
    return float(np.concatenate(right).mean())


def network_of(showcase: Executed, expression: str) -> Network:
    return {name: np.array(numbers) for name, numbers in showcase.values[expression].items()}


def test_the_route_follows_from_the_notebook(showcase: Executed):
    assert "sequential" in showcase.shown("connect")[0]
    assert "1. twin: departed" in showcase.shown("dry-run")[0]
    (route,) = showcase.shown("wait")
    assert [line.split()[1:] for line in route.splitlines()[1:]] == [
        [f"{hospital}:", "departed"] for hospital in ROUTE
    ]


def test_the_network_is_the_one_that_the_hospitals_would_train_in_one_place(showcase: Executed):
    expected = network_of(showcase, UNTRAINED)
    for station in ROUTE:
        expected = trained(expected, measured(station)[0], STEPS)
    for name, numbers in network_of(showcase, NETWORK).items():
        np.testing.assert_allclose(numbers, expected[name], rtol=0, atol=1e-9)


def test_it_answers_about_as_well_as_one_that_saw_all_rows(showcase: Executed):
    together = [measured(station)[0] for station in ROUTE]
    rows = np.concatenate([x for x, _ in together]), np.concatenate([y for _, y in together])
    central = trained(network_of(showcase, UNTRAINED), rows, STEPS * len(ROUTE))
    sequential = network_of(showcase, NETWORK)
    assert accuracy(sequential) > 0.8
    assert abs(accuracy(sequential) - accuracy(central)) < 0.03


def test_the_figure_shows_weights_and_answers(showcase: Executed):
    (png,) = showcase.shown("answers", "image/png")
    image = Image.open(io.BytesIO(b64decode(png)))
    assert image.width > 2 * image.height
    colours = {colour for _, colour in image.convert("RGB").getcolors(100_000) or []}
    assert (0x44, 0x77, 0xAA) in colours, "right answers"


def test_only_the_last_hospital_sends_the_network_here(showcase: Executed):
    assert showcase.values[SENDERS] == [ROUTE[-1]]
