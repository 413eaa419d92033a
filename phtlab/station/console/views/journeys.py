"""Views of journeys: the list, and one journey's page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from phtlab.errors import StationError
from phtlab.station.console.views.usage import Plot, plot
from phtlab.station.context.station_context import StationContext
from phtlab.station.pipeline.running import cell_lines
from phtlab.station.release.held_outputs import held_stop
from phtlab.station.stops import stop_files
from phtlab.station.stops.file_contents import VerifiedOffer
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.route_view import RouteView, route_of
from phtlab.station.stops.stop import Stop

MOST: Final = 200
MARKS: Final = {
    "offered": "○",
    "verified": "○",
    "held": "‖",
    "admitted": "○",
    "running": "▸",
    "airlock": "▸",
    "sealed": "▸",
    "departed": "✓",
    "refused": "✗",
    "failed": "✗",
    "cancelled": "–",
}
WORDS: Final = {
    "offered": "arriving",
    "verified": "verified",
    "held": "waits for a person",
    "admitted": "waits for its turn",
    "running": "running",
    "airlock": "in the airlock",
    "sealed": "leaving",
}
"""States in an operator's words; the others are shown by their own names."""
STEPS: Final = (
    ("offer", "arrived"),
    ("verified", "verified"),
    ("held", "held for a person"),
    ("decision", "decided"),
    ("admitted", "admitted"),
    ("started", "started"),
    ("outcome", "ended"),
    ("airlock-held", "outputs held for a person"),
    ("release", "outputs decided on"),
    ("sealed", "sealed"),
    ("pushed", "sent"),
    ("told", "reported to central"),
)


@dataclass(frozen=True)
class JourneyLine:
    """One journey in the list."""

    hex: str
    name: str
    researcher: str
    datasets: tuple[str, ...]
    state: str
    code: str
    sentence: str
    offer: datetime

    @property
    def mark(self) -> str:
        return MARKS.get(self.state, "○")

    @property
    def words(self) -> str:
        return WORDS.get(self.state, self.state)


@dataclass(frozen=True)
class Step:
    """A step of a stop, and when it happened."""

    words: str
    at: datetime


@dataclass(frozen=True)
class JourneyPage:
    """View of one journey, without any value of its outputs."""

    line: JourneyLine
    stop: Stop
    offer: VerifiedOffer | None
    route: RouteView | None
    steps: tuple[Step, ...]
    outputs: tuple[dict[str, Any], ...]
    limits: dict[str, Any]
    cells: int
    log: bool
    held: tuple[str, ...]
    usage: Plot | None


def journey_line(stop: Stop) -> JourneyLine:
    """Raises StationError where the stop's files are broken."""
    name, researcher, datasets, code, sentence = "", "", tuple[str, ...](), "", ""
    if stop.has(Marker.VERIFIED):
        offer = stop.verified_offer()
        manifest = offer.train.manifest
        name, researcher, datasets = manifest.name, offer.researcher, manifest.datasets
    state = stop.state
    if stop.has(Marker.RECORD):
        record = stop.final_record()
        code, sentence = record.code, record.sentence
    else:
        sentence = stop.held_because
    at = datetime.fromtimestamp(_arrival_time(stop), UTC)
    return JourneyLine(stop.hex, name, researcher, datasets, state, code, sentence, at)


def journey_lines(station: StationContext, most: int = MOST) -> tuple[list[JourneyLine], int]:
    """List the newest journeys, newest first, and count the older ones.

    A journey whose files are broken has the error in its line.
    """
    stops = sorted(station.stops, key=_arrival_time, reverse=True)
    lines = []
    for stop in stops[:most]:
        try:
            lines.append(journey_line(stop))
        except StationError as error:
            broken = ("", "", (), "offered", "stop-broken", str(error))
            lines.append(
                JourneyLine(stop.hex, *broken, datetime.fromtimestamp(_arrival_time(stop), UTC))
            )
    return lines, max(0, len(stops) - most)


def journey_page(stop: Stop, station: str) -> JourneyPage:
    """View of a stop at `station`. Raises StationError where the stop's files are broken."""
    record = stop.final_record() if stop.has(Marker.RECORD) else None
    return JourneyPage(
        line=journey_line(stop),
        stop=stop,
        offer=stop.verified_offer() if stop.has(Marker.VERIFIED) else None,
        route=route_of(stop, station) if stop.has(Marker.VERIFIED) else None,
        steps=tuple(_steps(stop)),
        outputs=tuple(output.model_dump(mode="json") for output in record.outputs)
        if record
        else (),
        limits=asdict(stop.read(stop_files.ADMITTED).limits) if stop.has(Marker.ADMITTED) else {},
        cells=len(cell_lines(stop)) if (stop.train / "notebook.ipynb").exists() else 0,
        log=stop.has(Marker.OUTCOME),
        held=_held(stop),
        usage=plot(stop),
    )


def _arrival_time(stop: Stop) -> float:
    return (stop.path / "offer.json").stat().st_mtime


def _held(stop: Stop) -> tuple[str, ...]:
    """Names of the outputs that wait for a person's decision."""
    if stop.waits_for != "release":
        return ()
    return tuple(output.name for output in held_stop(stop).undecided)


def _steps(stop: Stop) -> list[Step]:
    found = []
    for name, words in STEPS:
        path = stop.path / f"{name}.json"
        if path.exists():
            found.append(Step(words, datetime.fromtimestamp(path.stat().st_mtime, UTC)))
    return sorted(found, key=lambda step: step.at)
