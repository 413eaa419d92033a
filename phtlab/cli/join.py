"""`phtlab join`: connect a person to a consortium for the first time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from phtlab.cli.terminal.named_file import confirmed_root
from phtlab.cli.terminal.output import err, print_next_steps
from phtlab.errors import SettingsError


def join(
    central: Annotated[str, typer.Option(help="Central's address, such as https://pht.example")],
    root: Annotated[
        Path, typer.Option(help="The consortium's root.json, from an officer you know.")
    ],
    key: Annotated[
        Path | None, typer.Option(help="Your key file. Default: the only key file that you have.")
    ] = None,
    fingerprint: Annotated[
        str | None,
        typer.Option(
            help="The root's fingerprint as an officer read it to you. Default: a prompt."
        ),
    ] = None,
) -> None:
    """Pin a consortium's root, and save central's address and your key for 'phtlab.connect()'."""
    from phtlab.trust_store.trust import Trust
    from phtlab.user_settings import UserSettings, config_directory
    from phtlab.wire.central.client import CentralClient

    content, _ = confirmed_root(root, fingerprint)
    directory = config_directory()
    own = (key or _only_key(directory)).absolute()
    profile = UserSettings(central.rstrip("/"), own, directory / "trust")
    client = CentralClient(profile.central, None)
    trust = Trust(profile.trust, client.tuf_fetcher(), client.metadata_url, client.targets_url)
    trust.pin(content)
    roster = trust.refresh().roster
    path = profile.save(directory)
    err.print(
        f"Joined [bold]{roster.consortium}[/]: {len(roster.stations)} stations, roster version "
        f"{roster.version}. Remembered in {path}."
    )
    print_next_steps("phtlab stations", "phtlab train check NOTEBOOK")


def _only_key(directory: Path) -> Path:
    found = sorted((directory / "keys").glob("*.key.age"))
    if len(found) != 1:
        raise SettingsError(
            f"There are {len(found)} keys in {directory / 'keys'}: name yours with --key."
        )
    return found[0]
