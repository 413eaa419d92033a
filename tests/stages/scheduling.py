"""Which tests stay together on one worker: those of a file, or of a folder that shares a hub."""

from __future__ import annotations

from typing import Final

from xdist.scheduler import LoadFileScheduling

# A minute to start, once a worker: a hub and its Labs, or a consortium whose processes are killed.
TOGETHER: Final = ("tests/story/", "tests/hub/", "tests/spawner/", "tests/crash/")


class FolderScheduling(LoadFileScheduling):
    """As xdist's `loadfile`, but for the folders that are kept together."""

    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        return next((folder for folder in TOGETHER if scope.startswith(folder)), scope)
