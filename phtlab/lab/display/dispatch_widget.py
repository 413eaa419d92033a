"""The widget that asks whether a cell's train is to be sent: in JupyterLab, by a dialog."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from phtlab.errors import PhtlabError
from phtlab.lab.display.dispatch_question import DispatchQuestion

_FOLDER: Final = Path(__file__).parent


class DispatchWidget(anywidget.AnyWidget):
    """Asks `question`, and calls `send` once if the answer is to send.

    `state` is `asking`, `sending` or `sent`; `notice` says why sending failed, after which it asks
    again. `dialog_opened` is whether a page has opened its dialog by itself, which it does once.
    """

    # As text: a path would be watched for changes.
    _esm = (_FOLDER / "dispatch_widget.js").read_text("utf-8")
    _css = (_FOLDER / "journey_widget.css").read_text("utf-8")

    question = traitlets.Dict().tag(sync=True)
    state = traitlets.Unicode("asking").tag(sync=True)
    notice = traitlets.Unicode("").tag(sync=True)
    dialog_opened = traitlets.Bool(False).tag(sync=True)

    def __init__(self, question: DispatchQuestion, send: Callable[[], None]) -> None:
        """`send` raises PhtlabError for what keeps the train here."""
        super().__init__(question=question.shown())
        # As in JourneyWidget: answers are heard while the cell's own channel is busy.
        self.comm._reply_subshell_for = None
        self._deliver = send
        self._answering = threading.Lock()
        self.on_msg(self._on_message)  # type: ignore[no-untyped-call]

    def _on_message(self, _: Any, content: Any, buffers: Any) -> None:
        if isinstance(content, dict) and content.get("do") == "send":
            # Not in the thread that reads messages: building and sending takes its time.
            threading.Thread(target=self.answer, daemon=True).start()

    def answer(self) -> None:
        """The person said to send it. Answers after the first do nothing."""
        with self._answering:
            if self.state != "asking":
                return
            self.notice, self.state = "", "sending"
        notice = "It could not be sent, for a reason that the cell's output shows."
        try:
            self._deliver()
            notice = ""
        except PhtlabError as error:
            notice = str(error)
        finally:
            self.notice, self.state = notice, "asking" if notice else "sent"
