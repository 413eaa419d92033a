"""The errors of the runtime, which stands alone and so has a small tree of its own.

    Exception
    ├── PublishError(ValueError)     a value that cannot be published as asked
    ├── DatasetError(LookupError)    a data set that is not there or not as declared
    ├── ReceiveError(LookupError)    a value that no station handed on
    ├── KeepError(ValueError)        a value that cannot be kept, or was not
    ├── CombineError(RuntimeError)   a call in a combine cell that cannot be followed
    ├── JobError(ValueError)         what the station put into the sandbox cannot be read
    └── RunFailedError(RuntimeError) a run under papermill that did not complete

`PublishError`, `DatasetError`, `ReceiveError` and `KeepError` are what an author meets, at a
station too: each has a code of `error_sentences`. Their messages name data sets, outputs, columns
and types, never a value of the data. `CombineError` is met where rounds are combined.
"""

from __future__ import annotations

from typing import Any

from phtlab.runtime.error_sentences import SENTENCES, compose, slots_of


class _CodedError(Exception):
    """Raised with a code and what its sentence is filled with."""

    def __init__(self, code: str, **parts: Any) -> None:
        # What was pickled comes back with its message in place of the code.
        super().__init__(compose(code, parts) if code in SENTENCES else code)
        self.code = code
        self.words = {name: parts[name] for name in slots_of(code)} if code in SENTENCES else {}

    def __str__(self) -> str:
        return str(self.args[0])


class PublishError(_CodedError, ValueError):
    """A value that cannot be published as asked; the run's outcome is `output-error`."""


class DatasetError(_CodedError, LookupError):
    """A data set that is not there, or is not what its declaration says."""


class ReceiveError(_CodedError, LookupError):
    """A value that the train does not declare, or that was not handed on and has no default."""


class KeepError(_CodedError, ValueError):
    """A value that cannot be kept from round to round, or was not kept and has no default."""


class CombineError(RuntimeError):
    """A call in a combine cell that cannot be followed, or one outside of combine cells."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class JobError(ValueError):
    """job.json or notebook.ipynb is missing, malformed or of another version."""


class RunFailedError(RuntimeError):
    """A run that did not complete. `outcome` is one of docs/runtime.md's words."""

    def __init__(self, message: str, *, outcome: str) -> None:
        super().__init__(message)
        self.outcome = outcome
