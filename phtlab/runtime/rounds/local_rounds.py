"""Rounds by hand: what round and combine cells leave each other on an analyst's machine.

Outside of a sandbox, and where nobody waits for a journey, the cells of a notebook are run one
after the other. Then this process is the one station of the rounds: what its round cells publish
is what combine cells get, and what these send is what the round cells receive next. A call of
`receive`, `publish`, `keep` or `kept` after one of the combine cells begins the next round.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from phtlab.runtime.publishing import Published

STATION: Final = "local"
"""The name of the one station."""


@dataclass
class LocalRounds:
    """The rounds of this process.

    Args:
        number: the present round, from 1.
        published: the models and scalars that were published in the round, by name.
        sent: what combine cells sent last, by name, as arrays.
        kept: what round cells kept last, by name, as arrays.
        finished: whether combine cells ended these rounds: the next round is the first of others.
    """

    number: int = 1
    published: dict[str, Published] = field(default_factory=dict)
    sent: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    kept: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    finished: bool = False
    _combined: bool = False

    def at_station(self) -> bool:
        """Note that a round cell runs; return whether it is the first call of another round."""
        if not self._combined:
            return False
        self.published.clear()
        self._combined = False
        self.number += 1
        if self.finished:
            self.sent.clear()
            self.kept.clear()
            self.number, self.finished = 1, False
        return True

    def at_combination(self) -> bool:
        """Note that a combine cell runs; return False if no round cell has published anything."""
        if in_sandbox() or not self.published:
            return False
        self._combined = True
        return True


_rounds = LocalRounds()


def local_rounds() -> LocalRounds:
    """Return the rounds of this process."""
    return _rounds


def in_sandbox() -> bool:
    """Whether this is a station's sandbox, where nothing is done by hand."""
    return bool(os.environ.get("PHTLAB_JOB"))


def shell() -> Any:
    """Return IPython's shell; None if this process has none."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def this_run() -> object:
    """Return what is equal for two calls in one run of a cell; without IPython, for none."""
    found = shell()
    return object() if found is None else (id(found), found.execution_count)


def show_line(text: str) -> None:
    """Show a line in the notebook; nothing without IPython."""
    if shell() is not None:
        from IPython.display import display

        display({"text/plain": text, "text/markdown": text}, raw=True)
