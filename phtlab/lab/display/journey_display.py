"""How a journey shows itself in a notebook: live while someone looks, then as a map that stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from phtlab.lab.display.journey_follower import Followed
from phtlab.lab.display.notebook_output import Output, cell_run, is_attached
from phtlab.lab.display.route_map import MIME_TYPE, RouteMap
from phtlab.wire.api.journeys import JourneyView

if TYPE_CHECKING:
    from phtlab.lab.display.journey_widget import JourneyWidget


@dataclass(frozen=True)
class Faces:
    """A journey's present state in each form."""

    view: Callable[[], JourneyView]
    route: Callable[[JourneyView], RouteMap]
    html: Callable[[], str]
    text: Callable[[], str]


@dataclass(frozen=True)
class Requests:
    """What a reader can ask for: to cancel the journey, or to end its rounds early."""

    cancel: Callable[[], JourneyView]
    finish: Callable[[], JourneyView]


class JourneyDisplay:
    """The outputs in which one journey is shown, any number of them, and their one widget."""

    def __init__(self, faces: Faces, followed: Followed, requests: Requests) -> None:
        self._faces = faces
        self._followed = followed
        self._requests = requests
        self._widget: JourneyWidget | None = None
        self._outputs: list[Output] = []
        self._run: str | None = None

    def bundle(self) -> dict[str, Any]:
        """The journey for `_repr_mimebundle_`: the live widget, its map, HTML and text."""
        live = self._live() if self._is_live or is_attached() else {}
        return {**live, **self._still()}

    def show(self) -> bool:
        """Show the journey in the present cell. False outside of a notebook.

        Once a run of a cell: `journey.wait()` shows it, and is a cell's value as well.
        """
        run = cell_run()
        if run is None:
            return False
        if run != self._run:
            self._run = run
            self._outputs.append(Output(self.bundle()))
        return True

    def take_over(self, outputs: Iterable[Output]) -> None:
        """Show the journey in `outputs`, which showed something else."""
        self._outputs += outputs
        self._replace(self.bundle())

    def changed(self, _: JourneyView) -> None:
        """Show the present state where no widget does."""
        if not self._is_live:
            self._replace(self._still())

    def round_changed(self) -> None:
        """Show the present round in the widget, which hears of stops only."""
        if self._is_live and self._widget is not None:
            self._widget.updated(self._faces.view())

    def _settle(self) -> None:
        """At the end the map takes the widget's place: it needs no kernel when it is read again."""
        if self._faces.view().done:
            self._replace(self._still())
            self._outputs.clear()

    def _replace(self, bundle: dict[str, Any]) -> None:
        for output in self._outputs:
            output.replace(bundle)

    @property
    def _is_live(self) -> bool:
        return self._widget is not None and self._widget.follower.alive

    def _still(self) -> dict[str, Any]:
        return {
            MIME_TYPE: self._faces.route(self._faces.view()).json_value(),
            "text/html": self._faces.html(),
            "text/plain": self._faces.text(),
        }

    def _live(self) -> dict[str, Any]:
        view = self._faces.view()
        if view.done:
            return {}
        if not self._is_live:
            from phtlab.lab.display.journey_widget import JourneyWidget

            self._widget = JourneyWidget(
                self._followed,
                view,
                shown=self._faces.route,
                cancel=self._requests.cancel,
                finish=self._requests.finish,
                on_end=self._settle,
            )
            self._widget.start()
        shown: dict[str, Any] = self._widget._repr_mimebundle_()[0]  # type: ignore[union-attr,index]
        return shown
