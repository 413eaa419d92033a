"""Exchange with central: fetch proposals; send approvals, refusals, comments and the active list.

The daemon asks central what it has at its start and after central was unreachable. So a central
that was restored from a backup gets everything again, and a station that was restored gets its
signed revocations back.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog
from pydantic import ValidationError

from phtlab.errors import ApprovalError, PhtlabError, UnreachableError
from phtlab.files.durable_file import write_durably
from phtlab.governance.approval import open_revocation
from phtlab.governance.proposal import Proposal
from phtlab.station.approvals.active_list import ActiveList
from phtlab.station.approvals.proposal_limits import waiting_by_researcher
from phtlab.station.approvals.proposals import StationProposal, StationProposals
from phtlab.station.approvals.store import Approvals, StoredApproval
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.retry_delays import Backoff
from phtlab.train.documents.envelope import Envelope, peek
from phtlab.train.documents.roster import Roster
from phtlab.wire.api.governance import NewComment, ProposalView

_log = structlog.get_logger("phtlab.station")


class ApprovalSync:
    """Exchanges documents for one station. All state that matters is in files or at central."""

    def __init__(self, station: DaemonContext) -> None:
        self._station = station
        self._approvals = Approvals(station.folder)
        self._proposals = StationProposals(station.folder.proposals)
        self._active_list = ActiveList(station)
        self._backoff = Backoff(first=2.0, longest=600.0)
        self._at_central: set[str] = set()
        self._fetched = False
        self._seen = 0
        self._put_off: dict[str, str] = {}
        self._known: frozenset[str] = frozenset()

    def hears(self) -> bool:
        """Whether people at this station commented, or began to read, since the last call."""
        words = self._proposals.decision_files()
        new = words - self._known
        self._known = words
        return bool(new)

    def forget(self) -> None:
        """Discard what is known about central, so that the next run asks again."""
        self._at_central, self._fetched, self._seen, self._put_off = set(), False, 0, {}

    def run(self) -> bool:
        """Fetch, and send all that central lacks. Return whether a proposal changed.

        Raises UnreachableError. What central refuses is logged, and retried later.
        """
        if not self._fetched:
            self._at_central, self._fetched = self._fetch_proposals(), True
        changed = self._fetch()
        for kept in self._approvals:
            if not kept.format_error:  # central would refuse a void one each time
                self._send(kept.digest, partial(self._send_approval, kept))
            revocation = self._approvals.revocation(kept.digest, self._station.name)
            if revocation is not None:
                put = self._station.central.governance.put_revocation
                self._send(f"revocation {kept.digest}", partial(put, revocation))
        for proposal, version, _ in self._proposals.refusals():
            if (refusal := proposal.refusal(version)) is not None:
                put_refusal = self._station.central.governance.decide
                bring = partial(put_refusal, proposal.id, self._station.name, refusal)
                self._send(f"refusal {version}", bring)
        for proposal in self._proposals:
            self._send_decisions(proposal)
        self._send("standing", self._active_list.send, always=True)
        return changed

    def _fetch_proposals(self) -> set[str]:
        """Return what central has of this station's; store signed revocations missing here."""
        seen: set[str] = set()
        roster = self._station.roster_cache.now().roster
        for view in self._station.central.governance.approvals(station=self._station.name):
            seen.add(view.digest)
            if view.revocation is None:
                continue
            seen.add(f"revocation {view.digest}")
            if self._approvals.revocation(view.digest, self._station.name) is None:
                self._take_over(view.digest, view.revocation, roster)
        return seen

    def _take_over(self, approval: str, revocation: Envelope, roster: Roster) -> None:
        """Store a revocation that this station signed and then lost, such as by a restore."""
        station = self._station
        try:
            revoked = open_revocation(revocation, roster)
        except PhtlabError as error:  # forged, or signed with keys that are no longer valid
            _log.warning("revocation not believed", approval=approval[7:19], code=error.code)
            return
        # It is signed by the station that it names: another station must not end this one's
        # approvals.
        if (revoked.station, revoked.approval) != (station.name, approval):
            _log.warning("revocation of another", approval=approval[7:19], station=revoked.station)
            return
        station.audit.append(
            actor=station.name,
            action="revocation-taken-over",
            subject=approval,
            digest=revocation.digest,
            details={"by": revoked.by},
        )
        self._approvals.keep_revocation(approval, revocation)

    def _fetch(self) -> bool:
        changed, before, newest = self._fetch_put_off(), None, self._seen
        governance = self._station.central.governance
        while True:
            page = governance.proposals(after=self._seen, before=before)
            for summary in page.proposals:
                newest = max(newest, summary.changed)
                if self._station.name in {station.station for station in summary.stations}:
                    changed |= self._import_proposal(governance.proposal(summary.id))
            falls = page.next is not None and (before is None or page.next < before)
            if not falls:  # the last page, or central's pages form a cycle, which is not followed
                self._seen = newest
                return changed
            before = page.next

    def _fetch_put_off(self) -> bool:
        """Fetch proposals that were put off, as many as the limits now allow."""
        if not self._put_off:
            return False
        waiting, changed = waiting_by_researcher(self._station), False
        for proposal, researcher in list(self._put_off.items()):
            if waiting[researcher] < self._station.settings.proposals_per_researcher:
                del self._put_off[proposal]
                changed |= self._import_proposal(
                    self._station.central.governance.proposal(proposal)
                )
                waiting[researcher] += 1
        return changed

    def _has_room(self, view: ProposalView) -> bool:
        """Whether a proposal may be stored.

        A new one that has ended is not stored; one above its researcher's limit is put off.
        """
        station, proposal = self._station, self._proposals.proposal(view.summary.id)
        if proposal.path.exists() or not view.versions:
            return True
        # The researcher named in the signed version: central could name another each time.
        try:
            newest = Proposal.model_validate(peek(view.versions[-1].envelope).predicate)
        except ValidationError:
            return True  # `import_versions` then raises the specific error
        if view.withdrawal is not None or newest.until <= station.now():
            return False
        researcher = newest.researcher
        if waiting_by_researcher(station)[researcher] < station.settings.proposals_per_researcher:
            return True
        if proposal.id not in self._put_off:
            _log.warning(
                "proposal put off: too many wait", proposal=proposal.id, researcher=researcher
            )
        self._put_off[proposal.id] = researcher
        return False

    def _import_proposal(self, view: ProposalView) -> bool:
        proposal = self._proposals.proposal(view.summary.id)
        roster = self._station.roster_cache.now().roster
        envelopes = [version.envelope for version in view.versions]
        try:
            if not self._has_room(view):
                return False
            new = proposal.import_versions(envelopes, view.withdrawal, view.comments, roster)
        except PhtlabError as error:
            _log.warning("proposal not believed", proposal=proposal.id, code=error.code)
            return False
        if any(
            (station.station, station.state != "submitted") == (self._station.name, True)
            for station in view.summary.stations
        ):
            self._at_central.add(f"review {view.summary.digest}")
        self._at_central |= {
            f"refusal {decision.proposal}"
            for decision in view.decisions
            if (decision.station, decision.kind) == (self._station.name, "refused")
        }
        if new:
            _log.info("proposal", proposal=proposal.id, version=proposal.newest.proposal.version)
        return new

    def _send_approval(self, kept: StoredApproval) -> None:
        station, proposal = self._station, kept.claimed.proposal_id
        try:
            self._approvals.verified(kept, station.name, station.roster_cache.now().roster)
        except ApprovalError as error:
            if error.code != "approval-revoked":
                raise
            # Central still gets the approval, and then its revocation.
        if proposal is None:
            station.central.governance.put_approval(kept.envelope)
        else:
            station.central.governance.decide(proposal, station.name, kept.envelope)

    def _send_decisions(self, proposal: StationProposal) -> None:
        governance, version = self._station.central.governance, proposal.newest.digest
        if proposal.in_review(version):
            begin = partial(governance.begin_review, proposal.id, self._station.name, version)
            self._send(f"review {version}", begin)
        for mark, decision in proposal.unsent_comments():
            if any(
                comment.author == self._station.name and comment.text == decision["text"]
                for comment in proposal.comments
            ):
                write_durably(mark, b"")
                continue
            comment = NewComment(text=decision["text"], question=True)
            self._send(mark.name, partial(governance.comment, proposal.id, comment))
            if mark.name in self._at_central:
                write_durably(mark, b"")

    def _send(self, what: str, send: Callable[[], object], *, always: bool = False) -> None:
        now = self._station.now().timestamp()
        if (what in self._at_central and not always) or not self._backoff.ready(what, now):
            return
        try:
            send()
        except UnreachableError:
            raise
        except PhtlabError as error:
            seconds = self._backoff.failed(what, now)
            _log.warning("central takes it not", what=what[:40], code=error.code, seconds=seconds)
            return
        self._backoff.succeeded(what)
        self._at_central.add(what)
