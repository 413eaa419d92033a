"""Maps of journeys as Python makes them, which the TypeScript compiler checks `IRouteMap` with.

`python -m tests.lab.example_maps` writes the file that the front end's tests import.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from phtlab.lab.display.route_map import RouteMap, route_map
from phtlab.rounds.reports import RoundReport
from phtlab.train.documents.order import Continuation, OrderedRounds
from phtlab.train.documents.record import CellError
from phtlab.wire.api.journeys import JourneyView
from phtlab.wire.api.rounds import RoundsView
from tests.lab.told_journey import recorded, view

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = ROOT / "phtlab/lab/frontend/src/__tests__/journeys/routeMaps.json"

NOON: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)


def examples() -> list[dict[str, Any]]:
    """Journeys: on its way, ended in each manner, one that can be resumed, and one of rounds."""
    going = view(stations=("cleveland", "hungary"), state="running", cell=3, cells=5, updated=NOON)
    ended = view(stations=("cleveland", "hungary", "ulm"), state="refused", updated=NOON)
    error = CellError(type="KeyError", cell=4, line=2, message="'age'")
    departed = recorded(ended, NOON, NOON + timedelta(seconds=0.84))
    failed = ended.stops[1].model_copy(
        update={"state": "failed", "sentence": "A cell failed.", "error": error}
    )
    refused = ended.stops[2].model_copy(update={"contradicted": True})
    over = ended.model_copy(update={"stops": (departed, failed, refused), "removed": NOON})
    began = {"cleveland": NOON - timedelta(seconds=12)}
    turns = view(
        stations=("cleveland", "hungary"),
        route="sequential",
        continues=Continuation(journey="sha256:" + 64 * "b", record="sha256:" + 64 * "c"),
        state="departed",
        updated=NOON,
    )
    broken = turns.stops[1].model_copy(update={"state": "failed"})
    resumable = turns.model_copy(update={"stops": (turns.stops[0], broken)})
    rounds = RoundsView(number=3, heard=("cleveland",))
    iterating = going.model_copy(update={"rounds": rounds})
    reports = [RoundReport(n, ("cleveland",), {"step": 10.0**-n, "nan": math.nan}) for n in (1, 2)]
    return [
        _map(going, began),
        _map(over, {}),
        _map(resumable, {}),
        _map(iterating, began, reports),
        _map(_aggregated(), began, reports),
    ]


def _aggregated() -> JourneyView:
    """A journey whose last stop is that of an aggregator."""
    limits = OrderedRounds(most=20, aggregator="adder", quorum=2, deadline=60)
    ordered = view(
        stations=("cleveland", "hungary"),
        route="rounds",
        rounds=limits,
        state="running",
        updated=NOON,
    )
    rounds = RoundsView(number=3, heard=("cleveland",))
    return ordered.model_copy(update={"rounds": rounds})


def _map(
    journey: JourneyView, began: dict[str, datetime], reports: Sequence[RoundReport] = ()
) -> dict[str, Any]:
    """With an id and a time that are the same each time: an order is signed anew."""
    fixed: RouteMap = route_map(journey, began, NOON, reports=reports).model_copy(
        update={"id": "sha256:" + 64 * "a", "short": 12 * "a", "submitted": NOON}
    )
    return fixed.json_value()


if __name__ == "__main__":
    EXAMPLES.write_text(json.dumps(examples(), indent=2) + "\n", "utf-8")
