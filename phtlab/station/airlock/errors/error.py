"""What leaves of an error: its class, the cell, the line; of its cause see `error_sentence`."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping

from phtlab.train.documents.record import CellError

UNKNOWN = "Exception"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

# Anyone can define a class whose name is a patient's. Only names that everybody knows leave.
_LIBRARIES = {
    "AbstractMethodError",
    "ConvergenceError",
    "ConvergenceWarning",
    "DTypePromotionError",
    "DataError",
    "DatabaseError",
    "DuplicateLabelError",
    "EmptyDataError",
    "IndexingError",
    "IntCastingNaNError",
    "InvalidIndexError",
    "JSONDecodeError",
    "LinAlgError",
    "MergeError",
    "NotFittedError",
    "OutOfBoundsDatetime",
    "OutOfBoundsTimedelta",
    "OutOfMemoryError",
    "ParserError",
    "SpecificationError",
    "UndefinedVariableError",
    "UnsupportedFunctionCall",
    # phtlab's own, inside the run
    "CombineError",
    "DatasetError",
    "ReceiveError",
    "KeepError",
    "PublishError",
    "KernelDied",
    "OutOfMemory",
    "Aborted",
    # R's conditions
    "error",
    "simpleError",
}
KNOWN = frozenset(
    {
        name
        for name, value in vars(builtins).items()
        if isinstance(value, type) and issubclass(value, BaseException)
    }
    | _LIBRARIES
)


def redact(kind: object, cell: object, line: object, lines: Mapping[int, int]) -> CellError:
    """The error as it leaves.

    `lines` maps each cell that travelled to its number of lines: a cell or line that
    is not in the train is left out, as it could say anything.
    """
    name = kind.rpartition(".")[2] if isinstance(kind, str) else ""
    known = name if _NAME.fullmatch(name) and name in KNOWN else UNKNOWN
    if type(cell) is not int or cell not in lines:
        return CellError(type=known)
    inside = type(line) is int and 1 <= line <= lines[cell]
    return CellError(type=known, cell=cell, line=line if inside else None)
