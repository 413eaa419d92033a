"""Central as a process: uvicorn, which releases waiting requests when it shuts down."""

from __future__ import annotations

import contextlib
import gc
import socket
import threading
from collections.abc import Iterator

import uvicorn

from phtlab.central.app import create_app
from phtlab.central.changes.bus import ChangeBus
from phtlab.central.context import CentralContext
from phtlab.central.limits.protocol import bounded_protocol
from phtlab.central.settings import CentralSettings
from phtlab.errors import SettingsError
from phtlab.files.durable_file import remove_dead_drafts


class CentralServer(uvicorn.Server):
    """A server that ends long polls and streams before it waits for requests to finish."""

    def __init__(self, config: uvicorn.Config, changes: ChangeBus) -> None:
        super().__init__(config)
        self._bus = changes

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._bus.close()
        await super().shutdown(sockets)


def serve(settings: CentralSettings) -> None:
    """Serve until SIGTERM or SIGINT. Raises SettingsError if the address is taken."""
    services = CentralContext.of(settings)
    with _bound(settings) as listening:
        server = _server(settings, services)
        # Exempt the objects of the start from collection: it would pause all requests for a third
        # of a second now and then. The others are collected less often, too.
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)
        server.run(sockets=[listening])


@contextlib.contextmanager
def serving(settings: CentralSettings, services: CentralContext | None = None) -> Iterator[str]:
    """Serve in a thread of this process and yield the address: for tests and notebooks.

    Port 0 in `listen` selects a free port.
    """
    parts = services or CentralContext.of(settings)
    with _bound(settings) as listening:
        server = _server(settings, parts)
        thread = threading.Thread(target=server.run, args=([listening],), name="central")
        thread.start()
        try:
            yield f"http://{settings.host}:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _server(settings: CentralSettings, services: CentralContext) -> CentralServer:
    # Only this folder: the registry's folder below has no drafts of durable writes.
    remove_dead_drafts(settings.directory)
    config = uvicorn.Config(
        create_app(settings, services),
        log_config=None,
        access_log=False,
        server_header=False,
        http=bounded_protocol(services.concurrency),
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=5,
        timeout_keep_alive=75,
    )
    return CentralServer(config, services.bus)


@contextlib.contextmanager
def _bound(settings: CentralSettings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Named by its protocol, since asyncio sets TCP_NODELAY only where it is: without it the body of
    # an answer waits for the acknowledgement of its head, which a client delays by 40 ms.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((settings.host, settings.port))
        except OSError as error:
            raise SettingsError(
                f"Central cannot listen on {settings.listen} ({error.strerror}).",
                "Change 'listen' in central.toml, or end what has that address.",
                code="central-listen",
            ) from None
        listening.listen(512)
        yield listening
