"""Outputs that one station released, read from its opened cargo: tables, values, figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phtlab.errors import JourneyError, SealFormatError
from phtlab.lab.results.folder import ResultsFolder
from phtlab.lab.results.handed_on import handed_on_text
from phtlab.lab.results.table_file import error_in
from phtlab.train.documents.manifest import Output
from phtlab.train.documents.record import StopRecord

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_MAX_SCALAR_BYTES = 64 * 1024


@dataclass(frozen=True)
class ResultFigure:
    """A figure from a station: `png` bytes, and `data`, the table it is drawn from."""

    png: bytes = field(repr=False)
    data: pd.DataFrame = field(repr=False)

    def _repr_png_(self) -> bytes:
        return self.png


@dataclass(frozen=True)
class ReleasedOutputs:
    """The signed record of `station`, and its outputs as files in `directory`.

    `handed_on` maps outputs to the next station of a sequential route, which got them. It maps to
    None on a dry run, where they would be handed on.
    """

    station: str
    record: StopRecord
    outputs: Mapping[str, Output]
    directory: Path = field(repr=False)
    held: ResultsFolder | None = field(default=None, repr=False, compare=False)
    handed_on: Mapping[str, str | None] = field(default_factory=dict)

    def table(self, name: str) -> pd.DataFrame:
        """Return the table `name`. Raises JourneyError if it did not leave the station.

        Raises SealFormatError (`output-form`) if the station's file is not a table, or a huge one.
        """
        return self._frame(self._file(name, "table", ".parquet"))

    def scalar(self, name: str) -> Any:
        """Return the single value `name`. Raises as `table`."""
        path = self._file(name, "scalar", ".json")
        try:
            with path.open("rb") as file:
                return json.loads(file.read(_MAX_SCALAR_BYTES))["value"]
        except (ValueError, LookupError, TypeError, RecursionError):
            raise self._malformed(path, "a single value") from None

    def figure(self, name: str) -> ResultFigure:
        """Return the figure `name`, which notebooks display. Raises as `table`."""
        png = self._file(name, "figure", ".png").read_bytes()
        return ResultFigure(png, self._frame(self._file(name, "figure", ".parquet")))

    def model(self, name: str) -> dict[str, np.ndarray]:
        """Return the model `name`, as named arrays. Raises as `table`."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        path = self._file(name, "model", ".safetensors")
        try:
            return dict(load_file(path))
        except SafetensorError:
            raise self._malformed(path, "a model") from None

    def file(self, name: str) -> bytes:
        """Return the bytes of the file `name`. Raises as `table`."""
        return self._file(name, "file", ".bin").read_bytes()

    def _frame(self, path: Path) -> pd.DataFrame:
        import pandas as pd
        import pyarrow

        try:
            problem = error_in(path)
            if problem is None:
                return pd.read_parquet(path)
        except (pyarrow.ArrowException, ValueError, OSError):
            raise self._malformed(path, "a table") from None
        raise self._malformed(path, problem)

    def _malformed(self, path: Path, expected: str) -> SealFormatError:
        return SealFormatError(
            f"'{path.stem}' of {self.station} is not {expected}. It is what the station sealed: it "
            "runs another version, or is broken or hostile.",
            "Ask its operator.",
            code="output-form",
        )

    def _file(self, name: str, kind: str, ending: str) -> Path:
        if name not in self.outputs:
            verdict = next((v for v in self.record.outputs if v.name == name), None)
            if verdict is not None and verdict.sentence:
                why = f"its airlock says: {verdict.sentence}"
            elif name in self.handed_on:
                why = f"it was {handed_on_text(self.handed_on[name])}"
            else:
                why = f"it sent: {', '.join(self.outputs) or 'nothing'}"
            raise JourneyError(
                f"'{name}' did not come from {self.station}; {why}", code="no-such-output"
            )
        if self.outputs[name].kind != kind:
            found = self.outputs[name].kind
            raise JourneyError(f"'{name}' is a {found}: use .{found}({name!r}).", code="other-kind")
        return self.directory / (name + ending)
