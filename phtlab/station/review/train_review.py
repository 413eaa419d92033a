"""All that a reviewer is shown of one journey's train, as a value."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phtlab.errors import DataSetError, StationError
from phtlab.governance.risk import Assessment
from phtlab.notebook import describe
from phtlab.station.approvals.coverage import assessed
from phtlab.station.context.station_context import StationContext
from phtlab.station.data.datasets import load_datasets
from phtlab.station.review.approved_before import ApprovedBefore, approved_before
from phtlab.station.review.examination import CodeCell, Difference, Examination, ExaminationRequest
from phtlab.station.review.image_materials import MaterialsChange, compare_materials
from phtlab.station.review.isolated_worker import examined
from phtlab.station.review.notebook_text import NotebookText, read_notebook
from phtlab.station.review.study_context import StudyContext, under_proposal
from phtlab.station.stops.file_contents import VerifiedOffer
from phtlab.station.stops.marker import Marker
from phtlab.station.stops.route_view import RouteView, route_of
from phtlab.station.stops.stop import Stop, settings_file
from phtlab.train.documents.materials import Materials, materials_of
from phtlab.train.documents.roster import Catalogue

# Latest examinations of this process, by request: a page repeats its request.
_MOST_KEPT = 32
_kept: dict[str, Examination] = {}


@dataclass(frozen=True)
class Parameter:
    """A parameter, the journey's value, and the value approved before, if any."""

    name: str
    value: Any
    takes: str
    about: str
    before: Any
    is_new: bool
    changed: bool


@dataclass(frozen=True)
class KernelReview:
    """The kernel image: its packages, and how they differ from other images.

    `newest` is the digest of the catalogue's newest image of the name, "" if that is not known;
    `behind` are the differences to the newest image, None if it does not list its packages, or is
    this image. `changes` are the differences from the image of the version approved before, None if
    either does not list its packages.
    """

    name: str
    digest: str
    newest: str
    behind: tuple[MaterialsChange, ...] | None
    materials: Materials | None
    same_as_before: bool | None
    changes: tuple[MaterialsChange, ...] | None

    @property
    def is_newest(self) -> bool:
        return self.newest == self.digest


@dataclass(frozen=True)
class TrainReview:
    """The review of a train. `trouble` says why the machine found nothing; "" if it could read."""

    stop: Stop
    offer: VerifiedOffer
    text: NotebookText
    examination: Examination
    trouble: str
    before: ApprovedBefore | None
    parameters: tuple[Parameter, ...]
    under: StudyContext | None
    route: RouteView
    risk: Assessment
    kernel: KernelReview
    beside: tuple[str, ...]
    undeclared: tuple[str, ...]

    @property
    def difference(self) -> Difference | None:
        return self.examination.difference

    @property
    def strange(self) -> tuple[str, ...]:
        """Sentences on what is unexpected in the notebook's file."""
        found = list(self.text.strange)
        runs = self.offer.kernel.language
        if self.text.language != runs:
            found.append(f"It claims to be in {self.text.language[:40]!a}; its kernel runs {runs}.")
        rounds = self.offer.train.manifest.rounds
        for role, signed in (
            ("round", rounds.cells if rounds else ()),
            ("combine", rounds.combine if rounds else ()),
        ):
            shown = {cell.number for cell in self.text.cells if cell.role == role}
            if self.text.whole and shown != set(signed):
                found.append(
                    f"Its cells of the role {role} are {_numbers(shown)}, and the train's manifest "
                    f"names {_numbers(signed)}. Refuse it, and ask its author to build it again."
                )
        return tuple(found)

    def only_mentioned(self, dataset: str) -> tuple[str, ...]:
        """Declared columns named somewhere in the code, on no value known to be of `dataset`."""
        used = {
            c for usage in self.examination.data if usage.name == dataset for c in usage.columns
        }
        named = self.examination.mentioned.get(dataset, ())
        return tuple(column for column in named if column not in used)

    @property
    def unchanged(self) -> bool:
        """Whether the notebook equals the notebook approved before, byte for byte."""
        return self.before is not None and self.before.offer.notebook == self.offer.notebook

    @property
    def since(self) -> str:
        """What changed since the last approval, in one sentence."""
        if self.before is None:
            return (
                f"Nobody here has approved a train '{self.offer.train.manifest.name}' of "
                f"{self.offer.researcher} before."
            )
        by = f" by {' and '.join(self.before.by)}" if self.before.by else ""
        last = f"the version approved on {self.before.at:%Y-%m-%d}{by}"
        if self.unchanged:
            return f"The notebook has no change since {last}."
        if self.difference is None:
            return f"What changed since {last} is not known: that notebook is not kept any more."
        cells, added, removed = (
            self.difference.changed_cells,
            self.difference.added,
            self.difference.removed,
        )
        return (
            f"{cells} cell{'s' * (cells != 1)} changed since {last}: {added} "
            f"line{'s' * (added != 1)} added, {removed} removed."
        )


def read_train(
    station: StationContext, stop: Stop, catalogue: Catalogue | None = None
) -> TrainReview:
    """Review the train of `stop`, which is verified. Takes a second or two, at most half a minute.

    Raises StationError (``stop-unverified``) if `stop` is not verified yet or its train is not kept
    any more, TrainError (``image-notebook``) if the notebook is invalid.
    """
    if not stop.has(Marker.VERIFIED):
        raise StationError(
            f"The train of {stop.hex[:12]} has not been verified yet: there is nothing to read.",
            "'phtlab station status' shows how far it is.",
            code="stop-unverified",
        )
    offer = stop.verified_offer()
    manifest = offer.train.manifest
    text = read_notebook(_notebook_of(stop))
    before = approved_before(station, stop)
    columns, undeclared = _columns(station, manifest.datasets)
    request = ExaminationRequest(
        # Not the notebook's own claim: the kernel's language is what runs.
        language=offer.kernel.language,
        cells=_cells(text),
        previous=None
        if before is None or before.content is None
        else _cells(read_notebook(before.content)),
        columns=columns,
    )
    found, trouble = _examined(request)
    return TrainReview(
        stop=stop,
        offer=offer,
        text=text,
        examination=found,
        trouble=trouble,
        before=before,
        parameters=tuple(_parameters(offer, before)),
        under=under_proposal(station, offer.order.proposal),
        route=route_of(stop, station.name),
        risk=assessed(offer, station),
        kernel=_kernel(stop, offer, before, catalogue),
        beside=tuple(f.path for f in manifest.files if not f.path.endswith(".ipynb")),
        undeclared=undeclared,
    )


def _numbers(cells: Collection[int]) -> str:
    return ", ".join(map(str, sorted(cells)[:20])) or "none"


def _notebook_of(stop: Stop) -> bytes:
    try:
        return (stop.train / "notebook.ipynb").read_bytes()
    except FileNotFoundError:
        raise StationError(
            f"The train of {stop.hex[:12]} is not kept any more.", code="stop-unverified"
        ) from None


def _cells(text: NotebookText) -> tuple[CodeCell, ...]:
    return tuple(
        CodeCell(number=c.number, kind=c.kind, role=c.role, source=c.source) for c in text.cells
    )


def _columns(
    station: StationContext, used: tuple[str, ...]
) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Return the declared columns of the `used` data sets, and those without known columns."""
    try:
        declared = load_datasets(station.folder)
    except DataSetError:
        declared = {}
    columns = {
        name: tuple(declared[name].schema.column_types()) for name in used if name in declared
    }
    return columns, tuple(name for name in used if not columns.get(name))


def _examined(request: ExaminationRequest) -> tuple[Examination, str]:
    """Return what `examined` returns, from a cache of answers for equal requests."""
    key = request.model_dump_json()
    if key in _kept:
        return _kept[key], ""
    found, trouble = examined(request)
    if not trouble:
        while len(_kept) >= _MOST_KEPT:
            _kept.pop(next(iter(_kept)), None)
        _kept[key] = found
    return found, trouble


def _parameters(offer: VerifiedOffer, before: ApprovedBefore | None) -> Iterator[Parameter]:
    properties: Mapping[str, Any] = offer.train.manifest.parameters.get("properties", {})
    earlier = before.offer.parameters if before else {}
    for name, value in offer.parameters.items():
        declared = properties.get(name, {})
        yield Parameter(
            name,
            value,
            describe(declared),
            str(declared.get("description", "")),
            earlier.get(name),
            is_new=before is not None and name not in earlier,
            changed=name in earlier and earlier[name] != value,
        )


def _kernel(
    stop: Stop, offer: VerifiedOffer, before: ApprovedBefore | None, catalogue: Catalogue | None
) -> KernelReview:
    kernel = offer.kernel
    materials = _materials(stop.train / "config.json")
    named = [
        image for image in (catalogue.images if catalogue else ()) if image.name == kernel.name
    ]
    newest = named[-1].digest if named else ""
    other = newest not in ("", kernel.digest)
    latest = _materials(stop.train / settings_file(newest)) if other else None
    earlier = _materials(before.stop.train / "config.json") if before else None
    return KernelReview(
        name=kernel.name,
        digest=kernel.digest,
        newest=newest,
        behind=compare_materials(materials, latest) if materials and latest else None,
        materials=materials,
        same_as_before=before.offer.kernel.digest == kernel.digest if before else None,
        changes=compare_materials(earlier, materials) if earlier and materials else None,
    )


def _materials(path: Path) -> Materials | None:
    return materials_of(path.read_bytes()) if path.exists() else None
