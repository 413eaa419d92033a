"""Every command of the pages works, and prints what the pages say."""

from __future__ import annotations

import pytest

from tests.docs.console_page import rewritten, sessions
from tests.docs.samples import Samples, loose
from tests.docs.story import PAGES, page_text, tell, told_sections


@pytest.mark.engine
@pytest.mark.timeout(900)  # every command of a dozen pages, one after another
def test_every_command_of_the_pages_prints_what_they_say():
    for told in tell():
        assert loose(told.printed) == loose(told.exchange.printed), (
            f"docs/{told.page}, '{told.session.heading}', {told.exchange.typed}: run 'make docs'"
        )


def test_every_session_has_its_place_in_the_story():
    assert told_sections()


@pytest.mark.parametrize("page", PAGES)
def test_pages_fit_a_terminal_and_are_left_as_they_are(page):
    text = page_text(page)
    assert rewritten(text, lambda session: session) == text
    for session in sessions(text):
        for exchange in session.exchanges:
            for line in exchange.typed.splitlines():
                assert len(line) <= 88, f"docs/{page}: {line}"


def test_a_sample_stands_for_the_same_thing_everywhere():
    samples = Samples({"/tmp/home": "/home/you", "127.0.0.1:31234": "127.0.0.1:8400"})
    digest = "0123456789ab" * 5 + "cdef"
    short = samples.to_page(f"journey {digest[:12]} at 127.0.0.1:31234").split()[1]
    assert samples.to_page(f"/tmp/home/{digest}").startswith(f"/home/you/{short}")
    assert samples.to_world(f"phtlab journey show {short}") == f"phtlab journey show {digest[:12]}"
    fingerprint = "qlcf-mjft-lvf3-skwp-pvsh-xguh-vk65-ji3h"
    told = samples.to_page(fingerprint)
    assert told != fingerprint
    assert samples.to_world(told) == fingerprint
    with pytest.raises(LookupError):
        samples.to_world("phtlab journey show ffffffffffff")


def test_times_and_sizes_are_not_compared():
    assert loose("until 2026-12-01 13:11 UTC") == loose("until 2027-01-15 09:00 UTC")
    assert loose("✓ push 0:00:03 251.1 MB") == loose("✓ push 0:00:09 9.0 MB, as before  ")
    assert loose("304 rows") != loose("303 rows")
