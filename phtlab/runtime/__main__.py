"""The sandbox's main program: `python -m phtlab.runtime`.

The kernel is started first, and what speaks with it is imported while it starts.
Exit code 0 says that run.json was written, whatever its outcome; 2 that the job could
not be read; 3 that the record could not be written.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from phtlab.runtime.errors import JobError
from phtlab.runtime.job import read_job, read_notebook
from phtlab.runtime.kernel_process import KernelProcess, find_kernelspec
from phtlab.runtime.memory import oom_kills

if TYPE_CHECKING:
    from phtlab.runtime.job import Job
    from phtlab.runtime.notebook_run import Hooks, Rounds


def main() -> int:
    """Run the job that PHTLAB_IN holds (default /phtlab/in) into PHTLAB_OUT."""
    started, begun = time.time(), time.monotonic()
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: stopped.append(received))
    inputs = os.environ.get("PHTLAB_IN", "/phtlab/in")
    outputs = os.environ.get("PHTLAB_OUT", "/phtlab/out")
    try:
        job = read_job(f"{inputs}/job.json")
        oom_before = oom_kills()
        kernel = KernelProcess(
            find_kernelspec(job.kernel),
            env={
                "PHTLAB_IN": inputs,
                "PHTLAB_JOB": f"{inputs}/job.json",
                "PHTLAB_OUT": outputs,
            },
        )
    except JobError as error:
        return _refuse(error)
    try:
        notebook = read_notebook(f"{inputs}/notebook.ipynb")
    except JobError as error:
        kernel.kill()
        kernel.close()
        return _refuse(error)

    from phtlab.runtime.notebook_run import NotebookRun
    from phtlab.runtime.record import record_of, write_run

    kernel.adopt_orphans()
    run = NotebookRun(
        kernel,
        notebook,
        deadline=begun + job.seconds,
        grace=job.grace,
        cancelled=lambda: bool(stopped),
        hooks=_progress(job, outputs, notebook),
        oom_before=oom_before,
        rounds=_rounds(job, inputs, outputs),
    )
    verdict = run.execute()
    try:
        write_run(outputs, record_of(verdict, started, time.time()), run.transcript.bytes())
    except OSError as error:
        print(f"phtlab.runtime: {outputs}/run.json cannot be written: {error}", file=sys.stderr)  # noqa: T201
        return 3
    finally:
        kernel.close()
    return 0


def _rounds(job: Job, inputs: str, outputs: str) -> Rounds | None:
    from phtlab.runtime.notebook_run import Rounds
    from phtlab.runtime.rounds.folders import RoundFolders

    if job.rounds is None:
        return None
    folders = RoundFolders(inputs, outputs)
    cells, first, combine, aggregates = job.rounds
    return Rounds(cells, first, job.seconds, folders, combine, aggregates)


def _progress(job: Job, outputs: str, notebook: dict[str, object]) -> Hooks:
    from phtlab.runtime.notebook_run import CellPosition, Hooks, code_cells
    from phtlab.runtime.record import write_progress

    combine = job.rounds.combine if job.rounds else frozenset()
    only = job.rounds.cells if job.rounds and job.rounds.aggregates else None
    total = sum(place.authored for place in code_cells(notebook, combine, only))

    class Progress(Hooks):
        done = 0

        def cell_started(self, place: CellPosition) -> None:
            write_progress(outputs, place.number, self.done, total)

        def cell_finished(self, place: CellPosition, seconds: float, *, ok: bool) -> None:
            self.done += ok and place.authored
            if self.done == total:
                write_progress(outputs, place.number, self.done, total)

    return Progress()


def _refuse(error: JobError) -> int:
    print(f"phtlab.runtime: {error}", file=sys.stderr)  # noqa: T201
    return 2


if __name__ == "__main__":
    sys.exit(main())
