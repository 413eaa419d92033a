"""How far a run is, how long it takes and how it ends, as a channel out of the real sandbox.

A notebook of many cells reads a secret bit of each patient and does all that it can to tell it:
a cell takes longer where the bit is set, writes `progress.json` to and fro, prints, and the run
ends with an error of the value, in a cell and a line of its choice. An observer has all that
central and the researcher get, with the moments at which it comes.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import log2
from typing import Any

import pytest

from phtlab.station.airlock.capacity import bits_of_run
from phtlab.station.airlock.errors.error import KNOWN
from phtlab.station.policy.policy import default_policy, parse_policy
from phtlab.train.documents.manifest import Output
from phtlab.train.documents.record import StopRecord
from phtlab.wire.api.journeys import StopUpdate
from tests.evidence import Evidence
from tests.limits import LIMIT
from tests.sandbox.conftest import Open

pytestmark = pytest.mark.engine

PATIENTS = 24
LONG = 0.5  # seconds that a cell takes for a set bit: much more than the observer's unrest
FIRST = """\
import json, time, phtlab
heart = phtlab.dataset("heart")
bits = [int(sex == "female") for sex in heart.sex]
def tell(done, cells):
    with open("/phtlab/out/progress.json", "w") as file:
        file.write(json.dumps({"done": done, "cells": cells}))
# %%
"""
CELL = """\
print("bit", bits[%(n)d], flush=True)
time.sleep(%(long)f * bits[%(n)d])
# %%%%
"""
LAST = """\
tell(99 if bits[0] else 1, 99)
number = int("".join(map(str, bits)), 2)
if number % 2:
    raise ValueError(f"the patients are {bits}, {number:024b}")
if number % 3:
    {}[number]
1 / 0
"""


@dataclass(frozen=True)
class Seen:
    """What came to central, each with its moment, and the signed record."""

    updates: tuple[tuple[float, StopUpdate], ...]
    record: StopRecord

    @property
    def words(self) -> list[tuple[str, int | None, int | None, str]]:
        """What is told of a run that goes on, without the moments."""
        told = [(one.state, one.cell, one.cells, one.sentence) for _, one in self.updates]
        return [one for number, one in enumerate(told) if number == 0 or one != told[number - 1]]

    @property
    def rest(self) -> dict[str, Any]:
        """The record but for what is of this journey alone, and for what may tell of the run."""
        bounded = {"started", "finished", "error", "code", "sentence"}
        return self.record.model_dump(exclude=bounded | {"journey", "train", "context"})

    def bits(self) -> list[int]:
        """The patients' bits, as far as the moments of the cells tell them."""
        ends = {one.cell: at for at, one in self.updates if one.cell is not None}
        told = []
        for cell in range(3, PATIENTS + 3):  # the first two read the parameters and the data
            if cell not in ends or cell + 1 not in ends:
                continue
            told.append(int(ends[cell + 1] - ends[cell] > LONG / 2))
        return told


def policy_with(progress: str) -> str:
    return f'progress = "{progress}"\n{default_policy("auto")}'


def travelled(open_world: Open, progress: str, secret: Sequence[int]) -> Seen:
    source = FIRST + "".join(CELL % {"n": n, "long": LONG} for n in range(len(secret)))
    with open_world() as world:
        rows = "".join(f"{40 + n},{'female' if bit else 'male'}\n" for n, bit in enumerate(secret))
        (world.root / "heart.csv").write_text("age,sex\n" + rows)
        world.folder.policy.write_text(policy_with(progress))
        world.settings = world.settings.model_copy(update={"progress_interval": 0.01})
        train = world.train(
            source + LAST, outputs=(Output(name="n", kind="scalar"),), datasets=("heart",)
        )
        offer = world.offer(train)
        heard: list[tuple[float, StopUpdate]] = []
        update_stop = world.central.update_stop

        def noted(journey: str, station: str, update: StopUpdate) -> Any:
            heard.append((time.monotonic(), update))
            return update_stop(journey, station, update)

        world.central.update_stop = noted  # type: ignore[method-assign]
        daemon = world.daemon()
        daemon.receive(offer)
        begun = datetime.now(UTC)
        while not world.stop(offer).is_reported:
            assert (datetime.now(UTC) - begun).seconds < LIMIT, world.stop(offer).state
            daemon.step()
            daemon.teller.flush()
            time.sleep(0.01)  # what is waited for needs the processor
        return Seen(tuple(heard), world.record(offer))


@pytest.fixture(scope="module")
def secrets() -> tuple[list[int], list[int]]:
    """Two groups of patients, of which the first have the most to sleep for and the other none."""
    drawn = random.Random(11)
    return [drawn.randrange(2) for _ in range(PATIENTS)], [0] * PATIENTS


def require_bounded(seen: Seen, secret: Sequence[int], policy: str) -> float:
    """The bits that what may tell of the run can hold; AssertionError if anything else does."""
    record = seen.record
    said = repr((seen.updates, record.model_dump()))
    assert str(list(secret)) not in said
    assert "".join(map(str, secret)) not in said
    seconds = parse_policy(policy).limits.seconds
    assert record.started is not None
    assert record.started.microsecond == record.finished.microsecond == 0
    assert record.error is not None
    assert record.error.type in KNOWN
    assert record.error.message is None or len(record.error.message) < 200
    held = log2(1000 * seconds) + log2(64) + log2(len(KNOWN)) + log2(1_000 * 10_000) + 32
    cells = {one.cell for _, one in seen.updates if one.cell is not None}
    return held + len(cells) * log2(1000 * seconds)


def test_a_run_of_which_nothing_is_told_says_no_more_than_its_bound(
    open_world: Open, secrets: tuple[list[int], list[int]], evidence: Evidence
) -> None:
    policy = policy_with("none")
    some, none = (travelled(open_world, "none", secret) for secret in secrets)
    assert some.record.outcome == none.record.outcome == "failed"
    assert some.words == none.words
    assert {(cell, cells) for _, cell, cells, _ in some.words} == {(None, None)}
    assert some.rest == none.rest
    assert some.bits() == none.bits() == []
    bound = bits_of_run(parse_policy(policy), outputs=0)
    for seen, secret in zip((some, none), secrets, strict=True):
        assert require_bounded(seen, secret, policy) <= bound
    evidence(
        "attacks",
        attacker="hostile researcher",
        promise="cannot read patients' bits from how far a run is, in the real sandbox",
        outcome=f"0 of {PATIENTS} bits by cells; {bound} bits at most by duration, error and end",
    )


def test_a_run_whose_cells_are_told_says_what_its_bound_allows(
    open_world: Open, secrets: tuple[list[int], list[int]]
) -> None:
    """The policy's own choice: the channel is there, and no wider than it is stated."""
    policy = policy_with("cells")
    secret, _ = secrets
    seen = travelled(open_world, "cells", secret)
    told = [one.cell for _, one in seen.updates if one.cell is not None]
    assert told == sorted(set(told)), "what a run writes to and fro is told once, and forwards"
    assert {one.cells for _, one in seen.updates} <= {None, PATIENTS + 3}
    assert len(seen.bits()) > 0, "the attack itself must work, or it shows nothing"
    assert require_bounded(seen, secret, policy) <= bits_of_run(parse_policy(policy), outputs=0)
