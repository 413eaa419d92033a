"""`lab.proposals`: write and submit drafts, and find the researcher's proposals at central."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from phtlab.errors import CentralError, ProposalError
from phtlab.governance import Assessment, Proposal, assess
from phtlab.lab.proposals.draft import SUFFIX, Drafted, read_draft, risk_of, write_draft
from phtlab.lab.proposals.proposal import SubmittedProposal, verified_versions
from phtlab.lab.session.session import Session
from phtlab.lab.train_preparation import reference_to, train_manifest
from phtlab.notebook import read_analysis
from phtlab.train.canonical import canonical, digest
from phtlab.train.documents.manifest import TrainManifest
from phtlab.wire.api.governance import ProposalSummary


class Proposals:
    """The proposals of one researcher."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @staticmethod
    def draft_of(notebook: str | Path) -> Path:
        """Return the default path of the draft of `notebook`, beside it."""
        source = Path(notebook)
        return source.with_name(f"{source.stem}{SUFFIX}")

    def new(self, notebook: str | Path, out: str | Path | None = None) -> Path:
        """Write a draft for `notebook`, prefilled from it and the stations' data; return its path.

        Raises NotebookError with the findings, ProposalError if the file exists already.
        """
        source = Path(notebook)
        analysis = read_analysis(source)
        analysis.require_sound()
        kernel = self._session.trusted.catalogue.named(analysis.language)
        manifest = train_manifest(analysis, reference_to(kernel))
        path = Path(out) if out else self.draft_of(source)
        roster = self._session.trusted.roster
        twins = {member.name for member in roster.with_role("twin")}
        stations = [view for view in self._session.stations() if view.name not in twins]
        write_draft(
            path,
            source,
            analysis,
            manifest,
            _assessment_of_train(self._session, manifest),
            stations,
            datetime.now(UTC).date(),
        )
        return path

    def check(self, draft: str | Path) -> tuple[Proposal, tuple[Proposal, ...]]:
        """Return the version that `draft` would become, and those before it; send nothing.

        Raises ProposalError with what to correct, NotebookError with the notebook's findings.
        """
        drafted = read_draft(Path(draft))
        versions, newest = self._before(drafted.draft.id)
        previous = (versions[-1], newest) if versions else None
        proposal = drafted.proposal(
            self._session.name, self._risk(drafted), datetime.now(UTC), previous
        )
        self._require_known(proposal)
        return proposal, versions

    def submit(self, draft: str | Path, *, checked: str | None = None) -> SubmittedProposal:
        """Sign `draft` as the next version, and send it to central.

        `checked` is `proposal_terms_digest` of the version that a person was shown. Raises as
        `check`, ProposalError (``proposal-changed``) if the draft has changed since, or
        (``proposal-unchanged``) if it requests the same as the newest version, CentralError or
        CentralUnreachableError.
        """
        proposal, versions = self.check(draft)
        if checked is not None and proposal_terms_digest(proposal) != checked:
            raise ProposalError(
                f"{Path(draft).name} is not what was shown: it was changed meanwhile. Nothing was "
                "sent.",
                "Check it once more.",
                code="proposal-changed",
            )
        if versions and _requested(proposal) == _requested(versions[-1]):
            raise ProposalError(
                f"{Path(draft).name} asks for the same as version {versions[-1].version} of "
                f"{proposal.id}, which is submitted already.",
                code="proposal-unchanged",
            )
        signed = proposal.sign(self._session.identity)
        return SubmittedProposal(
            self._session, self._session.central.governance.submit_proposal(signed)
        )

    def list(self) -> list[ProposalSummary]:
        """Return the member's proposals as reported by central, last changed first."""
        return [*self._session.central.governance.all_proposals()]

    def get(self, proposal: str) -> SubmittedProposal:
        """Return the proposal whose name begins with `proposal`. Raises ProposalError."""
        identifier = proposal if proposal.startswith("p-") else f"p-{proposal}"
        if len(identifier) < len("p-") + 16:
            found = [
                candidate.id for candidate in self.list() if candidate.id.startswith(identifier)
            ]
            if len(found) != 1:
                found_text = "No proposal" if not found else f"{len(found)} proposals"
                raise ProposalError(
                    f"{found_text} of yours begins with '{proposal}'.",
                    "'phtlab proposal list' shows them.",
                    code="no-such-proposal",
                )
            (identifier,) = found
        return SubmittedProposal(
            self._session, self._session.central.governance.proposal(identifier)
        )

    def _before(self, proposal: str) -> tuple[tuple[Proposal, ...], str]:
        """Return central's versions of `proposal`, verified, and the digest of the newest."""
        try:
            view = self._session.central.governance.proposal(proposal)
        except CentralError as error:
            if error.code != "not-found":
                raise
            return (), ""
        versions = verified_versions(view.versions, self._session.refresh().roster, proposal)
        return versions, view.versions[-1].envelope.digest

    def _risk(self, drafted: Drafted) -> Assessment:
        catalogue = self._session.trusted.catalogue
        image = catalogue.named(drafted.analysis.language)
        for known in catalogue.images:
            if known.digest in drafted.draft.images:
                image = known
        manifest = train_manifest(drafted.analysis, reference_to(image))
        return risk_of(drafted, manifest, catalogue)

    def _require_known(self, proposal: Proposal) -> None:
        known = {member.name for member in self._session.trusted.roster.stations}
        if unknown := [name for name in proposal.stations if name not in known]:
            raise ProposalError(
                f"There is no station '{unknown[0]}'.",
                "'phtlab stations' lists them.",
                code="proposal-draft",
            )
        if proposal.until <= datetime.now(UTC):
            raise ProposalError(
                f"'until' is {proposal.until:%Y-%m-%d}, which is over.",
                "Give a later day.",
                code="proposal-draft",
            )


def _assessment_of_train(session: Session, manifest: TrainManifest) -> Assessment:
    return assess(
        manifest, known_images={image.digest for image in session.trusted.catalogue.images}
    )


def proposal_terms_digest(proposal: Proposal) -> str:
    """Digest of all that stations decide by, and of the version before; without the time."""
    return digest(canonical(proposal.model_dump(mode="json", exclude={"issued"})))


def _requested(proposal: Proposal) -> dict[str, Any]:
    return proposal.model_dump(exclude={"version", "previous", "issued"})
