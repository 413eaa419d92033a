"""Start of a low-risk train under a rule, compared with a station that admits every train.

The same trivial notebook is dispatched to one station, alternately with policy mode ``auto`` and
no proposal, and with mode ``human`` under a proposal, with the station's rule for its low-risk
trains. Measured is the time from the call of `dispatch` until the stop's own files record its
start. This includes the researcher's check of the station's active approvals, and the station's
checks of the proposal, of its approvals, and of two signatures of the approval that admits the
train. The station stores a hundred other approvals of the same researcher.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.consortium import consortium
from bench.figures import Row, keep, line, median, require, row, spread
from bench.notebooks import TRIVIAL, write
from bench.size import FULL, BenchSize
from phtlab.demo.showcase import connected
from phtlab.demo.world import World
from phtlab.errors import ProposalError
from phtlab.files.key_file import read_key
from phtlab.governance import Approval, Proposal
from phtlab.governance.proposal import RequestedData, new_id
from phtlab.lab import Lab
from phtlab.notebook.parameters import ParameterSchema
from phtlab.station.approvals import decisions
from phtlab.station.approvals.proposals import StationProposals
from phtlab.station.approvals.store import Approvals
from phtlab.station.context.station_context import StationContext
from phtlab.station.policy.policy import default_policy
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import load_settings
from phtlab.station.stops import stop_files
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.stop import Stops

STATION = "cleveland"
PATIENCE = 60.0


class Durations(NamedTuple):
    """Seconds until the stop starts, from the dispatch and from the receipt of the offer."""

    whole: float
    at_station: float


def measure(world: World, size: BenchSize) -> list[Row]:
    """Measure, print the times, and return the row."""
    lab = connected(world)
    folder = StationFolder(world.station_folder(STATION))
    before = folder.policy.read_text()
    ours: list[Durations] = []
    theirs: list[Durations] = []
    try:
        with TemporaryDirectory(prefix="phtlab-bench-") as place:
            folder.policy.write_text(default_policy("auto"))
            # The kernel image is no longer new to the station.
            _time_until_running(lab, folder, Path(place), "known", None)
            turns = size.warmups + size.approval_runs
            proposal = _submit_with_rule(world, lab, folder, turns, size.approval_others)
            for turn in range(turns):
                folder.policy.write_text(default_policy("auto"))
                theirs.append(_time_until_running(lab, folder, Path(place), f"auto-{turn}", None))
                folder.policy.write_text(default_policy("human"))
                ours.append(_time_until_running(lab, folder, Path(place), f"rule-{turn}", proposal))
    finally:
        folder.policy.write_text(before)
    del ours[: size.warmups], theirs[: size.warmups]
    beside = f"with {size.approval_others} other approvals"
    print("A trivial notebook at one station, from dispatch to start:")
    ours_whole = [durations.whole for durations in ours]
    theirs_whole = [durations.whole for durations in theirs]
    print(line("mode auto", theirs_whole))
    print(line(f"under a rule, {beside}", ours_whole))
    pairs = list(zip(ours, theirs, strict=True))
    added = [rule.whole - auto.whole for rule, auto in pairs]
    added_at_station = median([rule.at_station - auto.at_station for rule, auto in pairs])
    note = (
        f"{spread(added)}. Under a rule {median(ours_whole):.2f} s, in mode auto "
        f"{median(theirs_whole):.2f} s; of the difference, {added_at_station * 1000:.0f} ms at "
        f"the station, {beside}."
    )
    return [row("approval_rule_added", median(added), note)]


def _time_until_running(
    lab: Lab, folder: StationFolder, place: Path, name: str, proposal: str | None
) -> Durations:
    """Dispatch a new train, and return the times until the station's `starting.json`."""
    notebook = write(place / f"{name}.ipynb", [f"{TRIVIAL[0]}  # {name}"])
    began = time.time()
    journey = lab.dispatch(notebook, stations=[STATION], proposal=proposal)
    journey.wait(PATIENCE, on_change=lambda view: None)
    stop = Stops(folder.stops).stop(journey.id)
    _wait_until(lambda: stop.is_reported)  # central has the record slightly earlier
    require(stop.state == "departed", f"{name} is {stop.state}")
    require(not stop.has(Marker.HELD), f"{name} was held for a person")
    approval = stop.read(stop_files.ADMITTED).approval
    require((approval is None) == (proposal is None), f"{name} was admitted by {approval}")
    offered, started = (
        (stop.path / f"{marker}.json").stat().st_mtime_ns / 1e9
        for marker in (Marker.OFFER, Marker.STARTING)
    )
    return Durations(started - began, started - offered)


def _submit_with_rule(
    world: World, lab: Lab, folder: StationFolder, journeys: int, others: int
) -> str:
    """Submit a proposal, approve a rule for its low-risk trains, and add `others` approvals.

    Returns the proposal's id.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    proposal = Proposal(
        id=new_id(),
        version=1,
        researcher=lab.name,
        title="A trivial study",
        question="How much is one and one?\n",
        legal_ground="None is needed.\n",
        datasets=(RequestedData(name="heart"),),
        stations=(STATION,),
        images=(lab.trusted.catalogue.named("python").digest,),
        journeys=journeys,  # below MANY_JOURNEYS: a rule for low-risk trains allows no more
        risk="low",
        issued=now,
        until=now + timedelta(days=30),
    )
    lab.central.governance.submit_proposal(proposal.sign(lab.identity))
    _wait_until(lambda: _is_received(folder, proposal.id))
    _add_approvals(world, lab, folder, now, others)
    context = StationContext(folder, load_settings(folder))
    decisions.approve(context, proposal.id, by="olga")
    received = StationProposals(folder.proposals).find(proposal.id)
    _wait_until(lambda: decisions.proposal_state(received, context) == "approved")
    # Central needs the approval too: the researcher's machine reads it there.
    _wait_until(lambda: bool(lab.central.governance.approvals(proposal=proposal.id)))
    return proposal.id


def _add_approvals(
    world: World, lab: Lab, folder: StationFolder, now: datetime, count: int
) -> None:
    key = read_key(folder.key, world.passphrase)
    for number in range(count):
        approval = Approval(
            station=STATION,
            scope="train",
            researcher=lab.name,
            train=f"sha256:{number:064x}",
            datasets=("heart",),
            parameters=ParameterSchema({}).schema,
            risk="low",
            approvers=("olga",),
            roster_version=lab.trusted.roster.version,
            nonce=f"{number:032x}",
            issued=now,
            expires=now + timedelta(days=30),
        )
        Approvals(folder).keep(approval.sign(key))


def _is_received(folder: StationFolder, proposal: str) -> bool:
    try:
        return bool(StationProposals(folder.proposals).find(proposal))
    except ProposalError:
        return False


def _wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        require(time.monotonic() < end, f"the station did not do its part within {PATIENCE:g} s")
        time.sleep(0.1)


if __name__ == "__main__":
    with consortium() as world:
        keep(measure(world, FULL))
