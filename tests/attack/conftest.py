"""The small world, with a liar before its central and one before its registry.

The labs and the stations of `small` hear the truth. The lab `deceived` and the station `judging`,
`switzerland`, hear what the liars say.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from phtlab.central.founding import Founded
from phtlab.consortium.consortium import Consortium
from phtlab.demo.world import OFFICERS, SIGNERS, World
from phtlab.files.key_file import read_key
from phtlab.lab import Journey, Lab
from phtlab.lab.session.session import Session
from phtlab.station.context.bootstrap import open_station
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import load_settings
from phtlab.train.crypto.identity import Identity, Member
from phtlab.trust_store.trust import Trust
from phtlab.wire.api.journeys import RosterBundle
from phtlab.wire.central.client import CentralClient
from phtlab.wire.registry.client import Registry
from tests.attack.handmade import ANSWER, HANDING_ON, HandmadeStation
from tests.attack.judging import JudgingStation
from tests.attack.liar import Answer, Asked, Liar, Liars, Stranger
from tests.attack.on_route import STATIONS, OnRoute, on_route
from tests.attack.real_central import (  # noqa: F401 (fixtures)
    consort,
    found,
    founded,
    lone_station,
)
from tests.e2e.written_notebook import LOAD, PUBLISH, write_notebook
from tests.evidence import Evidence


@pytest.fixture(scope="session")
def liars(small: World) -> Iterator[Liars]:
    """Before central and the registry of `small`. Without a lie they tell the truth."""
    made = Liars(Liar(small.central_url), Liar(small.registry_url))

    def registry_here(_: Asked, answer: Answer) -> Answer:
        said: dict[str, Any] = json.loads(answer.content)
        return answer.saying(json.dumps(said | {"registry_url": made.registry.url}).encode())

    with made.central.lying("GET", r"^/api/v1$", registry_here):
        yield made
    made.central.close()
    made.registry.close()


@pytest.fixture
def stranger_s_house() -> Iterator[Stranger]:
    """Somewhere on this machine where a registry has no business to send anybody."""
    house = Stranger()
    yield house
    house.close()


def lab_of(url: str, world: World, identity: Identity, folder: Path) -> Lab:
    """The lab of `identity` at the central of `world`, which is reached at `url`."""
    central = CentralClient(url, identity)
    trust = Trust(folder, central.tuf_fetcher(), central.metadata_url, central.targets_url)
    folder.mkdir()
    trust.pin(world.consortium.root)
    return Lab(Session(identity, central, trust))


@pytest.fixture(scope="session")
def deceived(
    small: World, small_lab: Lab, liars: Liars, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    """The researcher's lab, which hears what the liars say."""
    place = tmp_path_factory.mktemp("deceived") / "trust"
    lab = lab_of(liars.central.url, small, small_lab.identity, place)
    yield lab
    lab.registry.close()
    lab.central.close()


def published(world: World, consortium: Consortium) -> None:
    """Officers sign what `consortium` says now, and central publishes it."""
    consortium.sign(dict.fromkeys(OFFICERS[:SIGNERS], world.passphrase))
    with CentralClient(world.central_url, None) as central:
        central.publish_roster(RosterBundle.model_validate(consortium.bundle()))


def admitted(world: World, *members: Member) -> None:
    """`members` are on the roster from here on."""
    consortium = world.consortium
    for member in members:
        consortium.add_member(member)
    published(world, consortium)


@pytest.fixture(scope="session")
def further_stations(small: World) -> World:
    """Two more stations on the roster, for which no daemon runs: the tests hold their keys."""
    admitted(small, *(small._found_station(name) for name in ("switzerland", "va-long-beach")))
    return small


@pytest.fixture(scope="session")
def judging(further_stations: World, liars: Liars) -> Iterator[JudgingStation]:
    """`switzerland` with a daemon, which hears only the liars, and asks a person each time."""
    folder = StationFolder(further_stations.station_folder("switzerland"))
    folder.policy.write_text('mode = "human"\n')
    changes = {"central": liars.central.url, "roster_refresh": 1}
    settings = load_settings(folder).model_copy(update=changes)
    station = open_station(folder, settings, read_key(folder.key, further_stations.passphrase))
    station.executor.close()
    yield JudgingStation(station)
    station.artifacts.close()
    station.central.close()


@pytest.fixture(scope="session")
def honest(
    small_lab: Lab, judging: JudgingStation, tmp_path_factory: pytest.TempPathFactory
) -> Journey:
    """An honest journey, with which the judging station finds nothing wrong."""
    notebook = write_notebook(tmp_path_factory.mktemp("honest") / "honest.ipynb", LOAD, PUBLISH)
    journey = small_lab.dispatch(notebook, stations="switzerland")
    assert judging.holds(journey.id)
    return journey


@pytest.fixture(scope="session")
def by_hand(
    further_stations: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, HandmadeStation]]:
    """Both further stations, as a test sends what it likes in their names."""
    made = {}
    for name in ("switzerland", "va-long-beach"):
        key = read_key(
            StationFolder(further_stations.station_folder(name)).key, further_stations.passphrase
        )
        central = CentralClient(further_stations.central_url, key)
        registry = Registry(further_stations.registry_url, central.registry_token)
        made[name] = HandmadeStation(key, central, registry, tmp_path_factory.mktemp(name))
    yield made
    for one in made.values():
        one.registry.close()
        one.central.close()


@pytest.fixture(scope="session")
def three_stations(tmp_path_factory: pytest.TempPathFactory) -> tuple[Founded, Consortium]:
    return found(tmp_path_factory.mktemp("route"), *STATIONS)


@pytest.fixture
def sequential(three_stations: tuple[Founded, Consortium], tmp_path: Path) -> Iterator[OnRoute]:
    """A real central, a liar before it, and cleveland, which asks the liar."""
    with on_route(three_stations, tmp_path) as made:
        yield made


@pytest.fixture
def refused(evidence: Evidence) -> Callable[[str, str, str], None]:
    """Tells the row of an attack that failed: attacker, promise, and the code of the refusal.

    Where nothing was refused because nothing could be had, words in the place of a code.
    """

    def told(attacker: str, promise: str, code: str) -> None:
        outcome = code if " " in code else f"refused: `{code}`"
        evidence("attacks", attacker=attacker, promise=promise, outcome=outcome)

    return told


@pytest.fixture(scope="session")
def colleague(small: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Another researcher of the consortium, on its roster like the first."""
    identity = Identity.generate("dr-hopper")
    admitted(small, Member(name=identity.name, roles=("researcher",), keys=identity.public))
    place = tmp_path_factory.mktemp("colleague") / "trust"
    lab = lab_of(small.central_url, small, identity, place)
    yield lab
    lab.registry.close()
    lab.central.close()


@pytest.fixture(scope="session")
def stranger(small: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Someone with keys and the address, whom no officer has admitted."""
    place = tmp_path_factory.mktemp("stranger") / "trust"
    lab = lab_of(small.central_url, small, Identity.generate("dr-nobody"), place)
    yield lab
    lab.central.close()


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A notebook like no other, so that its train is no other test's."""
    return write_notebook(tmp_path / "trusted.ipynb", LOAD, f"{PUBLISH}# {secrets.token_hex(8)}\n")


@pytest.fixture
def answering(tmp_path: Path) -> Path:
    """A notebook whose one output is the number `answer`: what a station by hand sends."""
    return write_notebook(tmp_path / "answering.ipynb", f"{ANSWER}# {secrets.token_hex(8)}\n")


@pytest.fixture
def handing_on(tmp_path: Path) -> Path:
    """A notebook of a sequential route, whose one output is the number `answer`."""
    source = f"{HANDING_ON}# {secrets.token_hex(8)}\n"
    return write_notebook(tmp_path / "handing_on.ipynb", source)


@pytest.fixture(scope="session")
def departed(small_lab: Lab, liars: Liars, tmp_path_factory: pytest.TempPathFactory) -> Journey:
    """The honest case: both stations ran, and the results open."""
    notebook = write_notebook(tmp_path_factory.mktemp("departed") / "ages.ipynb", LOAD, PUBLISH)
    journey = small_lab.dispatch(notebook, stations=["cleveland", "hungary"]).wait(
        180, on_change=lambda view: None
    )
    assert journey.results().stations == ("cleveland", "hungary")
    return journey
