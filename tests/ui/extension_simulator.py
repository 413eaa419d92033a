"""The server extension, as the browser sees it, in the hands of a test.

It stands in where a test needs an answer that a real server gives only to an attacker, or after a
long while. It speaks the same paths and shapes; the stream of events is told with `tell`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route

from tests.ui.chromium import evaluate

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
        self.body = body
        self.status = status
        self.headers = headers or {}


def refusal(code: str, message: str, *, status: int = 409, field: str | None = None) -> Answer:
    return Answer({"code": code, "message": message, "field": field}, status)


class ExtensionSimulator:
    """Answers by method and path, such as ``answers["POST keys/unlock"]``; `asked` is what came."""

    def __init__(self, page: Page, status: dict[str, Any] | None = None):
        self.page = page
        self.status = status or a_status()
        self.stations: list[dict[str, Any]] = []
        self.journeys: list[dict[str, Any]] = []
        self.proposals: list[dict[str, Any]] = []
        self.answers: dict[str, Answer | Callable[[Any], Answer]] = {"GET keys": Answer([])}
        self.asked: list[tuple[str, Any]] = []

    def begin(self) -> None:
        """Call before the page is opened."""
        first = [
            ("status", self.status),
            ("stations", self.stations),
            ("journeys", self.journeys),
            ("proposals", self.proposals),
        ]
        self.page.add_init_script(STREAM.replace("FIRST", json.dumps(first)))
        self.page.route(re.compile(r"(?<!/extensions)/phtlab/(?!events)"), self._answer)

    def tell(self, kind: str, data: Any) -> None:
        """An event of the stream."""
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

    def _answer(self, route: Route) -> None:
        request = route.request
        path = re.sub(r"^.*?/phtlab/|\?.*$", "", request.url)
        name = f"{request.method} {path}"
        body = json.loads(request.post_data) if request.post_data else None
        self.asked.append((name, body))
        answer = self.answers.get(name) or refusal("not-found", f"No answer for {name}", status=404)
        if not isinstance(answer, Answer):
            answer = answer(body)
        if isinstance(answer.body, bytes):
            route.fulfill(status=answer.status, body=answer.body, headers=answer.headers)
        else:
            route.fulfill(status=answer.status, json=answer.body, headers=answer.headers)


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
        "parameters": {"min_age": 50},
        "recipients": ["alice"],
        "notebook": "heart_disease.ipynb",
        "stops": list(stops),
        **more,
    }
