"""A hostile notebook in the review page, in a real browser: nothing runs, nothing is requested.

The researcher signs what they like. Every payload stands in the notebook as code, as text in code,
as markdown, as raw text, as output, as attachment and in metadata.
"""

from __future__ import annotations

import json
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Frame, Page
from typer.testing import CliRunner

from phtlab.cli.main import app
from phtlab.station.console.pages import PageRenderer
from phtlab.station.policy.policy import default_policy
from phtlab.station.stops.stop import Stop
from phtlab.train.image.composition import (
    train_files,
)
from tests.attack.hostile_notebook import FAMILIES, RAN, Evil, carrying, cell, evil, notebook
from tests.console.conftest import Desk, desk_of
from tests.evidence import Evidence
from tests.station.review.approved_train import said_yes
from tests.station.review.test_rendered_html import OURS
from tests.station.station_world import make_world
from tests.ui.chromium import PATIENCE, chromium, evaluate, watched_page

pytestmark = pytest.mark.browser

TWO_TURNS = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 300)))"


@pytest.fixture(scope="module")
def place() -> Iterator[Evil]:
    with evil() as place:
        yield place


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk_of(make_world(tmp_path_factory.mktemp("review"))) as desk:
        desk.world.add_hearts()
        desk.world.folder.policy.write_text(default_policy("human"))
        yield desk


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def held(desk: Desk, content: bytes, order: dict[str, Any] | None = None, **manifest: Any) -> Stop:
    """A stop that waits for a reader, whose signed train has `content` as its notebook."""
    files = {"notebook.ipynb": content}
    train = desk.world.train(change=files, files=train_files(files), **manifest)
    offer = desk.world.offer(train, **(order or {}))
    desk.world.begun(offer, steps=4)
    stop = desk.world.stop(offer)
    assert stop.state == "held", stop.state
    return stop


@dataclass
class Seen:
    """What a reader's browser did: dialogs, console lines, and every request."""

    page: Page
    frame: Frame
    dialogs: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return str(self.frame.evaluate("() => document.body.innerText"))

    @property
    def tags(self) -> set[str]:
        found = self.frame.evaluate(
            "() => [...document.querySelectorAll('*')].map(e => e.tagName.toLowerCase())"
        )
        return set(found)

    def require_that_nothing_happened(self, place: Evil, stop: Stop, *, show: str) -> None:
        evaluate(self.page, TWO_TURNS)
        assert not self.dialogs
        assert not self.console
        assert not place.calls
        home = f"/review/{stop.hex}"
        own = {home, f"{home}/{show}", "/review/style.css", "/static/review.css"}
        assert {urlsplit(url).path for url in self.requests} == own | CONSOLES_OWN
        assert self.page.title().startswith("Review ")
        assert urlsplit(self.page.url).path == home
        assert urlsplit(self.frame.url).path == f"{home}/{show}"
        for frame in self.page.frames:
            assert frame.evaluate("() => window.ran === undefined")
        assert len(self.page.frames) == 2
        assert evaluate(self.page, "() => document.activeElement.tagName") == "BODY"


CONSOLES_OWN = {
    "/static/console.css",
    "/static/console.js",
    "/static/htmx-4.0.1.min.js",
    "/static/htmx-sse-4.0.1.min.js",
}


@contextmanager
def reader(
    desk: Desk,
    browser: Browser,
    stop: Stop,
    *,
    show: str = "notebook",
) -> Iterator[Seen]:
    """A reviewer's browser at the page of `stop`."""
    with watched_page(browser) as (page, watch):
        page.goto(f"{desk.home}/login?link={desk.link('rev')}")
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("heading", name="Inbox").wait_for()
        page.goto("about:blank")  # the inbox asks for what is new, perhaps only now
        seen = Seen(page, page.main_frame)
        page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda message: seen.console.append(message.text))
        page.on("request", lambda request: seen.requests.append(request.url))
        page.goto(f"{desk.home}/review/{stop.hex}?show={show}", wait_until="load")
        seen.frame = page.frames[1]
        yield seen
        assert not [e for e in watch.errors if e not in seen.console and "\n" not in e]


def told(evidence: Evidence, promise: str) -> None:
    evidence(
        "attacks",
        attacker="researcher",
        promise=promise,
        outcome="shown as text; nothing ran, nothing was requested",
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_notebook_carries_is_text_and_nothing_else(
    desk: Desk, browser: Browser, place: Evil, evidence: Evidence, family: str
) -> None:
    payloads = [place.at_home(payload) for payload in FAMILIES[family]]
    stop = held(desk, carrying(payloads))
    with reader(desk, browser, stop) as seen:
        seen.require_that_nothing_happened(place, stop, show="notebook")
        assert seen.tags <= OURS, seen.tags - OURS
        text = seen.text
        for payload in payloads:
            for line in payload.replace("\x0c", "\\x0c").splitlines():
                assert text.count(line) >= 3, f"not to be read as text: {line}"
        assert "outputs, which phtlab does not write" in text
        assert "attachments, which phtlab does not write" in text
        assert "further metadata, which phtlab does not write" in text
        page_text = str(evaluate(seen.page, "() => document.body.innerText"))
        assert "What the machine found" in page_text
    told(evidence, f"a notebook's {family} do nothing to who reviews it")


def test_the_changes_are_text_too(
    desk: Desk, browser: Browser, place: Evil, evidence: Evidence
) -> None:
    payloads = [place.at_home(p) for family in FAMILIES.values() for p in family[:3]]
    sources = [f"x{n} = {n}" for n in range(len(payloads))]
    mild = held(desk, notebook([cell(s, n + 1) for n, s in enumerate(sources)]), name="twice")
    said_yes(desk.world, mild)
    both = enumerate(zip(sources, payloads, strict=True), start=1)
    wild = [cell(f"{source}\n{payload}", number) for number, (source, payload) in both]
    stop = held(desk, notebook(wild), name="twice")
    with reader(desk, browser, stop, show="changes") as seen:
        seen.require_that_nothing_happened(place, stop, show="changes")
        assert seen.tags <= OURS
        for payload in payloads:
            assert payload.replace("\x0c", "\\x0c").splitlines()[0] in seen.text
    told(evidence, "what changed in a notebook does nothing to who reviews it")


def test_code_is_read_in_the_order_in_which_it_runs(
    desk: Desk, browser: Browser, place: Evil, evidence: Evidence
) -> None:
    lines = {
        "access = 'user\u202e \u2066# check if admin\u2069 \u2066'": "\\u202e",
        "s\u200bet = 1": "\\u200b",
        "\x1b]0;owned\x07\x1b[2J\x1b[31mred": "\\x1b]0;owned\\x07\\x1b[2J",
        "a = 1\x00b\x9bc": "\\x00b\\x9bc",
        "half = '\ud800'": "\\ud800",
        "x = 1" + " " * 3000 + "; import os": "[3000 spaces]; import os",
    }
    sources = [*lines, "a = 1" + "\n" * 900 + "evil()", "раураl = ｅval('1')", "שלום = x"]
    stop = held(desk, notebook([cell(s, n + 1) for n, s in enumerate(sources)]))
    with reader(desk, browser, stop) as seen:
        seen.require_that_nothing_happened(place, stop, show="notebook")
        for shown in lines.values():
            assert shown in seen.text
        assert "[899 empty lines]" in seen.text
        odd = seen.frame.evaluate(
            "() => [...document.querySelectorAll('mark.odd')].map(e => e.title)"
        )
        assert "U+0440 CYRILLIC SMALL LETTER ER" in odd
        assert "U+FF45 FULLWIDTH LATIN SMALL LETTER E" in odd
        assert "U+05E9 HEBREW LETTER SHIN" in odd
        places = seen.frame.evaluate(
            """() => [...document.querySelectorAll('mark.odd')]
                .filter(e => e.title.includes('HEBREW')).map(e => e.getBoundingClientRect().x)"""
        )
        assert places == sorted(places), "right-to-left letters stand as they are stored"
    told(evidence, "hidden, reversed and look-alike characters deceive no reviewer")


def test_names_and_values_are_text_too(
    desk: Desk, browser: Browser, place: Evil, evidence: Evidence
) -> None:
    html = place.at_home(f'"><img src=x onerror="{RAN}"><script>{RAN}</script>\u202e')
    free = {"type": "string", "default": html, "description": html}
    parameters = {
        "type": "object",
        "properties": {"text": free},
        "required": [],
        "additionalProperties": False,
    }
    source = f"import phtlab\nx = phtlab.dataset({html!r})\nx[{html!r}]\nimport über, ｓocket"
    stop = held(
        desk,
        notebook([cell(source, 1)]),
        parameters=parameters,
        outputs=({"name": "counts", "kind": "table", "counts": html},),
        order={"parameters": {"text": html}},
    )
    with reader(desk, browser, stop) as seen:
        seen.require_that_nothing_happened(place, stop, show="notebook")
        page_text = str(evaluate(seen.page, "() => document.body.innerText"))
        assert page_text.count("<img src=x onerror=") >= 3
        assert "\u202e" not in page_text
        assert seen.page.locator("img, svg, object, embed").count() == 0
    told(evidence, "a train's names, parameters and outputs do nothing to who reviews it")


def test_a_notebook_too_long_to_read_is_said_to_be(
    desk: Desk, browser: Browser, place: Evil, evidence: Evidence
) -> None:
    giant = cell("x = '" + "<b>" * 70_000 + "'", 2)
    deep = cell("> " * 5_000 + "deep", 3, "markdown")
    stop = held(desk, notebook([cell("first = 1", 1), giant, deep]))
    with reader(desk, browser, stop) as seen:
        seen.require_that_nothing_happened(place, stop, show="notebook")
        assert "Only 1 of 3 cells are shown" in seen.text
        alert = seen.page.get_by_role("alert").filter(has_text="too long")
        assert "would run too" in alert.inner_text()
    told(evidence, "code beyond what can be read is not passed over in silence")


def as_it_is(place: Evil) -> str:
    """A page of every payload that does not swallow the others, with nothing escaped."""
    swallowing = ("<plaintext", "<xmp", "<!-->", "<template", "<noscript", "<frameset", "<style>.")
    payloads = [
        place.at_home(payload)
        for family in FAMILIES.values()
        for payload in family
        if not payload.startswith(swallowing) and "mglyph" not in payload
    ]
    return "<!doctype html><body><p>here</p>" + "\n".join(payloads)


def test_were_the_text_not_escaped_the_frame_would_let_nothing_out(
    desk: Desk,
    browser: Browser,
    place: Evil,
    evidence: Evidence,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second wall alone: the notebook's document is replaced by every payload as it is."""
    stop = held(desk, notebook([cell("x = 1", 1)]))

    def not_escaped(pages: PageRenderer, name: str, **values: Any) -> str:
        return as_it_is(place) if name == "review/notebook.html" else render(pages, name, **values)

    render = PageRenderer.render
    monkeypatch.setattr(PageRenderer, "render", not_escaped)
    with reader(desk, browser, stop) as seen:
        evaluate(seen.page, TWO_TURNS)
        assert "here" in seen.text
        for link in seen.frame.locator("a[href]").all():
            link.dispatch_event("click")
        evaluate(seen.page, TWO_TURNS)
        assert place.calls == []
        assert seen.dialogs == []
        assert seen.page.title().startswith("Review ")
        assert urlsplit(seen.page.url).path == f"/review/{stop.hex}"
        assert evaluate(seen.page, "() => window.ran === undefined")
    evidence(
        "attacks",
        attacker="researcher",
        promise="HTML of a notebook that got past the escaping could do nothing",
        outcome="the frame ran no script and made no request",
    )


def test_the_payloads_do_run_where_nothing_keeps_them_from_it(
    browser: Browser, evidence: Evidence
) -> None:
    """What the others show is not shown by payloads that are harmless anywhere."""
    wanted = {"/fetched", "/script.js", "/import.css", "/background", "/inline", "/frame", "/svg"}
    with evil() as place, watched_page(browser) as (page, _):
        page.add_init_script("window.alert = () => {}")
        place.page = as_it_is(place)
        page.goto(f"{place.url}/page", wait_until="commit")
        until = time.monotonic() + PATIENCE / 1000
        while not wanted <= {call.split()[1] for call in place.calls}:
            assert time.monotonic() < until, place.calls
            page.wait_for_timeout(50)
    evidence(
        "attacks",
        attacker="researcher",
        promise="the payloads that did nothing in a review are no harmless ones",
        outcome="on a page without protection they ran and asked other machines",
    )


def test_a_terminal_is_told_no_codes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, evidence: Evidence
) -> None:
    source = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202ex = 1  # \u0430\u05d0\x00"
    stop = held(desk, notebook([cell(source, 1), cell(f"<b>{source}", 2, "markdown")]))
    monkeypatch.setenv("PHTLAB_STATION", str(desk.world.folder.path))
    for more in ([], ["--whole"], ["--json"]):
        done = CliRunner().invoke(app, ["station", "review", stop.hex[:12], *more])
        assert done.exit_code == 0, done.output
        assert "x = 1" in done.output
        for character in done.output.replace("\n", ""):
            assert unicodedata.category(character)[0] != "C", repr(character)
            assert unicodedata.bidirectional(character) not in ("R", "AL"), repr(character)
    evidence(
        "attacks",
        attacker="researcher",
        promise="code moves no cursor in a reviewer's terminal",
        outcome="escaped",
    )


def test_a_claim_of_another_language_keeps_no_machine_from_looking(
    desk: Desk, evidence: Evidence
) -> None:
    content = json.loads(notebook([cell("eval('1')", 1)]))
    content["metadata"]["kernelspec"]["language"] = "fortran"
    parameters = {"type": "object", "properties": {}, "required": []}
    stop = held(
        desk,
        json.dumps(content).encode(),
        order={"parameters": {}},
        parameters=parameters | {"additionalProperties": False},
    )
    page = desk.login("rev").get(f"/review/{stop.hex}").text
    assert "eval: runs code that is not written here" in page
    told = "a notebook's claim of another language keeps no machine from looking at its code"
    evidence("attacks", attacker="researcher", promise=told, outcome="read as what it runs as")


def test_the_frame_s_document_may_do_nothing_by_its_headers(desk: Desk, evidence: Evidence) -> None:
    stop = held(desk, notebook([cell("x = 1", 1)]))
    person = desk.login("rev")
    answer = person.get(f"/review/{stop.hex}/notebook")
    policy = answer.headers["content-security-policy"].split("; ")
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "style-src 'self'" in policy
    assert not [part for part in policy if part.startswith(("script-src", "img-src", "connect-"))]
    page = person.get(f"/review/{stop.hex}")
    assert '<iframe sandbox=""' in page.text
    assert "frame-src 'self'" in page.headers["content-security-policy"]
    evidence(
        "attacks",
        attacker="researcher",
        promise="a notebook in review has a document of its own that may do nothing",
        outcome="its headers forbid scripts, pictures, connections and an origin",
    )


def test_who_is_not_logged_in_reads_nothing(desk: Desk, evidence: Evidence) -> None:
    stop = held(desk, notebook([cell("x = 1", 1)]))
    for path in ("", "/notebook", "/changes"):
        assert desk.browser().get(f"/review/{stop.hex}{path}").status_code == 401
    evidence(
        "attacks",
        attacker="another user of the station's machine",
        promise="reads no train at the console without a login",
        outcome="refused (401)",
    )
