"""What a researcher reads where rounds cannot go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phtlab.lab.display.round_progress import RoundProgress
from phtlab.lab.rounds.folder import journey_folder
from phtlab.lab.rounds.ordered import require_aggregator, round_limits
from phtlab.lab.rounds.sent_values import encoded_values
from phtlab.rounds.reports import MAX_REPORTED
from phtlab.train.documents.manifest import DeclaredArray, Received
from tests.lab.rounds.series_world import COMBINE, SeriesWorld, roster
from tests.raising import wrong_messages

BETA = Received(
    name="beta", arrays=(DeclaredArray(name="w", shape=(2, None)),), lowest=-1.0, size=500
)


def test_values_that_cannot_be_sent() -> None:
    def sent(**values: Any) -> object:
        return encoded_values(values, [BETA])

    assert not wrong_messages(
        {
            "No round cell receives 'alpha'. They receive: beta.": lambda: sent(alpha=1.0),
            "'beta' cannot be sent: it is a str, not numbers.": lambda: sent(beta="text"),
            "'beta' cannot be sent: no round cell receives its array 'beta'.": lambda: sent(
                beta=np.zeros(2)
            ),
            "its array 'w' is of shape (3, 1), not (2, any).": lambda: sent(
                beta={"w": np.zeros((3, 1))}
            ),
            "a number of 'w' is not within -1 and inf": lambda: sent(
                beta={"w": np.full((2, 1), -2)}
            ),
            "bytes; its round cells receive 500 at most.": lambda: sent(
                beta={"w": np.zeros((2, 100))}
            ),
        }
    )


def test_rounds_that_cannot_go_on(tmp_path: Path) -> None:
    ended = SeriesWorld(tmp_path)
    ended.stations["jena"].awake = False
    ended.central.end("jena")
    lost = SeriesWorld(tmp_path)
    (journey_folder(lost.order.nonce) / "key.age").unlink()
    silent = SeriesWorld(tmp_path, combine=COMBINE.replace("phtlab.send(beta=beta)", "pass"))
    many = ", ".join(f"n{n}=0" for n in range(MAX_REPORTED + 1))
    much = SeriesWorld(tmp_path, combine=COMBINE.replace("stations=len(updates)", many))
    assert not wrong_messages(
        {
            "What the combine cells reported of round 1 is too much": much.kernel().drive,
            "Round 1 cannot be combined: jena sent nothing that can be used, and it needs 3 "
            "stations. The rounds have ended.": ended.kernel().drive,
            "The key that combines this journey's rounds is not at": lost.kernel().drive,
            "The combine cells have sent nothing": silent.kernel().drive,
        }
    )


def test_limits_of_a_train_without_rounds(world: SeriesWorld) -> None:
    parallel = world.manifest.model_copy(update={"rounds": None})
    assert not wrong_messages(
        {
            "The train 'heart' has no rounds": lambda: round_limits(parallel, 3, 20, None, 60),
            "quorum= is a whole number from 1 to 3; this is 4.": lambda: round_limits(
                world.manifest, 3, 20, 4, 60
            ),
        }
    )


def test_an_aggregator_that_cannot_be_named() -> None:
    bare = roster().model_copy(update={"members": roster().members[:-1]})
    assert not wrong_messages(
        {
            "There is no aggregator called 'ulm' on the roster of test. Its aggregators: "
            "adder.": lambda: require_aggregator("ulm", roster(), ["ulm"], ["ada"]),
            "It has none: dispatch without aggregator=": lambda: require_aggregator(
                "adder", bare, ["ulm"], ["ada"]
            ),
            "adder cannot combine the rounds of a journey that computes at adder too.": (
                lambda: require_aggregator("adder", roster(), ["adder"], ["ada"])
            ),
        }
    )


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (RoundProgress(7, 2, 3), "round 7, heard 2 of 3"),
        (RoundProgress(7, 0, 3, late=("jena",)), "round 7, heard 0 of 3; late in round 6: jena"),
        (RoundProgress(2, 1, 2, gone=("ulm",)), "round 2, heard 1 of 2; without ulm"),
        (RoundProgress(21, 0, 3, ended=True), "ended after round 20"),
    ],
)
def test_progress_in_words(progress: RoundProgress, text: str) -> None:
    assert progress.text == text
