"""Tables: parsed from the run's JSON, checked, rows suppressed, and written as Parquet."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from phtlab.errors import AirlockError
from phtlab.station.airlock.formats import strict_json
from phtlab.station.airlock.formats.plain_text import text_error
from phtlab.station.airlock.formats.significant_digits import INT64, MOST_PEOPLE, rounded
from phtlab.station.data.arrow_types import ARROW_TYPES
from phtlab.station.policy.airlock_rules import AirlockRules

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class TableColumn:
    """A column; an empty cell is None."""

    name: str
    type: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    columns: tuple[TableColumn, ...]

    @property
    def rows(self) -> int:
        return len(self.columns[0].values) if self.columns else 0


def parse_table(content: bytes, rules: AirlockRules, *, max_rows: int | None = None) -> Table:
    """Parse a table as the runtime writes it: column by column.

    Raises AirlockError for a table of another form, too large, or with text that may not leave. The
    message has neither a column's name nor its number: the run chooses both.
    """
    value = strict_json.parse(content, limit=rules.max_output)
    if not isinstance(value, dict) or set(value) != {"columns", "data"}:
        raise _refused("table-form", "it is not a table of columns and data")
    heads, data = value["columns"], value["data"]
    if not isinstance(heads, list) or not isinstance(data, list) or len(heads) != len(data):
        raise _refused("table-form", "its columns and its data do not fit together")
    if not 1 <= len(heads) <= rules.max_columns:
        raise _refused("columns", f"it has no column, or more than {rules.max_columns}")
    columns = tuple(
        _column(head, cells, rules, max_rows or rules.max_rows)
        for head, cells in zip(heads, data, strict=True)
    )
    if len({column.name for column in columns}) != len(columns):
        raise _refused("columns", "two columns have the same name")
    if len({len(column.values) for column in columns}) > 1:
        raise _refused("table-form", "its columns are not of one length")
    return Table(columns)


def require_distinct_few(table: Table, rules: AirlockRules) -> None:
    """Raise AirlockError if a text column has more distinct values than a category would."""
    for column in table.columns:
        if column.type == "string" and len(set(column.values)) > rules.max_categories:
            raise _refused(
                "free-text",
                f"a column has more than {rules.max_categories} different texts, so it is no "
                "category",
            )


def with_rounded(table: Table, digits: int, exact: Collection[str]) -> Table:
    """Round the numbers of `table` to `digits` significant digits, except in the columns `exact`.

    A number may be a label: the airlock checks and remembers the label that leaves.
    """
    return Table(
        tuple(
            column
            if column.name in exact
            else replace(column, values=tuple(rounded(v, digits) for v in column.values))
            for column in table.columns
        )
    )


def text_bytes(table: Table) -> int:
    """Bytes of the columns' names, and of each distinct text in a column."""
    texts = {(c.name, value) for c in table.columns if c.type == "string" for value in c.values}
    names = sum(len(column.name.encode()) for column in table.columns)
    return names + sum(len(text.encode()) for _, text in texts if text)


def without_rows(table: Table, rows: Collection[int]) -> Table:
    """Return `table` without the rows of these numbers, from 0.

    A row is removed as a whole: the values beside a small count are about the same few people.
    """
    kept = [number for number in range(table.rows) if number not in rows]
    return Table(
        tuple(
            TableColumn(c.name, c.type, tuple(c.values[number] for number in kept))
            for c in table.columns
        )
    )


def described(table: Table, row: int) -> str:
    """Describe one row for the operator."""
    return ", ".join(f"{column.name}={column.values[row]}" for column in table.columns)


def count_column(table: Table, counts: str) -> tuple[int, ...]:
    """Return the cells of the declared count column. Raises AirlockError if they are no counts."""
    column = next((c for c in table.columns if c.name == counts), None)
    if column is None:
        raise _refused("counts", "the declared count column is not in the table")
    whole = all(
        value is not None and not isinstance(value, bool | str | date) and value == int(value)
        for value in column.values
    )
    if column.type not in ("integer", "number") or not whole or any(v < 0 for v in column.values):
        raise _refused("counts", "the declared count column holds something else than counts")
    found = tuple(int(value) for value in column.values)
    if sum(found) > MOST_PEOPLE:
        raise _refused("counts", f"its counts come to more than {MOST_PEOPLE} people")
    return found


def to_parquet(table: Table, digits: int) -> bytes:
    """Return `table` as a new Parquet file, numbers rounded to `digits` significant digits."""
    arrays = [
        pa.array([rounded(v, digits) for v in column.values], type=ARROW_TYPES[column.type])
        for column in table.columns
    ]
    schema = pa.schema([pa.field(c.name, ARROW_TYPES[c.type]) for c in table.columns])
    target = BytesIO()
    pyarrow.parquet.write_table(
        pa.Table.from_arrays(arrays, schema=schema), target, compression="zstd"
    )
    return target.getvalue()


def _column(head: object, cells: object, rules: AirlockRules, max_rows: int) -> TableColumn:
    if not isinstance(head, dict) or set(head) != {"name", "type"} or not isinstance(cells, list):
        raise _refused("table-form", "a column is not one of a name, a type and cells")
    name, kind = head["name"], head["type"]
    if not isinstance(name, str) or not name.strip() or not isinstance(kind, str):
        raise _refused("columns", "a column has no name or no type")
    if error := text_error(name, rules.max_text):
        raise _refused("columns", f"the name of a column has {error}")
    if kind not in _READ:
        raise _refused("columns", "a column is of no type that may leave")
    if len(cells) > max_rows:
        raise _refused("rows", f"it has more than {max_rows} rows")
    read = _READ[kind]
    values = tuple(None if cell is None else read(cell, rules) for cell in cells)
    return TableColumn(name, kind, values)


def _integer(cell: object, _: AirlockRules) -> int:
    if isinstance(cell, bool) or not isinstance(cell, int) or cell not in INT64:
        raise _wrong_type("64-bit integer")
    return cell


def _number(cell: object, _: AirlockRules) -> float:
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        raise _wrong_type("number")
    return float(cell)


def _boolean(cell: object, _: AirlockRules) -> bool:
    if not isinstance(cell, bool):
        raise _wrong_type("true or false")
    return cell


def _string(cell: object, rules: AirlockRules) -> str:
    if not isinstance(cell, str):
        raise _wrong_type("text")
    if error := text_error(cell, rules.max_text):
        raise _refused("free-text", f"a column has {error}")
    return cell


def _day(cell: object, _: AirlockRules) -> date:
    if isinstance(cell, str) and _DATE.fullmatch(cell):
        try:
            return date.fromisoformat(cell)
        except ValueError:
            pass
    raise _wrong_type("date, written YYYY-MM-DD")


_READ: Mapping[str, Callable[[object, AirlockRules], Any]] = {
    "integer": _integer,
    "number": _number,
    "string": _string,
    "boolean": _boolean,
    "date": _day,
}


def _wrong_type(expected: str) -> AirlockError:
    return _refused("cell-type", f"a cell is no {expected}, as its column is")


def _refused(rule: str, why: str) -> AirlockError:
    return AirlockError(f"The table may not leave: {why}.", code=rule)
