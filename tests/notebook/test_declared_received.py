"""Received values, read from the calls of `receive`."""

from __future__ import annotations

from typing import Any

import pytest

from phtlab.notebook import Analysis, read_analysis
from phtlab.notebook.declared_received import DeclaredReceived

PUBLISH = "phtlab.publish('m', value, kind='model', of=120, tensors='w', to='next')"


def station(nb: Any, *calls: str) -> Analysis:
    received = "\n".join(f"value = phtlab.{call}" for call in calls)
    return read_analysis(nb(("station", f"import phtlab\n{received}\n{PUBLISH}")))


@pytest.mark.parametrize(
    "call",
    [
        "receive('m', None, {'w': (4, None), 'b': []}, -1, 2.5)",
        "receive(name='m', default=None, arrays={'w': [4, None], 'b': ()}, lowest=-1, highest=2.5)",
    ],
)
def test_shapes_and_bounds_are_read(nb: Any, call: str) -> None:
    analysis = station(nb, call)
    assert analysis.findings == ()
    shapes = (("w", (4, None)), ("b", ()))
    assert analysis.received == (DeclaredReceived("m", shapes, -1.0, 2.5),)


def test_nothing_of_it_need_be_declared(nb: Any) -> None:
    analysis = station(nb, "receive('m', default=None, arrays=None, lowest=None)")
    assert (analysis.findings, analysis.received) == ((), (DeclaredReceived("m"),))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("arrays=shapes", "receive-arrays"),
        ("arrays={}", "receive-arrays"),
        ("arrays={'w': 4}", "receive-arrays"),
        ("arrays={'w': (0,)}", "receive-arrays"),
        ("arrays={'w': (-4,)}", "receive-arrays"),
        ("arrays={'w': (True,)}", "receive-arrays"),
        ("arrays={'w': (4.0,)}", "receive-arrays"),
        ("arrays={'w': (1, 1, 1, 1, 1, 1, 1, 1, 1)}", "receive-arrays"),
        ("arrays={**shapes}", "receive-arrays"),
        ("arrays={1: (4,)}", "receive-arrays"),
        ("arrays={'w w': (4,)}", "receive-arrays"),
        ("lowest='a'", "receive-bounds"),
        ("lowest=True", "receive-bounds"),
        ("highest=float('inf')", "receive-bounds"),
        ("highest=1e999", "receive-bounds"),
        ("highest=+1", "receive-bounds"),
        ("lowest=2, highest=1", "receive-bounds"),
    ],
)
def test_what_is_not_written_out_is_an_error(nb: Any, arguments: str, code: str) -> None:
    errors = station(nb, f"receive('m', default=None, {arguments})").errors
    assert code in {error.code for error in errors}


def test_two_calls_declare_alike(nb: Any) -> None:
    call = "receive('m', default=None, lowest=0)"
    assert station(nb, call, call).findings == ()
    (error,) = station(nb, call, "receive('m', default=None)").errors
    assert error.code == "receive-twice"
