"""docs/reference/stops.md: the files of a stop's folder, and the transitions between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import TypeAdapter

from phtlab.station.release.votes import RELEASE
from phtlab.station.stops import stop_files
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop_files import StopFile
from phtlab.station.stops.transition_table import TRANSITIONS
from tests.docs.markdown import code, heading, table

_INTRODUCTION = (
    "A stop is a folder of the station (`stops/<journey>/`). Each file is written once, whole, and "
    "never changed: which files are there is the state of the stop, so a station that was killed "
    "anywhere continues where it was. The daemon takes the first transition of the table whose "
    "file is there."
)
FILES: Final[Mapping[str, StopFile[object]]] = {
    file.name: file for file in (*vars(stop_files).values(), RELEASE) if isinstance(file, StopFile)
}


def page() -> str:
    lines = heading("The files and transitions of a stop", _INTRODUCTION)
    lines += ["```mermaid", "stateDiagram-v2", *_edges(), "```", ""]
    lines += ["## Transitions, in this order", ""]
    lines += table(
        ("once there is", "the daemon does", "and writes", "may end instead"),
        (
            (
                code(each.after),
                each.does,
                ", ".join(map(code, each.writes)),
                "if the order expired or its approval ended" if each.may_lapse else "",
            )
            for each in TRANSITIONS
        ),
    )
    lines += ["## Files", ""]
    lines += table(
        ("file", "says", "holds"),
        ((code(f"{m}.json"), m.meaning, ", ".join(map(code, _fields(m)))) for m in Marker),
    )
    return "\n".join(lines).rstrip() + "\n"


def _edges() -> Iterator[str]:
    yield "    [*] --> offer"
    for each in TRANSITIONS:
        for marker in each.writes:
            yield f"    {_node(each.after)} --> {_node(marker)}: {each.does}"
    yield "    told --> [*]"


def _node(marker: Marker) -> str:
    return marker.replace("-", "_")


def _fields(marker: Marker) -> list[str]:
    adapter: TypeAdapter[object] = FILES[marker].adapter
    schema = adapter.json_schema()
    if schema.get("type") == "array":
        schema = schema["$defs"][schema["items"]["$ref"].rsplit("/", 1)[1]]
    return list(schema["properties"])
