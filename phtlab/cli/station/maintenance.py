"""`phtlab station pause` and `resume`: stop new runs for a while."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phtlab.cli.station.folder import DirectoryOption, station_at
from phtlab.cli.station.person import ByOption, person
from phtlab.cli.terminal.output import JsonOption, err, print_json, print_next_steps
from phtlab.errors import StationError

if TYPE_CHECKING:
    from phtlab.station.context.station_context import StationContext
    from phtlab.station.settings.folder import StationFolder
    from phtlab.station.settings.settings import StationSettings

_POLL_SECONDS = 0.5


def pause(
    reason: Annotated[str, typer.Option(help="The reason, in one line; researchers can read it.")],
    until: Annotated[
        str | None,
        typer.Option(
            help='When the pause ends, local time: "18:00", "2027-01-04 07:00". '
            "Default: at 'phtlab station resume'."
        ),
    ] = None,
    drain: Annotated[
        bool, typer.Option("--drain", help="Wait until no run is active at the station.")
    ] = False,
    by: ByOption = None,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pause the station: nothing new starts, and running stops go on."""
    from phtlab.station.context import maintenance

    station = _station(directory)
    ends = None if until is None else moment(until, station.now().astimezone())
    made = maintenance.pause(station, by=person(by), reason=reason, until=ends)
    running = maintenance.running_stops(station.stops)
    if drain:
        running = _drained(station, running)
    if as_json:
        print_json(
            {**made.model_dump(mode="json", exclude={"held", "contradicted"}), "running": running}
        )
        return
    how_long = f"until {ends:%Y-%m-%d %H:%M}" if ends else "until it is resumed"
    err.print(f"{station.name} begins nothing new {how_long}.", markup=False)
    if running:
        err.print(f"{len(running)} of its stops still run, and will be sent.", markup=False)
    elif drain:
        err.print("Nothing runs here.", markup=False)
    if not ends:
        print_next_steps("phtlab station resume")


def resume(
    copy_ended: Annotated[
        bool,
        typer.Option(
            "--copy-ended",
            help="Two records of one journey were signed: confirm that the copy of this folder "
            "that signed the other record was found and stopped.",
        ),
    ] = False,
    by: ByOption = None,
    directory: DirectoryOption = None,
) -> None:
    """End a pause: waiting stops may start again."""
    from phtlab.station.context import maintenance

    station = _station(directory)
    maintenance.resume(station, by=person(by), copy_ended=copy_ended)
    err.print(f"{station.name} is no longer paused.", markup=False)


def maintenance_status(folder: StationFolder, settings: StationSettings) -> dict[str, str | None]:
    """Return for `status` why nothing new starts, and the result of the last self-test."""
    from phtlab.station.context.maintenance import closed
    from phtlab.station.context.self_test_result import last_report
    from phtlab.station.context.station_context import StationContext

    why, report = closed(StationContext(folder, settings)), last_report(folder)
    return {
        "closed": why.sentence if why else None,
        "self_test": f"{report.at:%Y-%m-%d %H:%M} UTC: {report.sentence}" if report else None,
        "broken": ", ".join(found.name for found in report.broken) if report else "",
    }


def moment(text: str, now: datetime) -> datetime:
    """Parse the end of a pause that begins at `now`; a time without a zone is in that of `now`.

    `HH:MM` means the next such time. Raises StationError.
    """
    try:
        if len(text) == len("HH:MM"):
            today = datetime.combine(now.date(), clock_time.fromisoformat(text), now.tzinfo)
            return today if today > now else today + timedelta(days=1)
        found = datetime.fromisoformat(text)
    except ValueError:
        raise StationError(
            f"'{text}' is no time.", 'Give one as "18:00" or "2027-01-04 07:00".', code="pause-time"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=now.tzinfo)


def _drained(station: StationContext, running: list[str]) -> list[str]:
    from phtlab.station.context.maintenance import running_stops

    if running:
        err.print(f"Waiting for {len(running)} of its stops to end; Ctrl-C waits no longer.")
    while running:
        time.sleep(_POLL_SECONDS)
        running = running_stops(station.stops)
    return running


def _station(directory: Path | None) -> StationContext:
    from phtlab.station.context.station_context import StationContext

    return StationContext(*station_at(directory))
