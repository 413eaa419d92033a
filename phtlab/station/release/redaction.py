"""Apply a decision to a held output: release it whole, without rows and cells, or not. Pure."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from phtlab.errors import StationError
from phtlab.station.airlock.check_outputs import CheckedOutput
from phtlab.station.airlock.formats.content import Content, Joined
from phtlab.station.release.votes import Outcome, Redaction
from phtlab.station.stops.file_contents import HeldOutput
from phtlab.train.documents.record import OutputVerdict

if TYPE_CHECKING:
    import pyarrow as pa


def apply_decision(
    output: HeldOutput, files: Mapping[str, Content], outcome: Outcome | None
) -> CheckedOutput:
    """Return `output` with the verdict of `outcome`, and the `files` that leave.

    `outcome` is None for an output that the rules released or refused without a person.
    """
    if outcome is None:
        return CheckedOutput(output.verdict, files)
    if outcome.choice == "refuse":
        return CheckedOutput(_verdict(output, outcome), {})
    if outcome.part is None:
        return CheckedOutput(_verdict(output, outcome), files)
    ((name, content),) = files.items()
    whole = io.BufferedReader(Joined([content])).read()
    return CheckedOutput(_verdict(output, outcome), {name: without(whole, outcome.part)})


def without(content: bytes, part: Redaction) -> bytes:
    """Return the Parquet file `content` without the rows and cells of the redaction `part`.

    Raises StationError (``release-part``) for a row or a column that does not exist, and if no row
    would be left.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(content))
    _require(table, part)
    emptied: dict[str, set[int]] = {}
    for row, column in part.cells:
        emptied.setdefault(column, set()).add(row)
    kept = [row for row in range(1, table.num_rows + 1) if row not in part.rows]
    arrays = []
    for field in table.schema:
        values = table.column(field.name).to_pylist()
        emptied_rows = emptied.get(field.name, set())
        cells = [None if row in emptied_rows else values[row - 1] for row in kept]
        arrays.append(pa.array(cells, type=field.type))
    # Only these values are copied from the first file: no statistics, no other metadata.
    schema = pa.schema([pa.field(field.name, field.type) for field in table.schema])
    target = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), target, compression="zstd")
    return target.getvalue()


def require_whole_cells(part: Redaction, labels: Collection[str], counts: str | None) -> None:
    """Require that a count leaves with the columns `labels`, which identify the people it counts.

    `counts` is the count's own column. Otherwise the station could not know later which people's
    count has left, or compare later stops with it (`airlock/history/released_counts.py`). Raises
    StationError (``release-part``).
    """
    for row, column in part.cells:
        if column in labels and row not in part.rows and (row, counts) not in part.cells:
            raise _wrong(
                f"Row {row} would leave with its count and without its '{column}': nobody could "
                "tell later whose count has left.",
                f"Take out '{counts}' of row {row} too, or the whole row.",
            )


def _require(table: pa.Table, part: Redaction) -> None:
    rows = range(1, table.num_rows + 1)
    for row in (*part.rows, *(row for row, _ in part.cells)):
        if row not in rows:
            raise _wrong(f"There is no row {row}; the table has {len(rows)}.")
    for _, column in part.cells:
        if column not in table.column_names:
            raise _wrong(
                f"There is no column '{column}'; there is: {', '.join(table.column_names)}."
            )
    if set(part.rows) >= set(rows):
        raise _wrong("No row would be left.", "Withhold the output instead.")


def _wrong(message: str, hint: str = "") -> StationError:
    return StationError(message, hint, code="release-part")


def _verdict(output: HeldOutput, outcome: Outcome) -> OutputVerdict:
    """Return the researcher's verdict: the rule, and that a person decided. Never who, or why."""
    held = output.verdict
    why = held.sentence.rstrip(".") or f"The rule {held.rule} held it"
    rows = 0
    if not outcome.by:
        verdict, end = "refused", "nobody at the station decided in time, so it stays there"
    elif outcome.choice == "refuse":
        verdict, end = "refused", "a person at the station looked at it, and it stays there"
    elif outcome.part is None:
        # Rows that rules suppressed before stay suppressed.
        verdict = "suppressed" if held.suppressed_rows else "released"
        end = "a person at the station looked at it and released it"
    else:
        rows = len(set(outcome.part.rows))
        out = [_count(rows, "row")] * bool(rows)
        out += [_count(len(set(outcome.part.cells)), "cell")] * bool(outcome.part.cells)
        verdict = "suppressed"
        end = f"a person at the station looked at it and released it without {' and '.join(out)}"
    if verdict == "suppressed" and held.suppressed_rows:
        end += f"; {_count(held.suppressed_rows, 'row')} had stayed before"
    return held.model_copy(
        update={
            "verdict": verdict,
            "sentence": f"{why}; {end}.",
            "suppressed_rows": held.suppressed_rows + rows,
        }
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + "s" * (number != 1)
