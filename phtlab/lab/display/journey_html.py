"""A journey's map as HTML that needs no script and fetches nothing: exports, mail, VS Code."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from phtlab.lab.display.colours import CARD, CODE, FAINT, FOREIGN, MUTED, RULE, TONES, badge
from phtlab.lab.display.route_map import route_map
from phtlab.wire.api.journeys import JourneyView


def journey_html(
    view: JourneyView, began: Mapping[str, datetime] | None = None, now: datetime | None = None
) -> str:
    """The route as a row of stops. Styles are inline: what strips them leaves text in order."""
    shown = route_map(view, began, now)
    stops = shown["stops"]
    return (
        f'<div class="phtlab-journey" style="{CARD}">'
        f"{_head(shown)}{_alarm(shown)}"
        '<div role="list" style="display:grid;gap:14px 0;'
        'grid-template-columns:repeat(auto-fit,minmax(150px,1fr))">'
        f"{''.join(_stop(stop, shown['id'], last=stop is stops[-1]) for stop in stops)}</div>"
        f"{_results_button(shown)}</div>"
    )


def _head(shown: Mapping[str, Any]) -> str:
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:2px 12px;align-items:baseline;'
        'margin-bottom:12px">'
        f'<b style="font-size:115%" title="{html.escape(shown["title"])}">'
        f'<bdi style="{FOREIGN}">{html.escape(shown["name"])}</bdi></b>'
        f'<span style="{MUTED}">journey <code style="{CODE}">'
        f"{html.escape(shown['short'])}</code></span>"
        f'<span style="margin-left:auto">{html.escape(shown["summary"])}</span></div>'
    )


def _alarm(shown: Mapping[str, Any]) -> str:
    if not shown["alarm"]:
        return ""
    edge = f"border-left:4px solid {TONES['bad']};padding:2px 0 2px 10px;margin-bottom:12px"
    words = f"{badge('!', 'bad')} <b>{html.escape(shown['alarm'])}</b>"
    return f'<div role="alert" style="{FOREIGN};{edge}">{words}</div>'


def _stop(stop: Mapping[str, Any], journey: str, *, last: bool) -> str:
    colour = TONES[stop["tone"]]
    parts = [
        # The line and, on it, the mark.
        '<div aria-hidden="true" style="position:relative;height:24px">'
        + (
            ""
            if last
            else f'<div style="{RULE};position:absolute;left:24px;right:0;top:11px"></div>'
        )
        + f'<div style="position:absolute;left:0;top:0;width:24px;height:24px;border-radius:50%;'
        f"background-color:{colour};color:#fff;text-align:center;line-height:24px;"
        f'font-weight:bold;font-size:13px">{html.escape(stop["mark"])}</div></div>',
        f'<div title="{html.escape(stop["title"])}"><b><bdi style="{FOREIGN}">'
        f"{html.escape(stop['station'])}</bdi></b></div>",
        f"<div>{html.escape(stop['word'])}</div>",
    ]
    if stop["cells"]:
        share = min(100, round(100 * stop["cell"] / stop["cells"]))
        parts.append(
            f'<div aria-hidden="true" style="{FAINT};height:5px;border-radius:3px;margin:3px 0">'
            f'<div style="height:5px;border-radius:3px;width:{share}%;background-color:{colour}">'
            "</div></div>"
        )
    if stop["spent"]:
        parts.append(f'<div style="{MUTED}">{html.escape(stop["spent"])}</div>')
    if stop["sentence"]:
        parts.append(f'<div style="{FOREIGN}">{html.escape(stop["sentence"])}</div>')
    if stop["error"]:
        parts.append(_error(stop["error"], journey))
    return f'<div role="listitem" style="padding-right:14px;min-width:0">{"".join(parts)}</div>'


def _error(error: Mapping[str, Any], journey: str) -> str:
    words = f'<code style="{CODE}">{html.escape(error["words"])}</code>'
    place = f" in {html.escape(error['place'])}" if error["place"] else ""
    button = ""
    if error["cell"] is not None:
        go = {"journey": journey, "cell": error["cell"], "line": error["line"]}
        button = _command("phtlab:open-cell", go, "Show the cell")
    return f"<div>{words}{place}{button}</div>"


def _results_button(shown: Mapping[str, Any]) -> str:
    if not shown["results"]:
        return ""
    return _command("phtlab:open-results", {"journey": shown["id"]}, shown["results"])


def _command(command: str, arguments: Mapping[str, Any], label: str) -> str:
    """A button of JupyterLab's command linker. Where phtlab's style sheet is not, it is hidden."""
    return (
        '<button class="phtlab-in-lab jp-mod-styled jp-mod-accept" style="display:none" '
        f'data-commandlinker-command="{command}" '
        f'data-commandlinker-args="{html.escape(json.dumps(arguments))}">{label}</button>'
    )
