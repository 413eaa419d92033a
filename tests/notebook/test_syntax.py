"""Cells are parsed in several threads at once, as a Jupyter server does."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest

from phtlab.notebook.syntax import parse_expression, parse_module
from tests.limits import LIMIT

LINES = "\n".join(f"x{n} = f({n}, [a for a in g(h(k({n}))) if a > {n}])" for n in range(20))
OTHERS = 40


@pytest.fixture
def others() -> Iterator[list[threading.Thread]]:
    """Threads that parse as well, each from a garbage collection in the middle of this one's."""
    begun: list[threading.Thread] = []
    this = threading.current_thread()

    def let_another_parse(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and threading.current_thread() is this and len(begun) < OTHERS:
            other = threading.Thread(target=parse_module, args=(LINES,))
            begun.append(other)
            other.start()
            other.join(0.02)  # it ends before this one goes on, unless it has to wait

    thresholds = gc.get_threshold()
    gc.set_threshold(10)
    gc.callbacks.append(let_another_parse)
    yield begun
    gc.callbacks.remove(let_another_parse)
    gc.set_threshold(*thresholds)


def test_threads_that_parse_at_once_do_not_disturb_each_other(others):
    for _ in range(3):
        assert len(parse_module(LINES).body) == 20
    for other in others:
        other.join(LIMIT)
    assert others


def test_a_cell_may_await_and_an_expression_is_one():
    assert len(parse_module("await f()").body) == 1
    with pytest.raises(SyntaxError):
        parse_expression("x = 1")
