"""A train as a card: what it is, what it takes, what it gives back, what is to be known of it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Final

from phtlab.lab.display.colours import CARD, CODE, FOREIGN, MUTED, badge
from phtlab.lab.display.route_map import middle
from phtlab.notebook import Analysis
from phtlab.notebook.declared_output import DeclaredOutput
from phtlab.notebook.parameters import describe
from phtlab.printable import escaped

MAX_SENTENCE: Final = 600
TARGETS: Final = {"next": "the next station", "both": "the next station and the recipients"}

_ROUTES = {"parallel": "", "sequential": ", sequential route", "rounds": ", rounds"}


def train_html(analysis: Analysis, kernel: str, digest: str) -> str:
    """The card of the train `digest`, made of `analysis` on `kernel`."""
    travelling = len(analysis.travelling_cells)
    head = (
        '<div style="display:flex;flex-wrap:wrap;gap:2px 12px;align-items:baseline">'
        f'<b style="font-size:115%" title="{html.escape(escaped(analysis.name)[:500])}">'
        f'<bdi style="{FOREIGN}">{html.escape(middle(analysis.name))}</bdi></b>'
        f'<span style="{MUTED}">train <code style="{CODE}" title="{html.escape(digest)}">'
        f"{html.escape(digest.removeprefix('sha256:')[:12])}</code></span>"
        f'<span style="margin-left:auto;{MUTED}">{html.escape(kernel)}, '
        f"{travelling} cell{'' if travelling == 1 else 's'} in the train"
        f"{_ROUTES[analysis.route]}</span></div>"
    )
    parameters = [
        (
            name,
            f"= {definition['default']}" if "default" in definition else "",
            describe(definition),
        )
        for name, definition in analysis.parameters.properties.items()
    ]
    outputs = [(o.name, o.kind, _output_note(o)) for o in analysis.outputs]
    columns = [
        _column("Parameters", parameters),
        _column("Data sets", [(name, "", "") for name in analysis.datasets]),
        _column("Outputs", outputs),
        *_route_columns(analysis),
    ]
    notes = "".join(
        f'<div style="{FOREIGN}">{badge("!", "warn")} '
        f"{html.escape(middle(finding.message, MAX_SENTENCE))}</div>"
        for finding in analysis.findings
    )
    return (
        f'<div style="{CARD}">{head}'
        '<div style="display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));'
        f'gap:10px 24px;margin-top:10px">{"".join(columns)}</div>'
        f"{notes and f'<div style=margin-top:10px>{notes}</div>'}</div>"
    )


def _output_note(output: DeclaredOutput) -> str:
    """What an output counts, and who gets it if those are not the recipients alone."""
    notes = [f"counts people in {output.counts}"] if output.counts else []
    if output.to != "researcher":
        notes.append(f"to {TARGETS[output.to]}")
    return "; ".join(notes)


def _route_columns(analysis: Analysis) -> list[str]:
    """The route of a train that hands outputs on, or of rounds; nothing for a parallel one."""
    if analysis.route == "rounds":
        rows = [
            (value.name, "received", "from the combine cells; the first round takes its default")
            for value in analysis.received
        ]
        combine = ", ".join(str(cell.number) for cell in analysis.combine_cells)
        cells = "cell" if len(analysis.combine_cells) == 1 else "cells"
        return [_column("Route: rounds", [*rows, ("combine", "", f"{cells} {combine}")])]
    handed_on = [output.name for output in analysis.outputs if output.to != "researcher"]
    if analysis.route == "parallel":
        return []
    received = [
        (value.name, "received", "from the station before; the first one takes its default")
        for value in analysis.received
    ]
    last = [("last station", "", f"its {', '.join(handed_on)} goes to the recipients")]
    title = "Route: sequential"
    return [_column(title, [*received, *(last if handed_on else [])])]


def _column(title: str, rows: Sequence[tuple[str, str, str]]) -> str:
    lines = [
        f'<div style="{FOREIGN}"><b>{html.escape(name)}</b> {html.escape(middle(value, 80))} '
        f'<span style="{MUTED}">{html.escape(middle(note, 120))}</span></div>'
        for name, value, note in rows
    ]
    inside = "".join(lines) or f'<div style="{MUTED}">none</div>'
    return f'<div style="min-width:0"><div style="{MUTED}">{title}</div>{inside}</div>'
