"""The risk of routes: what is handed on, and how often data are asked."""

from __future__ import annotations

from typing import Any

import pytest

from phtlab.governance import assess
from phtlab.train.documents.manifest import KernelRef, Output, OutputTarget, Rounds, TrainManifest
from tests.governance import documents

COUNT = Output(name="n", kind="scalar", counts="n")


def _manifest(**changes: Any) -> TrainManifest:
    values: dict[str, Any] = {
        "name": "heart",
        "kernel": KernelRef(name="python", language="python", digest=documents.IMAGE),
        "parameters": documents.BOUNDS,
        "outputs": (COUNT,),
        "datasets": ("heart",),
        "files": (),
    }
    return TrainManifest.model_validate(values | changes)


def _codes(manifest: TrainManifest, **changes: Any) -> dict[str, str]:
    found = assess(manifest, known_images={documents.IMAGE}, **changes)
    return {reason.code: reason.risk for reason in found.reasons}


@pytest.mark.parametrize("to", [OutputTarget.NEXT, OutputTarget.BOTH])
def test_what_is_handed_on_has_a_reason_of_its_own(to: OutputTarget) -> None:
    assert _codes(_manifest()) == {}
    handed_on = COUNT.model_copy(update={"to": to})
    assert _codes(_manifest(outputs=(handed_on,))) == {"handed-on": "mid"}
    model = Output(name="model", kind="model", of=True, to=to)
    assert _codes(_manifest(outputs=(model, COUNT))) == {"model": "high", "handed-on": "mid"}


def test_many_rounds_count_for_a_route_of_rounds() -> None:
    of_rounds = _manifest(rounds=Rounds(cells=(1,), combine=(2,)))
    assert _codes(of_rounds, rounds=9) == {}
    assert _codes(of_rounds, rounds=10) == {"many-rounds": "mid"}
    assert _codes(_manifest(), rounds=10) == {}
