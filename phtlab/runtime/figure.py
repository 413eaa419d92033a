"""Figures: a picture, and the numbers that it is drawn from, taken from its artists.

The airlock reads the numbers; a picture alone would hide single persons in plain sight.
So what cannot be read back into numbers (images, heat maps, pies) is refused.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from phtlab.runtime.errors import PublishError
from phtlab.runtime.table import Column, check_counts, encode_table

DPI = 150
MOST_POINTS = 10_000
# What a station's airlock draws anew unless its policy says more.
MOST_PIXELS = 4_000_000


class Mark(NamedTuple):
    """One drawn point: of which axes (from 1), artist and series; where; and its span."""

    axes: int
    artist: str
    series: str
    x: float | None
    y: float | None
    x_text: str | None = None
    y_text: str | None = None
    low: float | None = None
    high: float | None = None


def figure_of(name: str, value: Any) -> Any:
    """The matplotlib figure in `value`, which may be an Axes of it.

    Raises:
        PublishError: it is not one.
    """
    figure = value
    for attribute in ("figure", "fig"):
        if not hasattr(figure, "savefig") or not hasattr(figure, "get_axes"):
            figure = getattr(figure, attribute, figure)
    if not hasattr(figure, "savefig") or not hasattr(figure, "get_axes"):
        of_type = f"{type(value).__module__.partition('.')[0]} {type(value).__name__}"
        raise PublishError("figure-type", output=name, of_type=of_type)
    width, height = figure.get_size_inches()
    if width * height * DPI**2 > MOST_PIXELS:
        raise PublishError(
            "figure-large",
            output=name,
            width=f"{width:g}",
            height=f"{height:g}",
            most=f"{MOST_PIXELS:,}",
            dpi=DPI,
        )
    return figure


def picture(figure: Any) -> bytes:
    """The figure as PNG at a fixed resolution, without metadata: same figure, same bytes."""
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=DPI, metadata={"Software": None})
    return target.getvalue()


def figure_table(name: str, figure: Any, counts: str | None = None) -> bytes:
    """The numbers that the figure is drawn from, as `<name>.data.json` holds them.

    Raises:
        PublishError: it holds something that cannot be read back, or too many points.
    """
    marks: list[Mark] = []
    if figure.images:
        raise _refused(name, "an image")
    for number, axes in enumerate(figure.get_axes(), start=1):
        for mark in _marks(name, number, axes):
            marks.append(mark)
            if len(marks) > MOST_POINTS:
                raise PublishError("figure-points", output=name, most=f"{MOST_POINTS:,}")
    if not marks:
        raise PublishError("figure-empty", output=name)
    columns = _columns(marks)
    if counts is not None:
        check_counts("figure", name, columns, counts)
    return encode_table(columns)


def _columns(marks: list[Mark]) -> list[Column]:
    types = {
        "axes": "integer",
        "artist": "string",
        "series": "string",
        "x": "number",
        "y": "number",
        "x_text": "string",
        "y_text": "string",
        "low": "number",
        "high": "number",
    }
    columns = [Column(f, types[f], [getattr(mark, f) for mark in marks]) for f in Mark._fields]
    always = ("axes", "artist", "series", "x", "y")
    return [c for c in columns if c.name in always or any(v is not None for v in c.values)]


def _marks(name: str, number: int, axes: Any) -> Iterator[Mark]:
    if axes.images:
        raise _refused(name, "an image")
    if axes.tables:
        raise _refused(name, "a table")
    if axes.name == "3d":
        raise _refused(name, "a plot in three dimensions")
    texts = _texts(axes)
    seen: set[int] = set()
    for container in axes.containers:
        for mark, artists in _of_container(number, container):
            seen.update(id(artist) for artist in artists)
            if mark is not None:
                yield _with_text(mark, texts)
    for line in axes.lines:
        if id(line) not in seen:
            for mark in _of_line(number, "line", line, _label(line)):
                yield _with_text(mark, texts)
    for patch in axes.patches:
        if id(patch) not in seen:
            for mark in _of_patch(name, number, patch):
                yield _with_text(mark, texts)
    for collection in axes.collections:
        if id(collection) not in seen:
            for mark in _of_collection(name, number, collection):
                yield _with_text(mark, texts)
    for text in axes.texts:
        if text.get_text():
            x, y = (_number(v) for v in text.get_position())
            yield Mark(number, "text", text.get_text(), x, y)


def _of_container(number: int, container: Any) -> Iterator[tuple[Mark | None, list[Any]]]:
    """The marks of bars and of error bars, with the artists that they account for."""
    kind = type(container).__name__
    label = _label(container)
    if kind == "BarContainer":
        upright = getattr(container, "orientation", None) != "horizontal"
        if not label and container.patches:
            label = _label(container.patches[0])  # where hist() puts it
        for bar in container.patches:
            yield _bar(number, "bar", bar, label, upright=upright), [bar]
    elif kind == "ErrorbarContainer":
        line, caps, spans = container.lines
        artists = [artist for artist in (line, *caps, *spans) if artist is not None]
        yield None, artists
        if line is not None:
            for mark in _of_line(number, "errorbar", line, label):
                yield mark, []
        for span in spans:
            for mark in _of_segments(number, "errorbar", span, label):
                yield mark, []
    elif kind == "StemContainer":
        yield None, [container.stemlines, container.baseline, container.markerline]
        for mark in _of_line(number, "stem", container.markerline, label):
            yield mark, []


def _of_line(number: int, artist: str, line: Any, label: str) -> Iterator[Mark]:
    for x, y in zip(line.get_xdata(orig=False), line.get_ydata(orig=False), strict=True):
        yield Mark(number, artist, label, _number(x), _number(y))


def _of_segments(number: int, artist: str, collection: Any, label: str) -> Iterator[Mark]:
    """Lines from one end to the other: upright ones span y, the others x."""
    for segment in collection.get_segments():
        if len(segment) != 2:
            for x, y in segment:
                yield Mark(number, artist, label, _number(x), _number(y))
            continue
        (x0, y0), (x1, y1) = segment
        if x0 == x1:
            low, high = _number(min(y0, y1)), _number(max(y0, y1))
            yield Mark(number, artist, label, _number(x0), None, low=low, high=high)
        elif y0 == y1:
            low, high = _number(min(x0, x1)), _number(max(x0, x1))
            yield Mark(number, artist, label, None, _number(y0), low=low, high=high)
        else:
            yield Mark(number, artist, label, _number(x0), _number(y0))
            yield Mark(number, artist, label, _number(x1), _number(y1))


def _bar(number: int, artist: str, bar: Any, label: str, *, upright: bool) -> Mark:
    """A bar's middle, its end, and the span on the axis that it stands on."""
    x, y, width, height = bar.get_x(), bar.get_y(), bar.get_width(), bar.get_height()
    if upright:
        low, high = sorted((x, x + width))
        middle, end = x + width / 2, y + height
    else:
        low, high = sorted((y, y + height))
        middle, end = x + width, y + height / 2
    return Mark(
        number, artist, label, _number(middle), _number(end), low=_number(low), high=_number(high)
    )


def _of_patch(name: str, number: int, patch: Any) -> Iterator[Mark]:
    kind = type(patch).__name__
    if kind == "Wedge":
        raise _refused(name, "a pie")
    if kind == "Rectangle":
        yield _bar(number, "rectangle", patch, _label(patch), upright=True)
    elif kind in ("Polygon", "StepPatch", "PathPatch"):
        for x, y in patch.get_path().vertices:
            yield Mark(number, "area", _label(patch), _number(x), _number(y))
    elif kind not in ("FancyArrowPatch", "FancyArrow", "ConnectionPatch"):
        raise _refused(name, f"a {kind}")


def _of_collection(name: str, number: int, collection: Any) -> Iterator[Mark]:
    kind = type(collection).__name__
    label = _label(collection)
    if kind == "PathCollection":
        for x, y in collection.get_offsets():
            yield Mark(number, "scatter", label, _number(x), _number(y))
    elif kind in ("LineCollection", "EventCollection"):
        yield from _of_segments(number, "segment", collection, label)
    elif (
        kind in ("PolyCollection", "FillBetweenPolyCollection")
        and len(collection.get_offsets()) <= 1
    ):
        for path in collection.get_paths():
            for x, y in path.vertices:
                yield Mark(number, "area", label, _number(x), _number(y))
    else:
        raise _refused(name, f"a {kind}")


def _refused(name: str, what: str) -> PublishError:
    return PublishError("figure-content", output=name, what=what)


def _texts(axes: Any) -> tuple[dict[float, str], dict[float, str]]:
    """What positions on the two axes are called: categories, or ticks with set labels."""
    return _names(axes.xaxis), _names(axes.yaxis)


def _names(axis: Any) -> dict[float, str]:
    mapping = getattr(axis.units, "_mapping", None)
    if isinstance(mapping, dict):
        return {float(position): str(word) for word, position in mapping.items()}
    if type(axis.get_major_locator()).__name__ != "FixedLocator":
        return {}
    places = [float(place) for place in axis.get_majorticklocs()]
    words = [str(word) for word in axis.get_major_formatter().format_ticks(places)]
    return {place: word for place, word in zip(places, words, strict=True) if _is_word(word)}


def _is_word(label: str) -> bool:
    """Whether a tick's label says more than its position."""
    try:
        float(label.replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        return bool(label)
    return False


def _with_text(mark: Mark, texts: tuple[dict[float, str], dict[float, str]]) -> Mark:
    xs, ys = texts
    return mark._replace(x_text=_nearest(xs, mark.x), y_text=_nearest(ys, mark.y))


def _nearest(names: dict[float, str], position: float | None) -> str | None:
    if position is None:
        return None
    return next((word for at, word in names.items() if abs(at - position) < 1e-9), None)


def _label(artist: Any) -> str:
    """The series' name; matplotlib's own names begin with an underscore and are none."""
    label = str(artist.get_label() or "")
    return "" if label.startswith("_") else label


def _number(value: Any) -> float | None:
    """The number, or None for one that is not finite or that numpy masks (a point not drawn)."""
    number = math.nan if getattr(value, "mask", False) else float(value)
    return number if math.isfinite(number) else None
