"""Rounds of an aggregator's stop, one step at a time: gather, request, take over, sign, send.

Each step is decided by which files exist, and can be repeated after an interruption anywhere.
"""

from __future__ import annotations

from phtlab.errors import AirlockError
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.pipeline.combining.combined_values import take_combined
from phtlab.station.pipeline.combining.files import round_in_work
from phtlab.station.pipeline.combining.gathering import gather
from phtlab.station.pipeline.combining.instruction import send_signed, sign_next
from phtlab.station.pipeline.rounds.requests import computed_round, end_rounds, request
from phtlab.station.pipeline.rounds.round_files import RoundFiles, RoundFolder, RoundMarker
from phtlab.station.stops import stop_files
from phtlab.station.stops.file_contents import Ending
from phtlab.station.stops.sentences import ORDER_EXPIRED, run_failed
from phtlab.station.stops.stop import Stop


def follow(stop: Stop, station: DaemonContext, wait: float = 0.0) -> bool:
    """Take the next step of combining the stop's rounds; return whether there was one.

    Waits up to `wait` seconds for the kernel or for central. The run itself (started, lost, ended)
    is the caller's matter. Raises what central, the registry and the engine raise; OrderError and
    RecordError for what central shows and does not verify.
    """
    finished = RoundFiles.of(stop).finished
    if finished is not None and finished.ends:
        if finished.code:
            stop.write(stop_files.ENDING, run_failed(finished.code))
        else:
            end_rounds(stop, station)
        return True
    if station.now() >= stop.verified_offer().order.expires:
        ending = Ending(outcome="cancelled", code="order-expired", sentence=ORDER_EXPIRED)
        stop.write(stop_files.ENDING, ending)
        return True
    folder = round_in_work(stop)
    if folder.has(RoundMarker.RECORD):
        send_signed(stop, station, folder)
    elif not folder.has(RoundMarker.VALUES):
        return gather(stop, station, folder, wait)
    elif not folder.has(RoundMarker.REQUESTED):
        request(stop, folder, station.now())
    elif not folder.has(RoundMarker.OUTPUTS):
        return _take_over(stop, station, folder, wait)
    else:
        sign_next(stop, station, folder)
    return True


def _take_over(stop: Stop, station: DaemonContext, folder: RoundFolder, wait: float) -> bool:
    """Copy what the combine cells decided, once the run says that they ran."""
    left = computed_round(stop, station, folder, wait)
    if left is None:
        return False
    limit = stop.read(stop_files.ADMITTED).limits.output_bytes
    manifest = stop.verified_offer().train.manifest
    try:
        take_combined(left, folder.number, manifest, folder.path_of(RoundMarker.OUTPUTS), limit)
    except AirlockError:
        stop.write(stop_files.ENDING, run_failed("combined-form"))
    return True
