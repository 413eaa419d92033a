"""A workspace as a service of a Docker swarm."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import docker.errors
import requests
from docker.types import Mount, Resources, RestartPolicy
from dockerspawner import SwarmSpawner
from traitlets import Unicode, default

from phtlab_spawner import spawn_failure
from phtlab_spawner.limits import Workspace, size_in_bytes
from phtlab_spawner.workspace_mixin import HOME, LABEL, ROOT, USER, WorkspaceMixin

# Seconds before the hub's start_timeout by which a reason must be reported.
_BEFORE_THE_HUB = 3
_ENDED = frozenset({"complete", "failed", "shutdown", "rejected", "orphaned", "remove", "gone"})


class SwarmWorkspaceSpawner(WorkspaceMixin, SwarmSpawner):
    """A service of one container without privileges, on an internal overlay network.

    A swarm cannot limit open files (`files`) or swap: both are set on each node. So is
    `no-new-privileges` (dockerd's `no-new-privileges: true`). The home is a volume of the node,
    unless `volume_driver` names a driver that all nodes share.
    """

    root_config = Unicode(
        help="""The name of the swarm's config that holds root.json, made by
        `docker config create NAME root.json`; instead of root_json, which is one machine's."""
    ).tag(config=True)

    extra_container_spec: Any
    extra_create_kwargs: Any
    extra_task_spec: Any

    @default("prefix")
    def _prefix(self) -> str:
        return "phtlab"

    @default("volumes")
    def _home(self) -> dict[str, str]:
        return {"{prefix}-home-{username}": HOME}

    @default("cmd")
    def _command(self) -> list[str]:
        # The node that the hub asks need not have the image, so its command cannot be inspected.
        return ["jupyterhub-singleuser"]

    @property
    def mounts(self) -> list[Mount]:
        """The home as a volume, never as a folder of the node, and /tmp in memory."""
        scratch = (self.workspace or self.choose_workspace()).scratch
        return [
            *(
                Mount(
                    target=volume["bind"],
                    source=name,
                    type="volume",
                    read_only=volume["mode"] == "ro",
                    driver_config=self.mount_driver_config,
                    labels={LABEL: self.user.name},
                )
                for name, volume in self.volume_binds.items()
            ),
            Mount(
                target="/tmp",  # noqa: S108 - inside the container
                source=None,
                type="tmpfs",
                tmpfs_size=size_in_bytes(scratch),
                tmpfs_mode=0o1777,
            ),
        ]

    async def start(self) -> Any:
        """Create the service and wait until it runs. Raises SpawnException."""
        chosen = self.choose_workspace()
        before = self.extra_container_spec, self.extra_create_kwargs, self.extra_task_spec
        container, create, task = before
        try:
            self.extra_container_spec = {**container, **await self._sealed()}
            self.extra_create_kwargs = {**create, "labels": {LABEL: self.user.name}}
            self.extra_task_spec = {
                **task,
                "resources": self._resources(chosen),
                # The hub notices that a workspace ended; a restart by the swarm would add another.
                "restart_policy": RestartPolicy(condition="none"),
            }
            return await super().start()
        except (requests.ConnectionError, requests.Timeout):
            raise spawn_failure.engine_missing() from None
        except docker.errors.APIError as refused:
            raise spawn_failure.engine_refused(str(refused.explanation or refused)) from None
        except docker.errors.DockerException:
            raise spawn_failure.engine_missing() from None
        finally:
            self.extra_container_spec, self.extra_create_kwargs, self.extra_task_spec = before

    async def start_object(self) -> None:
        """Wait until the service's container runs. Raises SpawnException with the reason else."""
        deadline = time.monotonic() + self.start_timeout - _BEFORE_THE_HUB
        pause = 0.1
        while True:
            task = await self.get_task()
            status = task["Status"] if task else {"State": "gone"}
            state, state_text = status["State"], status.get("Err") or ""
            if state == "running":
                return
            if "No such image" in state_text:
                raise spawn_failure.image_missing(self.image, state_text)
            if state in _ENDED:
                raise spawn_failure.engine_refused(state_text or f"its task is {state}")
            if time.monotonic() > deadline:
                raise spawn_failure.no_capacity_failure(state_text)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 2)

    def get_env(self) -> dict[str, str]:
        """Return the variables of every workspace, with the root where the swarm's config is."""
        env = super().get_env()
        if self.root_config:
            env["PHTLAB_ROOT"] = ROOT
        return env

    def _resources(self, chosen: Workspace) -> Resources:
        made = Resources(
            cpu_limit=int(chosen.cpu * 1e9),
            mem_limit=size_in_bytes(chosen.memory),
            cpu_reservation=int(self.cpu_guarantee * 1e9) if self.cpu_guarantee else None,
            mem_reservation=self.mem_guarantee,
        )
        # Engine API 1.41; the library does not support it.
        made["Limits"]["Pids"] = chosen.pids
        return made

    async def _sealed(self) -> dict[str, Any]:
        sealed: dict[str, Any] = {
            "cap_drop": ["ALL"],
            "hostname": "workspace",
            "read_only": True,
            "user": f"{USER}:{USER}",
        }
        if self.root_config:
            sealed["configs"] = [await self._root()]
        return sealed

    async def _root(self) -> docker.types.ConfigReference:
        found = await self.docker("configs", filters={"name": self.root_config})
        for config in found:
            if config["Spec"]["Name"] == self.root_config:
                return docker.types.ConfigReference(
                    config["ID"], self.root_config, filename=ROOT, mode=0o444
                )
        raise spawn_failure.root_config_missing(self.root_config)
