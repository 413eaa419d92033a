"""View of a decision on a train or a proposal: the choices, and the sentence to be signed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from phtlab.errors import ApprovalError, PhtlabError
from phtlab.governance.approval import Scope
from phtlab.notebook.parameters import describe
from phtlab.station.airlock.capacity import Capacity, capacities_of_run
from phtlab.station.approvals import decisions
from phtlab.station.approvals.proposals import StationProposals
from phtlab.station.approvals.terms import ApprovalRequest, risk_of_study
from phtlab.station.context.station_context import StationContext
from phtlab.station.stops import stop_files

_NOTEBOOK = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Choice:
    """One kind of approval that a person can choose."""

    scope: Scope
    title: str
    about: str


@dataclass(frozen=True)
class Decision:
    """Values for `parts/decide.html`.

    `word` is the preview of an approval; without one, `trouble` says why none is possible.
    `parameters` are those that can be bounded, as declared.

    `chosen` is the preselected choice: one under which the trains may start; None if there is none,
    so that a person has to choose. `capacities` is what a run can disclose in bits, whatever its
    outputs.
    """

    target: str
    pending: decisions.Pending
    choices: tuple[Choice, ...]
    parameters: Mapping[str, str]
    notebooks: tuple[str, ...]
    word: decisions.VoteResult | None
    trouble: str
    capacities: tuple[Capacity, ...]

    @property
    def chosen(self) -> Scope | None:
        return self.word.scope if self.word else None

    @property
    def bits(self) -> int:
        """Total that a run can disclose by all of `capacities`, in bits."""
        return sum(capacity.bits for capacity in self.capacities)


def decision(station: StationContext, target: str, *, by: str) -> Decision | None:
    """View of what `by` may decide about `target`; None if it waits for no decision."""
    found = [decision for decision in decisions.pending(station) if decision.id.endswith(target)]
    if not found:
        return None
    pending = found[0]
    if pending.kind == "proposal":
        choices, parameters, notebooks = _of_proposal(station, target)
    else:
        choices, parameters = _of_journey(station, target)
        notebooks = ()
    preview, trouble = preview_decision(station, target, by=by)
    capacities = capacities_of_run(station.policy())
    return Decision(target, pending, choices, parameters, notebooks, preview, trouble, capacities)


def preview_decision(
    station: StationContext, target: str, *, by: str, request: ApprovalRequest | None = None
) -> tuple[decisions.VoteResult | None, str]:
    """Preview an approval by `by`, or return the reason why none is possible."""
    try:
        return decisions.preview(station, target, by=by, request=request or ApprovalRequest()), ""
    except PhtlabError as error:
        return None, str(error)


def approval_request(form: Mapping[str, str]) -> ApprovalRequest:
    """Parse the form's terms. Raises ApprovalError (``approval-form``, ``approval-days``)."""
    scope, days = form.get("scope", ""), form.get("days", "").strip()
    notebook = form.get("notebook", "").strip() if scope == "notebook" else ""
    if notebook and not _NOTEBOOK.fullmatch(notebook):
        raise ApprovalError(
            "A notebook is named by its digest: sha256: and 64 characters.", code="approval-form"
        )
    if days and not (days.isascii() and days.isdigit() and len(days) < 6):
        raise ApprovalError("Say in whole days how long it is allowed.", code="approval-days")
    bounds = {
        name.removeprefix("bound-"): value.strip()
        for name, value in form.items()
        if name.startswith("bound-") and value.strip()
    }
    known: dict[str, Scope] = {"train": "train", "notebook": "notebook", "low-risk": "low-risk"}
    if scope not in ("", *known):
        raise ApprovalError("There is no such kind of approval.", code="approval-form")
    return ApprovalRequest(
        scope=known.get(scope),
        notebook=notebook or None,
        bounds=bounds,
        days=int(days) if days else None,
        note=form.get("note", "").strip(),
    )


def _of_journey(
    station: StationContext, target: str
) -> tuple[tuple[Choice, ...], Mapping[str, str]]:
    offer = station.stops.stop(target).verified_offer()
    choices = [Choice("train", "This train", "exactly this image, until its order ends")]
    if offer.order.proposal is not None:
        choices.append(Choice("notebook", "This notebook", "any train of it within the proposal"))
        if station.stops.stop(target).read(stop_files.HELD).risk == "low":
            about = "any of this researcher's within the proposal"
            choices.append(Choice("low-risk", "Low-risk trains", about))
    return tuple(choices), _described(offer.train.manifest.parameters)


def _of_proposal(
    station: StationContext, target: str
) -> tuple[tuple[Choice, ...], Mapping[str, str], tuple[str, ...]]:
    proposal = StationProposals(station.folder.proposals).find(target).newest.proposal
    risk = risk_of_study(proposal, station)
    low = "any of this researcher's within the proposal"
    if risk != "low":
        low += f"; not the study's own, which are of {risk} risk here"
    of_notebook = f"any train of it within the proposal, up to {risk} risk"
    choices = (
        Choice("low-risk", "Low-risk trains", low),
        Choice("notebook", "One notebook", of_notebook),
    )
    return choices, _described(proposal.parameters), proposal.notebooks


def _described(schema: Mapping[str, Any]) -> Mapping[str, str]:
    return {name: describe(declared) for name, declared in schema["properties"].items()}
