"""The same run as a papermill engine: `papermill in.ipynb out.ipynb --engine phtlab`.

papermill writes the parameters cell and the output file; the run, and the judgement
whether it succeeded, are the runtime's own. papermill's metadata would say `completed`
after a dead kernel; here it raises.
"""

from __future__ import annotations

import json
import time
from typing import Any

import nbformat
from papermill.engines import Engine, NotebookExecutionManager
from papermill.exceptions import PapermillExecutionError

from phtlab.runtime.errors import RunFailedError
from phtlab.runtime.kernel_process import KernelProcess, find_kernelspec
from phtlab.runtime.notebook_run import START_SECONDS, CellPosition, Hooks, NotebookRun
from phtlab.runtime.outcome import Verdict
from phtlab.runtime.transcript import Transcript


class PhtlabEngine(Engine):
    """Runs a notebook as a station's sandbox would, on this machine."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        log_output: bool = False,
        start_timeout: float = START_SECONDS,
        execution_timeout: float | None = None,
        **options: Any,
    ) -> None:
        """Run all cells of `nb_man.nb` in place.

        Args:
            nb_man: papermill's keeper of the notebook.
            kernel_name: the kernelspec's name.
            log_output: accepted and not used: outputs are in the notebook.
            start_timeout: seconds that the kernel may take until it answers.
            execution_timeout: seconds for the whole run; None sets no limit.
            options: accepted and not used.

        Raises:
            PapermillExecutionError: a cell failed.
            RunFailedError: the kernel died, time or memory or room ran out.
            JobError: there is no such kernel.
        """
        notebook = json.loads(nbformat.writes(nb_man.nb))
        kernel = KernelProcess(find_kernelspec(kernel_name), cwd=".")
        run = NotebookRun(
            kernel,
            notebook,
            deadline=time.monotonic() + execution_timeout if execution_timeout else None,
            start_seconds=start_timeout,
        )
        run.hooks = _Managed(nb_man, run.transcript)
        try:
            verdict = run.execute()
        finally:
            kernel.close()
        for place in run.places:
            _take_outputs(nb_man, run.transcript, place)
        if verdict.failure is not None:
            _mark(nb_man, run, verdict)
            raise _error(run, verdict)


class _Managed(Hooks):
    """Tells papermill of each cell, and hands it the cell's outputs."""

    def __init__(self, manager: NotebookExecutionManager, transcript: Transcript) -> None:
        self._manager = manager
        self._transcript = transcript

    def cell_started(self, place: CellPosition) -> None:
        cell = self._manager.nb.cells[place.position]
        self._manager.cell_start(cell, place.position)

    def cell_finished(self, place: CellPosition, seconds: float, *, ok: bool) -> None:
        cell = _take_outputs(self._manager, self._transcript, place)
        if not ok:
            self._manager.cell_exception(cell, place.position)
        self._manager.cell_complete(cell, place.position)


def _take_outputs(
    manager: NotebookExecutionManager, transcript: Transcript, place: CellPosition
) -> Any:
    cell = manager.nb.cells[place.position]
    done = transcript.cell(place.position)
    cell.outputs = [nbformat.from_dict(output) for output in done["outputs"]]
    cell.execution_count = done["execution_count"]
    return cell


def _mark(manager: NotebookExecutionManager, run: NotebookRun, verdict: Verdict) -> None:
    """Have papermill's metadata say how the run ended: else it counts what was never run."""
    manager.nb.metadata.papermill["exception"] = True
    manager.nb.metadata.papermill["phtlab_outcome"] = verdict.outcome
    for place in run.places:
        cell = manager.nb.cells[place.position]
        if cell.metadata.papermill["status"] == manager.PENDING:
            manager.cell_exception(cell, place.position)
            break


def _error(run: NotebookRun, verdict: Verdict) -> Exception:
    failure = verdict.failure
    assert failure is not None  # noqa: S101  (the caller looked)
    place = run.at
    if verdict.outcome in ("cell-failed", "output-error") and place is not None:
        cell = run.transcript.cell(place.position)
        return PapermillExecutionError(
            cell_index=place.position,
            exec_count=cell["execution_count"],
            source=cell["source"],
            ename=failure.type,
            evalue=failure.message,
            traceback=failure.traceback.splitlines(),
        )
    where = "" if failure.cell is None else f" in cell {failure.cell}"
    return RunFailedError(f"{verdict.outcome}{where}: {failure.message}", outcome=verdict.outcome)
