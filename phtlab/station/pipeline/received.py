"""Cargo that the stop before handed on: fetched, opened, checked, and kept for the run."""

from __future__ import annotations

import shutil

from phtlab.errors import AirlockError, CentralError, OrderStationError, RegistryError, SealError
from phtlab.files.cargo_archive import unpack
from phtlab.files.durable_file import replaced_durably, sync_folder
from phtlab.files.sealed_file import open_file
from phtlab.station.airlock.received_values import keep_received, received_file
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.stops.stop import Stop
from phtlab.train.documents.manifest import TrainManifest
from phtlab.train.documents.order import cargo_context
from phtlab.train.documents.record import RecordedCargo
from phtlab.train.verify import DepartedStop


def receive(
    stop: Stop, station: DaemonContext, manifest: TrainManifest, before: DepartedStop
) -> str:
    """Keep what the stop `before` handed on in `stop.received`; return its cargo's digest.

    The folder has every value whole, or it is not there. Raises OrderStationError
    (``order-received``) if the cargo is not for this station or not what `manifest` declares,
    RegistryError (``received-unavailable``) or RegistryUnreachableError if it cannot be fetched,
    and OSError if it cannot be written.
    """
    sender = before.record.station
    cargo = before.record.cargo_of("next")
    if cargo is None:  # verified: a stop before another one hands something on
        raise _refused(sender, "It handed nothing on.")
    most = station.policy().hand_on.received
    if cargo.size > most:
        raise _refused(sender, f"It has {cargo.size} bytes; this station receives {most} at most.")
    forget_received(stop)
    stop.receiving.mkdir(mode=0o700)
    try:
        _keep(stop, station, manifest, before, cargo)
    except SealError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None  # a full disk: no fault of the sender's
        raise _refused(sender, error.message) from None
    finally:
        shutil.rmtree(stop.receiving, ignore_errors=True)
    return cargo.digest


def forget_received(stop: Stop) -> None:
    """Remove what the stop received, and what a killed station left while it received."""
    for folder in (stop.receiving, stop.received, stop.job / "received", stop.job / "rounds"):
        shutil.rmtree(folder, ignore_errors=True)


def _keep(
    stop: Stop,
    station: DaemonContext,
    manifest: TrainManifest,
    before: DepartedStop,
    cargo: RecordedCargo,
) -> None:
    sender = before.record.station
    sealed, archive = stop.receiving / "received.age", stop.receiving / "received.tar"
    opened, checked = stop.receiving / "opened", stop.receiving / "checked"
    try:
        station.artifacts.fetch_cargo(before.journey, sender, cargo.digest, sealed, cargo.size)
    except (RegistryError, CentralError) as error:
        if error.code == "token-expired":
            raise
        raise RegistryError(error.message, error.hint, code="received-unavailable") from None
    context = cargo_context(before.journey, before.order, sender, "next")
    open_file(sealed, archive, station.identity.age, context, cargo.digest, recipients=1)
    sealed.unlink()
    opened.mkdir(mode=0o700)
    present = unpack(archive, opened, manifest.handed_on)
    archive.unlink()
    checked.mkdir(mode=0o700)
    for received in manifest.received:
        output = present.get(received.name)
        if output is None:
            raise _refused(sender, f"It did not hand on '{received.name}'.")
        name = received_file(output)
        try:
            with replaced_durably(checked / name) as target:
                keep_received(output, received, opened / name, target)
        except AirlockError as error:
            why = f"'{output.name}' is not what the train declares. {error.message}"
            raise _refused(sender, why) from None
    checked.rename(stop.received)
    sync_folder(stop.path)


def _refused(sender: str, why: str) -> OrderStationError:
    return OrderStationError(
        f"What {sender} handed on cannot be used. {why}",
        f"Ask {sender}'s operator, or dispatch the train again without {sender}.",
        code="order-received",
    )
