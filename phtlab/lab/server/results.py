"""`journeys/{journey}/results`, `aggregate` and `export`: verified, opened, then shown or written.

Nothing is answered before every signature and every digest held; what does not is a refusal.
"""

from __future__ import annotations

import json
from pathlib import Path

from jupyter_core.utils import ensure_async

from phtlab.lab.aggregation.notebook import Notebook, Sent, filled, new_notebook, sent_in
from phtlab.lab.display.journey_text import short
from phtlab.lab.results.results import Results
from phtlab.lab.server import api
from phtlab.lab.server.exchange import Nothing
from phtlab.lab.server.journeys import OfJourney
from phtlab.lab.server.refusals import Refusal
from phtlab.lab.server.results_answer import results_answer
from phtlab.notebook import train_name
from phtlab.wire.api.journeys import JourneyView


class ResultsExchange(OfJourney[Nothing]):
    """GET: the results."""

    reads_in = "slow"

    def read(self, journey: str = "", **path: str) -> api.Results:
        view, results = self.workspace.results(self.journey(journey))
        return results_answer(self.workspace, view, results, self.root.name)


class AggregateExchange(OfJourney[api.AggregateTarget]):
    """POST: a notebook about this journey's results, and where it is.

    Jupyter's contents manager reads and writes what is there, so that what was trusted stays so.
    """

    takes = api.AggregateTarget

    async def perform(
        self, body: api.AggregateTarget, journey: str = "", **path: str
    ) -> api.WrittenFile:
        requested = self.journey(journey)
        own = self.root.name(self.root.notebook(body.path)) if body.path is not None else None
        view, results, sent = await self.threads.run("slow", lambda: self._opened(requested))
        partial = bool(results.waiting)
        if own is not None:
            model = await ensure_async(self.contents_manager.get(own, type="notebook"))
            notebook = filled(model["content"], requested, sent, partial=partial)
            if notebook is not None:
                return await self._saved(notebook, own)
        train = train_name(view.train_name)
        notebook = new_notebook(requested, train, results.stations, sent, partial=partial)
        stem = f"{train}-{short(requested)[:8]}"
        place, is_there = await self.threads.run("quick", lambda: self._place(notebook, stem, own))
        return api.WrittenFile(path=place) if is_there else await self._saved(notebook, place)

    async def _saved(self, notebook: Notebook, path: str) -> api.WrittenFile:
        model = {"type": "notebook", "format": "json", "content": notebook}
        await ensure_async(self.contents_manager.save(model, path))
        return api.WrittenFile(path=path)

    def _opened(self, journey: str) -> tuple[JourneyView, Results, tuple[Sent, ...]]:
        view, results = self.workspace.results(journey)
        return view, results, sent_in(results)

    def _place(self, notebook: Notebook, stem: str, own: str | None) -> tuple[str, bool]:
        """Where the new notebook goes: beside `own`; and whether the very same is there already."""
        root = self.root
        folder = root.resolve(own).parent if own else root.folder
        known = folder / f"{stem}.ipynb"
        if _sources(known) == [cell["source"] for cell in notebook["cells"]]:
            return root.written(known), True
        return root.written(root.free(folder, stem, ".ipynb")), False


def _sources(notebook: Path) -> list[str] | None:
    try:
        cells = json.loads(notebook.read_bytes())["cells"]
        return ["".join(cell["source"]) for cell in cells]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


class ExportExchange(OfJourney[api.ExportTarget]):
    """POST: all results as files, a folder a station: CSV, Parquet, PNG, JSON."""

    takes = api.ExportTarget

    def act(self, body: api.ExportTarget, journey: str = "", **path: str) -> api.WrittenFile:
        root = self.root
        requested = self.journey(journey)
        folder = root.resolve(body.directory)
        if folder == root.folder or (folder.exists() and not _is_empty_folder(folder)):
            raise Refusal(
                409,
                "folder-exists",
                "There is something at that path already, and it is not overwritten.",
                "Choose a folder that is new, or empty.",
                field="directory",
            )
        _, results = self.workspace.results(requested)
        try:
            results.export(folder)
        except OSError as error:
            raise Refusal(
                409,
                "folder",
                f"The results cannot be written there: {error.strerror}.",
                "Choose another folder.",
                field="directory",
            ) from None
        return api.WrittenFile(path=root.written(folder))


def _is_empty_folder(folder: Path) -> bool:
    return folder.is_dir() and next(folder.iterdir(), None) is None
