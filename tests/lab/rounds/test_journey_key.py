"""The journey's key: sealed to its researcher, found by the order, of no use to anybody else."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from phtlab.errors import JourneyError
from phtlab.lab.rounds.folder import journey_folder
from phtlab.lab.rounds.journey_key import (
    forget_journey_key,
    journey_key,
    keep_journey_key,
    new_journey_key,
)
from tests.lab.rounds.series_world import SeriesWorld, identity
from tests.raising import raises_code


def test_a_later_kernel_finds_the_key_that_the_order_names(world: SeriesWorld) -> None:
    found = journey_key(identity("ada"), world.order)
    assert found.public == world.key.public


def test_the_file_says_nothing_of_the_key(world: SeriesWorld) -> None:
    path = journey_folder(world.order.nonce) / "key.age"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = path.read_bytes()
    assert content.startswith(b"age-encryption.org/v1\n")
    assert not any(seed in content for seed in world.key.seeds())


def test_another_member_cannot_use_it(world: SeriesWorld) -> None:
    with raises_code(JourneyError, "journey-key-missing"):
        journey_key(identity("ulm"), world.order)


def test_the_key_of_another_journey_is_not_taken(world: SeriesWorld, tmp_path: Path) -> None:
    other = SeriesWorld(tmp_path)
    moved = (journey_folder(other.order.nonce) / "key.age").read_bytes()
    (journey_folder(world.order.nonce) / "key.age").write_bytes(moved)
    with raises_code(JourneyError, "journey-key-missing"):
        journey_key(identity("ada"), world.order)


def test_a_key_that_the_order_does_not_name_is_not_used(world: SeriesWorld) -> None:
    forget_journey_key(world.order.nonce)
    keep_journey_key(identity("ada"), world.order.nonce, new_journey_key())
    with raises_code(JourneyError, "journey-key-missing"):
        journey_key(identity("ada"), world.order)


def test_a_key_is_never_replaced(world: SeriesWorld) -> None:
    with raises_code(JourneyError, "journey-key-kept"):
        keep_journey_key(identity("ada"), world.order.nonce, new_journey_key())
    assert journey_key(identity("ada"), world.order).public == world.key.public


def test_a_forgotten_key_may_be_forgotten_again(world: SeriesWorld) -> None:
    forget_journey_key(world.order.nonce)
    forget_journey_key(world.order.nonce)
    with raises_code(JourneyError, "journey-key-missing"):
        journey_key(identity("ada"), world.order)


@pytest.mark.parametrize("nonce", ["", "..", "../" * 10, "A" * 32, "0" * 31])
def test_a_nonce_names_no_other_folder(nonce: str) -> None:
    with pytest.raises(ValueError):
        journey_folder(nonce)
