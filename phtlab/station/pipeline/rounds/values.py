"""Values that the combine cells sent: fetched, opened, checked, and kept for the run."""

from __future__ import annotations

import shutil
from pathlib import Path

from phtlab.errors import OrderStationError, RegistryError
from phtlab.files.sealed_file import open_file
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.pipeline.received import fetching, keep_checked, received_or_refused
from phtlab.station.pipeline.rounds.round_files import RoundFolder, RoundMarker
from phtlab.station.stops.file_contents import VerifiedOffer
from phtlab.train.documents.manifest import Output, Received
from phtlab.train.documents.round import RoundCargo, round_context
from phtlab.wire.api.rounds import sealed_of


def keep_values(
    folder: RoundFolder,
    station: DaemonContext,
    journey: str,
    offer: VerifiedOffer,
    cargo: RoundCargo | None,
    inline: str | None,
) -> None:
    """Keep what was sent for a round in its folder `values`: every value whole, or no folder.

    Whoever began the round's folder syncs the names in it.

    `inline` is the sealed content in base64, None if it lies in the registry. Raises
    OrderStationError (``order-received``) if it is not for this station, or not as the train
    declares; RegistryError (``received-unavailable``) or RegistryUnreachableError if it cannot be
    fetched; OSError if it cannot be written.
    """
    draft = folder.path / "receiving"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    checked = draft / "checked"
    checked.mkdir(mode=0o700)
    try:
        if cargo is not None:
            with received_or_refused(_refused):
                _check(draft, checked, folder.number, station, journey, offer, cargo, inline)
        checked.rename(folder.path_of(RoundMarker.VALUES))
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _check(
    draft: Path,
    checked: Path,
    number: int,
    station: DaemonContext,
    journey: str,
    offer: VerifiedOffer,
    cargo: RoundCargo,
    inline: str | None,
) -> None:
    most = station.policy().hand_on.received
    if cargo.size > most:
        raise _refused(f"They have {cargo.size} bytes; this station receives {most} at most.")
    sealed, archive = draft / "values.age", draft / "values.tar"
    if inline is None:
        with fetching():
            station.artifacts.fetch_values(journey, cargo.digest, sealed, cargo.size)
    else:
        sealed.write_bytes(_decoded(inline, cargo))
    context = round_context(journey, offer.order, "values", number)
    open_file(sealed, archive, station.identity.age, context, cargo.digest, durably=False)
    sealed.unlink()
    received = offer.train.manifest.received
    # Cells take their default of what was not sent.
    keep_checked(archive, checked, tuple(map(as_output, received)), received)


def as_output(received: Received) -> Output:
    """What was sent as an output: a model of the declared arrays, or of one of its own name."""
    arrays = tuple(array.name for array in received.arrays) or (received.name,)
    return Output(name=received.name, kind="model", tensors=arrays)


def _decoded(inline: str, cargo: RoundCargo) -> bytes:
    sealed = sealed_of(inline, cargo)
    if sealed is None:
        # Central's part, which may be asked again: nobody signed this.
        raise RegistryError(
            "Central gave other values than were signed for this round.",
            "Ask central's operator.",
            code="received-unavailable",
        )
    return sealed


def _refused(why: str) -> OrderStationError:
    return OrderStationError(
        f"What was sent for this round cannot be used. {why}",
        "Correct the combine cells, and dispatch the train again.",
        code="order-received",
    )
