"""Start ipykernel without its debugger: `python -m phtlab.runtime.python_kernel -f FILE`.

debugpy is a third of the kernel's start and nothing in a sandbox can attach to it.
ipykernel takes its absence as an answer, so it is hidden while the kernel starts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys

# What the image prepared for a home that it cannot write to: matplotlib's list of fonts, whose
# making takes a third of a second.
PREPARED = "/usr/local/share/phtlab/home"


def main() -> None:
    """Run the kernel until it ends."""
    _furnish_home(os.environ.get("HOME", "/"))
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance()
    app.initialize()  # type: ignore[no-untyped-call]
    del sys.modules["debugpy"]
    app.start()  # type: ignore[no-untyped-call]


def _furnish_home(home: str) -> None:
    with contextlib.suppress(OSError):  # a home that is full or missing only costs the time
        for name in os.listdir(PREPARED):  # noqa: PTH208 - pathlib costs a start
            shutil.copytree(f"{PREPARED}/{name}", f"{home}/{name}", dirs_exist_ok=True)


if __name__ == "__main__":
    main()
