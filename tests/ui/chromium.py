"""Chromium, and pages that let no mistake of the extension pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    Request,
    Response,
    expect,
    sync_playwright,
)

# Without windows: it loads a page with a third less work than `chromium --headless`.
DEBIAN = Path("/usr/bin/chromium-headless-shell")
SIZE = {"width": 1280, "height": 800}  # the smallest screen that the interface is made for
PATIENCE = 45_000  # ms: a busy machine is slow, and what is right does not wait for it
LOADING = 120_000  # ms, for Lab to load, or a command of it to end: a kernel starts meanwhile

# What Chromium itself writes about an answer that is not 2xx; tests look at the answers' words.
_REFUSED = re.compile(r"Failed to load resource")
# Jupyter Server answers 404 for a whole folder if one of its files is renamed while it is listed.
_LISTING = re.compile(r"Directory not found")
# What Lab writes of a server that a test stops, and of the kernels that ended with it.
_AWAY = re.compile(
    r"net::ERR_|Failed to fetch|WebSocket connection|EventSource's response has a MIME type"
    r"|Kernel is dead|restore the debugger state|Canceled future"
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium without windows, or Playwright's own where that is not installed."""
    with _playwright() as (playwright, launch):
        browser = playwright.chromium.launch(**launch)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def chromium_with_profile(folder: Path) -> Iterator[BrowserContext]:
    """As `chromium`, with a profile in `folder`: scripts that it has compiled stay so.

    A page of Lab loads with a third less work then.
    """
    with _playwright() as (playwright, launch):
        context = playwright.chromium.launch_persistent_context(folder, **launch, **_session())
        try:
            yield context
        finally:
            context.close()


@contextmanager
def _playwright() -> Iterator[tuple[Playwright, dict[str, Any]]]:
    """Playwright, and what its ways to start Chromium are told."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        program = DEBIAN if DEBIAN.exists() else Path(playwright.chromium.executable_path)
        assert program.exists(), (
            "install Debian's chromium-headless-shell, or run: playwright install chromium"
        )
        yield (
            playwright,
            {
                "executable_path": program,
                "args": ["--no-sandbox", "--disable-dev-shm-usage"],
                "timeout": 2 * PATIENCE,
            },
        )


# `expression` is a function or a value, as in Playwright's own `evaluate`.
_LIMITED = """argument => {
    const given = (EXPRESSION);
    const value = typeof given === 'function' ? given(argument) : given;
    if (typeof value?.then !== 'function') { return value; }
    let timer;
    const late = new Promise((_, refuse) => {
        timer = setTimeout(() => refuse(new Error('no answer within LIMIT ms')), LIMIT);
    });
    return Promise.race([value, late]).finally(() => clearTimeout(timer));
}"""


def evaluate(page: Page, expression: str, argument: Any = None, *, limit: int = LOADING) -> Any:
    """What `expression` gives in `page`; a promise is awaited for at most `limit` ms.

    Playwright's own `evaluate` waits for a promise for ever.
    """
    script = _LIMITED.replace("LIMIT", str(limit)).replace("EXPRESSION", expression)
    return page.evaluate(script, argument)


_UNTIL = """async argument => {
    const condition = (EXPRESSION);
    const end = Date.now() + LIMIT;
    while (!await condition(argument)) {
        if (Date.now() > end) { throw new Error('not true within LIMIT ms'); }
        await new Promise(resolve => setTimeout(resolve, 100));
    }
}"""


def wait_until(page: Page, condition: str, argument: Any = None, *, limit: int = PATIENCE) -> None:
    """Wait until `condition`, an asynchronous function, gives true in `page`; at most `limit` ms.

    Playwright's own `wait_for_function` takes the promise of such a function for true. If the page
    is left meanwhile, this fails.
    """
    evaluate(
        page,
        _UNTIL.replace("LIMIT", str(limit)).replace("EXPRESSION", condition),
        argument,
        limit=limit + PATIENCE,
    )


class Watch:
    """What went wrong in a page while nobody looked: errors, and requests to other machines."""

    def __init__(self, page: Page):
        self.errors: list[str] = []
        self.outside: list[str] = []
        self.refused: list[str] = []  # what servers answered that explains an error
        self.server_is_away = False  # said by a test that stops it
        page.on("console", self._on_console)
        page.on("pageerror", self._on_error)
        page.on("request", self._on_request)
        page.on("response", self._on_response)

    def require_nothing(self) -> None:
        assert not self.errors, "errors in the browser:\n" + "\n".join(
            [*self.errors, "refused:", *self.refused]
        )
        assert not self.outside, f"the page asked other machines: {self.outside}"

    def _on_console(self, message: ConsoleMessage) -> None:
        text = message.text
        if message.type == "error" and not (_REFUSED.search(text) or _LISTING.search(text)):
            self._note(text, f"at {message.location}")

    def _on_error(self, error: Error) -> None:
        if _is_of_the_splash(error):
            return
        self._note(error.message, error.stack or "")

    def _note(self, words: str, where: str) -> None:
        if not (self.server_is_away and _AWAY.search(words)):
            self.errors.append(f"{words}\n  {where}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.refused.append(f"{response.status} {response.url}")

    def _on_request(self, request: Request) -> None:
        host = urlsplit(request.url).hostname
        if host not in (None, "127.0.0.1", "localhost"):
            self.outside.append(request.url)


def _is_of_the_splash(error: Error) -> bool:
    """Whether Lab removed its splash screen twice, as it does when a theme is loaded in between.

    A timer does it, so that nothing else is on the stack; ours or React's would have more.
    """
    frames = [line for line in (error.stack or "").splitlines() if line.lstrip().startswith("at ")]
    return "'removeChild'" in error.message and len(frames) == 1 and "jlab_core" in frames[0]


@contextmanager
def watched_page(browser: Browser, *, dark: bool = False) -> Iterator[tuple[Page, Watch]]:
    """A page of a new browser session, and what goes wrong in it."""
    context = browser.new_context(**_session(dark=dark))
    try:
        yield _watched(context)
    finally:
        context.close()


@contextmanager
def watched_tab(context: BrowserContext) -> Iterator[tuple[Page, Watch]]:
    """A page of a browser with a profile, and what goes wrong in it.

    Cookies, storage, permissions and routes are gone after it: as if the session were new.
    """
    page, watch = _watched(context)
    try:
        yield page, watch
    finally:
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(page.url))
        page.close()
        context.unroute_all()
        context.clear_permissions()
        context.clear_cookies()
        if origin.startswith("http"):
            _clear_storage(context, origin)


def _clear_storage(context: BrowserContext, origin: str) -> None:
    """Remove what pages of `origin` keep; its compiled scripts stay."""
    blank = context.pages[0]  # the tab that a browser with a profile begins with
    session = context.new_cdp_session(blank)
    kinds = "local_storage,indexeddb,service_workers,cache_storage,file_systems"
    session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": kinds})
    session.detach()


def _session(*, dark: bool = False) -> dict[str, Any]:
    return {
        "viewport": {"width": SIZE["width"], "height": SIZE["height"]},
        "locale": "en-GB",
        "timezone_id": "UTC",
        "color_scheme": "dark" if dark else "light",
    }


def _watched(context: BrowserContext) -> tuple[Page, Watch]:
    context.set_default_timeout(PATIENCE)
    context.set_default_navigation_timeout(LOADING)
    page = context.new_page()
    return page, Watch(page)
