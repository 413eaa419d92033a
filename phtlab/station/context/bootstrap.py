"""Opens a station: its executor, its trust and its connections, from its folder and keys."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from phtlab.clock import utc_now
from phtlab.errors import SettingsError
from phtlab.station.context.artifact_store import RegistryArtifactStore
from phtlab.station.context.daemon_context import (
    DaemonContext,
)
from phtlab.station.context.roster_cache import RosterCache
from phtlab.station.executor.contract import Executor
from phtlab.station.settings.folder import StationFolder
from phtlab.station.settings.settings import StationSettings
from phtlab.train.crypto.identity import Identity
from phtlab.trust_store.trust import Trust
from phtlab.wire.central.client import CentralClient

EXECUTORS = "phtlab.executor"


def open_executor(folder: StationFolder, settings: StationSettings) -> Executor:
    """Return the settings' executor: `docker`, or one of the entry points `phtlab.executor`.

    It is called with `root` (a folder for its own use), `station` (the station's name and its
    folder's mark, since an engine may serve several stations) and the settings' `executor_options`.
    Raises SettingsError for an unknown name or options that it does not accept.
    """
    options: dict[str, Any] = {
        "root": folder.runs,
        "station": f"{settings.name}-{folder.mark()}",
        **settings.executor_options,
    }
    try:
        if settings.executor == "docker":
            from phtlab.station.executor.docker_executor import DockerExecutor

            return DockerExecutor(**options)
        for entry in entry_points(group=EXECUTORS, name=settings.executor):
            made: Executor = entry.load()(**options)
            return made
    except (TypeError, KeyError) as error:
        raise SettingsError(
            f"The executor '{settings.executor}' does not take these executor_options: {error}.",
            f"Mend {folder.settings}.",
        ) from None
    known = sorted({"docker", *(entry.name for entry in entry_points(group=EXECUTORS))})
    raise SettingsError(
        f"There is no executor '{settings.executor}'; there is: {', '.join(known)}.",
        f"Mend 'executor' in {folder.settings}.",
    )


def require_central(folder: StationFolder, settings: StationSettings) -> str:
    """Return central's address. Raises SettingsError if the station has not joined yet."""
    if settings.central is None:
        raise SettingsError(
            f"The station {settings.name} does not know central yet.",
            "Join the consortium first: 'phtlab station join --root root.json --central URL'.",
        )
    return settings.central


def trust_of(folder: StationFolder, central: CentralClient) -> Trust:
    """Return the consortium's trust store of the station, fetched over central's connection."""
    return Trust(folder.trust, central.tuf_fetcher(), central.metadata_url, central.targets_url)


def require_joined(folder: StationFolder, settings: StationSettings) -> None:
    """Raise SettingsError if no consortium's root is pinned."""
    with CentralClient(require_central(folder, settings)) as central:
        if not trust_of(folder, central).pinned:
            raise SettingsError(
                f"The station {settings.name} has joined no consortium yet.",
                f"Get root.json from an officer, and run 'phtlab station join -C {folder.path} "
                "--root root.json'.",
            )


def open_station(
    folder: StationFolder, settings: StationSettings, identity: Identity
) -> DaemonContext:
    """Return the context of the station in `folder`, with connections that are not open yet.

    Raises SettingsError if the key is of another station, or if the station has not joined.
    """
    if identity.name != settings.name:
        raise SettingsError(
            f"The key is of '{identity.name}', and this station is '{settings.name}'.",
            f"Mend 'name' in {folder.settings}, or put the station's own key into {folder.key}.",
        )
    folder.create()
    url = require_central(folder, settings)
    central = CentralClient(url, identity, consortium=lambda: trust.consortium)
    trust = trust_of(folder, central)
    cache = RosterCache(trust, settings.roster_refresh, lambda: utc_now().timestamp())
    return DaemonContext(
        folder=folder,
        settings=settings,
        identity=identity,
        central=central,
        artifacts=RegistryArtifactStore(central, settings.registry),
        executor=open_executor(folder, settings),
        roster_cache=cache,
    )
