"""How far a journey of rounds is, in words: `round 7, heard 2 of 3`."""

from __future__ import annotations

from dataclasses import dataclass

from phtlab.printable import escaped


@dataclass(frozen=True)
class RoundProgress:
    """The present round: how many stations of how many were heard.

    `late` are the stations without which the round before was combined, `gone` those whose stops
    have ended, or whose updates of this round cannot be used.
    """

    number: int
    answered: int
    expected: int
    late: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    ended: bool = False

    @property
    def text(self) -> str:
        if self.ended:
            return f"ended after round {self.number - 1}"
        text = f"round {self.number}, heard {self.answered} of {self.expected}"
        if self.late:
            text += f"; late in round {self.number - 1}: {', '.join(self.late)}"
        if self.gone:
            text += f"; without {', '.join(self.gone)}"
        return escaped(text)
