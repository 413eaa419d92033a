"""Central under a path of another server: requests work with the path's prefix and without."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class Mounted:
    """Strips `prefix` (``/services/central/``) from a request's path, if present."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._prefix:
            path = scope["path"]
            if path == self._prefix or path.startswith(f"{self._prefix}/"):
                inner = path.removeprefix(self._prefix) or "/"
                scope = {**scope, "path": inner, "raw_path": inner.encode()}
        await self._app(scope, receive, send)
