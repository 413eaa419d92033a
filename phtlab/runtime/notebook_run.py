"""Run a notebook's code cells in a kernel, one after the other, and judge the run.

The same for a station's sandbox and for papermill. Progress is told by hooks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import zmq

from phtlab.runtime import memory
from phtlab.runtime.job import source_of
from phtlab.runtime.kernel_process import KernelProcess
from phtlab.runtime.messages import Channels, Message
from phtlab.runtime.outcome import Failure, Outcome, Verdict, dead_kernel, failed_cell, printable
from phtlab.runtime.record import record_of
from phtlab.runtime.rounds.folders import NextRound, RoundFolders
from phtlab.runtime.transcript import Transcript

# How long a kernel may take until it answers, and what it still says after a reply.
START_SECONDS = 60.0
IDLE_SECONDS = 4.0
# Death, the deadline and a cancellation are looked for this often.
_TICK = 0.1
# The next round is looked for this often: a round may take no longer than a few of these.
_ROUND_TICK = 0.004
_COMBINE = "combine"
_AGGREGATING = "phtlab.runtime.rounds.aggregating"

_Ended = Literal["died", "silent", "time", "cancelled"]


class CellPosition(NamedTuple):
    """A code cell of the run: its position from 0 in the file, its number from 1 in the
    author's notebook, and whether it is the author's (not injected by papermill)."""

    position: int
    number: int
    authored: bool


class Rounds(NamedTuple):
    """The cells of a round by the author's numbers, the first round to compute, the time limit of
    each round in seconds, where rounds are asked for, and the cells that run between rounds,
    elsewhere. A run that `aggregates` has no cells but those of a round, which combine, and waits
    for the first one, too."""

    cells: frozenset[int]
    first: int
    seconds: float
    folders: RoundFolders
    combine: frozenset[int] = frozenset()
    aggregates: bool = False

    @property
    def only(self) -> frozenset[int] | None:
        """The numbers of all cells that the run has; None if it has others than those of rounds."""
        return self.cells if self.aggregates else None


class Hooks:
    """What a caller may want to know while a run goes on. Override what is needed."""

    def cell_started(self, place: CellPosition) -> None:
        """The cell is about to be sent to the kernel."""

    def cell_finished(self, place: CellPosition, seconds: float, *, ok: bool) -> None:
        """The kernel has answered, or has ended."""


def code_cells(
    notebook: dict[str, Any],
    combine: frozenset[int] = frozenset(),
    only: frozenset[int] | None = None,
) -> tuple[CellPosition, ...]:
    """The code cells that a run has, in order, without combine cells.

    Those are what their tag or role says, and the numbers `combine`: a reader who sees either sees
    a cell that does not run. An injected cell carries the number of the one before it. With `only`,
    the author's cells of these numbers, whatever they are: those of an aggregator's run.
    """
    places = []
    number = 0
    for position, cell in enumerate(notebook["cells"]):
        metadata = cell.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        ours = metadata.get("phtlab")
        original = ours.get("cell") if isinstance(ours, dict) else None
        tags = metadata.get("tags")
        tags = tags if isinstance(tags, list) else []
        injected = "injected-parameters" in tags
        if isinstance(original, int):
            number = original
        elif not injected or number == 0:
            number = position + 1
        role = ours.get("role") if isinstance(ours, dict) else None
        if only is not None:
            skipped = number not in only or injected
        else:
            skipped = number in combine or role == _COMBINE or _COMBINE in tags
        if skipped:
            continue
        if cell["cell_type"] == "code" and source_of(cell).strip():
            places.append(CellPosition(position, number, not injected))
    return tuple(places)


class NotebookRun:
    """One run of one notebook in one kernel, which the run interrupts and kills if it must.

    Args:
        kernel: started, and not yet spoken with.
        notebook: nbformat 4.
        deadline: when to interrupt, on the clock of `time.monotonic`, or None.
        grace: seconds between the interrupt and the kill.
        cancelled: asked often; once true, the run ends as at a deadline.
        oom_before: the counter of kills for memory when the kernel was started.
        rounds: the cells that run again in each round, and where rounds are asked for; None if
            each cell runs once.
    """

    def __init__(
        self,
        kernel: KernelProcess,
        notebook: dict[str, Any],
        *,
        deadline: float | None = None,
        grace: float = 2.0,
        cancelled: Callable[[], bool] = lambda: False,
        hooks: Hooks | None = None,
        oom_before: int | None = None,
        cgroup: str = memory.CGROUP,
        start_seconds: float = START_SECONDS,
        rounds: Rounds | None = None,
    ) -> None:
        self.transcript = Transcript(notebook)
        self._kernel = kernel
        combine, only = (rounds.combine, rounds.only) if rounds else (frozenset[int](), None)
        self.places = code_cells(notebook, combine, only)
        self._deadline = deadline
        self._grace = grace
        self._cancelled = cancelled
        self.hooks = hooks or Hooks()
        # The cell that runs, or ran last: where a failed run stopped.
        self.at: CellPosition | None = None
        self._cgroup = cgroup
        self._oom_before = memory.oom_kills(cgroup) if oom_before is None else oom_before
        self._start_seconds = start_seconds
        self._channels = Channels(kernel.connection)
        self._cell_of: dict[str, int] = {}
        self._idle: set[str] = set()
        self._replies: dict[str, dict[str, Any]] = {}
        self._timings: list[tuple[int, float]] = []
        self._rounds = rounds

    def execute(self) -> Verdict:
        """Run all cells. On return the kernel and all that it left behind are dead."""
        try:
            return self._execute()
        finally:
            self._kernel.kill()
            self._channels.close()

    def _execute(self) -> Verdict:
        ended = self._await_kernel()
        if ended:
            return self._judge_end(ended, None)
        again = self._rounds.cells if self._rounds else frozenset()
        failed = self._run_cells([place for place in self.places if place.number not in again])
        if failed or self._rounds is None:
            return failed or self._verdict("completed", None)
        return self._execute_rounds(
            self._rounds, [place for place in self.places if place.number in again]
        )

    def _run_cells(self, places: Sequence[CellPosition]) -> Verdict | None:
        """Run the cells; the verdict if one fails or the kernel ends."""
        for place in places:
            self.at = place
            self.hooks.cell_started(place)
            begun = time.monotonic()
            reply = self._run_cell(place)
            seconds = time.monotonic() - begun
            self._timings.append((place.number, round(seconds, 3)))
            ok = isinstance(reply, dict) and reply.get("status") == "ok"
            self.hooks.cell_finished(place, seconds, ok=ok)
            if not isinstance(reply, dict):
                return self._judge_end(reply, place.number)
            if not ok:
                source = source_of(self.transcript.cell(place.position))
                return self._verdict(*failed_cell(reply, place.number, source))
        return None

    def _execute_rounds(self, rounds: Rounds, places: Sequence[CellPosition]) -> Verdict:
        """Run the cells of each round that is asked for, in the kernel that stays."""
        done, before = self._verdict("completed", None), None
        next_round: NextRound | _Ended = NextRound(rounds.first, ends=False)
        if rounds.aggregates:
            if failed := self._run_call("prepare"):
                return failed
            self._deadline = None
            next_round = self._await_round(rounds, rounds.first - 1)
        while isinstance(next_round, NextRound) and not next_round.ends:
            number = next_round.number
            self._renew(places)
            rounds.folders.begin(number, before)
            self._deadline = time.monotonic() + rounds.seconds
            started = time.time()
            failed = self._combine(places) if rounds.aggregates else self._run_cells(places)
            if failed:
                return failed
            self._deadline = None
            done, before = self._verdict("completed", None), number
            rounds.folders.finish(number, record_of(done, started, time.time()))
            next_round = self._await_round(rounds, number)
        return done if isinstance(next_round, NextRound) else self._judge_end(next_round, None)

    def _combine(self, places: Sequence[CellPosition]) -> Verdict | None:
        """Run the combine cells of a round between what reads its updates and what is left."""
        return self._run_call("begin") or self._run_cells(places) or self._run_call("end")

    def _run_call(self, function: str) -> Verdict | None:
        """Call a function of `rounds.aggregating` in the kernel; the verdict if it fails."""
        # No name is bound among those of the cells, and nothing is shown.
        code = f"__import__({_AGGREGATING!r}, fromlist=[{function!r}]).{function}()"
        reply = self._await_reply(self._send_execute(code, silent=True))
        if not isinstance(reply, dict):
            return self._judge_end(reply, None)
        if reply.get("status") == "ok":
            return None
        outcome, failure = failed_cell(reply, None, code)
        return self._verdict(outcome, failure._replace(line=None))

    def _await_round(self, rounds: Rounds, number: int) -> NextRound | _Ended:
        while True:
            next_round = rounds.folders.following(number)
            if next_round is not None:
                return next_round
            self._pump(_ROUND_TICK)
            if ended := self._end():
                return ended

    def _renew(self, places: Sequence[CellPosition]) -> None:
        """Forget what the round before left here, so that many rounds need no more memory."""
        for place in places:
            self.transcript.renew(place.position)
        self._timings.clear()
        self._cell_of.clear()
        self._idle.clear()
        self._replies.clear()

    def _await_kernel(self) -> _Ended | None:
        """Ask for kernel_info until an answer's `idle` is seen, so that iopub is joined."""
        give_up = time.monotonic() + self._start_seconds
        requests: set[str] = set()
        ask_again = 0.0
        while True:
            now = time.monotonic()
            if now >= ask_again:
                requests.add(self._channels.send(self._channels.shell, "kernel_info_request", {}))
                ask_again = now + 1.0
            self._pump(min(_TICK, max(0.0, ask_again - now)))
            if requests & self._idle:
                return None
            if any(request in self._replies for request in requests):
                # It answers, but iopub was not yet joined when it said idle: soon again.
                self._replies.clear()
                ask_again = time.monotonic() + 0.02
            ended = self._end()
            if ended:
                return ended
            if now > give_up:
                return "silent"

    def _run_cell(self, place: CellPosition) -> dict[str, Any] | _Ended:
        source = source_of(self.transcript.cell(place.position))
        request = self._send_execute(source, silent=False)
        self._cell_of[request] = place.position
        return self._await_reply(request)

    def _send_execute(self, code: str, *, silent: bool) -> str:
        return self._channels.send(
            self._channels.shell,
            "execute_request",
            {
                "code": code,
                "silent": silent,
                "store_history": not silent,
                "user_expressions": {},
                "allow_stdin": False,
                "stop_on_error": True,
            },
        )

    def _await_reply(self, request: str) -> dict[str, Any] | _Ended:
        answered_at: float | None = None
        while True:
            self._pump(_TICK)
            if request in self._replies:
                answered_at = answered_at or time.monotonic()
                if request in self._idle or time.monotonic() - answered_at > IDLE_SECONDS:
                    return self._replies[request]
            ended = self._end()
            if ended == "died":
                self._drain()
                return ended
            if ended:
                self._interrupt_and_kill(request)
                return ended

    def _interrupt_and_kill(self, request: str) -> None:
        """End the cell. What it answers no longer matters, what it prints is kept."""
        if self._kernel.spec.interrupt_mode == "message":
            self._channels.send(self._channels.control, "interrupt_request", {})
        else:
            self._kernel.interrupt()
        until = time.monotonic() + self._grace
        while time.monotonic() < until and self._kernel.alive():
            self._pump(_TICK)
            if request in self._replies and request in self._idle:
                break
        self._kernel.kill()
        self._drain()

    def _end(self) -> _Ended | None:
        if not self._kernel.alive():
            return "died"
        if self._cancelled():
            return "cancelled"
        if self._deadline is not None and time.monotonic() >= self._deadline:
            return "time"
        return None

    def _pump(self, seconds: float) -> None:
        """Take in what arrives within `seconds`; return at the first that did."""
        for channel in self._channels.poll(seconds):
            # A flood on one channel must not keep the deadline from being seen.
            for _ in range(200):
                try:
                    message = self._channels.receive(channel)
                except zmq.Again:
                    break
                if message is not None:
                    self._take(message)

    def _drain(self) -> None:
        until = time.monotonic() + 1.0
        while self._channels.poll(0) and time.monotonic() < until:
            self._pump(0)

    def _take(self, message: Message) -> None:
        content = message.content
        if message.type.endswith("_reply"):
            self._replies[message.parent] = content or {}
        elif message.type == "status":
            if content and content.get("execution_state") == "idle":
                self._idle.add(message.parent)
        elif message.parent in self._cell_of:
            self.transcript.add(self._cell_of[message.parent], message)

    def _judge_end(self, ended: _Ended, cell: int | None) -> Verdict:
        if ended == "died":
            kills = memory.oom_kills(self._cgroup) - self._oom_before
            return self._verdict(
                *dead_kernel(self._kernel.returncode, kills, cell, self._kernel.last_output())
            )
        if ended == "silent":
            why = f"the kernel did not answer within {self._start_seconds:g} seconds"
            last_output = printable(self._kernel.last_output(), 4_000)
            return self._verdict("kernel-died", Failure("KernelDied", None, None, why, last_output))
        if ended == "time":
            return self._verdict(
                "out-of-time", Failure("OutOfTime", cell, None, "the time limit was reached", "")
            )
        return self._verdict(
            "cancelled", Failure("Cancelled", cell, None, "the run was told to stop", "")
        )

    def _verdict(self, outcome: Outcome, failure: Failure | None) -> Verdict:
        return Verdict(outcome, failure, tuple(self._timings))
