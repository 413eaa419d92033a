"""Verdict on a run, from its record and from the engine's status. Pure.

The runtime inside the sandbox wrote the record, and the analysis could have replaced it. So the
record can only make an outcome worse than the engine's status, and its error is redacted before it
leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from phtlab.errors import AirlockError
from phtlab.printable import escaped
from phtlab.runtime.error_cause import read_cause
from phtlab.station.airlock.errors import error as airlock_error
from phtlab.station.airlock.errors.error_sentence import Vocabulary, sentence_of
from phtlab.station.airlock.formats import strict_json
from phtlab.station.executor.contract import JobStatus
from phtlab.train.documents.record import MAX_MESSAGE, CellError

MAX_RECORD_BYTES = 2**20
NO_VOCABULARY = Vocabulary()
_CODES = {
    "completed": "",
    "cell-failed": "cell-failed",
    "kernel-died": "kernel-died",
    "out-of-memory": "out-of-memory",
    "out-of-time": "out-of-time",
    "quota": "output-quota",
    "output-error": "output-error",
    "cancelled": "run-stopped",
}


@dataclass(frozen=True)
class RunVerdict:
    """Verdict on a run. `code` is empty for a run that completed, else one of `sentences.RUN`."""

    code: str
    error: CellError | None = None


def judge(
    record: bytes | None,
    status: JobStatus,
    *,
    out_of_time: bool,
    lines: Mapping[int, int],
    words: Vocabulary = NO_VOCABULARY,
    twin: bool = False,
) -> RunVerdict:
    """Return the verdict on an exited run. `out_of_time`: the station stopped it for its time.

    `lines` maps each travelling cell to its number of lines; `words` are those that a sentence may
    have. At a `twin` station, which holds nobody's data, the error keeps its own message.
    """
    content = _read(record)
    error = _error(content, lines, words, twin)
    if out_of_time:
        return RunVerdict("out-of-time", error)
    if content is None:
        return RunVerdict("out-of-memory" if status.oom_killed else "run-record")
    if status.exit_code != 0:
        # The runtime failed after it wrote the record, so the record does not decide.
        return RunVerdict("out-of-memory" if status.oom_killed else "run-record", error)
    code = _CODES[content["outcome"]]
    if code == "kernel-died" and status.oom_killed:
        code = "out-of-memory"
    return RunVerdict(code, error if code else None)


def _read(record: bytes | None) -> dict[str, Any] | None:
    if record is None:
        return None
    try:
        content = strict_json.parse(record, limit=MAX_RECORD_BYTES)
    except AirlockError:
        return None
    outcome = content.get("outcome") if isinstance(content, dict) else None
    if not isinstance(outcome, str) or outcome not in _CODES or content.get("version") != 1:
        return None
    return content  # type: ignore[no-any-return]


def _error(
    content: Mapping[str, Any] | None, lines: Mapping[int, int], words: Vocabulary, twin: bool
) -> CellError | None:
    error = content.get("error") if content else None
    if not isinstance(error, dict):
        return None
    redacted = airlock_error.redact(error.get("type"), error.get("cell"), error.get("line"), lines)
    if twin:
        message = error.get("message")
        whole = escaped(message)[:MAX_MESSAGE] if isinstance(message, str) and message else None
        return redacted.model_copy(update={"message": whole})
    # An older runtime's record has no cause: class, cell and line leave.
    cause = read_cause(error.get("cause"))
    if cause is None or redacted.type == airlock_error.UNKNOWN:
        return redacted
    return redacted.model_copy(update={"message": sentence_of(cause, words)})
