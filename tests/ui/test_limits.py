"""No wait for the browser lasts for ever."""

from __future__ import annotations

import pytest
from playwright.sync_api import Error, Page, TimeoutError

from tests.ui.chromium import evaluate


def test_a_promise_that_is_never_kept_is_an_error(page: Page) -> None:
    with pytest.raises(Error, match="no answer within 200 ms"):
        evaluate(page, "new Promise(() => {})", limit=200)
    with pytest.raises(TimeoutError):
        page.wait_for_function("async () => { await new Promise(() => {}); }", timeout=200)


def test_values_functions_and_promises_give_what_they_are(page: Page) -> None:
    assert evaluate(page, "1 + 1") == 2
    assert evaluate(page, "([a, b]) => a + b", [1, 2]) == 3
    assert evaluate(page, "async number => ({number})", 4) == {"number": 4}
    assert evaluate(page, "void 0") is None
    with pytest.raises(Error, match="refused"):
        evaluate(page, "Promise.reject(new Error('refused'))")
