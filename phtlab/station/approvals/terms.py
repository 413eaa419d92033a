"""Terms of an approval, derived from a held journey or from a proposal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from phtlab.errors import ApprovalError, ParameterError
from phtlab.governance.approval import Approval, Scope
from phtlab.governance.proposal import Proposal
from phtlab.governance.resources import needed_resources
from phtlab.governance.risk import RISKS, Risk, how_often, within
from phtlab.governance.rounds import count, terms_of_order
from phtlab.governance.text import LONGEST
from phtlab.notebook.parameters import ParameterSchema, describe
from phtlab.printable import escaped
from phtlab.station.approvals.drafts import ApprovalDraft
from phtlab.station.approvals.journey_counts import known_images
from phtlab.station.approvals.proposals import Version
from phtlab.station.approvals.subject import HeldJourney
from phtlab.station.context.station_context import StationContext
from phtlab.station.stops.file_contents import VerifiedOffer

_RANGE = re.compile(r"(-?[0-9.eE+-]*)\.\.(-?[0-9.eE+-]*)")


@dataclass(frozen=True)
class ApprovalRequest:
    """A person's choice of terms. None, or no bounds: as the journey or the proposal has it.

    `bounds` are values by parameter, such as ``18..65`` or ``any,severe``; they can only narrow.
    """

    scope: Scope | None = None
    notebook: str | None = None
    bounds: Mapping[str, str] = field(default_factory=dict)
    risk: Risk | None = None
    days: int | None = None
    note: str = ""

    @property
    def chosen(self) -> bool:
        """Whether the person chose any terms, so that a draft with other terms does not match."""
        return self != ApprovalRequest(note=self.note)

    @property
    def narrows(self) -> bool:
        """Whether the person chose more than the kind of rule: bounds, a risk or days."""
        return bool(self.bounds) or self.risk is not None or self.days is not None


DEFAULT_REQUEST: Final = ApprovalRequest()


def of_journey(
    journey: HeldJourney, station: StationContext, request: ApprovalRequest
) -> ApprovalDraft:
    """Draft the approval of a held journey's train, or the rule in its proposal that allows it."""
    offer, risk, study = journey.offer, journey.risk, journey.required_study()
    under = study.version if study else None
    scope = request.scope or "train"
    if scope != "train" and under is None:
        raise ApprovalError(
            "This journey names no proposal that this station has, and a rule needs a proposal.",
            "Approve its train alone.",
            code="approval-no-proposal",
        )
    if scope == "low-risk" and risk != "low":
        raise ApprovalError(
            f"A rule for low-risk trains would not let this one start: its risk is {risk}.",
            "Approve its train, or its notebook.",
            code="approval-risk",
        )
    manifest = offer.train.manifest
    proposal = under.proposal if under else None
    return ApprovalDraft(
        journey=journey.stop.journey,
        station=station.name,
        scope=scope,
        proposal_id=proposal.id if proposal else None,
        proposal=under.digest if under else None,
        researcher=offer.researcher,
        train=offer.train.digest if scope == "train" else None,
        notebook=offer.notebook if scope == "notebook" else None,
        datasets=_datasets(under) if under and scope == "low-risk" else manifest.datasets,
        parameters=narrowed(
            proposal.parameters if proposal and scope == "low-risk" else manifest.parameters,
            request.bounds,
        ),
        risk=risk,
        **_limits(offer, proposal, scope),
        persons=station.policy().approval.persons(risk),
        note=_line(request.note),
        drafted=_now(station),
        expires=_until(station, request.days, _ends(offer, under, scope)),
    )


def risk_of_study(proposal: Proposal, station: StationContext) -> Risk:
    """The risk of the study's trains at this station, as far as known before the first arrives.

    The maximum of the researcher's assessment, the risk of repeated requests, and ``mid`` if a
    kernel image is new at this station. Each train is assessed again when it arrives.
    """
    is_new = not set(proposal.images) <= known_images(station.stops.path)
    often = how_often(rounds=proposal.most_rounds, journeys=proposal.journeys).risk
    return max(proposal.risk, often, "mid" if is_new else "low", key=RISKS.index)


def with_study_rule(
    proposal: Proposal, station: StationContext, request: ApprovalRequest
) -> ApprovalRequest:
    """Return `request`, with the rule under which the study's own trains start if none was chosen.

    Raises ApprovalError (``approval-risk``) if no such rule exists: the trains' risk is above low,
    and the proposal does not name exactly one notebook.
    """
    if request.scope is not None or request.notebook is not None:
        return request
    if risk_of_study(proposal, station) == "low":
        return replace(request, scope="low-risk")
    if len(proposal.notebooks) == 1:
        return replace(request, scope="notebook", notebook=proposal.notebooks[0])
    if proposal.risk == "low":  # new kernel image: first held for a person
        return replace(request, scope="low-risk")
    raise ApprovalError(
        f"The study's own trains are of {proposal.risk} risk, so a rule for low-risk trains lets "
        "none of them start.",
        "Choose the notebook whose trains may start; or choose low-risk trains, and approve the "
        "study's train when its first journey is here.",
        code="approval-risk",
    )


def of_proposal(
    version: Version, station: StationContext, request: ApprovalRequest
) -> ApprovalDraft:
    """Draft the rule for trains within a proposal: low-risk ones, or those of one notebook.

    If none is chosen, it is the rule under which the study's own trains start (`with_study_rule`).
    """
    proposal = version.proposal
    request = with_study_rule(proposal, station, request)
    scope = request.scope or "notebook"
    if scope == "train" or (scope == "notebook") != (request.notebook is not None):
        raise ApprovalError(
            "An approval of a proposal is a rule: for its low-risk trains, or for a notebook that "
            "you name by its digest.",
            "A train is approved when its first journey is here.",
            code="approval-form",
        )
    if scope == "low-risk" and request.risk not in (None, "low"):
        raise ApprovalError(
            "A rule for low-risk trains is for low-risk trains.",
            "Name a notebook to allow more.",
            code="approval-risk",
        )
    least = how_often(rounds=proposal.most_rounds, journeys=proposal.journeys)
    risk = request.risk or ("low" if scope == "low-risk" else risk_of_study(proposal, station))
    if not within(least.risk, risk):
        raise ApprovalError(
            f"A rule for trains of {risk} risk would let none of this proposal start: "
            f"{' '.join(reason.sentence for reason in least.reasons)}",
            f"Their risk is at least {least.risk}: name a notebook to allow that.",
            code="approval-risk",
        )
    if proposal.notebooks and request.notebook not in (None, *proposal.notebooks):
        raise ApprovalError(
            f"The proposal {proposal.id} names other notebooks than {request.notebook}.",
            code="proposal-notebook",
        )
    if station.name not in proposal.stations:
        raise ApprovalError(
            f"Version {proposal.version} of {proposal.id} does not name {station.name}.",
            code="proposal-station",
        )
    return ApprovalDraft(
        station=station.name,
        scope=scope,
        proposal_id=proposal.id,
        proposal=version.digest,
        researcher=proposal.researcher,
        notebook=request.notebook,
        datasets=_datasets(version),
        parameters=narrowed(proposal.parameters, request.bounds),
        risk=risk,
        handed_on=proposal.handed_on,
        rounds=proposal.rounds,
        resources=proposal.resources,
        persons=station.policy().approval.persons(risk),
        note=_line(request.note),
        drafted=_now(station),
        expires=_until(station, request.days, proposal.until),
    )


def terms_sentence(draft: ApprovalDraft, voters: tuple[str, ...]) -> str:
    """The sentence that is signed once `voters` have approved; people read it before they do."""
    approval = draft.approval(voters, 1, draft.drafted)
    properties = draft.parameters["properties"]
    bounds = "; ".join(f"{name} {describe(declared)}" for name, declared in properties.items())
    parameters = f" Parameters: {bounds}." if bounds else ""
    note = f' Note: "{draft.note}"' if draft.note else ""
    return f"{approval.sentence()} Risk: at most {draft.risk}.{parameters}{note}"


def described(approval: Approval, lacks: str = "") -> str:
    """Describe an approval briefly; `lacks` is why it excludes the study's own trains."""
    what = {
        "train": f"train {(approval.train or '')[7:19]}",
        "notebook": f"notebook {(approval.notebook or '')[7:19]}",
        "low-risk": "low-risk trains",
    }[approval.scope]
    under = f", {approval.proposal_id}" if approval.proposal_id else ""
    on = f", handing on {', '.join(approval.handed_on)}" if approval.handed_on else ""
    rounds = f", {count(approval.rounds.most, 'round')} at most" if approval.rounds else ""
    other = f"; not the study's own: {lacks}" if lacks else ""
    of = f"{what} of {approval.researcher}{under}"
    return f"{of}, risk at most {approval.risk}{on}{rounds}{other}"


def narrowed(schema: Mapping[str, Any], bounds: Mapping[str, str]) -> dict[str, Any]:
    """Return `schema` with narrower bounds. Raises ApprovalError (``approval-bounds``)."""
    properties = {name: dict(value) for name, value in schema["properties"].items()}
    for name, text in bounds.items():
        if name not in properties:
            raise ApprovalError(
                f"There is no parameter '{name}' to bound; there is: "
                f"{', '.join(properties) or 'none'}.",
                code="approval-bounds",
            )
        properties[name] = _narrower(name, properties[name], text)
    made = ParameterSchema(properties).schema
    try:
        ParameterSchema.from_schema(made)
    except ParameterError as error:
        raise ApprovalError(error.message, error.hint, code="approval-bounds") from None
    return made


def _narrower(name: str, declared: dict[str, Any], text: str) -> dict[str, Any]:
    kind = declared["type"]
    before = ParameterSchema({name: declared})
    read: dict[str, type[int] | type[float]] = {"integer": int, "number": float}
    # An approval's schema has no defaults: a journey's order gives every value.
    constraints = {key: value for key, value in declared.items() if key != "default"}
    try:
        if kind in read and (ends := _RANGE.fullmatch(text)):
            for bound, end in zip(("minimum", "maximum"), ends.groups(), strict=True):
                if end:
                    constraints[bound] = before.validate({name: read[kind](end)})[name]
            return constraints
        if kind == "boolean":
            values: list[Any] = [{"true": True, "false": False}[value] for value in text.split(",")]
        else:
            values = [read[kind](value) if kind in read else value for value in text.split(",")]
        constraints["enum"] = [before.validate({name: value})[name] for value in values]
    except ParameterError as error:
        raise ApprovalError(error.message, error.hint, code="approval-bounds") from None
    except (ValueError, KeyError):
        raise ApprovalError(
            f"'{text}' bounds no parameter of type {kind}.",
            "Write '18..65' for numbers, 'one,other' for choices.",
            code="approval-bounds",
        ) from None
    return constraints


def _line(note: str) -> str:
    if len(note) > LONGEST or escaped(note) != note:
        raise ApprovalError(
            f"Give the note in one line of at most {LONGEST} characters.", code="approval-form"
        )
    return note


def _limits(offer: VerifiedOffer, proposal: Proposal | None, scope: Scope) -> dict[str, Any]:
    """What may be handed on, the rounds and the resources: as the journey has them.

    A rule for low-risk trains has those of its proposal, since it is for other trains too.
    """
    if proposal is not None and scope == "low-risk":
        return {
            "handed_on": proposal.handed_on,
            "rounds": proposal.rounds,
            "resources": proposal.resources,
        }
    manifest, order = offer.train.manifest, offer.order
    within = proposal.rounds if proposal is not None else None
    return {
        "handed_on": tuple(output.name for output in manifest.handed_on),
        "rounds": terms_of_order(order.rounds, manifest.outputs, within) if order.rounds else None,
        "resources": needed_resources(manifest.resources, order.resources),
    }


def _datasets(version: Version) -> tuple[str, ...]:
    return tuple(dataset.name for dataset in version.proposal.datasets)


def _ends(offer: VerifiedOffer, under: Version | None, scope: Scope) -> datetime:
    """Default expiry: a rule expires with its proposal, a train's approval with its order."""
    return offer.order.expires if scope == "train" or under is None else under.proposal.until


def _until(station: StationContext, days: int | None, otherwise: datetime) -> datetime:
    most = station.policy().approval.maximum_days
    if days is not None and not 1 <= days <= most:
        raise ApprovalError(
            f"An approval of {station.name} is for 1 to {most} days; its policy says so.",
            code="approval-days",
        )
    latest = _end_of_day(station.now() + timedelta(days=days or most))
    return latest if days is not None else min(otherwise, latest)


def _end_of_day(at: datetime) -> datetime:
    """Round to the end of the UTC day, so that two persons who choose the same days agree."""
    return at.astimezone(UTC).replace(hour=23, minute=59, second=59, microsecond=0)


def _now(station: StationContext) -> datetime:
    return station.now().replace(microsecond=0)
