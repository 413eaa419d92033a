"""The extension as Jupyter Server loads it: one workspace, followed while the server runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

from jupyter_server.extension.application import ExtensionApp

from phtlab.lab.keys.agent import SECONDS, KeyAgent
from phtlab.lab.keys.key_files import WorkspaceKeys
from phtlab.lab.results.folder import remove_left_behind
from phtlab.lab.server.contents_root import ContentsRoot
from phtlab.lab.server.refusals import Refusal
from phtlab.lab.server.routes import routes
from phtlab.lab.server.streams import Streams
from phtlab.lab.server.threads import Threads
from phtlab.lab.workspace.twins import Twins
from phtlab.lab.workspace.workspace import Workspace


class PhtlabExtension(ExtensionApp):
    """phtlab in this Jupyter server. It needs no configuration: the profile and, in a hub, the
    environment say where central is."""

    name = "phtlab"
    description = "Stations, journeys, keys and results for phtlab's JupyterLab extension."

    def initialize_settings(self) -> None:
        remove_left_behind()
        twins = Twins()
        twins.announce()
        self.workspace = Workspace(keys=WorkspaceKeys(), twins=twins)
        self.agent = KeyAgent(self.workspace.keys, self._notebook_of, self._is_open)
        self.threads = Threads()
        self.streams = Streams()

    def initialize_handlers(self) -> None:
        parts = {
            "workspace": self.workspace,
            "threads": self.threads,
            "streams": self.streams,
        }
        self.handlers.extend((route.pattern, route.exchange, parts) for route in routes())
        try:
            self.agent.start()
        except OSError as error:
            self.log.warning("phtlab: kernels will ask for the passphrase: %s", error.strerror)
        self.workspace.start()

    def _sessions_of(self, kernel: str) -> list[str]:
        """The paths that are open for `kernel`, from a thread that is not the server's loop.

        Raises TimeoutError.
        """
        sessions = asyncio.run_coroutine_threadsafe(
            self.serverapp.session_manager.list_sessions(), self.serverapp.io_loop.asyncio_loop
        )
        return [s["path"] for s in sessions.result(SECONDS) if s["kernel"]["id"] == kernel]

    def _is_open(self, kernel: str) -> bool:
        """Whether something is open for `kernel`; also where that cannot be found out in time."""
        try:
            return bool(self._sessions_of(kernel))
        except TimeoutError:
            return True

    def _notebook_of(self, kernel: str) -> Path | None:
        """The notebook that is open for `kernel`, from a thread that is not the server's loop."""
        try:
            found = self._sessions_of(kernel)
            root = ContentsRoot.of(self.serverapp.contents_manager)
            return root.notebook(found[0]) if found else None
        except (TimeoutError, Refusal):
            return None

    async def stop_extension(self) -> None:
        """Let go of everything; what travels goes on without this server."""
        self.streams.close()
        self.agent.stop()
        self.workspace.stop()
        self.threads.close()
