"""Outputs that wait for a person, stored in the stop's folder as they would leave.

All of a stop's outputs are copied into the folder, those that the rules release included: so the
engine's volume is freed, and neither a cleanup nor a restart of the engine removes what a person
views. Only the station's user may read the folder; it is removed when the stop is over.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from phtlab.errors import StationError
from phtlab.files.durable_file import replaced_durably, sync_folder, write_durably
from phtlab.station.airlock.check_outputs import CheckedOutput
from phtlab.station.airlock.formats.content import Content, FileContent, Joined, digest_of
from phtlab.station.airlock.history import remembered_outputs
from phtlab.station.policy.airlock_findings import Finding
from phtlab.station.stops import stop_files
from phtlab.station.stops.file_contents import HeldFile, HeldOutput, HeldOutputs
from phtlab.station.stops.stop import Stop
from phtlab.train.canonical import canonical

# No output has such a name: names begin with a letter.
_FINDINGS: Final = "_findings.json"
_CELLS: Final = "_cells.json"


def folder_of(stop: Stop) -> Path:
    """Return the folder with the files of the outputs that wait."""
    return stop.path / "waiting"


def keep(
    stop: Stop,
    station: str,
    passed: Sequence[CheckedOutput],
    *,
    persons: int,
    at: datetime,
    until: datetime,
    why: str = "",
) -> HeldOutputs:
    """Copy the files of `passed` into the stop's folder, and record that they wait.

    `why` is the published reason. An interrupted copy is started anew. Raises AirlockError, as
    reading the run's files does.
    """
    folder = folder_of(stop)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    outputs = []
    for output in passed:
        files = tuple(
            _copied(folder / name, content) for name, content in sorted(output.files.items())
        )
        outputs.append(HeldOutput(verdict=output.verdict, files=files))
    findings = {
        output.verdict.name: [finding.model_dump(mode="json") for finding in output.findings]
        for output in passed
    }
    # In files apart from airlock-held.json, which stays: the findings hold values, the cells
    # labels.
    write_durably(folder / _FINDINGS, canonical(findings))
    write_durably(folder / _CELLS, canonical(remembered_outputs.cells_kept(passed)))
    sync_folder(stop.path)
    held = [output.name for output in outputs if output.held]
    what = f"the output{'s' if len(held) > 1 else ''} {', '.join(held)}"
    persons_text = "A person" if persons == 1 else "Two persons"
    waiting = HeldOutputs(
        sentence=(
            f"{persons_text} at {station} will look at {what} before anything leaves. {why}".strip()
        ),
        outputs=tuple(outputs),
        persons=persons,
        at=at,
        until=until,
    )
    stop.write(stop_files.AIRLOCK_HELD, waiting)
    return waiting


def waiting_at(stop: Stop) -> HeldOutputs:
    """Return the outputs that wait. Raises StationError if none do."""
    return stop.read(stop_files.AIRLOCK_HELD)


@contextmanager
def opened(stop: Stop, waiting: HeldOutputs) -> Iterator[dict[str, dict[str, Content]]]:
    """Open the files of each output by name until the block ends.

    Raises StationError (``stop-broken``) if a file has changed since it was held.
    """
    with ExitStack() as stack:
        yield {
            output.name: {file.path: _checked(stop, file, stack) for file in output.files}
            for output in waiting.outputs
        }


def content_of(stop: Stop, file: HeldFile) -> bytes:
    """Return the whole content of one file. Raises as `opened` does."""
    with ExitStack() as stack:
        return io.BufferedReader(Joined([_checked(stop, file, stack)])).read()


def findings_on(stop: Stop, output: str) -> tuple[Finding, ...]:
    """Return the airlock's findings in `output`, for the station's people. Raises as `opened`."""
    path = folder_of(stop) / _FINDINGS
    try:
        kept = json.loads(path.read_bytes())[output]
        return tuple(Finding.model_validate(finding) for finding in kept)
    except (OSError, ValueError, LookupError):
        raise _broken(path) from None


def with_cells(stop: Stop, passed: Sequence[CheckedOutput]) -> tuple[CheckedOutput, ...]:
    """Return `passed`, as people decided, with the cells of each output. Raises as `opened`."""
    path = folder_of(stop) / _CELLS
    try:
        return remembered_outputs.with_cells(passed, json.loads(path.read_bytes()))
    except (OSError, ValueError, LookupError):
        raise _broken(path) from None


def labels_of(stop: Stop, output: str) -> tuple[str, ...]:
    """Return the columns that identify the people of a row of `output`. Raises as `opened` does."""
    path = folder_of(stop) / _CELLS
    try:
        kept = json.loads(path.read_bytes())
        return tuple(kept[output]["columns"]) if output in kept else ()
    except (OSError, ValueError, LookupError):
        raise _broken(path) from None


def forget(stop: Stop) -> None:
    """Remove the files that waited, once the stop is over."""
    shutil.rmtree(folder_of(stop), ignore_errors=True)


def _copied(path: Path, content: Content) -> HeldFile:
    with (
        replaced_durably(path) as target,
        io.BufferedReader(Joined([content])) as source,
    ):
        shutil.copyfileobj(source, target)
    with path.open("rb") as written:
        kept = FileContent.whole(written)
        return HeldFile(path=path.name, size=len(kept), sha256=digest_of(kept))


def _checked(stop: Stop, file: HeldFile, stack: ExitStack) -> Content:
    path = folder_of(stop) / file.path
    try:
        content = FileContent.whole(stack.enter_context(path.open("rb")))
    except OSError:
        raise _broken(path) from None
    if digest_of(content) != file.sha256:
        raise _broken(path)
    return content


def _broken(path: Path) -> StationError:
    return StationError(
        f"{path} is missing, or is not what it was when the airlock held it: nothing of it leaves.",
        "Look into the station's disk; the researcher has to send the train again.",
        code="stop-broken",
    )
