"""Values that combine cells send: compared with what round cells declare before they leave."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from phtlab.errors import AirlockError, JourneyError
from phtlab.lab.rounds.sent_values import encoded_results, encoded_values
from phtlab.runtime.model import encode_tensors
from phtlab.runtime.rounds.combine_names import decoded_value
from phtlab.station.airlock.received_values import checked_value
from phtlab.train.documents.manifest import DeclaredArray, Output, Received
from tests.raising import raises_code

LAYERS = Received(
    name="net",
    arrays=(
        DeclaredArray(name="layer*.weight", shape=(2, None)),
        DeclaredArray(name="bias", shape=(3,)),
    ),
    lowest=-1.0,
    highest=0.1,
)
FITS: dict[str, Any] = {"layer0.weight": np.zeros((2, 5)), "bias": np.zeros(3)}


def test_a_model_comes_back_as_it_was_sent() -> None:
    encoded = encoded_values({"net": FITS}, [LAYERS])
    decoded = decoded_value("net", encoded["net"])
    assert {k: v.tolist() for k, v in decoded.items()} == {k: v.tolist() for k, v in FITS.items()}


@pytest.mark.parametrize("value", [2.5, 7, np.arange(4), np.eye(2, dtype=np.float32)])
def test_an_array_or_a_number_comes_back_by_itself(value: Any) -> None:
    encoded = encoded_values({"beta": value}, [Received(name="beta")])
    decoded = decoded_value("beta", encoded["beta"])
    assert np.array_equal(decoded, value)
    assert np.shape(decoded) == np.shape(value)


def test_a_name_that_no_cell_receives_is_refused() -> None:
    with raises_code(JourneyError, "sent-undeclared"):
        encoded_values({"alpha": 1.0}, [LAYERS])


@pytest.mark.parametrize("value", ["text", None, [], object(), {"bias": "text"}, {}, [[1], [1, 2]]])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with raises_code(JourneyError, "sent-form"):
        encoded_values({"beta": value}, [Received(name="beta")])


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "another array": ("sent-arrays", {**FITS, "rows": np.zeros(3)}),
    "an array that lacks": ("sent-arrays", {"layer0.weight": FITS["layer0.weight"]}),
    "another length": ("sent-arrays", {**FITS, "bias": np.zeros(4)}),
    "another dimension": ("sent-arrays", {**FITS, "bias": np.zeros((3, 1))}),
    "another shape of a pattern": ("sent-arrays", {**FITS, "layer7.weight": np.zeros((3, 5))}),
    "too low": ("sent-bounds", {**FITS, "bias": np.array([0, -1.5, 0])}),
    "too high": ("sent-bounds", {**FITS, "bias": np.array([0, 0.2, 0])}),
    "infinite": ("sent-bounds", {**FITS, "bias": np.array([0, np.inf, 0])}),
    "no number": ("sent-bounds", {**FITS, "bias": np.array([0, np.nan, 0])}),
}


@pytest.mark.parametrize(("code", "value"), WRONG.values(), ids=WRONG.keys())
def test_a_value_that_differs_from_its_declaration_is_refused(
    code: str, value: dict[str, Any]
) -> None:
    with raises_code(JourneyError, code) as caught:
        encoded_values({"net": value}, [LAYERS])
    assert "'net'" in str(caught.value)


def test_a_value_that_is_too_large_is_refused() -> None:
    with raises_code(JourneyError, "sent-size"):
        encoded_values({"beta": np.zeros(1000)}, [Received(name="beta", size=1000)])


BOUND_32 = {**FITS, "bias": np.full(3, 0.1, np.float32)}


@pytest.mark.parametrize(
    "value", [FITS, BOUND_32, *(value for _, value in WRONG.values())], ids=str
)
def test_a_station_would_judge_the_same(value: dict[str, Any]) -> None:
    """Stations check again, with code of their own: what one sends, the other accepts."""
    patterns = tuple(array.name for array in LAYERS.arrays)
    output = Output(name="net", kind="model", tensors=patterns)
    content = encode_tensors({name: np.asarray(array) for name, array in value.items()})
    try:
        encoded_values({"net": value}, [LAYERS])
    except JourneyError:
        with pytest.raises(AirlockError):
            checked_value(output, LAYERS, io.BytesIO(content), len(content))
    else:
        assert len(checked_value(output, LAYERS, io.BytesIO(content), len(content)))


def test_results_may_have_any_name_that_an_output_may_have() -> None:
    assert set(encoded_results({"fit": np.zeros(2), "loss": 0.5})) == {"fit", "loss"}
    with raises_code(JourneyError, "sent-form"):
        encoded_results({"Fit": 1.0})
