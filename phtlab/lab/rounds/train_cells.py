"""The combine cells of a signed train, from the image that its digest names."""

from __future__ import annotations

from phtlab.errors import TrainError
from phtlab.lab.rounds.combine_cells import CombineCells, read_combine_cells
from phtlab.lab.session.session import Session
from phtlab.lab.train_preparation import NOTEBOOK
from phtlab.train.documents.manifest import Train
from phtlab.train.image.verification import verify_image
from phtlab.wire.registry.trains import pull_train


def fetch_combine_cells(session: Session, train: Train) -> CombineCells:
    """Return the combine cells of `train`, a verified train, as its author signed them.

    Raises TrainError for an image that differs from what was signed, and RegistryError or
    RegistryUnreachableError if it cannot be fetched.
    """
    manifest, config, layer = pull_train(session.registry, train.repository, train.digest)
    files = verify_image(
        manifest,
        config,
        layer,
        train_manifest=train.manifest,
        digest=train.digest,
        kernel=session.trusted.catalogue.image(train.manifest.kernel.digest),
    )
    if NOTEBOOK not in files:
        raise TrainError(
            f"The train '{train.manifest.name}' has no notebook, so nothing can combine its "
            "rounds.",
            "Build and dispatch it again.",
            code="combine-missing",
        )
    return read_combine_cells(files[NOTEBOOK], train.manifest)
