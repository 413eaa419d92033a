"""Each name of results.json: what it measures, its aim, and a note if the aim is missed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Aim:
    """A description `what` of the value, and its upper limits.

    `most` is absolute; `of_peer` is a multiple of the peer's value; `above_peer` is added to it.
    `most` and `above_peer` have the unit of the row.
    """

    what: str
    most: float | None = None
    of_peer: float | None = None
    above_peer: float | None = None

    def missed(self, value: float, peer: float | None) -> str:
        """Return by how much `value` exceeds each limit, as text; empty if the aim is met."""
        excesses = []
        for limit, name in self._limits(peer):
            if value > limit:
                excesses.append(f"{value - limit:.3g} over {name}")
        return " and ".join(excesses)

    def said(self) -> str:
        """Return the limits as text: `at most 6, 0.2 times the peer's`."""
        limits = []
        if self.most is not None:
            limits.append(f"at most {self.most:g}")
        if self.of_peer is not None:
            limits.append(
                "below the peer's" if self.of_peer == 1 else f"{self.of_peer:g} times the peer's"
            )
        if self.above_peer is not None:
            limits.append(f"at most {self.above_peer:g} above the peer's")
        return ", ".join(limits)

    def _limits(self, peer: float | None) -> list[tuple[float, str]]:
        limits = [] if self.most is None else [(self.most, f"the {self.most:g} aimed at")]
        if peer is not None and self.of_peer is not None:
            limits.append((peer * self.of_peer, f"{self.of_peer:g} times the peer's"))
        if peer is not None and self.above_peer is not None:
            limits.append((peer + self.above_peer, f"{self.above_peer:g} above the peer's"))
        return limits


_SIZES: Final = {"1mb": "1 MB", "10mb": "10 MB", "100mb": "100 MB", "625mb": "625 MB"}
_STOP: Final = "A stop whose output is a model of {}, without the notebook's own run"
_STOP_RSS: Final = "What that stop adds to the idle daemon's memory, at the peak"

AIMS: Final[Mapping[str, Aim]] = {
    "train_build_warm": Aim("A notebook to a composed train image, kernel image at hand", most=0.1),
    "stop_trivial_over_papermill": Aim(
        "A trivial notebook's whole stop, less papermill on the bare host", most=0.2
    ),
    **{
        f"stop_{name}": Aim(_STOP.format(size), of_peer=0.2, most=6.0 if name == "625mb" else None)
        for name, size in _SIZES.items()
    },
    **{f"stop_{name}_rss": Aim(_STOP_RSS, most=64) for name in _SIZES},
    "journey4_cold": Aim("The first journey to four stations: dispatch to opened results", most=5),
    "journey4_warm": Aim("A later one", most=1.5),
    "approval_rule_added": Aim(
        "What a rule adds for a low-risk train, from dispatch to running, to a station that starts "
        "everything by itself",
        most=0.2,
    ),
    "seal_1gb": Aim("10^9 bytes sealed to a file, its digest taken", of_peer=1),
    "open_1gb": Aim("The same opened to a file, its digest compared first", of_peer=1),
    "seal_1gb_rss": Aim("The whole process' memory at the peak, sealing", most=32),
    "open_1gb_rss": Aim("The whole process' memory at the peak, opening", most=32),
    "airlock_million_rows": Aim(
        "Two tables through the airlock of a station that has let leave 1,000,000 rows before"
    ),
    "central_wait_p99": Aim(
        "A journey's dispatch to the waiting station's answer, with 1,000 stations waiting and "
        "10,000 journeys queued",
        most=0.1,
    ),
    "dry_run": Aim("A dry run of a trivial notebook, submitted to done", of_peer=1),
    "dry_run_opened": Aim("The same, its results verified and opened", of_peer=1),
    "round_trivial": Aim(
        "A further round of three stations with a trivial computation", most=0.1, of_peer=1
    ),
    "rounds_first": Aim("Dispatch to the first round's result, warm", most=3),
    "round_1mb": Aim("A further round with 1 MB to and from each of three stations"),
    "round_100mb": Aim("The same with 100 MB"),
    "round_30_stations": Aim("A further round of thirty simulated stations on this machine"),
    "rounds_1000": Aim(
        "A round at the end of a journey of 1,000, as long as one at the beginning", of_peer=1.2
    ),
    "interface_begin": Aim("From Dispatch to the first state shown in JupyterLab", above_peer=0.3),
    "interface_end": Aim("From the last stop to the plot drawn in JupyterLab", above_peer=0.3),
}

_SEAL: Final = (
    "The remaining time is spent on SHA-256 of all written bytes (which the peers do not compute) "
    "and on moving the bytes. Cipher, hash and writing have a thread each; files are read without "
    "a copy. Batches of twice the size gave no improvement."
)
_STOP_FIXED: Final = (
    "The time that does not grow with the size is the engine's: it pulls the image, makes and "
    "mounts the volume, starts the container and removes it. The upload runs during the removal."
)
_STOP_LARGE: Final = (
    "The time that grows with the size is the registry's: it receives, hashes and stores on the "
    "same two processors. The station reads the output in place and seals it in one pass. It "
    "hashes the next part during the upload of a part, and sends the body in small pieces (the "
    "HTTP client copied large pieces many times)."
)
_JOURNEY: Final = (
    "Four containers, each with a Python kernel that needs most of a second of a processor to "
    "start, share the processors of this machine."
)
MISSED: Final[Mapping[str, str]] = {
    "seal_1gb": _SEAL,
    "open_1gb": _SEAL,
    "stop_1mb": _STOP_FIXED,
    "stop_10mb": _STOP_FIXED,
    "stop_100mb": _STOP_LARGE,
    "stop_625mb": _STOP_LARGE,
    "stop_trivial_over_papermill": _STOP_FIXED,
    "journey4_cold": _JOURNEY,
    "journey4_warm": _JOURNEY,
    "central_wait_p99": (
        "A thousand stations each begin a poll every 25 seconds. A poll takes central 5 to 10 ms "
        "in its single Python process; a dispatch, with some twenty statements, waits for its "
        "turn in that process after each statement. Central reads four inboxes at a time: of "
        "eight runs, six had 0.15 to 0.66 s, and two had 3.4 and 4.1 s, when ten dispatches of "
        "some 36 ms and fifty polls a second exceeded the capacity of a processor. Without that "
        "limit, forty threads delay each other and the event loop, and nine runs had 0.36 to "
        "3.2 s. The machine is slower than at first: code that had 0.111 s then has 10.2 s now. "
        "Statements of polls and changes are built only once (a poll took twice as long before), "
        "and a single statement notes that a station was seen. A single watch polls the "
        "database for all waiting stations; Python's garbage collections scan fewer objects; an "
        "inbox is converted to JSON outside the event loop. Tried without improvement: another "
        "event loop, and a shorter switch interval of Python's threads."
    ),
}
"""For the note of a missed aim: the reason, and what was tried."""
