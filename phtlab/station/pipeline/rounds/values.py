"""Values that the combine cells sent: fetched, opened, checked, and kept for the run."""

from __future__ import annotations

import base64
import binascii
import hashlib
import shutil
from pathlib import Path

from phtlab.errors import AirlockError, CentralError, OrderStationError, RegistryError, SealError
from phtlab.files.cargo_archive import unpack
from phtlab.files.durable_file import replaced_durably, sync_folder
from phtlab.files.sealed_file import open_file
from phtlab.station.airlock.received_values import keep_received, received_file
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.pipeline.rounds.round_files import RoundFolder, RoundMarker
from phtlab.station.stops.file_contents import VerifiedOffer
from phtlab.train.documents.manifest import Output, Received
from phtlab.train.documents.round import RoundCargo, round_context


def keep_values(
    folder: RoundFolder,
    station: DaemonContext,
    journey: str,
    offer: VerifiedOffer,
    cargo: RoundCargo | None,
    inline: str | None,
) -> None:
    """Keep what was sent for a round in its folder `values`: every value whole, or no folder.

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
            _check(draft, checked, folder.number, station, journey, offer, cargo, inline)
        checked.rename(folder.path_of(RoundMarker.VALUES))
        sync_folder(folder.path)
    except SealError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None  # a full disk: no fault of the sender's
        raise _refused(error.message) from None
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
    sealed, archive, opened = draft / "values.age", draft / "values.tar", draft / "opened"
    if inline is None:
        _fetch(station, journey, cargo, sealed)
    else:
        sealed.write_bytes(_decoded(inline, cargo))
    context = round_context(journey, offer.order, "values", number)
    open_file(sealed, archive, station.identity.age, context, cargo.digest)
    sealed.unlink()
    opened.mkdir(mode=0o700)
    manifest = offer.train.manifest
    declared = tuple(map(_as_output, manifest.received))
    present = unpack(archive, opened, declared)
    archive.unlink()
    for received in manifest.received:
        output = present.get(received.name)
        if output is None:
            continue  # its cells take their default
        name = received_file(output)
        try:
            with replaced_durably(checked / name) as target:
                keep_received(output, received, opened / name, target)
        except AirlockError as error:
            raise _refused(
                f"'{output.name}' is not what the train declares. {error.message}"
            ) from None


def _as_output(received: Received) -> Output:
    """What was sent as an output: a model of the declared arrays, or of one of its own name."""
    arrays = tuple(array.name for array in received.arrays) or (received.name,)
    return Output(name=received.name, kind="model", tensors=arrays)


def _fetch(station: DaemonContext, journey: str, cargo: RoundCargo, sealed: Path) -> None:
    try:
        station.artifacts.fetch_values(journey, cargo.digest, sealed, cargo.size)
    except (RegistryError, CentralError) as error:
        if error.code == "token-expired":
            raise
        raise RegistryError(error.message, error.hint, code="received-unavailable") from None


def _decoded(inline: str, cargo: RoundCargo) -> bytes:
    try:
        content = base64.b64decode(inline, validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != cargo.digest:
        # Central's part, which may be asked again: nobody signed this.
        raise RegistryError(
            "Central gave other values than were signed for this round.",
            "Ask central's operator.",
            code="received-unavailable",
        )
    return content


def _refused(why: str) -> OrderStationError:
    return OrderStationError(
        f"What was sent for this round cannot be used. {why}",
        "Correct the combine cells, and dispatch the train again.",
        code="order-received",
    )
