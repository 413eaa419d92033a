"""Cargo that the stop before handed on: fetched, opened, checked, and kept for the run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from phtlab.errors import (
    AirlockError,
    CentralError,
    OrderStationError,
    PhtlabError,
    RegistryError,
    SealError,
)
from phtlab.files.cargo_archive import unpack
from phtlab.files.durable_file import (
    replaced_at_once,
    replaced_durably,
    replaced_whole,
    sync_folder,
)
from phtlab.files.sealed_file import open_file
from phtlab.station.airlock.received_values import keep_received, received_file
from phtlab.station.context.daemon_context import DaemonContext
from phtlab.station.stops.stop import Stop
from phtlab.train.documents.manifest import Output, Received, TrainManifest
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
        with received_or_refused(partial(_refused, sender)):
            _keep(stop, station, manifest, before, cargo)
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
    checked = stop.receiving / "checked"
    with fetching():
        station.artifacts.fetch_cargo(before.journey, sender, cargo.digest, sealed, cargo.size)
    context = cargo_context(before.journey, before.order, sender, "next")
    checked.mkdir(mode=0o700)
    open_file(
        sealed, archive, station.identity.age, context, cargo.digest, recipients=1, durably=False
    )
    sealed.unlink()
    present = keep_checked(archive, checked, manifest.handed_on, manifest.received)
    for received in manifest.received:
        if received.name not in present:
            raise _refused(sender, f"It did not hand on '{received.name}'.")
    checked.rename(stop.received)
    sync_folder(stop.path)


def keep_checked(
    archive: Path, checked: Path, declared: tuple[Output, ...], received: Iterable[Received]
) -> Collection[str]:
    """Keep the values in `archive` that are `received` in `checked`; return the names it has.

    `archive` goes; the names in `checked` are synced. Raises SealError for another archive than of
    `declared` outputs, AirlockError for a value that is not as declared.
    """
    opened = archive.with_suffix(".opened")
    opened.mkdir(mode=0o700)
    present = unpack(archive, opened, declared)
    archive.unlink()
    for value in received:
        if (output := present.get(value.name)) is not None:
            name = received_file(output)
            try:
                with replaced_whole(checked / name) as target:
                    keep_received(output, value, opened / name, target)
            except AirlockError as error:
                why = f"'{output.name}' is not what the train declares. {error.message}"
                raise AirlockError(why) from None
    sync_folder(checked)
    return present.keys()


@contextmanager
def received_or_refused(refused: Callable[[str], PhtlabError]) -> Iterator[None]:
    """Raise what `refused` makes of a reason where content cannot be opened, or is not as declared.

    A full disk is no fault of the sender's: OSError.
    """
    try:
        yield
    except AirlockError as error:
        raise refused(error.message) from None
    except SealError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None
        raise refused(error.message) from None


@contextmanager
def fetching(code: str = "received-unavailable") -> Iterator[None]:
    """Raise RegistryError with this `code` where nothing can be fetched."""
    try:
        yield
    except (RegistryError, CentralError) as error:
        if error.code == "token-expired":
            raise
        raise RegistryError(error.message, error.hint, code=code) from None


def give_to_run(values: Path, target: Path, *, durably: bool = True) -> None:
    """Copy `values` into the folder `target`, which the run reads.

    What is not copied `durably` is given again to a run that starts after a power cut.
    """
    target.mkdir(mode=0o755)
    target.chmod(0o755)
    for value in values.iterdir():
        give_file_to_run(value, target / value.name, durably=durably)


def give_file_to_run(value: Path, target: Path, *, durably: bool = True) -> None:
    """Copy the file `value` to `target`, which the run reads; see `give_to_run`."""
    replaced = replaced_durably if durably else replaced_at_once
    with value.open("rb") as source, replaced(target, 0o644) as copy:
        shutil.copyfileobj(source, copy)


def _refused(sender: str, why: str) -> OrderStationError:
    return OrderStationError(
        f"What {sender} handed on cannot be used. {why}",
        f"Ask {sender}'s operator, or dispatch the train again without {sender}.",
        code="order-received",
    )
