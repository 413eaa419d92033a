"""One hub for all tests that need one: the session's consortium, real hub, real proxy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.hub.session import HubSession

if TYPE_CHECKING:
    from phtlab.demo.hub import HubWorld

LogIn = Callable[[str], HubSession]


@pytest.fixture
def log_in(hub_world: HubWorld) -> Iterator[LogIn]:
    """Log someone of the demonstration's people in."""
    with ExitStack() as sessions:

        def log_in(name: str) -> HubSession:
            session = sessions.enter_context(HubSession(hub_world.url))
            return session.logged_in(name, hub_world.passwords[name])

        yield log_in
