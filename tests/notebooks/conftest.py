"""What a notebook finds in Lab: the researcher's key, and the twins that the server fetched."""

from __future__ import annotations

import pytest

from phtlab.demo.world import World
from phtlab.lab import Lab
from phtlab.lab.workspace.central_follower import CentralSnapshot
from phtlab.lab.workspace.twins import VARIABLE, Twins
from tests.conftest import CACHE


@pytest.fixture(scope="session")
def researcher(world: World, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a kernel in the workspace of the researcher of `world`."""
    twins = Twins(tmp_path_factory.mktemp("twins"))
    twins.keep(lab.central, CentralSnapshot(roster=lab.trusted.roster, stations=lab.stations()))
    return {
        **world.environment,
        "PHTLAB_CACHE": str(CACHE),
        VARIABLE: str(twins.declared),
    }
