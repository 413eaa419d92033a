"""Proposals, approvals and the like to sign: complete and sound, until a test changes them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from phtlab.governance import ActiveApprovals, Approval, Proposal, Refusal, Revocation, Withdrawal
from phtlab.governance.proposal import new_id
from phtlab.notebook.parameters import ParameterSchema
from phtlab.train.canonical import canonical, digest
from phtlab.train.crypto.identity import Identity
from phtlab.train.documents.envelope import Envelope, sign_statement

IMAGE = digest(b"kernel")
NOTEBOOK = digest(b"notebook")
BOUNDS: dict[str, Any] = ParameterSchema(
    {"min_age": {"type": "integer", "default": 40, "minimum": 18, "maximum": 100}}
).schema


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def proposal(**changes: Any) -> Proposal:
    """The first version of a new proposal of ada's, for ulm and mainz."""
    values: dict[str, Any] = {
        "id": new_id(),
        "version": 1,
        "researcher": "ada",
        "title": "Age and heart disease",
        "question": "Does the risk of heart disease grow with age alike in both hospitals?",
        "legal_ground": "Broad consent of the patients, ethics vote 2026-17.",
        "datasets": ({"name": "heart", "columns": ("age", "disease")},),
        "stations": ("ulm", "mainz"),
        "images": (IMAGE,),
        "notebooks": (NOTEBOOK,),
        "parameters": BOUNDS,
        "journeys": 3,
        "risk": "low",
        "issued": now(),
        "until": now() + timedelta(days=90),
    }
    return Proposal.model_validate(values | changes)


def successor(older: Proposal, signed: Envelope, **changes: Any) -> Proposal:
    """The version that follows `older`, whose signed form is `signed`."""
    values = older.model_dump() | {"version": older.version + 1, "previous": signed.digest}
    return Proposal.model_validate(values | changes)


def proposal_of_version_1(of: Proposal, key: Identity) -> Envelope:
    """What an earlier phtlab signed for the proposal `of`."""
    predicate = _without_version_2(of) | {"rounds": 1}
    about = {f"{of.id}/{of.version}": digest(canonical(predicate))}
    return sign_statement(key, "https://phtlab.org/proposal/v1", about, predicate)


def approval_of_version_1(of: Approval, key: Identity) -> Envelope:
    """What a station's earlier phtlab signed for the approval `of`."""
    named = {"train": of.train, "notebook": of.notebook, "proposal": of.proposal}
    about = {name: value for name, value in named.items() if value is not None}
    return sign_statement(key, "https://phtlab.org/approval/v1", about, _without_version_2(of))


def _without_version_2(value: Proposal | Approval) -> dict[str, Any]:
    return value.model_dump(mode="json", exclude={"handed_on", "rounds", "resources"})


def approval(of: Proposal | None, signed: Envelope | None, **changes: Any) -> Approval:
    """ulm's rule under the version `of`, signed as `signed`; for a train where there is none."""
    values: dict[str, Any] = {
        "station": "ulm",
        "scope": "notebook" if of else "train",
        "proposal_id": of.id if of else None,
        "proposal": signed.digest if signed else None,
        "researcher": of.researcher if of else "ada",
        "train": None if of else digest(b"train"),
        "notebook": NOTEBOOK if of else None,
        "datasets": ("heart",),
        "parameters": BOUNDS,
        "risk": "low",
        "approvers": ("grace",),
        "roster_version": 1,
        "nonce": secrets.token_hex(16),
        "issued": now(),
        "expires": now() + timedelta(days=60),
    }
    return Approval.model_validate(values | changes)


def refusal(of: Proposal, signed: Envelope, **changes: Any) -> Refusal:
    values: dict[str, Any] = {
        "station": "ulm",
        "proposal_id": of.id,
        "proposal": signed.digest,
        "by": "grace",
        "reason": "The consent does not cover this.",
        "roster_version": 1,
        "issued": now(),
    }
    return Refusal.model_validate(values | changes)


def revocation(of: Envelope, **changes: Any) -> Revocation:
    values: dict[str, Any] = {
        "station": "ulm",
        "approval": of.digest,
        "by": "grace",
        "reason": "A patient objected.",
        "roster_version": 1,
        "issued": now(),
    }
    return Revocation.model_validate(values | changes)


def standing(number: int, *approvals: Envelope, **changes: Any) -> ActiveApprovals:
    values: dict[str, Any] = {
        "station": "ulm",
        "number": number,
        "approvals": tuple(one.digest for one in approvals),
        "roster_version": 1,
        "issued": now(),
        "expires": now() + timedelta(hours=24),
    }
    return ActiveApprovals.model_validate(values | changes)


def withdrawal(of: Proposal, signed: Envelope, **changes: Any) -> Withdrawal:
    values: dict[str, Any] = {
        "researcher": of.researcher,
        "proposal_id": of.id,
        "proposal": signed.digest,
        "reason": "Another group has answered it.",
        "issued": now(),
    }
    return Withdrawal.model_validate(values | changes)
