"""The server extension, as the browser sees it, in the hands of a test.

It stands in where a test needs an answer that a real server gives only to an attacker, or after a
long while. It speaks the same paths and is held to the same models; `tell` sends an event.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Error, Page

from tests.lab.server.api_answers import require_answer, require_event
from tests.ui.chromium import evaluate

# What the server extension answers, not the files of Lab's own extension.
PATHS = "*/base/phtlab/*"
EVENTS = re.compile(r"/phtlab/events")

STREAM = """
(() => {
  const Real = window.EventSource;
  class Told extends EventTarget {
    constructor(url) {
      super();
      this.url = url;
      this.readyState = 1;
      window.toldStreams.push(this);
      setTimeout(() => {
        this.onopen?.();
        for (const [kind, data] of window.toldFirst) { this.say(kind, data); }
      });
    }
    say(kind, data) {
      this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data) }));
    }
    close() { this.readyState = 2; }
  }
  window.toldStreams = [];
  window.toldFirst = FIRST;
  window.EventSource = function (url, options) {
    return url.includes('/phtlab/events') ? new Told(url) : new Real(url, options);
  };
  window.EventSource.CLOSED = 2;
})();
"""


class Answer:
    """What a request gets: `body` as JSON, or bytes as they are."""

    def __init__(self, body: Any, status: int = 200, headers: dict[str, str] | None = None):
        is_json = not isinstance(body, bytes)
        self.content: bytes = json.dumps(body).encode() if is_json else body
        self.status = status
        self.headers = {"Content-Type": "application/json"} if is_json else {}
        self.headers.update(headers or {})


def refusal(code: str, message: str, *, status: int = 409, field: str | None = None) -> Answer:
    return Answer({"code": code, "message": message, "field": field}, status)


class ExtensionSimulator:
    """Answers by method and path, such as ``answers["POST keys/unlock"]``; `asked` is what came."""

    def __init__(self, page: Page, status: dict[str, Any] | None = None, *, hostile: bool = False):
        """`hostile` answers what the server extension never would, which a page has to bear."""
        self.page = page
        self.hostile = hostile
        self.status = status or a_status()
        self.stations: list[dict[str, Any]] = []
        self.journeys: list[dict[str, Any]] = []
        self.proposals: list[dict[str, Any]] = []
        self.answers: dict[str, Answer | Callable[[Any], Answer]] = {"GET keys": Answer([])}
        self.asked: list[tuple[str, Any]] = []
        self.instead: Answer | None = None  # what answers everything, as when a login is over
        self._session = page.context.new_cdp_session(page)

    def begin(self) -> None:
        """Call before the page is opened."""
        first = [
            ("status", self.status),
            ("stations", self.stations),
            ("journeys", self.journeys),
            ("proposals", self.proposals),
        ]
        for kind, data in first:
            self._require_event(kind, data)
        self.page.add_init_script(STREAM.replace("FIRST", json.dumps(first)))
        # Not by `page.route`: it turns the browser's cache off, and Lab's scripts are loaded anew.
        self._session.on("Fetch.requestPaused", self._paused)
        self._session.send("Fetch.enable", {"patterns": [{"urlPattern": PATHS}]})

    def tell(self, kind: str, data: Any) -> None:
        """An event of the stream."""
        self._require_event(kind, data)
        evaluate(
            self.page, "([kind, data]) => window.toldStreams.at(-1).say(kind, data)", [kind, data]
        )

    def lose(self) -> None:
        """The stream breaks off and stays away, as when the network is gone."""
        evaluate(
            self.page,
            "() => { const stream = window.toldStreams.at(-1); stream.readyState = 0; "
            "stream.onerror?.(); }",
        )

    def refuse(self) -> None:
        """The stream is refused; why, the page asks with a request of its own."""
        evaluate(
            self.page,
            "() => { const stream = window.toldStreams.at(-1); stream.close(); "
            "stream.onerror?.(); }",
        )

    def come_back(self) -> None:
        """The same stream is open again, and tells everything anew."""
        evaluate(
            self.page,
            """told => {
                const stream = window.toldStreams.at(-1);
                stream.readyState = 1;
                stream.onopen?.();
                for (const [kind, data] of told) { stream.say(kind, data); }
            }""",
            [("status", self.status), ("stations", self.stations), ("journeys", self.journeys)],
        )

    def bodies(self, request: str) -> list[Any]:
        """What came with each request of that method and path."""
        return [body for asked, body in self.asked if asked == request]

    def _require_event(self, kind: str, data: Any) -> None:
        if not self.hostile:
            require_event(kind, data)

    def _paused(self, event: dict[str, Any]) -> None:
        request, asked = event["request"], {"requestId": event["requestId"]}
        try:
            if self.instead is None and EVENTS.search(request["url"]):
                self._session.send("Fetch.continueRequest", asked)
                return
            answer = self._answer(request["method"], request["url"], request.get("postData"))
            told = {
                "responseCode": answer.status,
                "responseHeaders": [{"name": n, "value": v} for n, v in answer.headers.items()],
                "body": base64.b64encode(answer.content).decode(),
            }
            self._session.send("Fetch.fulfillRequest", asked | told)
        except Error:
            if not self.page.is_closed():  # else it waits for no answer
                raise

    def _answer(self, method: str, url: str, content: str | None) -> Answer:
        path = re.sub(r"^.*?/phtlab/|\?.*$", "", url)
        name = f"{method} {path}"
        body = json.loads(content) if content else None
        self.asked.append((name, body))
        if self.instead:
            return self.instead
        given = self.answers.get(name) or refusal("not-found", f"No answer for {name}", status=404)
        answer = given if isinstance(given, Answer) else given(body)
        is_json = answer.headers.get("Content-Type") == "application/json"
        if answer.status == 200 and is_json and not self.hostile:
            require_answer(method, path, json.loads(answer.content))
        return answer


def a_status(key: str = "unlocked", **more: Any) -> dict[str, Any]:
    """A status; `more` overrides, and `key_…` overrides what is told of the key."""
    status: dict[str, Any] = {
        "version": "0.1.0",
        "place": "hub",
        "user": "alice",
        "reads": True,
        "dry_runs": True,
        "central": {
            "url": "http://10.1.0.1/services/central",
            "state": "ok",
            "consortium": "heart-consortium",
            "sentence": "",
        },
        "root": {"fingerprint": "abcd-efgh-ijkl-mnop-qrst-uvwx-yz23-4567"},
        "key": {
            "state": key,
            "name": None if key == "none" else "alice",
            "path": "/home/alice/.config/phtlab/keys/alice.key.age",
            "fingerprint": "k7qd-3mzx-p2ra-vt5c-w6ye-hb4n-s7ju-fg2l" if key == "unlocked" else None,
            "member": None if key == "none" else True,
            "readers": "The administrators of this hub can copy the key file, and read the open "
            "key in this server's memory. The file alone is worth as much as its passphrase.",
        },
        "problem": None,
    }
    for name, value in more.items():
        if name.startswith("key_"):
            status["key"][name.removeprefix("key_")] = value
        else:
            status[name] = value
    return status


def a_stop(station: str, number: int, state: str = "departed", **more: Any) -> dict[str, Any]:
    return {
        "station": station,
        "number": number,
        "state": state,
        "words": state,
        "contradicted": False,
        "combines": False,
        "final": state in ("departed", "failed", "refused", "cancelled"),
        "code": "",
        "sentence": "",
        "error": None,
        "cell": None,
        "cells": None,
        "updated": "2026-03-02T09:35:20Z",
        "seconds": 2.5,
        **more,
    }


def a_journey(*stops: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "sha256:75588b7cf842" + "0" * 52,
        "short": "75588b7cf842",
        "train": "sha256:" + "1" * 64,
        "train_name": "heart_disease",
        "researcher": "alice",
        "mine": True,
        "twin": False,
        "submitted": "2026-03-02T09:35:00Z",
        "expires": "2026-03-09T09:35:00Z",
        "removed": None,
        "done": all(stop["final"] for stop in stops),
        "cancelled": False,
        "route": "parallel",
        "continues": None,
        "continued_by": None,
        "resumable": False,
        "parameters": {"min_age": 50},
        "recipients": ["alice"],
        "notebook": "heart_disease.ipynb",
        "rounds": None,
        "stops": list(stops),
        **more,
    }
