"""Shared by `phtlab station` commands: the station's folder, key and passphrase."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from phtlab.station.settings.folder import StationFolder
    from phtlab.station.settings.settings import StationSettings
    from phtlab.train.crypto.identity import Identity

DirectoryOption = Annotated[
    Path | None,
    typer.Option(
        "--directory", "-C", help="The station's folder; else PHTLAB_STATION, else this one."
    ),
]
PassphraseOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help="File to read the passphrase from. Default: PHTLAB_PASSPHRASE, else the systemd "
        "credential 'passphrase', else a prompt.",
    ),
]


def station_at(directory: Path | None) -> tuple[StationFolder, StationSettings]:
    """Return folder and settings of the named station. Raises SettingsError if there is none."""
    from phtlab.station.settings.folder import StationFolder
    from phtlab.station.settings.settings import load_settings, station_directory

    # Absolute, because only absolute paths can be bound into a sandbox.
    folder = StationFolder(station_directory(directory).absolute())
    return folder, load_settings(folder)


def identity_of(
    folder: StationFolder, settings: StationSettings, passphrase_file: Path | None
) -> Identity:
    """Return the station's opened key. Raises KeyFileError."""
    from phtlab.cli.terminal.passphrase import read_passphrase
    from phtlab.files.key_file import read_key

    passphrase = read_passphrase(f"the key of {settings.name}", given_passphrase(passphrase_file))
    return read_key(folder.key, passphrase)


def given_passphrase(given: Path | None) -> Path | None:
    """Return the passphrase file: `given`, else systemd's credential."""
    from phtlab.station.settings.settings import credential_file

    return given or credential_file()
