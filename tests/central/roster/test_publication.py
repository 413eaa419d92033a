"""The roster through central: accepted from officers, served to TUF clients, renewed by itself."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Timestamp

from phtlab.central.context import CentralContext, read_online_key
from phtlab.central.founding import init_central
from phtlab.central.housekeeping import renew_timestamp
from phtlab.central.roster.publication import Publication
from phtlab.errors import CentralError, RosterError, RosterStaleError
from phtlab.trust_store.trust import Trust
from phtlab.wire.api.journeys import RosterBundle
from tests.central.world import World, found
from tests.raising import raises_code


def _trust(central: World, folder: Path) -> Trust:
    client = central.client(None)
    trust = Trust(folder, client.tuf_fetcher(), client.metadata_url, client.targets_url)
    trust.pin(central.founding.consortium.root)
    return trust


def test_a_station_reads_the_published_roster(central: World, tmp_path: Path) -> None:
    trusted = _trust(central, tmp_path / "trust").refresh()
    consortium = central.founding.consortium
    assert {member.name for member in trusted.roster.members} >= {"ada", "ulm", "vera"}
    assert trusted.catalogue == consortium.catalogue


def test_the_same_bundle_again_changes_nothing(central: World, tmp_path: Path) -> None:
    central.client(None).publish_roster(central.founding.bundle())
    assert _trust(central, tmp_path / "trust").refresh().roster.version >= 1


def test_a_new_roster_follows_an_old_one_and_not_the_other_way(
    central: World, tmp_path: Path
) -> None:
    old = central.founding.bundle()
    central.client(None).publish_roster(central.founding.sign())
    trust = _trust(central, tmp_path / "trust")
    version = trust.refresh().roster.version
    with pytest.raises(RosterStaleError) as refused:
        central.client(None).publish_roster(old)
    assert refused.value.code == "roster-rollback"
    assert trust.refresh().roster.version == version


def test_a_bundle_of_another_consortium_is_refused(central: World, tmp_path: Path) -> None:
    other = found(tmp_path)
    with raises_code(RosterError, "root-other"):
        central.client(None).publish_roster(other.bundle())


def test_a_roster_of_another_name_is_refused(central: World) -> None:
    publication = Publication(
        central.services.database,
        "other",
        central.settings.root_file,
        [read_online_key(central.settings.online_key_file)],
    )
    with raises_code(RosterError, "roster-consortium"):
        publication.accept(central.founding.sign())


def test_a_changed_bundle_is_refused(central: World) -> None:
    bundle = central.founding.bundle()
    roster = base64.b64decode(bundle.targets["roster.json"]).replace(b'"ada"', b'"eve"')
    changed = RosterBundle(
        metadata=bundle.metadata,
        targets={**bundle.targets, "roster.json": base64.b64encode(roster).decode()},
    )
    with raises_code(RosterError, "roster-changed"):
        central.client(None).publish_roster(changed)


def test_the_timestamp_is_renewed_before_it_expires(central: World, tmp_path: Path) -> None:
    read = central.services.publication.file
    first = read("metadata", "timestamp.json")
    renew_timestamp(central.services)
    assert read("metadata", "timestamp.json") == first
    central.clock.ahead = timedelta(hours=13)
    renew_timestamp(central.services)
    assert read("metadata", "timestamp.json") != first
    _trust(central, tmp_path / "trust").refresh()


def test_the_timestamp_lives_as_long_as_the_setting_says(central: World) -> None:
    settings = central.settings.model_copy(update={"timestamp_days": 3.0})
    services = CentralContext.of(settings, central.clock)
    services.publication.accept(central.founding.sign())
    written = services.publication.file("metadata", "timestamp.json")
    left = Metadata[Timestamp].from_bytes(written).signed.expires - central.clock()
    assert timedelta(days=3) - timedelta(hours=1) < left <= timedelta(days=3)
    services.database.close()


def test_before_the_first_roster_the_answer_says_what_is_to_be_done(
    tmp_path: Path, central: World
) -> None:
    fresh = init_central(tmp_path / "fresh", name="pht", listen="127.0.0.1:0")
    services = CentralContext.of(fresh.settings)
    services.database.migrate()
    with raises_code(RosterError, "roster-unpublished"):
        services.publication.current()
    with raises_code(RosterError, "roster-unpublished"):
        services.publication.accept(central.founding.bundle())
    services.database.close()


def test_metadata_that_is_not_there_is_not_found(central: World) -> None:
    answer = central.request("GET", "/api/v1/tuf/metadata/99.root.json")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    with raises_code(CentralError, "not-found"):
        central.services.publication.file("metadata", "99.root.json")
