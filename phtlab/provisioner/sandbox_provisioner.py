"""Jupyter's provisioner for a kernel in the sandbox (`phtlab-sandbox`)."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Float, Integer, Unicode

from phtlab.errors import SandboxError
from phtlab.provisioner.kernel_container import KernelContainer
from phtlab.provisioner.kernel_folder import KernelFolder
from phtlab.runtime.kernel_process import PORTS
from phtlab.station.executor.contract import MIB, Limits

_DEFAULTS = Limits()


class SandboxProvisioner(KernelProvisionerBase):
    """A kernel in a kernel image's container, within the limits that a station sets for a run.

    No network, a read-only file system, no capabilities, the station's seccomp profile and limits.
    Messages pass through unix sockets in a folder that is bound in. Set the traits in the
    kernelspec (`phtlab kernel install` writes it) or in Jupyter's configuration.
    """

    image = Unicode(help="The kernel image, by digest: host:port/repository@sha256:…").tag(
        config=True
    )
    datasets = Unicode(
        help="The JSON file that declares the data sets; empty: the file that PHTLAB_DATASETS names"
    ).tag(config=True)
    folder = Unicode(help="Folder for the kernels' folders; empty: TMPDIR, else /tmp").tag(
        config=True
    )
    memory_mib = Integer(_DEFAULTS.memory_bytes // MIB, min=64, help="Memory, without swap").tag(
        config=True
    )
    cpus = Float(_DEFAULTS.cpus, min=0.01, help="Processors").tag(config=True)
    pids = Integer(_DEFAULTS.pids, min=8, help="Processes and threads").tag(config=True)
    start_seconds = Float(30.0, min=0.1, help="Seconds that the kernel may take to answer").tag(
        config=True
    )

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._folder: KernelFolder | None = None
        self._container: KernelContainer | None = None
        # A container that the engine did not remove: it may still run, and write to the folder.
        self._remains: KernelContainer | None = None
        self._ended: int | None = None

    @property
    def has_process(self) -> bool:
        return self._container is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Set Jupyter's connection to the sockets in the kernel's folder."""
        if self._folder is None:
            self._folder = KernelFolder.make(self.folder)
        manager: Any = self.parent
        manager.transport, manager.ip = "ipc", self._folder.address
        for name, port in PORTS.items():
            setattr(manager, f"{name}_port", port)
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        # Arguments of the kernel's command, which the image defines here.
        kwargs.pop("extra_arguments", None)
        return await super().pre_launch(cmd=list(self.kernel_spec.argv), **kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start the container, and return once the kernel listens.

        Raises EngineMissingError, SandboxError, DataSetError.
        """
        declared = self.datasets or kwargs["env"].get("PHTLAB_DATASETS", "")
        self._ended = None
        launch = asyncio.ensure_future(asyncio.to_thread(self._launch, declared))
        try:
            self._container = await asyncio.shield(launch)
        except BaseException:
            # Interrupted while the engine was starting it: remove the container once it exists.
            launch.add_done_callback(_remove_started)
            await self.cleanup()
            raise
        return self.connection_info

    async def poll(self) -> int | None:
        if self._container is None:
            return 0 if self._ended is None else self._ended
        if self._ended is None:
            self._ended = await asyncio.to_thread(self._container.exit_code)
            if self._ended is not None:
                why = await asyncio.to_thread(self._container.why)
                log = self.log.warning if why else self.log.info
                log("The sandboxed kernel ended: exit code %s%s", self._ended, why)
        return self._ended

    async def wait(self) -> int | None:
        while await self.poll() is None:
            await asyncio.sleep(0.05)
        await self._remove_container()
        return self._ended

    async def send_signal(self, signum: int) -> None:
        if signum and self._container is not None:
            await asyncio.to_thread(self._container.signal, signal.Signals(signum).name)

    async def kill(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGTERM)

    async def cleanup(self, restart: bool = False) -> None:
        """Remove the container's remains and, unless a start follows, the folder."""
        await self._remove_container()
        if self._folder is not None and not restart:
            await asyncio.to_thread(self._folder.remove)
            # The next kernel gets a new folder, which this kernel's remains cannot access.
            self._folder = self._remains = None

    async def _remove_container(self) -> None:
        container, self._container = self._container, None
        container = container or self._remains
        if container is not None:
            removed = await asyncio.to_thread(container.remove)
            self._remains = None if removed else container

    def _launch(self, declared: str) -> KernelContainer:
        if self._remains is not None:
            raise SandboxError(
                "The container engine did not remove the kernel that ran before, so no other one "
                "takes its place.",
                "See that the engine answers ('docker ps'), then start the kernel again.",
                code="kernel-start",
            )
        if not self.image:
            raise SandboxError(
                "No kernel image is named for this kernel.",
                "Run 'phtlab kernel install' again.",
                code="kernel-image-missing",
            )
        assert self._folder is not None  # noqa: S101 (pre_launch made it)
        key = self.connection_info["key"]
        self._folder.connect(
            key.decode() if isinstance(key, bytes) else key,
            self.connection_info["signature_scheme"],
        )
        limits = Limits(memory_bytes=self.memory_mib * MIB, cpus=self.cpus, pids=self.pids)
        data = self._folder.data(str(Path(declared).expanduser()) if declared else "")
        container = KernelContainer(self.image, self._folder, data, limits)
        try:
            container.wait_until_listening(self.start_seconds)
        except BaseException:
            container.remove()
            raise
        return container


def _remove_started(launch: asyncio.Future[KernelContainer]) -> None:
    if not launch.cancelled() and launch.exception() is None:
        launch.result().remove()
