"""Models are numbers in the safetensors format, and nothing that could be run."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from phtlab.runtime import PublishError
from phtlab.runtime.model import encode_tensors, tensors_of

ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.5]])
LABELS = np.array([0, 0, 1, 1])


def refusal(value):
    with pytest.raises(PublishError) as caught:
        tensors_of("m", value)
    return str(caught.value)


def test_safetensors_reads_what_was_written():
    arrays = {
        "weights": np.arange(6, dtype="float64").reshape(2, 3).T,
        "small": np.array([1, 2], dtype="float16"),
        "big_endian": np.array([1, 2], dtype=">i4"),
        "flag": np.array(True),
        "n": 12,
        "rate": 0.5,
        "empty": np.zeros((0, 3)),
    }
    opened = load(encode_tensors(tensors_of("m", arrays)))

    assert set(opened) == set(arrays)
    for key, value in arrays.items():
        np.testing.assert_array_equal(opened[key], value)
    assert opened["n"].dtype == "int64"


def test_same_arrays_give_the_same_bytes():
    one, two = {"b": np.ones(2), "a": np.zeros(1)}, {"a": np.zeros(1), "b": np.ones(2)}
    assert encode_tensors(one) == encode_tensors(two)


def test_linear_model_publishes_its_parameters():
    fitted = LogisticRegression().fit(ROWS, LABELS)
    opened = load(encode_tensors(tensors_of("m", fitted)))

    np.testing.assert_array_equal(opened["coef_"], fitted.coef_)
    np.testing.assert_array_equal(opened["intercept_"], fitted.intercept_)
    np.testing.assert_array_equal(opened["classes_"], [0, 1])


def test_scaler_publishes_its_parameters():
    opened = load(encode_tensors(tensors_of("m", StandardScaler().fit(ROWS))))

    assert opened["mean_"].shape == (2,)


def test_tensors_of_torch_are_taken_by_their_numbers():
    class Tensor:
        def detach(self):
            return self

        def cpu(self):
            return self

        def numpy(self):
            return np.ones(3, dtype="float32")

    assert tensors_of("m", {"w": Tensor()})["w"].dtype == "float32"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "is an empty dict"),
        ({"names": ["a", "b"]}, "'names' is not numeric (list of <U1)"),
        ({"o": np.array([object()])}, "'o' is not numeric"),
        ({"layer 1": np.zeros(1)}, "'layer 1' cannot name an array. Use letters, digits and _ . -"),
        ({1: np.zeros(1)}, "1 cannot name an array"),
        ({"ragged": [[1], [1, 2]]}, "'ragged' is not numeric"),
        ({"z": np.array([1j])}, "'z' is not numeric"),
        ({"__metadata__": np.zeros(1)}, "'__metadata__' is not numeric"),
        (object(), "Objects of Python are not published, because opening one can run its code"),
        (LogisticRegression(), "has no fitted parameters that may leave, such as coef_. Fit it"),
        (KNeighborsClassifier(1).fit(ROWS, LABELS), "has no fitted parameters that may leave"),
        (make_pipeline(StandardScaler()), "Publish the parameters of its steps"),
        (
            LogisticRegression().fit(ROWS, np.array(["no", "no", "yes", "yes"])),
            "'classes_' is not numeric",
        ),
    ],
)
def test_what_is_not_numbers_is_refused(value, message):
    assert message in refusal(value)


def test_training_rows_kept_by_an_estimator_never_leave():
    with pytest.raises(PublishError):
        tensors_of("m", SVC().fit(ROWS, LABELS))
    linear = tensors_of("m", SVC(kernel="linear").fit(ROWS, LABELS))
    assert "support_vectors_" not in linear
