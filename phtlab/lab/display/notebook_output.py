"""The notebook in whose cell this code runs: whether there is one, and whether anybody looks."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

Bundle = Mapping[str, Any]


def kernel() -> Any | None:
    """The Jupyter kernel that this process is, or None."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None)


def is_attached() -> bool:
    """Whether the cell was sent by a client that can ask its user something.

    Lab and VS Code can. nbclient, papermill and nbconvert cannot: nobody would see a widget move,
    and a page made of it would fetch the widget's program from a public server.
    """
    return bool(getattr(kernel(), "_allow_stdin", False))


def cell_run() -> str | None:
    """Names this run of the cell; None outside of a notebook."""
    running_kernel = kernel()
    if running_kernel is None:
        return None
    header: Mapping[str, Any] = running_kernel.get_parent("shell").get("header", {})
    return str(header.get("msg_id", ""))


class Output:
    """One output of the present cell, which can be replaced later, from any thread."""

    def __init__(self, bundle: Bundle) -> None:
        self._id = uuid4().hex
        self._publish(bundle, update=False)

    def replace(self, bundle: Bundle) -> None:
        """Show `bundle` instead, wherever this output stands now."""
        self._publish(bundle, update=True)

    def _publish(self, bundle: Bundle, *, update: bool) -> None:
        from IPython.display import publish_display_data

        publish_display_data(dict(bundle), transient={"display_id": self._id}, update=update)
