"""What an approval covers: what it names, within its bounds and its proposal's, and no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phtlab.errors import ApprovalError
from phtlab.governance import Approval, CoverageRequest, Proposal, require_covered
from phtlab.governance.coverage import why_not_study
from phtlab.governance.proposal import new_id
from phtlab.governance.rounds import RoundTerms
from phtlab.notebook.parameters import ParameterSchema
from phtlab.train.canonical import digest
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope
from phtlab.train.documents.manifest import (
    KernelRef,
    Output,
    OutputTarget,
    Resources,
    Train,
    TrainManifest,
)
from phtlab.train.documents.order import Order, OrderedRounds
from tests.governance import documents

ADA = Identity.generate("ada")
NONE = ParameterSchema({}).schema
OTHER = digest(b"other")


def _signed(proposal: Proposal) -> Envelope:
    return proposal.sign(ADA)


def _asked(proposal: Proposal | None, /, **changes: Any) -> CoverageRequest:
    manifest = TrainManifest(
        name="heart",
        kernel=KernelRef(name="python", language="python", digest=documents.IMAGE),
        parameters=documents.BOUNDS,
        outputs=(),
        datasets=("heart",),
        files=(),
    )
    train = Train(digest=digest(b"train"), repository="r", author="ada", manifest=manifest)
    under = _signed(proposal).digest if proposal else None
    order = Order.new(
        train.digest,
        ("ulm", "mainz"),
        {"min_age": 40},
        ("ada",),
        1,
        proposal=under,
        now=datetime.now(UTC),
    )
    values: dict[str, Any] = {
        "train": train,
        "order": order,
        "notebook": documents.NOTEBOOK,
        "researcher": "ada",
        "parameters": {"min_age": 40},
        "risk": "low",
        "proposal": proposal,
    }
    return replace(CoverageRequest(**values), **changes)


def _approval(proposal: Proposal | None, /, **changes: Any) -> Approval:
    signed = _signed(proposal) if proposal else None
    return documents.approval(proposal, signed, **changes)


def _refused(asked: CoverageRequest, approval: Approval, days: float = 0) -> str | None:
    try:
        require_covered(asked, approval, documents.now() + timedelta(days=days, seconds=5))
    except ApprovalError as error:
        return error.code
    return None


RULE = {"scope": "low-risk", "notebook": None}


def test_each_scope_covers_what_it_names() -> None:
    proposal = documents.proposal()
    asked = _asked(proposal)
    train = {"scope": "train", "notebook": None, "train": digest(b"train")}
    for changes in ({}, RULE, train):
        assert _refused(asked, _approval(proposal, **changes)) is None
    assert _refused(_asked(None), _approval(None)) is None


@pytest.mark.parametrize(
    ("approval", "asked", "code"),
    [
        # Replayed to another train, another notebook, or for another's trains.
        ({"scope": "train", "notebook": None, "train": OTHER}, {}, "approval-train"),
        ({}, {"notebook": OTHER}, "approval-notebook"),
        ({}, {"researcher": "bob"}, "approval-researcher"),
        ({"researcher": "bob"}, {}, "approval-researcher"),
        # Stretched: more data, more risk, other parameters.
        ({"datasets": ("lung",)}, {}, "approval-data"),
        (RULE, {"risk": "high"}, "approval-risk"),
        (RULE, {"risk": "mid"}, "approval-risk"),
        ({"risk": "mid"}, {"risk": "high"}, "approval-risk"),
        ({}, {"parameters": {"min_age": 17}}, "approval-parameters"),
        ({}, {"parameters": {"min_age": 101}}, "approval-parameters"),
        ({}, {"parameters": {"min_age": 40, "max_age": 50}}, "approval-parameters"),
        ({"parameters": NONE}, {}, "approval-parameters"),
    ],
)
def test_what_an_approval_does_not_name_is_not_covered(
    approval: dict[str, Any], asked: dict[str, Any], code: str
) -> None:
    proposal = documents.proposal(parameters=NONE)
    assert _refused(_asked(proposal, **asked), _approval(proposal, **approval)) == code


def test_a_low_risk_rule_without_bounds_of_its_own_keeps_to_the_proposal_s() -> None:
    proposal = documents.proposal()
    rule = _approval(proposal, **RULE, parameters=NONE)
    assert _refused(_asked(proposal), rule) is None
    low = _asked(proposal, parameters={"min_age": 17})
    assert _refused(low, rule) == "proposal-parameters"


@pytest.mark.parametrize(
    ("proposal", "asked", "code"),
    [
        ({"stations": ("ulm",)}, {}, "proposal-station"),
        ({"images": (OTHER,)}, {}, "proposal-image"),
        ({"notebooks": (OTHER,)}, {}, "proposal-notebook"),
        ({"datasets": ({"name": "lung"},)}, {}, "proposal-data"),
        ({"journeys": 3}, {"journeys": 3}, "proposal-journeys"),
        ({"researcher": "bob"}, {}, "proposal-researcher"),
        (
            {
                "parameters": ParameterSchema(
                    {"min_age": {"type": "integer", "minimum": 50, "default": 50}}
                ).schema
            },
            {},
            "proposal-parameters",
        ),
    ],
)
def test_an_approval_reaches_no_further_than_its_proposal(
    proposal: dict[str, Any], asked: dict[str, Any], code: str
) -> None:
    proposed = documents.proposal(**proposal)
    approval = _approval(proposed, researcher="ada")
    assert _refused(_asked(proposed, **asked), approval) == code


ROUNDS = {
    "most": 5,
    "key": Identity.generate("journey").public,
    "quorum": 1,
    "deadline": 60,
}
MODEL = Output(name="model", kind="model", to=OutputTarget.BOTH)


def _of(asked: CoverageRequest, manifest: dict[str, Any], order: dict[str, Any]) -> CoverageRequest:
    """`asked` with another manifest and order; the approval and proposal stay those of before."""
    declared = asked.train.manifest.model_copy(update=manifest)
    train = asked.train.model_copy(update={"manifest": declared})
    changes = {"route": declared.route} | order
    return replace(asked, train=train, order=asked.order.model_copy(update=changes))


@pytest.mark.parametrize(
    ("manifest", "order", "terms", "code"),
    [
        # What leaves to the next station.
        ({"outputs": (MODEL,)}, {}, {"handed_on": ("model", "other")}, None),
        ({"outputs": (MODEL,)}, {}, {"handed_on": ("other",)}, "handed-on"),
        ({"outputs": (MODEL,)}, {}, {}, "handed-on"),
        # Rounds: none without terms; as many, and combined by whom, as the terms say.
        ({}, {"rounds": ROUNDS}, {"rounds": RoundTerms(most=5)}, None),
        ({}, {"rounds": ROUNDS}, {"rounds": RoundTerms(most=4)}, "rounds"),
        ({}, {"rounds": ROUNDS}, {"rounds": RoundTerms(most=5, aggregator="adder")}, "rounds"),
        ({}, {"rounds": ROUNDS}, {}, "rounds"),
        ({}, {}, {"rounds": RoundTerms(most=5)}, None),
        # Resources: of the train, or of the order in its stead.
        ({"resources": Resources(memory=2)}, {}, {"resources": Resources(memory=2)}, None),
        ({"resources": Resources(memory=2)}, {}, {"resources": Resources(memory=1)}, "resources"),
        (
            {"resources": Resources(memory=2)},
            {"resources": Resources(memory=1)},
            {"resources": Resources(memory=1)},
            None,
        ),
        ({}, {"resources": Resources(gpus=1)}, {"resources": Resources(gpus=0)}, "resources"),
    ],
)
def test_routes_and_resources_keep_to_the_terms(
    manifest: dict[str, Any], order: dict[str, Any], terms: dict[str, Any], code: str | None
) -> None:
    if "rounds" in order:
        order = {"route": "rounds", "rounds": OrderedRounds.model_validate(order["rounds"])}
    both = documents.proposal(**terms)
    asked = _of(_asked(both), manifest, order)
    approved = code and f"approval-{code}"
    assert _refused(asked, _approval(both, **terms)) == approved
    # An approval that allows all of it reaches no further than its proposal.
    large = {
        "handed_on": ("model",),
        "rounds": RoundTerms(most=9, aggregator=None),
        "resources": None,
    }
    if code is not None:
        assert _refused(asked, _approval(both, **large)) == f"proposal-{code}"


def test_an_approval_without_the_study_s_terms_is_not_for_its_trains() -> None:
    proposal = documents.proposal(handed_on=("model",), rounds=RoundTerms(most=5))
    whole = {"handed_on": ("model",), "rounds": RoundTerms(most=5)}
    assert why_not_study(_approval(proposal, **whole), proposal) == ""
    for left_out in whole:
        terms = {name: value for name, value in whole.items() if name != left_out}
        assert why_not_study(_approval(proposal, **terms), proposal) != ""


def test_an_approval_of_one_version_says_nothing_of_another() -> None:
    first = documents.proposal()
    second = documents.successor(first, _signed(first), journeys=99)
    elsewhere = documents.proposal(id=new_id())
    for other in (second, elsewhere, None):
        assert _refused(_asked(other), _approval(first)) == "approval-proposal"
    assert _refused(_asked(first), _approval(None)) == "approval-proposal"
    # The version's digest alone is not enough: what it asks for has to be at hand.
    assert _refused(_asked(first, proposal=None), _approval(first)) == "approval-proposal"


def test_before_its_time_and_after_it_an_approval_covers_nothing() -> None:
    proposal = documents.proposal(until=documents.now() + timedelta(days=9))
    approval = _approval(proposal, expires=documents.now() + timedelta(days=30))
    assert _refused(_asked(proposal), approval) is None
    assert _refused(_asked(proposal), approval, days=-1) == "approval-expired"
    assert _refused(_asked(proposal), approval, days=31) == "approval-expired"
    assert _refused(_asked(proposal), approval, days=10) == "proposal-ended"


@settings(deadline=None)  # a busy machine is slow
@given(age=st.integers(-200, 200), low=st.integers(0, 60), high=st.integers(60, 120))
def test_parameters_are_covered_only_within_both_bounds(age: int, low: int, high: int) -> None:
    def bounds(least: int, most: int) -> dict[str, Any]:
        declared = {"type": "integer", "minimum": least, "maximum": most, "default": 60}
        return ParameterSchema({"min_age": declared}).schema

    proposal = documents.proposal(parameters=bounds(low, 100))
    approval = _approval(proposal, parameters=bounds(18, high))
    covered = _refused(_asked(proposal, parameters={"min_age": age}), approval) is None
    assert covered == (max(low, 18) <= age <= min(high, 100))


def test_what_is_signed_is_told_in_words_before_it_is() -> None:
    proposal = documents.proposal()
    told = _approval(proposal, **RULE, approvers=("grace", "kurt")).sentence()
    assert told.startswith(
        f"ulm allows trains of ada of at most low risk under proposal {proposal.id}, version sha256"
    )
    assert told.endswith("approved by grace and kurt.")
    assert "the train sha256:" in _approval(None).sentence()
    route = {"handed_on": ("model",), "rounds": RoundTerms(most=5), "resources": Resources(gpus=1)}
    told = _approval(proposal, **route).sentence()
    assert (
        ", on heart, handing model on to the next station, in at most 5 rounds, combined by the "
        "researcher's kernel, with at most 1 GPUs, until "
    ) in told
