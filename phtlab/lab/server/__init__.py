"""The Jupyter server extension: the only way from the browser to keys, central and results.

Its paths lie below `/phtlab/` of the server; `routes()` lists them all, and `api` holds the models
of what they take and answer. Every one of them derives from `Exchange`, which lets in whom Jupyter
knows and nobody else.
"""

from __future__ import annotations

from typing import Any

from phtlab.lab.server.extension import PhtlabExtension
from phtlab.lab.server.routes import Route, routes

__all__ = ["PhtlabExtension", "Route", "routes"]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "phtlab.lab.server", "app": PhtlabExtension}]
