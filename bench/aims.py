"""What each name of results.json means, what is aimed at, and what to say of an aim missed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Aim:
    """`what` is measured; at most `most`, at most `of_peer` times the peer's, or so much above."""

    what: str
    most: float | None = None
    of_peer: float | None = None
    above_peer: float | None = None

    def missed(self, value: float, peer: float | None) -> str:
        """By how much the aim is missed, in words; empty if it is met."""
        told = []
        for limit, name in self._limits(peer):
            if value > limit:
                told.append(f"{value - limit:.3g} over {name}")
        return " and ".join(told)

    def said(self) -> str:
        """`at most 6`, `at most 0.2 times the peer's`."""
        told = []
        if self.most is not None:
            told.append(f"at most {self.most:g}")
        if self.of_peer is not None:
            told.append(
                "below the peer's" if self.of_peer == 1 else f"{self.of_peer:g} times the peer's"
            )
        if self.above_peer is not None:
            told.append(f"at most {self.above_peer:g} above the peer's")
        return ", ".join(told)

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
        "A trivial notebook's whole stop, less papermill on the bare host", most=1.0
    ),
    **{
        f"stop_{name}": Aim(_STOP.format(size), of_peer=0.2, most=6.0 if name == "625mb" else None)
        for name, size in _SIZES.items()
    },
    **{f"stop_{name}_rss": Aim(_STOP_RSS, most=64) for name in _SIZES},
    "journey4_cold": Aim("The first journey to four stations: dispatch to opened results", most=5),
    "journey4_warm": Aim("A later one", most=2.5),
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
    "interface_begin": Aim("From Dispatch to the first state shown in JupyterLab", above_peer=0.3),
    "interface_end": Aim("From the last stop to the plot drawn in JupyterLab", above_peer=0.3),
}

_SEAL: Final = (
    "What is left is SHA-256 of all that is written (which the peers do not take) and moving the "
    "bytes; cipher, hash and writing have a thread each, files are read without a copy. Batches of "
    "twice the size brought nothing."
)
_STOP_FIXED: Final = (
    "What does not grow with the size is the engine's: pulling the image, making and mounting the "
    "volume, starting the container, removing it; the upload goes on meanwhile."
)
_STOP_LARGE: Final = (
    "What grows is the registry's work: it receives, hashes and stores on the same two processors. "
    "The output is read in place and sealed in one pass, the next part is hashed while one goes "
    "up, the body in small pieces (as large ones, the HTTP client copied it many times over)."
)
_JOURNEY: Final = (
    "Four containers, each with a Python kernel that takes most of a second of a processor to "
    "come up, on as many processors as this machine has."
)
MISSED: Final[Mapping[str, str]] = {
    "seal_1gb": _SEAL,
    "open_1gb": _SEAL,
    "stop_1mb": _STOP_FIXED,
    "stop_10mb": _STOP_FIXED,
    "stop_100mb": _STOP_LARGE,
    "stop_625mb": _STOP_LARGE,
    "journey4_cold": (
        "Before its first run each station tries its sandbox in a container of its own: 0.7 s "
        "alone, and here four at once. " + _JOURNEY
    ),
    "journey4_warm": _JOURNEY,
    "central_wait_p99": (
        "A thousand stations begin a poll every 25 seconds, which takes central 5 to 10 ms "
        "each, in one Python process; a dispatch, some twenty statements, waits for its turn in "
        "it after each. Four inboxes are looked into at a time: of eight runs six had 0.15 to "
        "0.66 s, and two 3.4 and 4.1, when ten dispatches of some 36 ms and fifty polls a "
        "second were more than one processor did; without that limit forty threads keep each "
        "other and the loop waiting, and nine runs had 0.36 to 3.2. The machine is slower than "
        "at first: the code that had 0.111 s then has 10.2 now. Statements of polls and changes "
        "are made once (a poll took twice as long), and a station is noted as seen in one. "
        "There is one look at the database for all who wait; Python's collections walk over "
        "less; an inbox becomes JSON beside the loop. Tried without gain: another event loop, "
        "shorter turns of Python's threads."
    ),
}
"""For an aim that is missed: why, and what was tried."""
