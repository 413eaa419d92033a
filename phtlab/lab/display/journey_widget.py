"""The widget of a journey: a live map of its route, in JupyterLab and wherever ipywidgets are.

Its module and style sheet are built from `frontend/src/widgets` and `frontend/style`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from phtlab.errors import PhtlabError
from phtlab.lab.display.journey_follower import Followed, JourneyFollower
from phtlab.lab.display.journey_text import short
from phtlab.lab.display.paced import Paced
from phtlab.lab.display.route_map import RouteMap
from phtlab.wire.api.journeys import JourneyView

PACE: Final = 0.2  # seconds between two rounds that are shown, at least
_FOLDER: Final = Path(__file__).parent


class JourneyWidget(anywidget.AnyWidget):
    """One model a journey, whatever the number of its views. Closing it ends the thread.

    `route` is a `RouteMap` as JSON. `connection` is `live`, `lost` or `over`; `notice` is the
    sentence to it.
    """

    # As text: a path would be watched for changes.
    _esm = (_FOLDER / "journey_widget.js").read_text("utf-8")
    _css = (_FOLDER / "journey_widget.css").read_text("utf-8")

    route = traitlets.Dict().tag(sync=True)
    connection = traitlets.Unicode("live").tag(sync=True)
    notice = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self,
        journey: Followed,
        view: JourneyView,
        *,
        shown: Callable[[JourneyView], RouteMap],
        cancel: Callable[[], JourneyView],
        finish: Callable[[], JourneyView],
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """`shown` makes `route` of a view; `cancel` asks central; `on_end` follows the last news.

        `finish` ends the rounds of a journey early.

        Nothing is asked of central before `start()`.
        """
        super().__init__(route=shown(view).json_value())
        # Newer ipykernels send what a reader clicks to where the widget was last written from: the
        # cell, which may be waiting. Without a route of its own it goes where Lab says, a subshell.
        self.comm._reply_subshell_for = None
        self._shown = shown
        self._requests = {"cancel": cancel, "finish": finish}
        self._on_end = on_end
        self._paced = Paced(self._show, PACE)
        # Two threads tell: the follower's, and the one that a button starts.
        self._telling = threading.Lock()
        self._closed = False
        self.follower = JourneyFollower(journey, self, short(view.id))
        self.on_msg(self._on_message)  # type: ignore[no-untyped-call]

    def start(self) -> None:
        """Follow central's events from now on."""
        self.follower.start()

    def close(self) -> None:
        """End the thread, and with it the views' life; the journey goes on."""
        self._closed = True
        self._paced.stop()
        self.follower.stop()
        super().close()  # type: ignore[no-untyped-call]

    # What the follower reports

    def updated(self, view: JourneyView) -> None:
        # Rounds may take less time than a browser needs to draw one.
        if view.rounds is None or view.done:
            self._paced.stop()
            self._show(view)
        else:
            self._paced(view)

    def _show(self, view: JourneyView) -> None:
        self._set(connection="live", notice="", route=self._shown(view).json_value())

    def lost(self, sentence: str) -> None:
        self._set(connection="lost", notice=sentence)

    def ended(self, sentence: str) -> None:
        self._set(connection="over", notice=sentence)
        if not self._closed:
            self._on_end()

    def _set(self, **traits: Any) -> None:
        with self._telling, self.hold_sync():
            if not self._closed:
                self.set_trait("notice", traits.pop("notice"))
                for name, value in traits.items():
                    self.set_trait(name, value)

    # What the reader does

    def _on_message(self, _: Any, content: Any, buffers: Any) -> None:
        request = self._requests.get(str(content.get("do"))) if isinstance(content, dict) else None
        if request is not None:
            # Not in the thread that reads messages: central may take its time.
            threading.Thread(target=self._ask, args=(request,), daemon=True).start()

    def _ask(self, request: Callable[[], JourneyView]) -> None:
        try:
            self.updated(request())
        except PhtlabError as error:
            self._set(notice=str(error))
