"""What combine cells reported of each round of one journey, opened with the session's key.

Reports come with the instructions, whoever combined: the researcher's kernel or an aggregator.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from phtlab.errors import OrderError, SealError
from phtlab.lab.rounds.payloads import fetch_report
from phtlab.lab.session.session import Session
from phtlab.rounds.reports import RoundReport, open_report
from phtlab.train.documents.order import Order
from phtlab.train.documents.round import Instruction
from phtlab.train.verify.rounds import verify_instruction
from phtlab.wire.api.rounds import RoundsView, SentInstruction


@dataclass(frozen=True)
class OpenedReport:
    """A report, and the values that the rounds end with, each a safetensors file."""

    report: RoundReport
    values: Mapping[str, bytes]


class RoundReports:
    """Reports of the rounds of `journey`, whose verified order is `order`.

    `values` are those that the rounds ended with, None while they go on, or where nothing was
    reported at their end. `unreadable` maps rounds to why their reports cannot be opened; whoever
    combined sealed them so. Every method may be called from any thread.
    """

    def __init__(self, session: Session, journey: str, order: Order) -> None:
        self._session = session
        self._journey = journey
        self._order = order
        self._digests: dict[int, str] = {1: journey}
        self._reports: dict[int, RoundReport] = {}
        self._ended = False
        self._taking = threading.RLock()
        self._fetching = threading.Lock()
        self.values: Mapping[str, bytes] | None = None
        self.unreadable: dict[int, SealError] = {}

    @property
    def reports(self) -> tuple[RoundReport, ...]:
        """One report for each instruction so far, in order; see `RoundReport.combined`."""
        with self._taking:
            return tuple(self._reports.values())

    @property
    def number(self) -> int:
        """The round that stations compute by the newest instruction; 1 before there is any."""
        return len(self._digests)

    @property
    def ended(self) -> bool:
        """Whether the newest instruction ends the rounds."""
        return self._ended

    def lacks(self, rounds: RoundsView) -> bool:
        """Whether central, which has `rounds`, has instructions that were not taken yet."""
        return rounds.number > self.number or (rounds.ended and not self.ended)

    def refresh(self) -> None:
        """Fetch the instructions that are new, verify them, and open their reports.

        Raises as `verify_instruction`, SealChangedError for another report than an instruction
        names, and errors of central and of the registry.
        """
        with self._fetching:
            while not self.ended:
                answer = self._session.central.instructions(self._journey, self.number)
                for sent in answer.instructions:
                    self.take_unverified(sent)
                if not answer.instructions:
                    return

    def take_unverified(self, sent: SentInstruction) -> Instruction:
        """Verify the next instruction, and take it. Raises as `refresh`."""
        with self._taking:
            instruction = verify_instruction(
                sent.instruction,
                journey=self._journey,
                order=self._order,
                roster=self._session.trusted.roster,
                number=self.number + 1,
                previous=self._digests[self.number],
                over=True,
            )
            self.take(sent, instruction)
        return instruction

    def take(
        self, sent: SentInstruction, instruction: Instruction, opened: OpenedReport | None = None
    ) -> None:
        """Take a verified instruction: the next one, or one that was taken before.

        `opened` is its report, if this process sealed it. Raises OrderError
        (``instruction-chain``) for another instruction of a round than was taken before, and as
        `refresh` if the report is fetched.
        """
        number, digest = instruction.number, sent.instruction.digest
        with self._taking:
            if number <= self.number:
                if self._digests[number] != digest:
                    raise _other_chain(number)
                return
            if number != self.number + 1 or instruction.previous != self._digests[self.number]:
                raise _other_chain(number)
            report, values = self._report(sent, instruction, opened)
            self._digests[number] = digest
            self._reports[report.number] = report
            self._ended = instruction.ends
            if instruction.ends and instruction.report is not None:
                self.values = values if report.number not in self.unreadable else None

    def _report(
        self, sent: SentInstruction, instruction: Instruction, opened: OpenedReport | None
    ) -> tuple[RoundReport, Mapping[str, bytes]]:
        if opened is not None:
            return opened.report, opened.values
        number = instruction.number - 1
        stations = tuple(s for s in self._order.stations if s in instruction.heard)
        # Without a report, nobody can say of the last round whether it was combined.
        bare = RoundReport(number, stations, {}, combined=not instruction.ends)
        if instruction.report is None:
            return bare, {}
        sealed = fetch_report(
            lambda: self._session.registry, self._journey, instruction.report, sent.report
        )
        try:
            return open_report(
                sealed,
                journey=self._journey,
                order=self._order,
                number=instruction.number,
                identity=self._session.identity.age,
            )
        except SealError as error:
            self.unreadable[number] = error
            return bare, {}


def _other_chain(number: int) -> OrderError:
    return OrderError(
        f"Central sent another instruction of round {number} than before.",
        "Do not use the results; report it to an officer.",
        code="instruction-chain",
    )
