"""Coverage of a journey by an approval, which the station checks. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from phtlab.errors import ApprovalError, ParameterError
from phtlab.governance.approval import Approval
from phtlab.governance.proposal import Proposal
from phtlab.governance.resources import needed_resources, why_not_resources
from phtlab.governance.risk import Risk, within
from phtlab.governance.rounds import why_not_rounds
from phtlab.notebook.parameters import ParameterSchema
from phtlab.train.documents.manifest import Resources, Train
from phtlab.train.documents.order import Order


@dataclass(frozen=True)
class CoverageRequest:
    """A verified journey, to be checked against an approval.

    `parameters` are complete, with defaults; `risk` is this station's own assessment; `journeys`
    counts earlier journeys under the same proposal at this station.
    """

    train: Train
    order: Order
    notebook: str
    researcher: str
    parameters: dict[str, Any]
    risk: Risk
    proposal: Proposal | None = None
    journeys: int = 0


def require_covered(request: CoverageRequest, approval: Approval, now: datetime) -> None:
    """Raise ApprovalError unless `approval`, which is active, allows `request` at `now`.

    Codes: ``approval-expired``, ``approval-train``, ``approval-notebook``,
    ``approval-researcher``, ``approval-proposal``, ``approval-data``, ``approval-risk``,
    ``approval-handed-on``, ``approval-rounds``, ``approval-resources``, ``approval-parameters``,
    and those of `require_within` for the proposal. A rule covers trains of a notebook without other
    files: a train with more files needs its own approval.
    """
    if not approval.issued <= now < approval.expires:
        raise _no("approval-expired", f"it ended at {approval.expires:%Y-%m-%d %H:%M} UTC")
    if approval.researcher != request.researcher:
        raise _no("approval-researcher", f"it is for trains of {approval.researcher}")
    if approval.train is not None and approval.train != request.train.digest:
        raise _no("approval-train", f"it is for the train {approval.train}")
    if approval.notebook is not None and approval.notebook != request.notebook:
        raise _no("approval-notebook", f"it is for the notebook {approval.notebook}")
    if approval.scope != "train" and (beside := _beside(request)):
        # The notebook may import these files, and the approvers of the rule have not seen them.
        raise _no("approval-notebook", f"its train carries other files too: {beside}")
    if approval.proposal != request.order.proposal:
        raise _no("approval-proposal", "it is for another proposal, or another version of it")
    if foreign := set(request.train.manifest.datasets) - set(approval.datasets):
        raise _no("approval-data", f"it does not name the data set {', '.join(sorted(foreign))}")
    if not within(request.risk, approval.risk):
        raise _no(
            "approval-risk",
            f"it is for at most {approval.risk} risk; this train's is {request.risk}",
        )
    if why := _why_not_handed_on(request, approval.handed_on):
        raise _no("approval-handed-on", why)
    if why := why_not_rounds(request.order.rounds, approval.rounds):
        raise _no("approval-rounds", why)
    if why := why_not_resources(_needed(request), approval.resources):
        raise _no("approval-resources", why)
    if approval.proposal is not None:
        if request.proposal is None:
            raise _no("approval-proposal", "the version of the proposal is not here")
        require_within(request, request.proposal, now)
    if approval.scope != "low-risk" or approval.parameters["properties"]:
        _require_bounds(request, approval.parameters, "approval-parameters", "approved")


def why_not_study(approval: Approval, proposal: Proposal) -> str:
    """Return why no train of the study may start under `approval`, as text; "" if one may.

    `approval` is of the version `proposal`. The proposal's risk is from the researcher's machine:
    a station that computes a higher risk still asks a person.
    """
    if not within(proposal.risk, approval.risk):
        return (
            f"only trains of at most {approval.risk} risk, and this study's are of "
            f"{proposal.risk} risk"
        )
    if approval.notebook and proposal.notebooks and approval.notebook not in proposal.notebooks:
        return "only trains with another notebook"
    if foreign := {dataset.name for dataset in proposal.datasets} - set(approval.datasets):
        return f"only trains without the data set {', '.join(sorted(foreign))}"
    if foreign := set(proposal.handed_on) - set(approval.handed_on):
        return f"only trains that do not hand on {', '.join(sorted(foreign))}"
    if proposal.rounds is not None and approval.rounds is None:
        return "only trains without rounds"
    return ""


def _beside(request: CoverageRequest) -> str:
    """List up to three files besides the notebook; a manifest does not list its declaration."""
    files = [
        file.path
        for file in request.train.manifest.files
        if not (file.path.endswith(".ipynb") and file.sha256 == request.notebook)
    ]
    return ", ".join(files[:3])


def require_within(request: CoverageRequest, proposal: Proposal, now: datetime) -> None:
    """Raise ApprovalError unless a journey is within the bounds of its `proposal`.

    Codes: ``proposal-ended``, ``proposal-researcher``, ``proposal-station``, ``proposal-image``,
    ``proposal-notebook``, ``proposal-data``, ``proposal-handed-on``, ``proposal-rounds``,
    ``proposal-resources``, ``proposal-journeys``, ``proposal-parameters``.
    """
    order, manifest = request.order, request.train.manifest
    if now >= proposal.until:
        raise _no("proposal-ended", f"the proposal ended at {proposal.until:%Y-%m-%d %H:%M} UTC")
    if proposal.researcher != request.researcher:
        raise _no("proposal-researcher", f"the proposal is {proposal.researcher}'s")
    if foreign := set(order.stations) - set(proposal.stations):
        raise _no("proposal-station", f"the proposal does not name {', '.join(sorted(foreign))}")
    if manifest.kernel.digest not in proposal.images:
        raise _no("proposal-image", "the proposal names other kernel images")
    if proposal.notebooks and request.notebook not in proposal.notebooks:
        raise _no("proposal-notebook", "the proposal names other notebooks")
    named = {dataset.name for dataset in proposal.datasets}
    if foreign := set(manifest.datasets) - named:
        raise _no("proposal-data", f"the proposal does not name {', '.join(sorted(foreign))}")
    if why := _why_not_handed_on(request, proposal.handed_on):
        raise _no("proposal-handed-on", why)
    if why := why_not_rounds(order.rounds, proposal.rounds):
        raise _no("proposal-rounds", why)
    if why := why_not_resources(_needed(request), proposal.resources):
        raise _no("proposal-resources", why)
    if request.journeys >= proposal.journeys:
        raise _no("proposal-journeys", f"its {proposal.journeys} journeys were made here")
    if proposal.parameters["properties"]:
        _require_bounds(request, proposal.parameters, "proposal-parameters", "proposed")


def _why_not_handed_on(request: CoverageRequest, allowed: Iterable[str]) -> str:
    handed_on = {output.name for output in request.train.manifest.handed_on}
    if foreign := handed_on - set(allowed):
        return f"it lets no station hand {', '.join(sorted(foreign))} on to the next one"
    return ""


def _needed(request: CoverageRequest) -> Resources | None:
    return needed_resources(request.train.manifest.resources, request.order.resources)


def _require_bounds(request: CoverageRequest, schema: dict[str, Any], code: str, what: str) -> None:
    bounds = ParameterSchema.from_schema(schema)
    try:
        bounds.validate(request.parameters)
    except ParameterError as error:
        why = error.message.removesuffix(".")
        within = f"the parameters are not within what was {what}: {why}"
        raise _no(code, within, error.hint) from None


def _no(code: str, why: str, hint: str = "") -> ApprovalError:
    """Return the error. A proposal's limits are the same at any station, and before dispatch."""
    what = (
        "The proposal does not ask for this"
        if code.startswith("proposal-")
        else ("An approval of this station does not allow this")
    )
    return ApprovalError(f"{what}: {why}.", hint, code=code)
