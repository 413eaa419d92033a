"""A proposal's draft: a TOML file that a person completes, prefilled from the notebook.

Risk and reasons are computed from the notebook each time, and never read from the file.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from phtlab.errors import ProposalError
from phtlab.governance import Assessment, Proposal, assess
from phtlab.governance.difference import parameter_text
from phtlab.governance.proposal import ProposalId, RequestedData, new_id
from phtlab.governance.rounds import RoundTerms
from phtlab.notebook import Analysis, read_analysis
from phtlab.notebook.parameters import ParameterSchema
from phtlab.strict_model import StrictModel
from phtlab.train.canonical import Digest, digest
from phtlab.train.crypto.identity import MemberName
from phtlab.train.documents.manifest import Name, Resources, TrainManifest
from phtlab.train.documents.roster import Catalogue
from phtlab.validation_summary import validation_summaries
from phtlab.wire.api.journeys import StationView

SUFFIX = ".proposal.toml"
DAYS = 180


class Draft(StrictModel):
    """Content of the file. `notebook` is a path from the file; `notebooks` lists their digests."""

    id: ProposalId
    notebook: str
    title: str
    question: str
    legal_ground: str
    stations: tuple[MemberName, ...]
    journeys: int = Field(1, ge=1)
    handed_on: tuple[Name, ...] = ()
    rounds: RoundTerms | None = None
    resources: Resources | None = None
    until: date
    images: tuple[Digest, ...]
    notebooks: tuple[Digest, ...] = ()
    datasets: tuple[RequestedData, ...]
    parameters: dict[str, dict[str, Any]] = Field(default_factory=dict)


@dataclass(frozen=True)
class Drafted:
    """A draft with its file and the analysis of its notebook."""

    path: Path
    draft: Draft
    analysis: Analysis

    @property
    def notebook(self) -> str:
        """The digest of the notebook as it would be dispatched now."""
        return digest(self.analysis.travelling())

    def proposal(
        self,
        researcher: str,
        assessment: Assessment,
        now: datetime,
        previous: tuple[Proposal, str] | None = None,
    ) -> Proposal:
        """Return the version that follows `previous`, a proposal and its digest; else the first.

        Raises ProposalError (``proposal-draft``) with the first thing to correct, or
        (``proposal-notebook``) if the draft names other notebooks than the present one.
        """
        draft = self.draft
        if draft.notebooks and self.notebook not in draft.notebooks:
            raise ProposalError(
                f"{self.path.name} names other notebooks than {draft.notebook} is now.",
                f"If the change is meant, write its digest into 'notebooks': {self.notebook}",
                code="proposal-notebook",
            )
        words = {
            "title": draft.title,
            "question": draft.question,
            "legal_ground": draft.legal_ground,
        }
        if empty := [name for name, text in words.items() if not text.strip()]:
            raise ProposalError(
                f"{self.path.name} is not ready: {', '.join(empty)} "
                f"{'is' if len(empty) == 1 else 'are'} still empty. Stations decide by them.",
                code="proposal-draft",
            )
        version, before = (previous[0].version + 1, previous[1]) if previous else (1, None)
        until = datetime(draft.until.year, draft.until.month, draft.until.day, tzinfo=UTC)
        values = draft.model_dump(exclude={"notebook", "until", "parameters"})
        try:
            return Proposal.model_validate(
                values
                | {
                    "version": version,
                    "previous": before,
                    "researcher": researcher,
                    "question": _body(draft.question),
                    "legal_ground": _body(draft.legal_ground),
                    "parameters": ParameterSchema(draft.parameters).schema,
                    "risk": assessment.risk,
                    "reasons": tuple(reason.sentence[:200] for reason in assessment.reasons),
                    "issued": now.replace(microsecond=0),
                    "until": until + timedelta(days=1, seconds=-1),
                }
            )
        except ValidationError as error:
            raise _correction_error(self.path, error) from None


def read_draft(path: Path) -> Drafted:
    """Read the draft at `path` and the analysis of its notebook.

    Raises ProposalError (``proposal-draft``) if it is not a draft, NotebookError with the findings.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
        draft = Draft.model_validate(content)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProposalError(
            f"{path} cannot be read as a proposal's draft: {error}.",
            "Write one with 'phtlab proposal new NOTEBOOK'.",
            code="proposal-draft",
        ) from None
    except ValidationError as error:
        raise _correction_error(path, error) from None
    analysis = read_analysis(path.parent / draft.notebook)
    return Drafted(path, draft, analysis.require_sound())


def risk_of(drafted: Drafted, manifest: TrainManifest, catalogue: Catalogue) -> Assessment:
    """Compute the risk of what a draft requests, as each station computes it."""
    return assess(
        manifest,
        known_images={image.digest for image in catalogue.images},
        rounds=drafted.draft.rounds.most if drafted.draft.rounds else 1,
        journeys=drafted.draft.journeys,
    )


def write_draft(
    path: Path,
    notebook: Path,
    analysis: Analysis,
    manifest: TrainManifest,
    assessment: Assessment,
    stations: Sequence[StationView],
    today: date,
) -> None:
    """Write a commented draft for `analysis`. Raises ProposalError if `path` exists already."""
    beside = Path(os.path.relpath(notebook, path.parent))
    text = draft_text(beside, analysis, manifest, assessment, stations, today)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ProposalError(
            f"{path} is there already: go on with it, or give another name with --out.",
            code="proposal-draft",
        ) from None


def draft_text(
    notebook: Path,
    analysis: Analysis,
    manifest: TrainManifest,
    assessment: Assessment,
    stations: Sequence[StationView],
    today: date,
) -> str:
    """Return the draft's text: empty where a person has to write, computed elsewhere.

    `notebook` is the path from the draft's folder.
    """
    datasets = set(manifest.datasets)
    holding = [s for s in stations if datasets <= {data.name for data in s.datasets}]
    lines = [
        "# A proposal: what this study asks of stations, and why they should approve it.",
        "# Fill in title, question and legal ground; look at the rest. Then:",
        "#   phtlab proposal check FILE, and phtlab proposal submit FILE",
        "# A changed file submitted again is the next version; each station decides on it anew.",
        "",
        f"id = {_toml(new_id())}  # stays the same for all versions",
        f"notebook = {_toml(notebook.as_posix())}  # the analysis, from here",
        "",
        'title = ""  # one line, such as "Age and heart disease in two hospitals"',
        "",
        "# What do you want to find out, and who is helped by it?",
        'question = """',
        '"""',
        "",
        "# Why may these data be used for it? Consent, law, the ethics committee's vote.",
        'legal_ground = """',
        '"""',
        "",
        "# Who is asked. Stations that hold all the data sets that the notebook names:",
        f"stations = {_toml([station.name for station in holding])}",
        "",
        "journeys = 1  # how often the train may travel under this proposal",
        f"until = {(today + timedelta(days=DAYS)).isoformat()}  # the last day",
        "",
        f"# The kernel image: {manifest.kernel.name}.",
        f"images = {_toml([manifest.kernel.digest])}",
        "",
        "# The notebook as it is now: a changed one needs another version. With [] any notebook",
        "# may travel that keeps to the rest of this proposal; stations allow that less often.",
        f"notebooks = {_toml([digest(analysis.travelling())])}",
        "",
    ]
    lines += _handed_on_lines(manifest)
    lines += _rounds_lines(manifest)
    lines += _resources_lines(manifest)
    for name in manifest.datasets:
        lines += _dataset_lines(name, analysis, stations)
    properties = manifest.parameters.get("properties", {})
    if properties:
        lines += ["# The bounds that every journey keeps to. Narrow ones are sooner allowed.", ""]
    for name, declared in properties.items():
        lines += [f"[parameters.{name}]  # {parameter_text(name, declared)}"]
        lines += [f"{key} = {_toml(value)}" for key, value in declared.items()]
        lines += [""]
    lines += [f"# Risk, as stations will work it out from the notebook: {assessment.risk}."]
    lines += [f"#   {reason.risk}: {reason.sentence}" for reason in assessment.reasons]
    return "\n".join(lines) + "\n"


def _handed_on_lines(manifest: TrainManifest) -> list[str]:
    if not manifest.handed_on:
        return []
    return [
        "# The outputs that each station hands on to the next one of the route:",
        f"handed_on = {_toml([output.name for output in manifest.handed_on])}",
        "",
    ]


def _rounds_lines(manifest: TrainManifest) -> list[str]:
    if manifest.rounds is None:
        return []
    lines = [
        "# Rounds of one journey: how many at most, and who combines. An aggregator is a member of",
        "# the consortium with that role; without one, your notebook's kernel combines.",
        "[rounds]",
        "most = 1",
        '# aggregator = "NAME"',
        "# Numbers that may leave over all rounds without the airlock's rule 'membership':",
        "without_membership = 0",
        "",
        "# What each round may publish. 'digits' are significant ones, 'size' is in bytes, and",
        '# arrays = [{ name = "gradient", shape = [3] }] limits arrays.',
    ]
    for output in manifest.outputs:
        lines += ["[[rounds.outputs]]", f"name = {_toml(output.name)}", ""]
    return lines if manifest.outputs else [*lines, ""]


def _resources_lines(manifest: TrainManifest) -> list[str]:
    if manifest.resources is None:
        return []
    declared = manifest.resources.model_dump(exclude_none=True)
    return [
        "# The most that a run needs: bytes of memory and scratch disk, cores, GPUs, seconds.",
        "[resources]",
        *(f"{name} = {_toml(value)}" for name, value in declared.items()),
        "",
    ]


def _dataset_lines(name: str, analysis: Analysis, stations: Iterable[StationView]) -> list[str]:
    known: dict[str, None] = {}
    for station in stations:
        for data in station.datasets:
            if data.name == name:
                known |= dict.fromkeys(column.name for column in data.columns)
    source = "\n".join(cell.source for cell in analysis.cells if cell.runs_at_stations)
    used = [column for column in known if re.search(rf"(?<!\w){re.escape(column)}(?!\w)", source)]
    others = [column for column in known if column not in used]
    lines = ["[[datasets]]", f"name = {_toml(name)}"]
    lines += ["# The columns that the notebook names; [] asks for all.", f"columns = {_toml(used)}"]
    if others:
        lines += [f"# Not named there: {', '.join(map(_toml, others))}"]
    return [*lines, ""]


def _toml(value: object) -> str:
    """Return `value` as TOML."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_toml(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _body(text: str) -> str:
    return text.strip() + "\n" if text.strip() else ""


def _correction_error(path: Path, error: ValidationError) -> ProposalError:
    return ProposalError(
        f"{path.name} is not ready: {validation_summaries(error)[0]}.",
        "Mend that line, and check it again.",
        code="proposal-draft",
    )


def drafts_in(folder: Path, submitted: Collection[str]) -> list[tuple[Path, str]]:
    """Return the drafts in `folder` whose names are not in `submitted`, with their names."""
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            name = tomllib.loads(path.read_text("utf-8")).get("id")
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            continue  # 'phtlab proposal check' reports what is wrong
        if isinstance(name, str) and name not in submitted:
            found.append((path, name))
    return found
