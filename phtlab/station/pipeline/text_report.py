"""Text report of a stop for its operator, with all untrusted text escaped for the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from phtlab.errors import StationError
from phtlab.printable import escaped
from phtlab.station.review.notebook_text import role_title
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.route_view import route_of
from phtlab.station.stops.stop import Stop


def stop_view(stop: Stop) -> dict[str, Any]:
    """Return a stop as JSON, in the stable format of `phtlab station status --json`."""
    view: dict[str, Any] = {
        "journey": stop.journey,
        "state": stop.state,
        "reported": stop.is_reported,
        "code": "",
        "sentence": "",
        "name": "",
        "researcher": "",
        "train": stop.claimed_order().train,
        "parameters": {},
        "outputs": [],
        "cancelled": stop.has(Marker.CANCEL),
    }
    if stop.has(Marker.VERIFIED):
        offer = stop.verified_offer()
        view |= {
            "name": offer.train.manifest.name,
            "researcher": offer.researcher,
            "parameters": offer.parameters,
        }
    if stop.has(Marker.RECORD):
        record = stop.final_record()
        view |= {
            "code": record.code,
            "sentence": record.sentence,
            "outputs": [output.model_dump(mode="json") for output in record.outputs],
        }
    else:
        view["sentence"] = stop.held_because
    return view


def safe_lines(stop: Stop, station: str) -> Iterator[str]:
    """Yield the train's parameters, data sets, outputs and code, line by line.

    A route other than a parallel one comes first, as `station` sees it.
    """
    if not stop.has(Marker.VERIFIED):
        return
    offer = stop.verified_offer()
    if offer.order.route != "parallel":
        yield from (escaped(f"{what:<12}{text}") for what, text in route_of(stop, station).lines())
    for name, value in offer.parameters.items():
        yield escaped(f"parameter   {name} = {value!r}")
    for name in offer.train.manifest.datasets:
        yield f"data set    {name}"
    for output in offer.train.manifest.outputs:
        counts = f", counts in '{output.counts}'" if output.counts else ""
        yield escaped(f"output      {output.name} ({output.kind}{counts})")
    for file in offer.train.manifest.files:
        if not file.path.endswith(".ipynb"):
            yield escaped(
                f"file        {file.path} ({file.size} bytes, in the image, not shown here)"
            )
    try:
        notebook = json.loads((stop.train / "notebook.ipynb").read_bytes())
    except (OSError, ValueError):
        raise StationError(f"The train of {stop.hex[:12]} is not kept any more.") from None
    for cell in notebook["cells"]:
        about = cell["metadata"]["phtlab"]
        yield escaped(f"cell {about['cell']} ({role_title(about['role'])})")
        for line in "".join(cell["source"]).splitlines():
            yield "    " + escaped(line)
