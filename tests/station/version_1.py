"""Documents in version 1 of their formats, as a station kept them before it was upgraded."""

from __future__ import annotations

from phtlab.train.documents.envelope import Envelope
from tests.governance import documents
from tests.station.station_world import World, identity


def keep_older_proposal(world: World) -> tuple[str, Envelope]:
    """Keep a proposal of version 1 at the station; return its name and its signed version."""
    proposal = documents.proposal(stations=("cleveland",))
    envelope = documents.proposal_of_version_1(proposal, identity("ada"))
    folder = world.folder.proposals / proposal.id
    folder.mkdir(parents=True)
    (folder / f"{envelope.digest[7:]}.json").write_bytes(envelope.to_bytes())
    return proposal.id, envelope
