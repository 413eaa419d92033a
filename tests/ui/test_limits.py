"""No wait for the browser lasts for ever."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page, TimeoutError

from tests.ui.chromium import evaluate, wait_until


def test_a_promise_that_is_never_kept_is_an_error(page: Page) -> None:
    with pytest.raises(Error, match="no answer within 200 ms"):
        evaluate(page, "new Promise(() => {})", limit=200)
    with pytest.raises(TimeoutError):
        page.wait_for_function("() => false", timeout=200)


def test_an_asynchronous_condition_is_waited_for(page: Page) -> None:
    evaluate(page, "void setTimeout(() => { window.begun = true; }, 300)")
    wait_until(page, "async () => window.begun")
    assert evaluate(page, "window.begun") is True
    with pytest.raises(Error, match="not true within 200 ms"):
        wait_until(page, "async () => false", limit=200)


def test_no_test_takes_a_promise_for_a_condition() -> None:
    """`wait_for_function` of Playwright does: `wait_until` is for asynchronous ones."""
    pattern = re.compile(r"""wait_for_function\(\s*f?["']+async""")
    tests = Path(__file__).parents[1]
    assert not [file for file in tests.rglob("*.py") if pattern.search(file.read_text())]


def test_values_functions_and_promises_give_what_they_are(page: Page) -> None:
    assert evaluate(page, "1 + 1") == 2
    assert evaluate(page, "([a, b]) => a + b", [1, 2]) == 3
    assert evaluate(page, "async number => ({number})", 4) == {"number": 4}
    assert evaluate(page, "void 0") is None
    with pytest.raises(Error, match="refused"):
        evaluate(page, "Promise.reject(new Error('refused'))")
