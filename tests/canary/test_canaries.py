"""After a full run with failures no row, key or passphrase is anywhere but where it belongs.

Each kind of place is searched for each canary, plain and encoded, packed and not. That a search
would find one is shown by planting one in each kind of place afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from tests.canary.canaries import TOKEN, Canary, Sighting, marked, sightings, unpacked
from tests.canary.marked_world import HOLDER, LIES
from tests.canary.places import KINDS, Scene, may_be
from tests.canary.planting import PLANTERS
from tests.e2e.parts import stop_of
from tests.evidence import Evidence

pytestmark = pytest.mark.engine


TRAFFIC = "all that anyone said to central or heard from it"
HOLDS_TOKENS = (TRAFFIC,)
MAY_BE_EMPTY = ("temporary files", "crash dumps")


def leaks(kind: str, scene: Scene, canaries: Sequence[Canary]) -> tuple[int, list[Sighting]]:
    """How many things of this kind were looked at, and what was seen where it may not be."""
    seen, looked = [], 0
    for where, content in KINDS[kind](scene):
        looked += 1
        unexpected = [canary for canary in canaries if not may_be(canary, where, scene)]
        seen += sightings(where, content, unexpected)
    return looked, seen


@pytest.mark.parametrize("kind", KINDS)
def test_no_canary_is_in(kind: str, scene: Scene, evidence: Evidence) -> None:
    looked, seen = leaks(kind, scene, scene.aftermath.marks.all)
    assert not seen, "\n".join(map(str, seen))
    assert looked or kind in MAY_BE_EMPTY
    evidence(
        "attacks",
        attacker="who reads logs, databases and blobs",
        promise=f"finds no data value, key or passphrase in {kind}",
        outcome="none is found",
    )


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in HOLDS_TOKENS])
def test_no_token_is_in(kind: str, scene: Scene) -> None:
    """A member's and the registry's tokens are spoken, and written down by nobody."""
    for where, content in KINDS[kind](scene):
        assert not any(TOKEN.search(piece) for piece in unpacked(content)), where


def test_a_token_is_known_when_it_is_seen(scene: Scene) -> None:
    said = b"".join(content for _, content in KINDS[TRAFFIC](scene))
    assert TOKEN.search(said)
    assert b"/api/v1/" in said


def test_what_was_to_be_cried_out_was_cried_out_to_the_operator(scene: Scene) -> None:
    """Otherwise nothing was tried. Where it may be, it is: run, notebook and log of that stop."""
    station = "cleveland"
    of_data = scene.aftermath.marks.data[station]
    stop = stop_of(scene.aftermath.world, station, scene.aftermath.journeys["cries out"].id)
    told = {
        path.name: {one.what for one in sightings("", path.read_bytes(), of_data)}
        for path in stop.operator.iterdir()
    }
    assert f"a patient of {station}" in told["run.json"]
    assert f"codes of {station}" in told["executed.ipynb"]
    assert f"a patient of {station}" in told["executed.ipynb"]
    assert stop.operator.stat().st_mode & 0o077 == 0


def test_what_was_held_back_is_told_by_number_alone(scene: Scene) -> None:
    for station in scene.aftermath.world.stations:
        record = json.loads(scene.aftermath.answered[f"the record of {station}"])
        assert [(one["name"], one["suppressed_rows"]) for one in record["outputs"]] == [
            ("counts", 1)
        ]


def test_an_error_that_hides_a_value_in_a_known_message_has_none(scene: Scene) -> None:
    """They were raised as they were meant to be, and the researcher reads class, cell and line."""
    kinds = {}
    for what in LIES:
        record = json.loads(scene.aftermath.answered[f"the record of cleveland on '{what}'"])
        kinds[what] = record["error"]["type"]
        assert record["error"]["cell"] == 5, what
        assert record["error"]["message"] is None, what
        stop = stop_of(scene.aftermath.world, "cleveland", scene.aftermath.journeys[what].id)
        (_, ward, *_) = scene.aftermath.marks.data["cleveland"]
        assert str(ward.value) in (stop.operator / "run.json").read_text(), what
    assert list(kinds.values()) == ["KeyError", "PublishError"]


def test_what_a_person_decided_is_told_by_rule_and_number_alone(scene: Scene) -> None:
    verdicts = {}
    for what in ("is withheld", "is released in part"):
        record = json.loads(scene.aftermath.answered[f"the record of {HOLDER} on '{what}'"])
        (one,) = record["outputs"]
        verdicts[what] = (one["verdict"], one["rule"], one["suppressed_rows"])
        stop = stop_of(scene.aftermath.world, HOLDER, scene.aftermath.journeys[what].id)
        assert stop.path_of("word-counts-1").exists()
        assert not (stop.path / "waiting").exists()
    assert verdicts == {
        "is withheld": ("refused", "small-count", 0),
        "is released in part": ("suppressed", "small-count", 1),
    }
    assert scene.aftermath.said["a word too late"].startswith("8\n")


def test_a_log_that_was_let_go_arrived_as_it_was_shown(scene: Scene) -> None:
    log = scene.aftermath.answered["the log that was let go"]
    assert "Outcome: the run came to its end" in log
    assert scene.aftermath.said["journey log"] == f"0\n{log}\n"


def test_jupyter_was_asked_and_answered(scene: Scene) -> None:
    answered = scene.aftermath.answered
    assert json.loads(answered["Jupyter on the wrong passphrase"])["code"] == "passphrase"
    opened = json.loads(answered["Jupyter on the right passphrase"])
    assert opened["key"]["state"] == "unlocked"
    assert "counts" in answered["Jupyter on the results of 'departs'"]


def test_everything_that_ran_was_watched(scene: Scene) -> None:
    seen = "\n".join(scene.watched.seen.values())
    for part in (
        *("central registry", "central run", "station run", "station check", "/phtlab/"),
        *("jupyter lab", "ipykernel"),
    ):
        assert part in seen


def test_a_station_leaves_no_core_file(scene: Scene) -> None:
    assert scene.aftermath.core_limits == dict.fromkeys(scene.aftermath.world.stations, "0 0")


@pytest.mark.parametrize("kind", KINDS)
def test_a_planted_canary_is_found_in(kind: str, scene: Scene) -> None:
    """Runs last: what is planted stays."""
    canary = marked("planted")
    assert not leaks(kind, scene, [canary])[1]
    PLANTERS[kind](scene, str(canary.value))
    assert {one.what for one in leaks(kind, scene, [canary])[1]} == {"planted"}
