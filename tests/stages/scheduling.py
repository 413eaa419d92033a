"""Which tests stay together on one worker: those of a file, or of a folder that shares a hub.

Not those of a file whose tests share nothing and take minutes: a core would have nothing to do.
"""

from __future__ import annotations

from typing import Final

from xdist.scheduler import LoadFileScheduling

# A minute to start, once a worker: a hub and its Labs, or a consortium whose processes are killed.
TOGETHER: Final = ("tests/story/", "tests/hub/", "tests/spawner/", "tests/crash/")
APART: Final = ("tests/project/test_locks.py",)


class FolderScheduling(LoadFileScheduling):
    """As `loadfile` of xdist, but for folders that are kept together and files that are not."""

    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        if scope in APART:
            return nodeid
        return next((folder for folder in TOGETHER if scope.startswith(folder)), scope)
