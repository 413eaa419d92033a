"""Central's tokens before a real registry (CNCF Distribution): what it lets each member do."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from phtlab.central.context import CentralContext
from phtlab.central.founding import registry_settings
from phtlab.central.retention import registry_as_central, remove_all_expired
from phtlab.central.server import serving
from phtlab.central.settings import CentralSettings
from phtlab.errors import CentralError, JourneyError, RecordError, RegistryError, TrainError
from phtlab.processes.services import Service
from phtlab.train.canonical import canonical, digest
from phtlab.train.image.image_format import (
    MANIFEST_TYPE,
)
from phtlab.wire.registry.cargo import (
    cargo_repository,
    pull_cargo,
    pull_values,
    push_cargo,
    push_values,
    values_repository,
)
from phtlab.wire.registry.client import Registry
from tests.central.round_series import RoundSeries
from tests.central.world import Clock, Founding, World
from tests.raising import raises_code
from tests.real_registry import answers, free_port, registry_of

pytestmark = pytest.mark.engine


def _registry(settings: CentralSettings, folder: Path, port: int) -> AbstractContextManager[str]:
    written = registry_settings(settings)
    own = written.replace(f'{settings.directory}/registry"', f'{folder}/data"')
    return registry_of(own, port, folder)


@pytest.fixture
def world(tmp_path: Path, founding: Founding) -> Iterator[World]:
    """A central whose registry runs, and takes only its tokens."""
    port = free_port()
    settings = founding.central.settings.model_copy(
        update={
            "database": f"sqlite:///{tmp_path / 'central.sqlite'}",
            "registry_url": f"http://127.0.0.1:{port}",
        }
    )
    clock = Clock()
    services = CentralContext.of(settings, clock)
    with serving(settings, services) as url, _registry(settings, tmp_path, port):
        made = World(url, settings, services, founding, clock)
        made.client(None).publish_roster(founding.bundle())
        yield made
        made.close()


@contextmanager
def _as(world: World, name: str) -> Iterator[Registry]:
    with Registry(
        world.settings.registry_url, world.client(name).registry_token, pause=lambda seconds: None
    ) as registry:
        yield registry


def _push_image(registry: Registry, repository: str, blob: bytes) -> str:
    config = canonical({})
    for content in (blob, config):
        registry.put_blob(repository, content)
    manifest = canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest(config),
                "size": len(config),
            },
            "layers": [
                {
                    "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "digest": digest(blob),
                    "size": len(blob),
                }
            ],
        }
    )
    return registry.put_manifest(repository, manifest)


def test_without_a_token_nothing_is_read(world: World) -> None:
    with Registry(world.settings.registry_url, pause=lambda seconds: None) as registry:
        registry.check()
        with pytest.raises(RegistryError) as refused:
            registry.manifest("kernels/python", "latest")
        assert refused.value.code == "registry-denied"


def test_kernels_are_pushed_by_officers_only(world: World) -> None:
    with _as(world, "vera") as vera:
        image = _push_image(vera, "kernels/python", b"base layer")
    with _as(world, "ada") as ada:
        assert json.loads(ada.manifest("kernels/python", image))["schemaVersion"] == 2
        with pytest.raises(RegistryError) as refused:
            ada.put_blob("kernels/python", b"mine")
        assert refused.value.code == "registry-denied"


def test_a_researcher_mounts_the_kernel_into_his_train(world: World) -> None:
    layer = b"base layer" * 1000
    with _as(world, "vera") as vera:
        _push_image(vera, "kernels/python", layer)
    with _as(world, "ada") as ada:
        assert ada.mount("trains/ada/heart", digest(layer), "kernels/python")
        assert ada.has_blob("trains/ada/heart", digest(layer))
        with pytest.raises(RegistryError):
            ada.put_blob("trains/bob/heart", b"not mine")


def test_a_station_pulls_its_train_and_no_other(world: World) -> None:
    with _as(world, "ada") as ada:
        image = _push_image(ada, "trains/ada/heart", b"the train")
        _push_image(ada, "trains/ada/secret", b"another train")
    with _as(world, "ulm") as early, pytest.raises(RegistryError):
        early.manifest("trains/ada/heart", image)
    world.journey("ulm")
    with _as(world, "ulm") as ulm:
        assert ulm.manifest("trains/ada/heart", image)
        for refused in ("trains/ada/secret", "trains/ada/other"):
            with pytest.raises(RegistryError) as denied:
                ulm.manifest(refused, image)
            assert denied.value.code == "registry-denied"
        with pytest.raises(RegistryError) as denied:
            ulm.put_blob("trains/ada/heart", b"changed")
        assert denied.value.code == "registry-denied"
    with _as(world, "jena") as jena, pytest.raises(RegistryError):
        jena.manifest("trains/ada/heart", image)


def test_cargo_goes_from_its_station_to_who_may_open_it(world: World, tmp_path: Path) -> None:
    journey = world.journey("ulm", "mainz")
    sealed = tmp_path / "sealed"
    sealed.write_bytes(b"sealed" * 1000)
    with _as(world, "ulm") as ulm:
        cargo = push_cargo(ulm, journey.id, "ulm", sealed)
        with pytest.raises(RegistryError):
            push_cargo(ulm, journey.id, "mainz", sealed)
    with _as(world, "mainz") as mainz, pytest.raises(RegistryError):
        pull_cargo(mainz, journey.id, "ulm", cargo, tmp_path / "stolen")
    with _as(world, "bob") as bob, pytest.raises(RegistryError):
        pull_cargo(bob, journey.id, "ulm", cargo, tmp_path / "stolen")
    with _as(world, "ada") as ada:
        pull_cargo(ada, journey.id, "ulm", cargo, tmp_path / "mine")
    assert (tmp_path / "mine").read_bytes() == sealed.read_bytes()


def test_content_of_rounds_goes_through_the_registry(world: World, tmp_path: Path) -> None:
    series = RoundSeries.ordered(world)
    sealed = [tmp_path / name for name in ("first", "second")]
    for number, path in enumerate(sealed):
        path.write_bytes(b"sealed %d" % number * 1000)
    with _as(world, "ulm") as ulm, _as(world, "ada") as ada, _as(world, "jena") as jena:
        updates = [push_cargo(ulm, series.id, "ulm", path) for path in sealed]
        values = [push_values(ada, series.id, path) for path in sealed]
        for path, update, value in zip(sealed, updates, values, strict=True):
            pull_cargo(ada, series.id, "ulm", update, tmp_path / "update")
            assert (tmp_path / "update").read_bytes() == path.read_bytes()
            pull_values(ulm, series.id, value, tmp_path / "values", limit=8_000)
            assert (tmp_path / "values").read_bytes() == path.read_bytes()
        with raises_code(RegistryError, "registry-denied"):
            push_values(ulm, series.id, sealed[0])
        with raises_code(RegistryError, "registry-denied"):
            pull_values(jena, series.id, values[0], tmp_path / "stolen")


def test_an_aggregator_s_content_goes_through_the_registry(world: World, tmp_path: Path) -> None:
    series = RoundSeries.ordered(world, recipients=("bob",), aggregator="adder")
    sealed, pulled = tmp_path / "sealed", tmp_path / "pulled"
    sealed.write_bytes(b"sealed" * 1000)
    with _as(world, "ulm") as ulm, _as(world, "adder") as adder, _as(world, "ada") as ada:
        update = push_cargo(ulm, series.id, "ulm", sealed)
        pull_cargo(adder, series.id, "ulm", update, pulled)
        assert pulled.read_bytes() == sealed.read_bytes()
        values = push_values(adder, series.id, sealed)
        pull_values(ulm, series.id, values, pulled, limit=8_000)
        assert pulled.read_bytes() == sealed.read_bytes()
        with raises_code(RegistryError, "registry-denied"):
            push_values(ada, series.id, sealed)
        with raises_code(RegistryError, "registry-denied"):
            push_cargo(adder, series.id, "ulm", sealed)
    with _as(world, "bob") as bob:
        pull_values(bob, series.id, values, pulled, limit=8_000)
    with _as(world, "tally") as tally, raises_code(RegistryError, "registry-denied"):
        pull_cargo(tally, series.id, "ulm", update, pulled)


def test_nobody_deletes_from_the_registry(world: World) -> None:
    with _as(world, "ada") as ada:
        image = _push_image(ada, "trains/ada/heart", b"the train")
        with pytest.raises(RegistryError) as refused:
            ada.delete("trains/ada/heart", image)
        assert refused.value.code == "registry-denied"
        assert ada.has_manifest("trains/ada/heart", image)


def test_retention_removes_cargo_and_trains_and_says_so(world: World, tmp_path: Path) -> None:
    ada = world.client("ada")
    envelope = world.train()
    with _as(world, "ada") as registry:
        _push_image(registry, "trains/ada/heart", b"the train")
    ada.submit_train(envelope)
    journey = ada.submit_journey(world.order("ulm", "mainz"))
    sealed = tmp_path / "sealed"
    sealed.write_bytes(b"sealed")
    with _as(world, "ulm") as ulm:
        cargo = push_cargo(ulm, journey.id, "ulm", sealed)
    world.client("ulm").put_record(journey.id, "ulm", world.record(journey, "ulm", cargo=cargo))
    assert remove_all_expired(world.services).journeys == 0

    # The registry has a clock of its own: the times are made short instead.
    removed = remove_all_expired(_with(world, journey_days=1e-9))
    assert (removed.journeys, removed.cargo, removed.trains) == (1, 1, 0)
    view = ada.journey(journey.id)
    assert view.removed is not None
    assert [(stop.state, stop.code) for stop in view.stops] == [
        ("departed", ""),
        ("cancelled", "retention"),
    ]
    assert remove_all_expired(_with(world, train_days=1e-9)).trains == 1
    with _as(world, "ada") as registry:
        with pytest.raises(RegistryError) as missing:
            pull_cargo(registry, journey.id, "ulm", cargo, tmp_path / "gone")
        assert missing.value.code == "registry-missing"
        assert registry.tags(cargo_repository(journey.id, "ulm")) == []
    assert ada.train(journey.train).removed is not None
    with raises_code(TrainError, "train-removed"):
        ada.submit_journey(world.order("ulm"))
    assert ada.submit_train(envelope).removed is None


def test_retention_removes_what_was_sealed_in_rounds_and_keeps_what_was_signed(
    world: World, tmp_path: Path
) -> None:
    series = RoundSeries.ordered(world)
    recorded = series.compute("ulm", 1)
    instructed = series.instruct(values=b"values", report=b"report")
    sealed = tmp_path / "sealed"
    sealed.write_bytes(b"sealed")
    with _as(world, "ulm") as ulm, _as(world, "ada") as registry:
        push_cargo(ulm, series.id, "ulm", sealed)
        push_values(registry, series.id, sealed)
    removed = remove_all_expired(_with(world, journey_days=1e-9))
    assert (removed.journeys, removed.cargo) == (1, 2)
    ada = world.client("ada")
    assert ada.rounds(series.id).rounds == (recorded.model_copy(update={"update": None}),)
    assert ada.instructions(series.id).instructions == (
        instructed.model_copy(update={"values": None, "report": None}),
    )
    values = values_repository(series.id)
    with registry_as_central(world.services) as registry:
        assert registry.tags(values) == []
    with _as(world, "ada") as registry, raises_code(RegistryError, "registry-denied"):
        registry.tags(values)
    with raises_code(RecordError, "round-late"):
        series.compute("ulm", 2)
    with raises_code(JourneyError, "journey-over"):
        series.instruct(ends=True)


def _with(world: World, **changes: float) -> CentralContext:
    return dataclasses.replace(
        world.services, settings=world.settings.model_copy(update=dict(changes))
    )


def test_a_member_of_no_journey_gets_an_empty_token(world: World) -> None:
    with pytest.raises(CentralError):
        world.client("jena").journey(digest(b"none"))
    with _as(world, "jena") as jena, pytest.raises(RegistryError):
        jena.read_blob("kernels/python", digest(b"x"), 10)


def test_the_command_becomes_the_registry(founding: Founding, tmp_path: Path) -> None:
    """`phtlab central registry DIRECTORY` with the settings that init wrote."""
    from phtlab.central.founding import init_central

    port = free_port()
    made = init_central(tmp_path / "central", name="pht", registry_url=f"http://127.0.0.1:{port}")
    service = Service(
        "registry",
        [sys.executable, "-m", "phtlab", "central", "registry", str(made.directory)],
        tmp_path,
        {},
    )
    service.start()

    try:
        service.wait_until(lambda: answers(port))
        with Registry(made.settings.registry_url) as registry:
            registry.check()
    finally:
        service.stop()
