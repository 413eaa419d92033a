"""An output during the airlock's check, with its findings and the rows that they suppress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from phtlab.station.airlock.cells import Cells
from phtlab.station.airlock.formats.content import Content
from phtlab.station.airlock.formats.table import Table, text_bytes, to_parquet, without_rows
from phtlab.station.policy.airlock_findings import Action, Finding, most_severe
from phtlab.station.policy.airlock_rules import AirlockRules
from phtlab.train.documents.manifest import Output
from phtlab.train.documents.record import OutputVerdict

BYTES_OF_NUMBER: Final = 8


@dataclass
class MarkedOutput:
    """An output under check: its `files` leave unchanged, its `table` without the rows `taken`.

    `taken` are row numbers, from 0. `count` is the value of a scalar that is declared as a count.
    `people` is how many people a scalar or a model declares to be about, or a table of counts, once
    its readings are known; `reveals_count` is whether a scalar's value discloses that number.
    `cells` are the cells that the output counts. `parameters` are the numbers of a model, `names`
    the bytes of its tensors' names, types, shapes and offsets; `values` is how many numbers are not
    counts. `claimed` is the largest number of people that one of its counts declares.
    """

    output: Output
    files: Mapping[str, Content] = field(default_factory=dict)
    table: Table | None = None
    taken: set[int] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    count: int | None = None
    people: int | None = None
    reveals_count: bool = True
    cells: Cells | None = None
    parameters: int = 0
    names: int = 0
    values: int = 0
    claimed: int | None = None

    @property
    def numbers(self) -> int:
        """How many numbers leave; eight bytes of names, labels or pictures count as a number."""
        in_table = self.table.rows * len(self.table.columns) if self.table is not None else 0
        texts = text_bytes(self.table) if self.table is not None else self.names
        pictures = sum(len(c) for name, c in self.files.items() if name.endswith(".png"))
        scalar = self.output.kind == "scalar"
        return in_table + self.parameters + scalar + (texts + pictures) // BYTES_OF_NUMBER

    @property
    def refused(self) -> bool:
        return any(finding.action == "refuse" for finding in self.findings)

    def find(
        self, rule: str, action: Action, sentence: str, detail: tuple[str, ...], rows: set[int]
    ) -> None:
        """Note a finding, and mark its `rows` as taken if the action is `suppress`."""
        self.findings.append(Finding(rule=rule, action=action, sentence=sentence, detail=detail))
        if action == "suppress":
            self.taken |= rows

    def contents(self, rules: AirlockRules) -> dict[str, Content]:
        """Return the files as they would leave."""
        found = dict(self.files)
        if self.table is not None:
            kept = without_rows(self.table, self.taken)
            dropped = set(self.output.largest)
            if dropped:
                kept = Table(tuple(c for c in kept.columns if c.name not in dropped))
            found[f"{self.output.name}.parquet"] = to_parquet(kept, rules.significant_digits)
        return found

    def verdict(self, rules: AirlockRules) -> OutputVerdict:
        """Return the verdict for the stop record: the most severe finding's rule, and no value."""
        worst = most_severe(self.findings)
        name, kind = self.output.name, self.output.kind
        if worst is None:
            return OutputVerdict(name=name, kind=kind, verdict="released")
        why = " ".join(
            dict.fromkeys(
                finding.sentence for finding in self.findings if finding.action == worst.action
            )
        )
        if worst.action == "suppress":
            below = rules.minimum_count if self._only_small() else None
            return OutputVerdict(
                name=name,
                kind=kind,
                verdict="suppressed",
                rule=worst.rule,
                sentence=self._rows(why, below),
                suppressed_rows=len(self.taken),
                below=below,
            )
        if worst.action == "hold":
            return OutputVerdict(
                name=name,
                kind=kind,
                verdict="held",
                rule=worst.rule,
                sentence=why,
                suppressed_rows=len(self.taken),
            )
        return OutputVerdict(name=name, kind=kind, verdict="refused", rule=worst.rule, sentence=why)

    def _only_small(self) -> bool:
        """Whether rows are withheld for small counts alone."""
        return {finding.rule for finding in self.findings if finding.action == "suppress"} == {
            "small-count"
        }

    def _rows(self, why: str, below: int | None) -> str:
        rows = "1 row" if len(self.taken) == 1 else f"{len(self.taken)} rows"
        if below is not None:
            return f"{rows} with a count below {below} stayed at the station."
        # Not how many by which rule: that would disclose which of the withheld rows are small.
        return f"{rows} stayed at the station. {why}"
