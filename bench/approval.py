"""A low-risk train under a rule, next to a station that starts everything by itself.

The same trivial notebook goes to one station, in turns: with policy mode ``auto`` and no proposal;
and with mode ``human``, under a proposal for whose low-risk trains the station gave a rule. What
counts is from the call of `dispatch` to the moment at which the stop is running by its own files.
So the researcher's look at what the station says stands is in it, and the station's at the
proposal, at its approvals, and at two signatures of the one that allows it. A hundred other
approvals of the same researcher lie there.
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


class Took(NamedTuple):
    """Seconds from the dispatch, and from the offer's arrival at the station."""

    whole: float
    at_station: float


def measure(world: World, size: BenchSize) -> list[Row]:
    """Print what was found, and return its row."""
    lab = connected(world)
    folder = StationFolder(world.station_folder(STATION))
    before = folder.policy.read_text()
    ours: list[Took] = []
    theirs: list[Took] = []
    try:
        with TemporaryDirectory(prefix="phtlab-bench-") as place:
            folder.policy.write_text(default_policy("auto"))
            _running(lab, folder, Path(place), "known", None)  # its kernel image is new no more
            turns = size.warmups + size.approval_runs
            proposal = _ruled(world, lab, folder, turns, size.approval_others)
            for turn in range(turns):
                folder.policy.write_text(default_policy("auto"))
                theirs.append(_running(lab, folder, Path(place), f"auto-{turn}", None))
                folder.policy.write_text(default_policy("human"))
                ours.append(_running(lab, folder, Path(place), f"rule-{turn}", proposal))
    finally:
        folder.policy.write_text(before)
    del ours[: size.warmups], theirs[: size.warmups]
    beside = f"beside {size.approval_others} other approvals"
    print("A trivial notebook to one station, from dispatch to running:")
    print(line("mode auto", [one.whole for one in theirs]))
    print(line(f"under a rule, {beside}", [one.whole for one in ours]))
    pairs = list(zip(ours, theirs, strict=True))
    added = [one.whole - other.whole for one, other in pairs]
    here = median([one.at_station - other.at_station for one, other in pairs])
    note = (
        f"{spread(added)}. Under a rule {median([one.whole for one in ours]):.2f} s, by itself "
        f"{median([one.whole for one in theirs]):.2f} s; of what is added, {here * 1000:.0f} ms at "
        f"the station, {beside}."
    )
    return [row("approval_rule_added", median(added), note)]


def _running(lab: Lab, folder: StationFolder, place: Path, name: str, proposal: str | None) -> Took:
    """From the dispatch of a train of its own to the station's `starting.json`."""
    notebook = write(place / f"{name}.ipynb", [f"{TRIVIAL[0]}  # {name}"])
    began = time.time()
    journey = lab.dispatch(notebook, stations=[STATION], proposal=proposal)
    journey.wait(PATIENCE, on_change=lambda view: None)
    stop = Stops(folder.stops).stop(journey.id)
    _until(lambda: stop.is_reported)  # central has the record a moment earlier
    require(stop.state == "departed", f"{name} is {stop.state}")
    require(not stop.has(Marker.HELD), f"{name} waited for a person")
    allowed = stop.read(stop_files.ADMITTED).approval
    require((allowed is None) == (proposal is None), f"{name} was let in by {allowed}")
    came, runs = (
        (stop.path / f"{one}.json").stat().st_mtime_ns / 1e9 for one in ("offer", "starting")
    )
    return Took(runs - began, runs - came)


def _ruled(world: World, lab: Lab, folder: StationFolder, journeys: int, others: int) -> str:
    """A proposal, the station's rule for its low-risk trains, and `others` more approvals."""
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
    _until(lambda: _is_here(folder, proposal.id))
    _others(world, lab, folder, now, others)
    desk = StationContext(folder, load_settings(folder))
    decisions.approve(desk, proposal.id, by="olga")
    here = StationProposals(folder.proposals).find(proposal.id)
    _until(lambda: decisions.proposal_state(here, desk) == "approved")
    # At central too, so that the researcher's machine finds what the station allows.
    _until(lambda: bool(lab.central.governance.approvals(proposal=proposal.id)))
    return proposal.id


def _others(world: World, lab: Lab, folder: StationFolder, now: datetime, count: int) -> None:
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


def _is_here(folder: StationFolder, proposal: str) -> bool:
    try:
        return bool(StationProposals(folder.proposals).find(proposal))
    except ProposalError:
        return False


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        require(time.monotonic() < end, "the station did not come to it")
        time.sleep(0.1)


if __name__ == "__main__":
    with consortium() as world:
        keep(measure(world, FULL))
