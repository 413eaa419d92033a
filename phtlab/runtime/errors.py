"""The errors of the runtime, which stands alone and so has a small tree of its own.

    Exception
    ├── PublishError(ValueError)     a value that cannot be published as asked
    ├── DatasetError(LookupError)    a data set that is not there or not as declared
    ├── JobError(ValueError)         what the station put into the sandbox cannot be read
    └── RunFailedError(RuntimeError) a run under papermill that did not complete

Messages name data sets, outputs, columns and types, never a value of the data:
`PublishError` and `DatasetError` are what an author meets most, at a station too.
"""

from __future__ import annotations


class PublishError(ValueError):
    """A value that cannot be published as asked; the run's outcome is `output-error`."""


class DatasetError(LookupError):
    """A data set that is not there, or is not what its declaration says."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class JobError(ValueError):
    """job.json or notebook.ipynb is missing, malformed or of another version."""


class RunFailedError(RuntimeError):
    """A run that did not complete. `outcome` is one of docs/runtime.md's words."""

    def __init__(self, message: str, *, outcome: str) -> None:
        super().__init__(message)
        self.outcome = outcome
