"""A station's people at work beside its daemon: two say yes, one takes it back."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from phtlab.clock import utc_now
from phtlab.demo.world import World
from phtlab.errors import ApprovalError
from phtlab.files.key_file import read_key
from phtlab.governance import open_active_approvals, open_approval, open_revocation
from phtlab.lab import Lab
from phtlab.station.approvals import decisions
from phtlab.station.context.station_context import (
    StationContext,
)
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import load_settings
from phtlab.wire.central.client import CentralClient
from tests.e2e.parts import command, until
from tests.e2e.written_notebook import LOAD, PUBLISH, write_notebook
from tests.raising import raises_code

pytestmark = pytest.mark.engine

HERE = "hungary"
_POLICY = 'mode = "human"\n[approval]\nrequired = "none"\ntwo_persons = ["low", "mid", "high"]\n'


@pytest.fixture
def asking(small: World) -> Iterator[Path]:
    """The folder of `hungary`, where two persons are asked about every train."""
    folder = StationFolder(small.station_folder(HERE))
    before = folder.policy.read_text()
    folder.policy.write_text(_POLICY)
    yield folder.path
    folder.policy.write_text(before)


def test_two_say_yes_and_a_run_that_is_taken_back_is_stopped(
    small: World, small_lab: Lab, asking: Path, tmp_path: Path
) -> None:
    endless = f"import time\nwhile True:\n    time.sleep(0.1)\n# {secrets.token_hex(8)}\n"
    notebook = write_notebook(tmp_path / "endless.ipynb", LOAD, endless, PUBLISH)
    journey = small_lab.dispatch(notebook, stations=HERE)
    until(lambda: journey.refresh().stops[0].state == "held")
    desk = StationContext(StationFolder(asking), load_settings(StationFolder(asking)))
    (waiting,) = [one for one in decisions.pending(desk) if one.id == journey.id]
    assert (waiting.persons, waiting.approvers) == (2, ())

    assert decisions.approve(desk, journey.id, by="olga").missing == 1
    with raises_code(ApprovalError, "approval-twice"):
        decisions.approve(desk, journey.id, by="olga")
    assert journey.refresh().stops[0].state == "held"
    place = ("-C", str(asking))
    done = command(small, "station", "approve", journey.id[7:19], "--by", "peter", *place)
    assert f"{HERE} approved journey {journey.id[7:19]}." in done.stderr
    until(lambda: journey.refresh().stops[0].state == "running")

    (given,) = [one for one in decisions.list_approvals(desk) if one.state == "active"]
    assert given.approval.approvers == ("olga", "peter")
    roster = small_lab.refresh().roster
    key = read_key(StationFolder(asking).key, small.passphrase)
    with CentralClient(small.central_url, key) as central:
        shown = central.governance

        def numbered() -> tuple[int, tuple[str, ...]]:
            envelope = shown.active_approvals(HERE).envelope
            standing = open_active_approvals(envelope, roster, station=HERE, now=utc_now())
            return standing.number, standing.approvals

        until(lambda: given.digest in [one.digest for one in shown.approvals()])
        (there,) = [one for one in shown.approvals() if one.digest == given.digest]
        assert open_approval(there.envelope, roster).approvers == ("olga", "peter")
        until(lambda: given.digest in numbered()[1])
        number = numbered()[0]

        decisions.revoke(desk, given.digest, by="olga", stop_runs=True)
        until(lambda: journey.refresh().done)
        assert (journey.stops[0].state, journey.stops[0].code) == ("cancelled", "approval-revoked")
        until(lambda: given.digest not in numbered()[1])
        assert numbered()[0] > number
        (there,) = [one for one in shown.approvals() if one.digest == given.digest]
        assert there.revocation is not None
        assert open_revocation(there.revocation, roster).by == "olga"
