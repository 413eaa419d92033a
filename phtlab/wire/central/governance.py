"""Client of proposals, approvals and lists of active approvals: `CentralClient.governance`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Protocol
from urllib.parse import quote

from pydantic import TypeAdapter

from phtlab.train.documents.envelope import Envelope
from phtlab.wire.api.governance import (
    AcceptanceView,
    ActiveApprovalsView,
    ApprovalPage,
    ApprovalView,
    NewComment,
    ProposalPage,
    ProposalSummary,
    ProposalView,
    ReviewBegun,
)
from phtlab.wire.central.answer import parsed, validated
from phtlab.wire.central.paging import pages

_ACCEPTANCES: Final = TypeAdapter(tuple[AcceptanceView, ...])


class SendRequest(Protocol):
    """One request to central's API, as `CentralClient` sends it."""

    def __call__(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        query: Mapping[str, str] = {},
    ) -> bytes: ...


class GovernanceClient:
    """Transfers signed documents through central: verify each envelope before you act on it.

    Every method raises what the methods of `CentralClient` raise.
    """

    def __init__(self, send: SendRequest) -> None:
        self._send = send

    # Proposals

    def submit_proposal(self, version: Envelope) -> ProposalView:
        """Submit a signed version. The same version again gives the same answer.

        Raises ProposalError (``proposal-version``) unless it follows the newest stored version.
        """
        return parsed(ProposalView, self._send("POST", "/proposals", content=version.to_bytes()))

    def proposals(
        self, *, limit: int = 50, before: int | None = None, after: int = 0
    ) -> ProposalPage:
        """Return proposals that the member may see and that changed after number `after`.

        Last changed first; a page's `next` is the `before` of the following page.
        """
        query = {"limit": str(limit), "after": str(after)}
        query |= {} if before is None else {"before": str(before)}
        return parsed(ProposalPage, self._send("GET", "/proposals", query=query))

    def all_proposals(self) -> Iterator[ProposalSummary]:
        """Yield the proposals that the member may see, last changed first, page by page.

        Raises CentralError (``pages``) if central's list does not end.
        """
        found = pages(lambda before: self.proposals(limit=200, before=before), "proposals")
        for page in found:
            yield from page.proposals

    def proposal(self, proposal: str) -> ProposalView:
        return parsed(ProposalView, self._send("GET", f"/proposals/{_part(proposal)}"))

    def comment(self, proposal: str, comment: NewComment) -> ProposalView:
        """Comment on the newest version."""
        path = f"/proposals/{_part(proposal)}/comments"
        content = comment.model_dump_json().encode()
        return parsed(ProposalView, self._send("POST", path, content=content))

    def withdraw(self, proposal: str, withdrawal: Envelope) -> ProposalView:
        """Withdraw the member's own proposal, by a signed `Withdrawal`."""
        path = f"/proposals/{_part(proposal)}/withdrawal"
        return parsed(ProposalView, self._send("POST", path, content=withdrawal.to_bytes()))

    def begin_review(self, proposal: str, station: str, version: str) -> ProposalView:
        """Report that a person at `station` reads the version with the digest `version`."""
        path = f"/proposals/{_part(proposal)}/reviews/{_part(station)}"
        content = ReviewBegun(proposal=version).model_dump_json().encode()
        return parsed(ProposalView, self._send("PUT", path, content=content))

    def decide(self, proposal: str, station: str, decision: Envelope) -> ProposalView:
        """Deliver this `station`'s signed `Approval` under the proposal, or its `Refusal`.

        An approval is then also in `approvals`.
        """
        path = f"/proposals/{_part(proposal)}/decisions/{_part(station)}"
        return parsed(ProposalView, self._send("PUT", path, content=decision.to_bytes()))

    # Approvals and lists of active approvals

    def put_approval(self, approval: Envelope) -> ApprovalView:
        """Deliver this station's signed `Approval`, under a proposal or without one."""
        return parsed(ApprovalView, self._send("POST", "/approvals", content=approval.to_bytes()))

    def put_revocation(self, revocation: Envelope) -> ApprovalView:
        """Deliver this station's signed `Revocation` of an approval that central has."""
        content = revocation.to_bytes()
        return parsed(ApprovalView, self._send("POST", "/revocations", content=content))

    def approvals(
        self, *, station: str | None = None, proposal: str | None = None
    ) -> tuple[ApprovalView, ...]:
        """Return approvals of own trains, or a station's own; of `station`, under `proposal`.

        Newest first. Raises CentralError (``pages``) if central's list does not end.
        """
        named = {"station": station, "proposal": proposal}

        def page(before: int | None) -> ApprovalPage:
            parameters = {**named, "before": None if before is None else str(before)}
            query = {name: value for name, value in parameters.items() if value is not None}
            return parsed(ApprovalPage, self._send("GET", "/approvals", query=query))

        return tuple(approval for each in pages(page, "approvals") for approval in each.approvals)

    def put_active_approvals(self, station: str, active: Envelope) -> ActiveApprovalsView:
        """Deliver this `station`'s newest signed `ActiveApprovals`.

        Raises ApprovalError (``standing-rolled-back``) if central has one with a higher number.
        """
        path = f"/standing/{_part(station)}"
        return parsed(ActiveApprovalsView, self._send("PUT", path, content=active.to_bytes()))

    def active_approvals(self, station: str) -> ActiveApprovalsView:
        """Return central's newest list, unverified.

        Verify it with `open_active_approvals`, from the highest number that you have seen.
        """
        return parsed(ActiveApprovalsView, self._send("GET", f"/standing/{_part(station)}"))

    # The consortium's agreement

    def accept(self, acceptance: Envelope) -> AcceptanceView:
        """Deliver the member's own signed `Acceptance` of the agreement in the catalogue."""
        content = acceptance.to_bytes()
        return parsed(AcceptanceView, self._send("POST", "/acceptances", content=content))

    def acceptances(self) -> tuple[AcceptanceView, ...]:
        """Return acceptances of the agreement in force: verify each with `open_acceptance`."""
        return validated(_ACCEPTANCES, self._send("GET", "/acceptances"))


def _part(name: str) -> str:
    """Quote `name` as one part of a path, whatever it holds."""
    return quote(name, safe="")
