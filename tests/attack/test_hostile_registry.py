"""A registry that lies, on the real parts: what it gives is believed only as far as was signed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from phtlab.errors import RegistryError
from phtlab.lab import Lab
from phtlab.lab.train import Train
from phtlab.train.canonical import canonical, digest
from phtlab.train.image import ImageLimits
from tests.attack.judging import JudgingStation
from tests.attack.liar import Answer, Asked, Liars, Lying

pytestmark = pytest.mark.engine


@pytest.fixture
def train(small_lab: Lab, notebook: Path) -> Train:
    return small_lab.train(notebook)


Attack = Callable[[AbstractContextManager[Lying]], str]


@pytest.fixture
def code_of(small_lab: Lab, judging: JudgingStation, train: Train) -> Attack:
    """The code with which a station refuses `train` while a lie is told, and only then.

    What the registry gives may be a fault of the line, so a station asks again a few times before
    it gives up; what it says then names no more than that it was not given the image.
    """

    def tried(lying: AbstractContextManager[Lying]) -> str:
        small = small_lab.dispatch(train, stations="switzerland")
        with lying as lie:
            with pytest.raises(RegistryError) as told:
                judging.station.freight.fetch(train.repository, train.digest, ImageLimits())
            record = judging.record(small.id)
            assert lie.told > 1
        assert (record.outcome, record.code, record.started) == (
            "refused",
            "image-unavailable",
            None,
        )
        honest = small_lab.dispatch(train, stations="switzerland")
        assert judging.holds(honest.id)
        return told.value.code

    return tried


def test_a_flipped_bit_in_a_blob_of_the_train(
    liars: Liars, train: Train, code_of: Attack, evidence
) -> None:
    def flip(_: Asked, answer: Answer) -> Answer:
        changed = bytearray(answer.content)
        changed[len(changed) // 2] ^= 1
        return answer.saying(bytes(changed))

    code = code_of(liars.registry.lying("GET", f"/blobs/{train.image.diff_id}$", flip))
    assert code == "registry-digest"
    evidence(
        "attacks",
        attacker="hostile registry",
        promise="cannot flip a bit of a train",
        outcome=f"refused: `{code}`",
    )


def test_another_image_under_the_digest(
    liars: Liars, train: Train, code_of: Attack, evidence
) -> None:
    """A tag may move; a digest may not: what comes is hashed."""
    other = canonical(json.loads(train.image.manifest) | {"annotations": {"moved": "yes"}})
    code = code_of(
        liars.registry.lying(
            "GET", f"/manifests/{train.digest}$", lambda _, answer: answer.saying(other)
        )
    )
    assert code == "registry-digest"
    evidence(
        "attacks",
        attacker="hostile registry",
        promise="cannot give another image than the digest that was signed",
        outcome=f"refused: `{code}`",
    )


@pytest.mark.parametrize("what", ["manifest", "config", "layer"])
def test_an_endless_answer(
    what: str, liars: Liars, train: Train, code_of: Attack, evidence
) -> None:
    where = {
        "manifest": f"/manifests/{train.digest}$",
        "config": f"/blobs/{digest(train.image.config)}$",
        "layer": f"/blobs/{train.image.diff_id}$",
    }[what]
    block = bytes(1 << 20)
    code = code_of(
        liars.registry.lying("GET", where, lambda _, answer: answer.saying(itertools.repeat(block)))
    )
    assert code == "registry-too-large"
    evidence(
        "attacks",
        attacker="hostile registry",
        promise=f"cannot fill a station with an endless {what}",
        outcome=f"refused: `{code}`",
    )
