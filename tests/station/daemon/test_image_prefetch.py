"""Kernel images are fetched ahead: those that the policy allows, and never in a train's way."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from phtlab.errors import RegistryUnreachableError, StationError
from phtlab.station.context.maintenance import closed
from phtlab.station.context.self_test_result import last_report
from phtlab.station.daemon import image_prefetch, trial_retry
from phtlab.station.daemon.image_prefetch import ImagePrefetch
from phtlab.station.executor.contract import CheckResult, RegistryAuth
from phtlab.station.policy.policy import Policy, allowed_images, default_policy
from phtlab.station.retry_delays import Backoff
from phtlab.train.documents.roster import KernelImage
from tests.limits import LIMIT, join
from tests.raising import raises_code
from tests.station.station_world import KERNEL, ScriptedExecutor, World, make_world

HELD = CheckResult("sandbox", True, "A trial ran against 21 limits; all held.")
BROKEN = CheckResult("limit: memory", False, "Memory is not limited.", "Use runc.")


@dataclass
class EmptyExecutor(ScriptedExecutor):
    """An engine without images; `fails` is what the next attempts to fetch end with."""

    has: list[str] = field(default_factory=list)
    fails: list[Exception] = field(default_factory=list)
    progress: tuple[tuple[int, int], ...] = ()
    trial_made: bool = True
    checks: int = 0

    def has_image(self, reference: str) -> bool:
        return reference in self.has

    def fetch(
        self,
        reference: str,
        authorize: Callable[[], RegistryAuth],
        moved: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        assert authorize().token == "a-token"
        if self.fails:
            raise self.fails.pop(0)
        for done, total in self.progress:
            moved(done, total)
        self.has.append(reference)

    def tried(self) -> bool:
        return self.trial_made

    def check(self) -> tuple[CheckResult, ...]:
        self.checks += 1
        self.trial_made = True
        return super().check()


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = make_world(tmp_path, inbox_wait=1)
    world.add_hearts()
    world.executor = EmptyExecutor(tmp_path / "runs", world.now, world.scripted.script)
    return world


def engine_of(world: World) -> EmptyExecutor:
    assert isinstance(world.executor, EmptyExecutor)
    return world.executor


def named(name: str, digit: str) -> KernelImage:
    return KERNEL.model_copy(update={"name": name, "digest": f"sha256:{digit * 64}"})


def fetch(world: World) -> None:
    ImagePrefetch(world.station(), lambda: False).fetch_missing(threading.Event())


def references(world: World, *kernels: KernelImage) -> list[str]:
    return [world.artifacts.reference(kernel.repository, kernel.digest) for kernel in kernels]


def test_the_newest_image_of_each_name_is_fetched_once(world: World) -> None:
    old, new, r = named("python", "1"), named("python", "2"), named("r", "3")
    world.kernels = (old, r, new)
    for _ in range(2):
        fetch(world)
    assert sorted(engine_of(world).has) == sorted(references(world, new, r))


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        ({}, ["python", "r"]),
        ({"allow": {"images": ["r"]}}, ["r"]),
        ({"allow": {"images": ["sha256:" + "1" * 64]}}, ["python"]),
        ({"allow": {"images": []}}, []),
        ({"mode": "refuse"}, []),
    ],
)
def test_only_what_the_policy_allows_is_fetched(
    policy: dict[str, object], allowed: list[str]
) -> None:
    images = (named("python", "1"), named("r", "3"))
    made = Policy.model_validate({"mode": "auto", **policy})
    assert [image.name for image in allowed_images(made, images)] == allowed


def test_the_policy_of_the_station_decides(world: World) -> None:
    world.folder.policy.write_text(default_policy("auto").replace('images = ["*"]', "images = []"))
    assert world.station().policy().allow.images == ()
    fetch(world)
    assert engine_of(world).has == []


def test_no_image_is_fetched_while_a_run_occupies_the_sandbox(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_prefetch, "_TICK", 0.01)
    answers = [True, True, False]
    seen: list[list[str]] = []

    def busy() -> bool:
        seen.append(list(engine_of(world).has))
        return answers.pop(0)

    ImagePrefetch(world.station(), busy).fetch_missing(threading.Event())
    assert seen == [[], [], []]
    assert len(engine_of(world).has) == 1


def test_one_image_that_fails_holds_up_no_other(world: World) -> None:
    world.kernels = (named("python", "1"), named("r", "3"))
    engine_of(world).fails = [StationError("No room.", code="station-disk-full")]
    with raises_code(StationError, "station-disk-full"):
        fetch(world)
    assert engine_of(world).has == references(world, world.kernels[1])


def test_a_registry_that_is_away_is_tried_again_and_no_train_waits_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = RegistryUnreachableError("The registry does not answer.", "Wait.")
    engine_of(world).fails = [away] * 3
    pauses: list[str] = []

    class Quick(Backoff):
        def failed(self, what: str, now: float) -> float:
            pauses.append(what)
            return 0.01

    monkeypatch.setattr(image_prefetch, "Backoff", Quick)
    daemon, enough, offer = world.daemon(), threading.Event(), world.offer()
    thread = threading.Thread(target=daemon.run, args=(enough,), name="daemon")
    thread.start()
    try:
        world.central.offer(offer)
        _wait(lambda: world.stop(offer).path.exists() and world.stop(offer).is_reported)
        _wait(lambda: engine_of(world).has)
    finally:
        enough.set()
        join(thread)
    assert world.record(offer).outcome == "departed"
    assert pauses == ["images"] * 3


def test_the_setting_switches_it_off(tmp_path: Path) -> None:
    world = make_world(tmp_path, fetch_images_ahead=False)
    world.executor = EmptyExecutor(tmp_path / "runs", world.now)
    ImagePrefetch(world.station(), lambda: False).run(threading.Event())  # ends by itself
    assert engine_of(world).has == []


def test_the_log_says_how_far_an_image_has_come(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_prefetch, "_PROGRESS_SECONDS", 0.0)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    engine_of(world).progress = ((0, 2**20), (300 * 2**20, 700 * 2**20))
    with capture_logs() as logs:
        fetch(world)
    events = [(line["event"], line.get("mib"), line.get("of")) for line in logs]
    assert events == [
        ("image is fetched ahead", None, None),
        ("image", 0, 1),
        ("image", 300, 700),
        ("image fetched", None, None),
    ]


def test_the_first_image_brings_the_trial_that_the_start_could_not_make(world: World) -> None:
    engine = engine_of(world)
    world.kernels = (named("python", "1"), named("r", "3"))
    engine.trial_made, engine.trials = False, [HELD]
    fetch(world)
    assert engine.checks == 1
    assert closed(world.station()) is None


def test_a_limit_that_this_trial_finds_broken_stops_new_runs_and_the_report_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested: list[str] = []
    monkeypatch.setattr(trial_retry, "run_self_test", lambda station: tested.append(station.name))
    engine = engine_of(world)
    engine.trial_made, engine.trials = False, [BROKEN]
    fetch(world)
    assert tested == ["cleveland"]
    assert last_report(world.folder) is None  # the self-test itself: tests/station/health


def test_a_trial_that_is_cut_off_closes_the_station_until_another_answers(world: World) -> None:
    engine = engine_of(world)
    cut = CheckResult("sandbox", False, "A trial of the sandbox was cut off.", unfinished=True)
    engine.trial_made, engine.trials = False, [cut]
    fetch(world)
    why = closed(world.station())
    assert why is not None
    assert why.cause == "trial"


def _wait(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + LIMIT
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
