"""Network of the workspaces: isolated from outside and each other, with one reverse proxy."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import docker.errors
import docker.types

from phtlab.errors import SettingsError
from phtlab.kernel import container_engine
from phtlab_spawner.firewall import Firewall

if TYPE_CHECKING:
    import docker

PORT = 8787
_NO_ADDRESS = "0.0.0.0"  # noqa: S104 - where none is needed
_ICC = "com.docker.network.bridge.enable_icc"
_BRIDGE = "com.docker.network.bridge.name"


@dataclass(frozen=True)
class WorkspaceNetwork:
    """The engine's network `name` on the interface `bridge`; `port` is the reverse proxy's.

    By default the engine chooses a `subnet` that this machine has no route to yet; a site can set
    addresses of its own, such as 10.77.0.0/24.
    """

    name: str = "phtlab-workspaces"
    bridge: str = "phtlab0"
    port: int = PORT
    subnet: str | None = None

    def require(self) -> None:
        """Raise SettingsError if this machine or this user cannot isolate workspaces."""
        self._firewall(_NO_ADDRESS).require()

    def ensure(self) -> tuple[str, str]:
        """Make network and firewall rules, or check that they are as required.

        Returns the network's name and the address of its gateway, on which the reverse proxy
        listens. Raises SettingsError for a network that is less strict, EngineMissingError.
        """
        with container_engine() as engine:
            found = self._find(engine) or self._make(engine)
            gateway = self._checked(found)
        self._firewall(gateway).ensure()
        return self.name, gateway

    def remove(self) -> None:
        """Remove network and rules. Raises SettingsError while a workspace uses them."""
        with container_engine() as engine:
            found = self._find(engine)
            if found is not None:
                try:
                    engine.api.remove_network(found["Id"])
                except docker.errors.NotFound:
                    pass
                except docker.errors.APIError as refused:
                    raise SettingsError(
                        f"The network {self.name} is still in use: {refused.explanation}.",
                        "Stop the workspaces first, in the hub's admin page.",
                        code="workspace-network-used",
                    ) from None
        self._firewall(_NO_ADDRESS).remove()

    def _firewall(self, gateway: str) -> Firewall:
        return Firewall(self.bridge, gateway, self.port)

    def _find(self, engine: docker.DockerClient) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = engine.api.inspect_network(self.name)
        except docker.errors.NotFound:
            return None
        return found

    def _make(self, engine: docker.DockerClient) -> dict[str, Any]:
        pool = self._pool()
        try:
            engine.api.create_network(
                self.name,
                driver="bridge",
                internal=True,
                check_duplicate=True,
                ipam=pool,
                options={_ICC: "false", _BRIDGE: self.bridge},
                labels={"org.phtlab": "workspaces"},
            )
        except docker.errors.APIError as refused:
            if refused.status_code != 409:  # another process has just made it
                raise SettingsError(
                    f"The container engine does not make the network {self.name}: "
                    f"{refused.explanation}",
                    code="workspace-network-refused",
                ) from None
        found: dict[str, Any] = engine.api.inspect_network(self.name)
        return found

    def _pool(self) -> docker.types.IPAMConfig | None:
        """Return the configured range, the first address the gateway's; None: engine's choice."""
        if not self.subnet:
            return None
        try:
            gateway = str(next(ipaddress.IPv4Network(self.subnet).hosts()))
        except ValueError:
            raise SettingsError(
                f"'{self.subnet}' is no range of addresses; write it as 10.77.0.0/24.",
                code="workspace-subnet",
            ) from None
        pool = docker.types.IPAMPool(self.subnet, gateway=gateway)
        return docker.types.IPAMConfig(pool_configs=[pool])

    def _checked(self, found: dict[str, Any]) -> str:
        """Return the gateway of a network as required. Raises SettingsError for any other."""
        options = found.get("Options") or {}
        wrong = [
            what
            for what, holds in (
                ("it has an outside", found["Internal"]),
                ("its containers reach each other", options.get(_ICC) == "false"),
                (f"its bridge is not {self.bridge}", options.get(_BRIDGE) == self.bridge),
                ("it has IPv6", not found.get("EnableIPv6")),
            )
            if not holds
        ]
        if wrong:
            raise SettingsError(
                f"The network {self.name} is not one for workspaces: {', and '.join(wrong)}.",
                f"Remove it with 'docker network rm {self.name}'; it is made anew.",
                code="workspace-network",
            )
        pools = [pool for pool in found["IPAM"]["Config"] if "Gateway" in pool]
        if not pools:
            raise SettingsError(
                f"The network {self.name} has no gateway, at which the reverse proxy could open.",
                f"Remove it with 'docker network rm {self.name}'; it is made anew.",
                code="workspace-network",
            )
        return str(pools[0]["Gateway"]).partition("/")[0]
