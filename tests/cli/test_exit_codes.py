"""Errors become numbers in one place, and values become types before they are sent."""

import subprocess
import sys

import pytest

from phtlab import errors
from phtlab.cli.dispatch import typed_values
from phtlab.cli.exit_codes import EXIT_CODES, exit_code
from tests.limits import LIMIT

SCHEMA = {
    "properties": {
        "min_age": {"type": "integer"},
        "share": {"type": "number"},
        "strict": {"type": "boolean"},
        "outcome": {"type": "string"},
    }
}


def every_error() -> list[type[errors.PhtlabError]]:
    return [v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, Exception)]


def test_every_error_has_a_documented_exit_code():
    assert len(every_error()) > 30
    assert {exit_code(kind("told")) for kind in every_error()} <= set(EXIT_CODES)


def test_texts_become_the_declared_types():
    pairs = ["min_age=40", "share=0.5", "strict=true", "outcome=any"]
    expected = {"min_age": 40, "share": 0.5, "strict": True, "outcome": "any"}
    assert typed_values(pairs, SCHEMA) == expected


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("min_age", "'min_age' is not of the form NAME=VALUE, as in --parameter min_age=40."),
        ("min_age=old", "Parameter 'min_age' is of type integer; 'old' is not."),
        ("share=half", "Parameter 'share' is of type number; 'half' is not."),
        ("strict=maybe", "Parameter 'strict' is true or false; 'maybe' is neither."),
    ],
)
def test_a_text_of_another_type_is_refused(pair, message):
    with pytest.raises(errors.ParameterError) as refused:
        typed_values([pair], SCHEMA)
    assert str(refused.value) == message


def test_an_error_is_one_sentence_and_no_traceback(tmp_path):
    command = [sys.executable, "-m", "phtlab", "journey", "list"]
    environment = {"PHTLAB_CONFIG": str(tmp_path), "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 3
    assert "phtlab does not know central's address yet" in done.stderr
    assert "phtlab key create NAME" in done.stderr
    assert "Traceback" not in done.stderr
