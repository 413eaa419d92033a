"""What everyone's Lab needs on the demonstration's hub, in containers or without."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from phtlab.demo.world import Step
from phtlab.kernel import (
    BuildEvent,
    build_kernel,
    build_workspace,
    container_engine,
    load_workspace,
    read_workspace_recipe,
)
from phtlab.kernel.root import USER
from phtlab.share import share
from phtlab.user_settings import cache_directory

if TYPE_CHECKING:
    import docker

    from phtlab_hub.settings import HubSettings
    from phtlab_spawner import ReverseProxy, WorkspaceNetwork


class Workspaces(ABC):
    """Environment of the workspaces: image, network, homes. Each method may be repeated."""

    @abstractmethod
    def require(self) -> None:
        """Raise SettingsError or EngineMissingError for what this machine lacks."""

    @abstractmethod
    def prepare(self, step: Step) -> dict[str, object]:
        """Make what is missing; return its settings for hub.toml."""

    @abstractmethod
    def open(self, settings: HubSettings) -> None:
        """Let workspaces reach the services that `settings` name."""

    @abstractmethod
    def place_key(self, settings: HubSettings, name: str, key: Path) -> None:
        """Put `key` where the Lab of `name` looks for it, unless `name` has a home already."""

    @abstractmethod
    def close(self) -> None:
        """Remove remaining workspaces, and what `prepare` and `open` made. Homes stay."""

    @abstractmethod
    def forget(self) -> None:
        """Remove everyone's home."""


@dataclass(frozen=True)
class LocalWorkspaces(Workspaces):
    """Workspaces as processes of the hub's user; homes are folders of the hub's."""

    hub: Path

    def require(self) -> None:
        """Do nothing: only the hub itself is needed."""

    def prepare(self, step: Step) -> dict[str, object]:
        return {}

    def open(self, settings: HubSettings) -> None:
        """Do nothing: the services are on this machine."""

    def place_key(self, settings: HubSettings, name: str, key: Path) -> None:
        home = settings.directory / "homes" / name
        if not home.exists():
            keys = home / ".config" / "phtlab" / "keys"
            keys.mkdir(parents=True, mode=0o700)
            shutil.copyfile(key, keys / key.name)
            (keys / key.name).chmod(0o600)

    def close(self) -> None:
        """Do nothing: these workspaces end with the hub."""

    def forget(self) -> None:
        shutil.rmtree(self.hub / "homes", ignore_errors=True)


@dataclass(frozen=True)
class DockerWorkspaces(Workspaces):
    """Containers of the workspace image, on a network that reaches only the reverse proxy.

    Names contain a digest of `hub`, the hub's folder, so that hubs of one machine do not collide.
    """

    hub: Path

    @property
    def name(self) -> str:
        digest = hashlib.sha256(str(self.hub).encode()).hexdigest()
        return f"phtlab-{digest[:8]}"

    @property
    def network(self) -> WorkspaceNetwork:
        from phtlab_spawner import WorkspaceNetwork

        # A network interface's name has at most 15 characters.
        return WorkspaceNetwork(self.name, bridge=self.name.replace("-", ""))

    def require(self) -> None:
        from phtlab_spawner.reverse_proxy import require_nginx

        require_nginx()
        self.network.require()

    def prepare(self, step: Step) -> dict[str, object]:
        image = self._provide_image(step)
        step("the network of the workspaces")
        network, gateway = self.network.ensure()
        return {
            "image": image,
            "network": network,
            "prefix": self.name,
            "reverse_proxy": f"http://{gateway}:{self.network.port}",
        }

    def open(self, settings: HubSettings) -> None:
        reverse_proxy = self._reverse_proxy(settings.reverse_proxy, settings)
        written = reverse_proxy.directory / "nginx.conf"
        if written.exists() and written.read_text() != reverse_proxy.configuration():
            reverse_proxy.stop()  # the services behind it have moved
        reverse_proxy.start()

    def place_key(self, settings: HubSettings, name: str, key: Path) -> None:
        home = read_workspace_recipe(share("spawner/workspace")).home
        with container_engine() as engine:
            volume = self._home_of(name)
            if _exists(engine, volume):
                return
            engine.volumes.create(volume, labels={"org.phtlab": "home"})
            # Never started: through it, the engine writes into the volume.
            container = engine.containers.create(
                settings.image, volumes={volume: {"bind": home, "mode": "rw"}}, network_mode="none"
            )
            try:
                container.put_archive(home, _key_archive(key))
            finally:
                container.remove()

    def close(self) -> None:
        with container_engine() as engine:
            for container in engine.containers.list(
                all=True, filters={"label": "org.phtlab.user", "name": f"^/{self.name}-"}
            ):
                container.remove(force=True)
        self._reverse_proxy("http://127.0.0.1").stop()
        self.network.remove()

    def forget(self) -> None:
        with container_engine() as engine:
            for volume in engine.volumes.list(filters={"name": f"{self.name}-home-"}):
                volume.remove()

    def _provide_image(self, step: Step) -> str:
        def report(event: BuildEvent) -> None:
            if event.seconds is None:
                step(f"the workspace image: {event.title}")

        cache = cache_directory() / "kernel-images"
        kernel = build_kernel(share("kernels/python"), cache, report)
        workspace = build_workspace(share("spawner/workspace"), kernel, cache, report)
        step("the workspace image goes to the engine")
        with container_engine() as engine:
            return load_workspace(workspace, engine)

    def _reverse_proxy(self, url: str, settings: HubSettings | None = None) -> ReverseProxy:
        from urllib.parse import urlsplit

        from phtlab_spawner import ReverseProxy

        address = urlsplit(url)
        behind = {"hub": url, "central": url, "registry": url}
        if settings is not None:
            behind = {
                "hub": f"http://{settings.hub_listen}",
                "central": settings.central,
                "registry": settings.registry,
            }
        return ReverseProxy(
            self.hub.parent / "services",
            address.hostname or "",
            address.port or self.network.port,
            **behind,
        )

    def _home_of(self, name: str) -> str:
        # As DockerSpawner escapes names; a member's name has nothing else to escape.
        return f"{self.name}-home-{name.replace('-', '-2d')}"


def _exists(engine: docker.DockerClient, volume: str) -> bool:
    return any(found.name == volume for found in engine.volumes.list(filters={"name": volume}))


def _key_archive(key: Path) -> bytes:
    """Return an archive of `.config/phtlab/keys/` with the key, accessible to its owner only."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:

        def add(name: str, mode: int, data: bytes | None = None) -> None:
            entry = tarfile.TarInfo(name)
            entry.uid = entry.gid = USER
            entry.mode = mode
            entry.mtime = int(time.time())
            if data is None:
                entry.type = tarfile.DIRTYPE
                archive.addfile(entry)
            else:
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))

        for folder in (".config", ".config/phtlab", ".config/phtlab/keys"):
            add(folder, 0o700)
        add(f".config/phtlab/keys/{key.name}", 0o600, key.read_bytes())
    return content.getvalue()
