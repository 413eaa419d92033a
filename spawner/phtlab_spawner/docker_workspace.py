"""A workspace as a container of this machine's engine."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import docker
import docker.errors
import requests
from dockerspawner import DockerSpawner
from jupyterhub.spawner import SpawnException
from tornado.httpclient import AsyncHTTPClient
from traitlets import default

from phtlab_spawner import spawn_failure
from phtlab_spawner.image_fetch import follow_pull
from phtlab_spawner.limits import size_in_bytes
from phtlab_spawner.spawn_progress import SpawnProgress
from phtlab_spawner.workspace_mixin import HOME, LABEL, ROOT, USER, WorkspaceMixin

# Seconds before the hub's start_timeout by which a reason must be reported.
_BEFORE_THE_HUB = 3
_LOG_LINES = 40


class WorkspaceSpawner(WorkspaceMixin, DockerSpawner):
    """A container without privileges, on a network that reaches only the reverse proxy.

    Its root file system is read-only; the home is a volume of its user. Neither a form nor the API
    can change what it is created from.
    """

    extra_host_config: Any
    extra_create_kwargs: Any
    read_only_volumes: Any

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._progress = SpawnProgress()

    @default("prefix")
    def _prefix(self) -> str:
        return "phtlab"

    @default("remove")
    def _leave_nothing(self) -> bool:
        return True

    @default("volumes")
    def _home(self) -> dict[str, str]:
        return {"{prefix}-home-{username}": HOME}

    async def start(self) -> tuple[str, int]:
        """Fetch the image if needed, start the container, wait until JupyterLab answers.

        Raises SpawnException, whose message is for the user.
        """
        deadline = time.monotonic() + self.start_timeout - _BEFORE_THE_HUB
        self._progress.begin()
        chosen = self.choose_workspace()
        self._progress.add(2, "The workspace image is looked for")
        if self.root_json and not Path(self.root_json).is_file():
            raise spawn_failure.root_missing(self.root_json)
        try:
            ip, port = await self._answering(chosen.memory, deadline)
        except SpawnException:
            # The hub stops a running container, but leaves one that has ended by itself.
            await self._remove_what_is_left()
            raise
        self._progress.add(95, "JupyterLab answers")
        return ip, port

    async def _answering(self, memory: str, deadline: float) -> tuple[str, int]:
        try:
            ip, port = await super().start()
            self._progress.add(85, "JupyterLab starts")
            await self._wait_for_answer(f"http://{ip}:{port}", memory, deadline)
        except (requests.ConnectionError, requests.Timeout):
            raise spawn_failure.engine_missing() from None
        except docker.errors.APIError as refused:
            raise self._refusal(refused) from None
        except docker.errors.DockerException:
            raise spawn_failure.engine_missing() from None
        return ip, port

    async def _remove_what_is_left(self) -> None:
        try:
            left = await self.get_object()
            if left and not left["State"]["Running"]:
                await self.remove_object()
                self.object_id = ""
        except (docker.errors.DockerException, requests.RequestException) as away:
            self.log.warning("%s is left behind: %s", self.object_name, away)

    async def stop(self, now: bool = False) -> None:
        """Stop and remove the container; the home stays."""
        if self.object_id:
            await super().stop(now)
        else:
            self.clear_state()

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Yield each step once, the image's own steps separate from those of the start."""
        async for event in self._progress.follow():
            yield event

    async def pull_image(self, image: str) -> None:
        """Fetch `image` unless it is here. Raises SpawnException if that fails."""
        try:
            await self.docker("inspect_image", image)
            if self.pull_policy.lower() != "always":
                return
        except docker.errors.ImageNotFound as missing:
            if self.pull_policy.lower() in ("never", "skip"):
                raise spawn_failure.image_missing(image, str(missing)) from None
        self._progress.add(5, "The workspace image is fetched")
        loop = asyncio.get_running_loop()

        def fetched(done: int, of: int) -> None:
            message = f"The workspace image is fetched: {done} of {of} layers"
            loop.call_soon_threadsafe(self._progress.add, 5 + 60 * done // of, message)

        def pull() -> str | None:
            # Not in the Spawner's single thread, in which all users' calls would wait for it.
            events = self.client.pull(image, stream=True, decode=True)
            return follow_pull(events, fetched)

        try:
            wrong = await asyncio.to_thread(pull)
        except docker.errors.APIError as refused:
            wrong = str(refused.explanation)
        if wrong is not None:
            raise spawn_failure.image_missing(image, wrong)

    async def get_command(self) -> list[str]:
        """Return the image's own command. Raises SpawnException if it has none."""
        if not self.cmd:
            image = await self.docker("inspect_image", self.image)
            if not image["Config"]["Cmd"]:
                raise spawn_failure.other_image(self.image)
        command: list[str] = await super().get_command()
        return command

    async def create_object(self) -> Any:
        """Create the container; its restrictions override all other configuration."""
        self._progress.add(70, "The workspace starts")
        before = self.extra_host_config, self.extra_create_kwargs, self.read_only_volumes
        host, create, volumes = before
        try:
            self.extra_host_config = {**await self._settled(host), **self._sealed_host()}
            self.extra_create_kwargs = {
                **await self._settled(create),
                "user": f"{USER}:{USER}",
                "hostname": "workspace",
                "labels": {LABEL: self.user.name},
            }
            if self.root_json:
                self.read_only_volumes = {**volumes, self.root_json: ROOT}
            return await super().create_object()
        finally:
            self.extra_host_config, self.extra_create_kwargs, self.read_only_volumes = before

    async def _settled(self, configured: Any) -> dict[str, Any]:
        """Return configured options, given as a value, a function or a coroutine function."""
        value = self._eval_if_callable(configured)
        if inspect.isawaitable(value):
            value = await value
        return dict(value)

    def _sealed_host(self) -> dict[str, Any]:
        chosen = self.workspace or self.choose_workspace()
        memory = size_in_bytes(chosen.memory)
        sealed: dict[str, Any] = {
            # stop() removes it: of a container that removes itself, the reason for its end is lost.
            "auto_remove": False,
            "cap_add": None,
            "cap_drop": ["ALL"],
            "ipc_mode": "private",
            "log_config": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}},
            "memswap_limit": memory,
            "network_mode": self.network_name,
            "pid_mode": None,
            "pids_limit": chosen.pids,
            "privileged": False,
            "read_only": True,
            "security_opt": ["no-new-privileges:true"],
            "tmpfs": {"/tmp": f"rw,nosuid,nodev,mode=1777,size={size_in_bytes(chosen.scratch)}"},  # noqa: S108
            "ulimits": [{"Name": "nofile", "Soft": chosen.files, "Hard": chosen.files}],
        }
        if self.proxy_host:
            # The name server is the reverse proxy, which resolves nothing: an engine that forwards
            # questions to its own resolvers would be a way out.
            sealed["dns"] = [self.proxy_host]
        return sealed

    async def _wait_for_answer(self, url: str, memory: str, deadline: float) -> None:
        """Return once `url` answers. Raises SpawnException if the container ends or is late."""
        client = AsyncHTTPClient()
        pause = 0.05
        while True:
            try:
                await client.fetch(
                    f"{url}{self.server.base_url}api", raise_error=False, request_timeout=5
                )
                return
            except OSError:
                pass  # nothing listens yet
            except Exception as odd:
                self.log.debug("The workspace does not answer yet: %r", odd)
            container = await self.get_object()
            state = container["State"] if container else {"ExitCode": None}
            if not container or not state["Running"]:
                raise spawn_failure.exited_early_failure(state, await self._log_tail(), memory)
            if time.monotonic() > deadline:
                raise spawn_failure.too_slow(self.start_timeout, await self._log_tail())
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.5)

    async def _log_tail(self) -> str:
        try:
            written: bytes = await self.docker("logs", self.object_id, tail=_LOG_LINES)
        except docker.errors.DockerException:
            return ""
        text = written.decode(errors="replace")
        return text.replace(self.api_token, "…") if self.api_token else text

    def _refusal(self, refused: docker.errors.APIError) -> SpawnException:
        explanation = str(refused.explanation or refused)
        if (
            "network" in explanation
            and self.network_name in explanation
            and "not found" in explanation
        ):
            return spawn_failure.network_missing(self.network_name)
        return spawn_failure.engine_refused(explanation)
