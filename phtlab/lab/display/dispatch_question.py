"""What a page asks before code in it sends a train: what, to whom, with what; as text and HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from phtlab.lab.display.colours import CARD, FOREIGN, MUTED, badge
from phtlab.lab.display.route_map import MAX_TITLE, middle
from phtlab.lab.display.route_order import ARROW
from phtlab.printable import escaped

MAX_VALUE: Final = 120

NOT_SENT: Final = "Not sent yet"
HOW: Final = (
    "The page asks before this cell sends anything: press Send there, then run the cells below it. "
    "dispatch(…, confirm=False) sends without a question."
)


@dataclass(frozen=True)
class DispatchQuestion:
    """A journey as it will be signed, if it is sent."""

    name: str
    stations: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: Mapping[str, Any]
    recipients: tuple[str, ...]
    proposal: str = ""
    route: str = "parallel"
    rounds: str = ""

    def shown(self) -> dict[str, Any]:
        """For display, as JSON values. All text is printable and of bounded length."""
        return {
            "name": middle(self.name),
            "title": escaped(self.name)[:MAX_TITLE],
            "stations": [middle(name) for name in self.stations],
            "route": self.route,
            "outputs": [middle(name) for name in self.outputs],
            "parameters": self._values(),
            "recipients": [middle(name) for name in self.recipients],
            "proposal": middle(self.proposal),
            "rounds": middle(self.rounds, MAX_VALUE),
            "lines": [list(line) for line in self._lines()],
        }

    def _values(self) -> dict[str, str]:
        return {middle(n): middle(str(v), MAX_VALUE) for n, v in self.parameters.items()}

    def _lines(self) -> list[tuple[str, str]]:
        values = [f"{n} = {v}" for n, v in self._values().items()]
        names = [middle(name) for name in self.stations]
        lines = [
            ("Stations, in order", f" {ARROW} ".join(names))
            if self.route == "sequential"
            else ("Stations", ", ".join(names)),
            ("Parameters", ", ".join(values) or "none"),
            ("Outputs", _listed(self.outputs) or "none"),
            ("Who can open them", _listed(self.recipients)),
        ]
        lines += [("Rounds", self.rounds)] if self.rounds else []
        return [*lines, ("Proposal", middle(self.proposal))] if self.proposal else lines

    def text(self) -> str:
        """For a terminal, and beside the HTML."""
        lines = [f"  {label}: {value}" for label, value in self._lines()]
        return "\n".join([f"{NOT_SENT}: {middle(self.name)}", *lines, HOW])

    def html(self) -> str:
        """What stays in the notebook, also where nobody can answer any more."""
        lines = "".join(
            f'<div style="{FOREIGN}"><span style="{MUTED}">{label}:</span> '
            f"{html.escape(value)}</div>"
            for label, value in self._lines()
        )
        return (
            f'<div class="phtlab-question" style="{CARD}">{badge("?", "warn")} '
            f'<b>{NOT_SENT}: <bdi style="{FOREIGN}">{html.escape(middle(self.name))}</bdi></b>'
            f'{lines}<div style="{MUTED};margin-top:6px">{html.escape(HOW)} Where there is no '
            "button, run the cell again.</div></div>"
        )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(middle(name) for name in names)
