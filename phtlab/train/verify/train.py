"""Verification of a train: signed by a researcher of the consortium."""

from __future__ import annotations

import re

from phtlab.errors import TrainError
from phtlab.train.documents.envelope import Envelope, open_statement
from phtlab.train.documents.manifest import TRAIN_TYPE, Train, TrainManifest
from phtlab.train.documents.roster import Roster
from phtlab.train.verify.predicate import read_predicate, require_role

_REPOSITORY = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")


def verify_train(envelope: Envelope, roster: Roster, *, over: bool = False) -> Train:
    """Return the train that a researcher of `roster` signed.

    `over` reads a finished journey: its author may have left since.
    Raises NotOnRosterError, SignatureError, or TrainError with one of the codes
    ``train-role``, ``train-manifest``, ``train-subject``, ``train-repository``.
    """
    statement, author = open_statement(
        envelope, TRAIN_TYPE, roster.signers(1) if over else roster.members
    )
    require_role(author, "researcher", TrainError, "train-role", "sign trains")
    manifest = read_predicate(
        TrainManifest, statement, TrainError("", code="train-manifest"), f"{author.name}'s train"
    )
    if len(statement.subject) != 1:
        raise TrainError(
            f"The train '{manifest.name}' of {author.name} names {len(statement.subject)} images; "
            "a train is one image.",
            "Build and sign it again.",
            code="train-subject",
        )
    subject = statement.subject[0]
    # URLs and token requests contain the name: it must be within the author's own path.
    if not subject.name.startswith(f"trains/{author.name}/") or not _REPOSITORY.fullmatch(
        subject.name
    ):
        raise TrainError(
            f"The train '{manifest.name}' of {author.name} lies in the repository "
            f"{subject.name[:200]!r}; it must lie under trains/{author.name}/.",
            code="train-repository",
        )
    return Train(
        digest=subject.sha256, repository=subject.name, author=author.name, manifest=manifest
    )
