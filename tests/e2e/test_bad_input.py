"""What a researcher can get wrong, or try, before a train travels: each with its whole message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from phtlab.demo.world import World
from phtlab.errors import OrderError, ParameterError
from phtlab.lab import Journey, Lab
from tests.e2e.parts import command, ended, sign_and_send
from tests.e2e.written_notebook import LOAD, PUBLISH, write_notebook

pytestmark = pytest.mark.engine

NO_NAME = (
    "is not a parameter's name: a name is a letter, then letters, digits and underscores, at most "
    "63, and no word of the language."
)
PARAMETERS: dict[str, tuple[dict[str, Any], str, str]] = {
    "of the wrong type": (
        {"min_age": "old"},
        "parameter-type",
        "Parameter 'min_age' takes a whole number (18 to 100), not 'old' (str).",
    ),
    "out of bounds": (
        {"min_age": 17},
        "parameter-bounds",
        "Parameter 'min_age' is 17; it takes 18 to 100.",
    ),
    "undeclared": (
        {"max_age": 90},
        "parameter-unknown",
        "Unknown parameter 'max_age'. Did you mean 'min_age'? The notebook declares min_age.",
    ),
    "with a name that is code": (
        {"min_age = 40; import os; x": 1},
        "parameter-name",
        f"'min_age = 40; import os; x' {NO_NAME}",
    ),
    "with a name that is a word of the language": (
        {"import": 1},
        "parameter-name",
        f"'import' {NO_NAME}",
    ),
}


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_notebook(tmp_path_factory.mktemp("input") / "ages.ipynb", LOAD, PUBLISH)


@pytest.fixture(scope="module")
def signed_anyway(lab: Lab, notebook: Path) -> dict[str, Journey]:
    """Orders with each of PARAMETERS, signed by a client that does not check them."""
    train = lab.train(notebook)
    return {
        what: sign_and_send(lab, train, ("cleveland",), values)
        for what, (values, _, _) in PARAMETERS.items()
    }


def test_unknown_station(lab: Lab, notebook: Path) -> None:
    before = len(lab.journeys())
    with pytest.raises(OrderError) as refused:
        lab.dispatch(notebook, stations=["cleveland", "charite"])
    assert refused.value.code == "unknown-station"
    assert str(refused.value) == (
        "There is no station called 'charite'. Stations of heart-net: cleveland, hungary, "
        "switzerland, va-long-beach."
    )
    assert len(lab.journeys()) == before


def test_unknown_station_on_the_command_line(world: World, notebook: Path) -> None:
    said = command(world, "dispatch", str(notebook), "--station", "charite")
    assert said.returncode == 4
    assert said.stdout == ""
    assert said.stderr == (
        "error There is no station called 'charite'. Stations of heart-net: cleveland, hungary, "
        "switzerland, va-long-beach.\n"
    )


@pytest.mark.parametrize("what", PARAMETERS)
def test_parameter_is_refused_before_anything_is_sent(lab: Lab, notebook: Path, what: str) -> None:
    values, code, message = PARAMETERS[what]
    before = len(lab.journeys())
    with pytest.raises(ParameterError) as refused:
        lab.dispatch(notebook, stations="cleveland", parameters=values)
    assert (refused.value.code, str(refused.value)) == (code, message)
    assert len(lab.journeys()) == before


@pytest.mark.parametrize("what", PARAMETERS)
def test_parameter_is_refused_again_by_the_station(
    signed_anyway: dict[str, Journey], what: str
) -> None:
    _, code, message = PARAMETERS[what]
    record = ended(signed_anyway[what], "cleveland")
    assert (record.outcome, record.code, record.sentence) == ("refused", code, message)
    assert record.started is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("min_age=old", "Parameter 'min_age' is of type integer; 'old' is not."),
        ("min_age=17", "Parameter 'min_age' is 17; it takes 18 to 100."),
        ("min_age", "'min_age' is not of the form NAME=VALUE, as in --parameter min_age=40."),
    ],
)
def test_parameter_on_the_command_line(
    world: World, notebook: Path, given: str, message: str
) -> None:
    said = command(world, "dispatch", str(notebook), "--parameter", given)
    assert (said.returncode, said.stdout, said.stderr) == (3, "", f"error {message}\n")
