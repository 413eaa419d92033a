"""A journey that a page asks to confirm: nothing is sent before somebody presses Send."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from phtlab.errors import JourneyError
from phtlab.lab.client.journey import Journey
from phtlab.lab.display.dispatch_question import DispatchQuestion
from phtlab.lab.display.notebook_output import Output, cell_run

if TYPE_CHECKING:
    from phtlab.lab.client.sent_order import SentOrder
    from phtlab.lab.display.dispatch_widget import DispatchWidget

_NEEDS_DISPATCH: Final = frozenset(
    {
        "_session",
        "answers",
        "_id",
        "_view",
        "_began",
        "_hearing",
        "_display",
        "_rounds",
    }
)


class UnsentJourney(Journey):
    """What `dispatch` returns in a page. Once it is sent, it is a journey like any other.

    Until then, whatever needs the journey raises JourneyError (`journey-unsent`).
    """

    def __init__(self, question: DispatchQuestion, send: Callable[[], SentOrder]) -> None:
        """Keep `send`, which signs and sends; the attributes of `Journey` are set afterwards."""
        self._question = question
        self._send = send
        self._outputs: list[Output] = []
        self._run: str | None = None
        self._widget: DispatchWidget | None = None
        # Reentrant: the sending thread reads attributes that it has just set.
        self._sending = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        # Called for missing attributes only: before the dispatch, all of a journey's.
        if name in _NEEDS_DISPATCH:
            with self._sending:  # a cell waits while the journey is being sent
                if name in self.__dict__:
                    return self.__dict__[name]
            raise JourneyError(
                f"'{self._question.name}' is not sent yet, so there is nothing to wait for and no "
                "result.",
                "Press Send in the page's dialog, or in the cell that dispatches it; then run "
                "this cell again.",
                code="journey-unsent",
            )
        raise AttributeError(name)

    @property
    def sent(self) -> bool:
        """Whether the journey was confirmed and sent."""
        return "_display" in self.__dict__

    def show(self) -> None:
        """Show the question in the present cell, once per run of the cell."""
        run = cell_run()
        if run is not None and run != self._run:
            self._run = run
            self._outputs.append(Output(self._bundle()))

    def _confirmed(self) -> None:
        """Send the journey; its map replaces the question."""
        with self._sending:
            sent = self._send()
            super().__init__(sent.session, sent.view, journey=sent.digest, answers=sent.answers)
        self._display.take_over(self._outputs)

    def _bundle(self) -> dict[str, Any]:
        if self._widget is None:
            from phtlab.lab.display.dispatch_widget import DispatchWidget

            self._widget = DispatchWidget(self._question, self._confirmed)
        asking: dict[str, Any] = self._widget._repr_mimebundle_()[0]  # type: ignore[index]
        return {
            **asking,
            "text/html": self._question.html(),
            "text/plain": self._question.text(),
        }

    def __repr__(self) -> str:
        return super().__repr__() if self.sent else self._question.text()

    def _repr_html_(self) -> str:
        return super()._repr_html_() if self.sent else self._question.html()

    def _repr_mimebundle_(self, **more: object) -> dict[str, object]:
        return super()._repr_mimebundle_(**more) if self.sent else self._bundle()

    def _ipython_display_(self) -> None:
        if self.sent:
            super()._ipython_display_()
        else:
            self.show()
