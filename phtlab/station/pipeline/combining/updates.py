"""Updates that stations published in a round: fetched, opened, checked, and kept for the run.

A station may be hostile, or broken: its record is verified, and what it sealed is not trusted.
"""

from __future__ import annotations

import hashlib
import shutil
from functools import partial
from pathlib import Path
from typing import Final

from phtlab.errors import RegistryError, SealFormatError
from phtlab.files.cargo_archive import unpack
from phtlab.files.durable_file import replaced_at_once
from phtlab.files.sealed_file import open_file
from phtlab.rounds.series import RoundAnswer
from phtlab.rounds.updates import COMBINED
from phtlab.station.airlock.received_values import keep_received, received_file
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.pipeline.received import fetching, received_or_refused
from phtlab.station.stops.file_contents import VerifiedOffer
from phtlab.train.documents.manifest import Received
from phtlab.train.documents.round import RoundCargo, round_context
from phtlab.wire.api.rounds import sealed_of

_UNAVAILABLE: Final = "update-unavailable"


def open_update(
    target: Path, station: DaemonContext, journey: str, offer: VerifiedOffer, answer: RoundAnswer
) -> None:
    """Keep what a station published, by a verified record, as files in the new folder `target`.

    They are named ``update.STATION.OUTPUT`` and the ending of their kind. The folder is there once
    all are whole. Raises SealFormatError (``output-form``) for what does not open or is not as the
    train declares; RegistryError (``update-unavailable``) or RegistryUnreachableError if it cannot
    be fetched; OSError if it cannot be written.
    """
    record = answer.record
    sender, order = record.station, offer.order
    draft = target.with_name(f"{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)
    sealed, archive, opened = draft / "update.age", draft / "update.tar", draft / "opened"
    _fetch(sealed, station, journey, sender, record.update, answer.update)
    context = round_context(journey, order, "update", record.number, sender)
    with received_or_refused(partial(_unusable, sender)):
        open_file(
            sealed,
            archive,
            station.identity.age,
            context,
            record.update.digest,
            recipients=len(order.readers),
            durably=False,
        )
        sealed.unlink()
        opened.mkdir(mode=0o700)
        present = unpack(archive, opened, offer.train.manifest.outputs)
        archive.unlink()
        for output in present.values():
            if output.kind in COMBINED:
                name = received_file(output)
                with replaced_at_once(draft / f"update.{sender}.{name}") as kept:
                    keep_received(output, Received(name=output.name), opened / name, kept)
    shutil.rmtree(opened)
    draft.rename(target)


def _fetch(
    path: Path,
    station: DaemonContext,
    journey: str,
    sender: str,
    cargo: RoundCargo,
    inline: str | None,
) -> None:
    """Write the sealed update to `path`, if it is the one that the record names."""
    if inline is not None:
        sealed = sealed_of(inline, cargo)
        if sealed is None:
            raise _unavailable(f"Central gave another update than {sender} signed.")
        path.write_bytes(sealed)
        return
    with fetching(_UNAVAILABLE):
        station.artifacts.fetch_cargo(journey, sender, cargo.digest, path, cargo.size)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if f"sha256:{found}" != cargo.digest:
        raise _unavailable(f"The registry gave another update than {sender} signed.")


def _unavailable(why: str) -> RegistryError:
    return RegistryError(why, "Ask central's operator.", code="update-unavailable")


def _unusable(sender: str, why: str) -> SealFormatError:
    return SealFormatError(
        f"What {sender} published cannot be used. {why}", "Ask its operator.", code="output-form"
    )
