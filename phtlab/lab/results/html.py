"""Results as HTML without a script: one tab per output, with the stations side by side."""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from phtlab.errors import PhtlabError
from phtlab.lab.display.colours import CARD, FOREIGN, MUTED, badge
from phtlab.lab.display.journey_text import TWO_RECORDS, rounds_text, why_not
from phtlab.lab.display.route_map import middle
from phtlab.lab.display.stop_cost import duration, size
from phtlab.lab.results.forecast import CAVEAT, foreseen
from phtlab.lab.results.handed_on import handed_on_text
from phtlab.printable import escaped
from phtlab.train.documents.record import OutputVerdict, StopRecord

if TYPE_CHECKING:
    import pandas as pd

    from phtlab.lab.results.released_outputs import ReleasedOutputs

MAX_ROWS: Final = 40
MAX_VALUE: Final = 400
_GRID: Final = (
    "display:grid;grid-template-columns:repeat(auto-fill,minmax(280px,1fr));gap:12px;"
    "align-items:start"
)
# Figures are drawn for white paper: keep it white in the dark theme as well.
_PICTURE: Final = "width:100%;height:auto;background-color:#fff;border-radius:4px"
_ACCENT: Final = "var(--jp-brand-color1,var(--vscode-focusBorder,#1565c0))"
_LINE: Final = "var(--jp-border-color2,rgba(128,128,128,.4))"

Tab = tuple[str, str]


def results_html(
    stations: Mapping[str, ReleasedOutputs],
    failures: Mapping[str, StopRecord],
    unsigned: Mapping[str, str],
    waiting: Mapping[str, str] | None = None,
    missing: Callable[[str], Mapping[str, str]] = lambda name: {},
    *,
    contradicted: Sequence[str] = (),
    resume: str = "",
) -> str:
    """Return the stations' outputs as HTML, below notices of failures. All foreign text is escaped.

    `missing` returns what stations lack of an output, which is shown above it. `resume` says how an
    ended journey goes on.
    """
    withheld_notice = "".join(
        [_notice(s, f"it {TWO_RECORDS}.", "bad") for s in contradicted]
        + [_notice(s, f"{r.outcome}: {why_not(r)}{_error(r)}", "bad") for s, r in failures.items()]
        + [
            _notice(s, f"{words} (unsigned: reported by central only)", "warn")
            for s, words in unsigned.items()
        ]
        + [
            _notice(s, f"{sentence}; not ended yet", "warn")
            for s, sentence in (waiting or {}).items()
        ]
        + ([_caption(resume)] if resume else [])
    )
    tabs = list(_outputs(stations, missing))
    if stations:
        tabs.append(("Stations", _stations(stations)))
    return _tabbed(tabs, withheld_notice)


def _outputs(
    stations: Mapping[str, ReleasedOutputs], missing: Callable[[str], Mapping[str, str]]
) -> Iterator[Tab]:
    from phtlab.lab.results.withheld import warning_html

    kinds = {n: o.kind for released in stations.values() for n, o in released.outputs.items()}
    for name, kind in kinds.items():
        having = [released for released in stations.values() if name in released.outputs]
        html = _RENDERERS.get(kind, _files)(name, having) + _foreseen(name, having)
        yield name, warning_html(missing(name)) + html + _handed_on(name, stations.values())
    for name in dict.fromkeys(
        verdict.name
        for released in stations.values()
        for verdict in released.record.outputs
        # What stations of rounds released left with each round.
        if released.record.rounds is None or verdict.verdict not in ("released", "suppressed")
    ):
        if name not in kinds:
            yield name, _withheld(name, list(stations.values()))


def _withheld(name: str, released: Sequence[ReleasedOutputs]) -> str:
    """Return each station's verdict on an output that no station sent."""

    def verdicts(released: ReleasedOutputs) -> str:
        return "".join(
            _verdict(v, released.handed_on) for v in released.record.outputs if v.name == name
        )

    return _caption("No station sent it.") + _multiples(list(released), verdicts)


def _handed_on(name: str, stations: Iterable[ReleasedOutputs]) -> str:
    """Return which stations handed an output on, below the values of those that sent it."""
    lines = [
        f"{released.station}: {handed_on_text(released.handed_on[name])}"
        for released in stations
        if name in released.handed_on
    ]
    return "".join(map(_caption, lines))


def _foreseen(name: str, having: Sequence[ReleasedOutputs]) -> str:
    """Return the forecast below an output of a dry run."""
    found = list(foreseen([released.record for released in having], name))
    if not found:
        return ""
    lines = "".join(
        f"<li>{badge(*_FORESEEN[item.verdict.verdict])} "
        f"<b>{_escape(', '.join(item.stations))}</b>: {_escape(item.sentence())}</li>"
        for item in found
    )
    style = "list-style:none;margin:4px 0 0;padding:0"
    return f'{_caption(CAVEAT)}<ul style="{style}">{lines}</ul>'


_FORESEEN: Final[Mapping[str, tuple[str, str]]] = {
    "released": ("✓", "good"),
    "suppressed": ("▲", "warn"),
    "held": ("‖", "warn"),
    "refused": ("✗", "bad"),
}


def _table(name: str, having: Sequence[ReleasedOutputs]) -> str:
    import pandas as pd

    frames, troubles = [], []
    for released in having:
        try:
            frame = released.table(name)
        except PhtlabError as error:
            troubles.append(_notice(released.station, str(error), "bad"))
            continue
        if len(having) > 1:
            frame.insert(0, "station", released.station, allow_duplicates=True)
        frames.append(frame)
    whole = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    summary = f"{_rows(len(whole))} from {_count(len(frames), 'station')}"
    if len(whole) > MAX_ROWS:
        summary += f", {MAX_ROWS} of them shown"
    return _caption(f"Table: {summary}") + "".join(troubles) + _frame(whole)


def _frame(frame: pd.DataFrame) -> str:
    html: str = frame.to_html(
        index=False, max_rows=MAX_ROWS, border=0, escape=True, float_format=lambda x: f"{x:,.6g}"
    )
    return f'<div style="overflow-x:auto">{html}</div>'


def _figure(name: str, having: Sequence[ReleasedOutputs]) -> str:
    def picture(released: ReleasedOutputs) -> str:
        png = b64encode(released.figure(name).png).decode()
        words = html.escape(f"{name} of {released.station}")
        return f'<img alt="{words}" style="{_PICTURE}" src="data:image/png;base64,{png}">'

    return _caption(f"Figure of {_count(len(having), 'station')}") + _multiples(having, picture)


def _scalar(name: str, having: Sequence[ReleasedOutputs]) -> str:
    def value(released: ReleasedOutputs) -> str:
        return f'<code style="font-size:140%">{_escape(str(released.scalar(name)))}</code>'

    return _caption("Single value") + _multiples(having, value)


def _model(name: str, having: Sequence[ReleasedOutputs]) -> str:
    def shapes(released: ReleasedOutputs) -> str:
        rows = (
            (_escape(key), " × ".join(map(str, array.shape)) or "one number")
            for key, array in released.model(name).items()
        )
        return "".join(f"<div><code>{key}</code> {shape}</div>" for key, shape in rows)

    caption = f"Model: arrays by name, with their shapes; results.models({name!r}) has the numbers"
    return _caption(caption) + _multiples(having, shapes)


def _files(name: str, having: Sequence[ReleasedOutputs]) -> str:
    return _caption(f"File; results[station].file({name!r}) has its bytes") + _multiples(
        having, lambda released: size(len(released.file(name)))
    )


_RENDERERS: Final[Mapping[str, Callable[[str, Sequence[ReleasedOutputs]], str]]] = {
    "table": _table,
    "figure": _figure,
    "scalar": _scalar,
    "model": _model,
}


def _multiples(
    having: Sequence[ReleasedOutputs], cell_html: Callable[[ReleasedOutputs], str]
) -> str:
    """Return one box per station, all of the same size."""
    boxes = []
    for released in having:
        try:
            inside = cell_html(released)
        except PhtlabError as error:
            inside = _escape(str(error))
        head = f'<div style="{FOREIGN}"><b><bdi>{_escape(released.station)}</bdi></b></div>'
        boxes.append(f'<div style="min-width:0">{head}{inside}</div>')
    return f'<div style="{_GRID}">{"".join(boxes)}</div>'


def _stations(stations: Mapping[str, ReleasedOutputs]) -> str:
    def station_note(released: ReleasedOutputs) -> str:
        parts = [f'<div style="{MUTED}">{_escape(_cost(released.record))}</div>']
        parts += [_verdict(verdict, released.handed_on) for verdict in released.record.outputs]
        return "".join(parts)

    head = _caption("What each station's signed record says of its outputs")
    return head + _multiples(list(stations.values()), station_note)


def _cost(record: StopRecord) -> str:
    done = record.rounds
    parts = [f"sent {size(record.size)}" if done is None else rounds_text(done.count)]
    if record.started is not None:
        ran = max(0.0, (record.finished - record.started).total_seconds())
        parts.insert(0, f"ran {duration(ran)}")
    return ", ".join(parts)


def _verdict(verdict: OutputVerdict, handed_on: Mapping[str, str | None]) -> str:
    mark, tone = ("✓", "good") if verdict.verdict == "released" else ("‖", "warn")
    label: str = "withheld" if verdict.verdict == "refused" else verdict.verdict
    if verdict.name in handed_on:
        label += f", {handed_on_text(handed_on[verdict.name])}"
    words = f"{verdict.name}: {label}" + (verdict.sentence and f". {verdict.sentence}")
    return f"<div>{badge(mark, tone)} {_escape(words)}</div>"


def _error(record: StopRecord) -> str:
    if record.error is None:
        return ""
    message = f": {record.error.message}" if record.error.message else ""
    place = f" in cell {record.error.cell}" if record.error.cell is not None else ""
    return f" ({record.error.type}{message}{place})"


def _notice(station: str, words: str, tone: str) -> str:
    mark = "✗" if tone == "bad" else "–"
    return (
        f'<div style="{FOREIGN};margin-bottom:6px">{badge(mark, tone)} '
        f"<b><bdi>{_escape(station)}</bdi></b> {_escape(words)}</div>"
    )


def _caption(words: str) -> str:
    return f'<div style="{MUTED};margin:0 0 8px">{_escape(words)}</div>'


def _tabbed(tabs: Sequence[Tab], before: str) -> str:
    """Return tabs of radio buttons and CSS, so that the keyboard works and no script runs.

    Where style is stripped, the tabs appear one below the other.
    """
    name = f"pht-{uuid4().hex[:12]}"
    rules = [
        f"#{name}>input{{position:absolute;opacity:0;pointer-events:none}}"
        f"#{name}>label{{display:inline-block;padding:4px 10px;margin:0 2px 10px 0;cursor:pointer;"
        f"border-bottom:2px solid {_LINE}}}"
        f"#{name}>section{{display:none}}"
    ]
    inputs, labels, panels = [], [], []
    for number, (title, content) in enumerate(tabs, start=1):
        at = f"#{name}>input:nth-of-type({number})"
        rules.append(
            f"{at}:checked~section:nth-of-type({number}){{display:block}}"
            f"{at}:checked~label:nth-of-type({number})"
            f"{{border-color:{_ACCENT};font-weight:bold}}"
            f"{at}:focus-visible~label:nth-of-type({number})"
            f"{{outline:2px solid {_ACCENT};outline-offset:-2px}}"
        )
        checked = " checked" if number == 1 else ""
        label = _escape(title)
        inputs.append(
            f'<input type="radio" name="{name}" id="{name}-{number}" aria-label="{label}"{checked}>'
        )
        labels.append(f'<label for="{name}-{number}">{label}</label>')
        panels.append(f'<section aria-label="{label}">{content}</section>')
    nothing = "" if tabs or before else "Nothing came back."
    return (
        f'<div id="{name}" style="{CARD}">'
        f"<style>{''.join(rules)}</style>{before}{nothing}"
        f"{''.join(inputs)}{''.join(labels)}{''.join(panels)}</div>"
    )


def _escape(words: str) -> str:
    return html.escape(middle(escaped(words), MAX_VALUE))


def _rows(count: int) -> str:
    return _count(count, "row")


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
