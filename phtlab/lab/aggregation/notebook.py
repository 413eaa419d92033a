"""Notebooks that aggregate a journey's results: a new notebook, or the analyst's own, filled in.

Pure functions on notebooks of nbformat 4. The cells written run as they are: they contain the
journey's id, and text from stations (such as column names) enters as Python literals only.
"""

from __future__ import annotations

import ast
import builtins
import keyword
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from phtlab.errors import PhtlabError
from phtlab.lab.aggregation.run import ROLE
from phtlab.lab.display.journey_text import short
from phtlab.notebook.cell import Cell
from phtlab.notebook.magic import read_python

if TYPE_CHECKING:
    from phtlab.lab.results.results import Results

Notebook = dict[str, Any]

MOST_GROUPS: Final = 2  # columns that a plot of counts is grouped by
_TAKEN: Final = frozenset({"results", "phtlab", "plt", "pd", "io"}) | frozenset(dir(builtins))


@dataclass(frozen=True)
class Sent:
    """An output that stations sent; for a table, also its text columns and its count column."""

    name: str
    kind: str
    counts: str | None = None
    groups: tuple[str, ...] = ()


def sent_in(results: Results) -> tuple[Sent, ...]:
    """List the outputs in `results`, each once, in the order of the first station."""
    found: dict[str, Sent] = {}
    for released in results.values():
        for name, output in released.outputs.items():
            groups: tuple[str, ...] = ()
            if output.kind == "table" and name not in found:
                try:
                    groups = _groups(released.table(name))
                except PhtlabError:
                    continue
            found.setdefault(name, Sent(name, output.kind, output.counts, groups))
    return tuple(found.values())


def new_notebook(
    journey: str,
    train: str,
    stations: Iterable[str],
    sent: Iterable[Sent],
    *,
    partial: bool = False,
) -> Notebook:
    """Make a notebook that shows all results; with `partial`, those received so far.

    `train` is a train's name as manifests have it.
    """
    where = ", ".join(stations) or "no station"
    head = (
        f"# {train.replace('_', ' ').capitalize()}: what came back\n\n"
        f"Journey `{short(journey)}`, from {where}. Every signature is verified before anything "
        "is opened; what does not verify is not shown."
    )
    cells = [_markdown(head), *(_code(source) for source in sources(journey, sent, partial))]
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "cells": cells,
    }


def filled(
    notebook: Mapping[str, Any], journey: str, sent: Iterable[Sent], *, partial: bool = False
) -> Notebook | None:
    """Return `notebook` with its aggregate cells for `journey`; None if its language is not Python.

    Calls of `phtlab.results()` in these cells get the journey's id; the first empty cell gets code
    that shows all outputs. Without either, cells are added at the end. Earlier outputs of these
    cells are removed, as they are of another journey.
    """
    metadata = notebook.get("metadata", {})
    language = metadata.get("kernelspec", {}).get("language") or metadata.get(
        "language_info", {}
    ).get("name", "python")
    if language.lower() != "python":
        return None
    whole = deepcopy(dict(notebook))
    cells: list[dict[str, Any]] = []
    done = False
    for cell in whole["cells"]:
        if not _is_aggregate(cell):
            cells.append(cell)
            continue
        source = _text(cell)
        cell["outputs"], cell["execution_count"] = [], None
        if not source.strip() and not done:
            cells += _written_from(cell, sources(journey, sent, partial))
            done = True
            continue
        named = with_journey(source, journey, partial)
        done = done or named is not None
        cell["source"] = named or source
        cells.append(cell)
    if not done:
        cells += [_code(source) for source in sources(journey, sent, partial)]
    whole["cells"] = cells
    return whole


def with_journey(source: str, journey: str, partial: bool = False) -> str | None:
    """Return `source` with `journey` in its calls of `phtlab.results()`; None if it has none.

    The id of another journey is replaced; a call with a computed argument stays as it is.
    """
    tree = read_python(Cell(1, "code", "aggregate", source, None, ())).tree
    if tree is None:
        return None
    calls = [span for node in ast.walk(tree) if (span := _arguments(node)) is not None]
    lines = source.encode().split(b"\n")
    # The last call first, so that the positions of earlier calls stay valid.
    for (start_line, start), (end_line, end) in sorted(calls, reverse=True):
        summary = f"({_journey_call(journey, partial)})".encode()
        joined = lines[start_line][:start] + summary + lines[end_line][end:]
        lines[start_line : end_line + 1] = [joined]
    return b"\n".join(lines).decode() if calls else None


def _journey_call(journey: str, partial: bool) -> str:
    """Return the arguments of `phtlab.results`."""
    return f'"{journey}", partial=True' if partial else f'"{journey}"'


def sources(journey: str, sent: Iterable[Sent], partial: bool = False) -> Iterator[str]:
    """Yield the cells that show all outputs; the first cell alone shows that the results verify.

    Each cell gets its output from `results`, which warns above it of what is missing.
    """
    known = []
    for output in sent:
        variable = _variable(output.name)
        known.append(_CELL_TEMPLATES[output.kind].format(variable=variable, name=output.name))
        if output.kind == "table" and output.counts and output.groups:
            known.append(_plot(output.name, output.counts, output.groups))
    text = "\n".join(known)
    needed = [line for line, use in _IMPORTS.items() if use in text]
    imports = "".join(f"{line}\n" for line in (*needed, "import phtlab"))
    yield f"{imports}\nresults = phtlab.results({_journey_call(journey, partial)})\nresults"
    yield from known


_IMPORTS: Final = {
    "import io\n": "io.",
    "import matplotlib.pyplot as plt": "plt.",
    "import pandas as pd": "pd.",
}

# The train's manifest limits names of outputs to [a-z][a-z0-9_]*.
_CELL_TEMPLATES: Final = {
    "table": '{variable} = results.table("{name}")\n{variable}',
    "scalar": '{variable} = pd.Series(results.scalars("{name}"), name="{name}")\n{variable}',
    "figure": """\
{variable} = results.figures("{name}")
rows = (len({variable}) + 1) // 2
_, axes = plt.subplots(rows, 2, figsize=(12, 4 * rows), squeeze=False, layout="constrained")
for axis in axes.flat:
    axis.set_axis_off()
for axis, (station, figure) in zip(axes.flat, {variable}.items()):
    axis.imshow(plt.imread(io.BytesIO(figure.png)))
    axis.set_title(station, loc="left")
plt.show()""",
    "model": """\
{variable} = results.models("{name}")
pd.DataFrame(
    {{
        station: {{part: str(array.shape) for part, array in model.items()}}
        for station, model in {variable}.items()
    }}
)""",
    "file": """\
{variable} = {{
    one.station: one.file("{name}") for one in results.values() if "{name}" in one.outputs
}}
pd.Series({{station: len(content) for station, content in {variable}.items()}}, name="bytes")""",
}


def _plot(name: str, counts: str, groups: tuple[str, ...]) -> str:
    """Return code that plots the counts by group, one subplot per station."""
    keys = ", ".join([*map(_literal, groups), '"station"'])
    return (
        f'counted = results.table("{name}").groupby([{keys}])[{_literal(counts)}].sum()\n'
        'by_station = counted.unstack("station")\n'
        "rows = (by_station.shape[1] + 1) // 2\n"
        "by_station.plot.bar(\n"
        "    subplots=True, layout=(rows, 2), figsize=(12, 3.5 * rows), sharey=True, rot=0,\n"
        f"    xlabel={_literal(', '.join(groups))}, ylabel={_literal(counts)}, legend=False,\n"
        ")\n"
        "plt.tight_layout()\n"
        "plt.show()"
    )


def _literal(text: str) -> str:
    """Return `text` as a Python literal, in double quotes where it needs no escape."""
    plain = text.isascii() and text.isprintable() and not {'"', "\\"} & set(text)
    return f'"{text}"' if plain else repr(text)


def _groups(frame: Any) -> tuple[str, ...]:
    """Return the text columns that name a row's group, at most MOST_GROUPS."""
    text = frame.select_dtypes(include=["object", "string", "category"])
    return tuple(str(name) for name in text.columns if name != "station")[:MOST_GROUPS]


_Place = tuple[int, int]  # line from 0, and byte within the line


def _arguments(node: ast.AST) -> tuple[_Place, _Place] | None:
    """Return the span of the brackets of a call `phtlab.results(…)`; None for anything else."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    function = node.func
    module = function.value
    if function.attr != "results" or not isinstance(module, ast.Name) or module.id != "phtlab":
        return None
    values = [*node.args, *(keyword.value for keyword in node.keywords)]
    if not all(isinstance(value, ast.Constant) for value in values):
        return None
    if any(keyword.arg != "partial" for keyword in node.keywords):
        return None
    places = function.end_lineno, function.end_col_offset, node.end_lineno, node.end_col_offset
    first_line, first, last_line, last = (place or 0 for place in places)
    return (first_line - 1, first), (last_line - 1, last)


def _variable(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) or name in _TAKEN else name


def _is_aggregate(cell: Mapping[str, Any]) -> bool:
    return cell.get("cell_type") == "code" and ROLE in cell.get("metadata", {}).get("tags", [])


def _written_from(cell: dict[str, Any], written: Iterable[str]) -> list[dict[str, Any]]:
    """Return `cell` with the first source of `written`, and a new cell for each of the rest."""
    first, *rest = written
    return [{**cell, "source": first}, *(_code(source) for source in rest)]


def _text(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": uuid4().hex[:8], "metadata": {}, "source": source}


def _code(source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": uuid4().hex[:8],
        "metadata": {"tags": [ROLE]},
        "execution_count": None,
        "outputs": [],
        "source": source,
    }
