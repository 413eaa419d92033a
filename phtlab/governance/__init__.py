"""Governance as values: proposals, approvals, revocations and the audit log. Pure.

A researcher signs a proposal, a station signs its approvals of exact digests, and the audit log is
a chain of entries. Central transports all of them and can forge none: this package fetches nothing
and reads no clock.
"""

from phtlab.governance.agreement import Acceptance, open_acceptance, require_accepted
from phtlab.governance.approval import (
    ActiveApprovals,
    Approval,
    Revocation,
    open_active_approvals,
    open_approval,
    open_revocation,
)
from phtlab.governance.audit.chain import Checkpoint, Entry, open_checkpoint, verify_chain
from phtlab.governance.coverage import CoverageRequest, require_covered
from phtlab.governance.proposal import Proposal, open_proposal, require_successor
from phtlab.governance.refusal import Refusal, Withdrawal, open_refusal, open_withdrawal
from phtlab.governance.risk import Assessment, Risk, assess

__all__ = [
    "Acceptance",
    "ActiveApprovals",
    "Approval",
    "Assessment",
    "Checkpoint",
    "CoverageRequest",
    "Entry",
    "Proposal",
    "Refusal",
    "Revocation",
    "Risk",
    "Withdrawal",
    "assess",
    "open_acceptance",
    "open_active_approvals",
    "open_approval",
    "open_checkpoint",
    "open_proposal",
    "open_refusal",
    "open_revocation",
    "open_withdrawal",
    "require_accepted",
    "require_covered",
    "require_successor",
    "verify_chain",
]
