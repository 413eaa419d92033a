"""Start ipykernel without its debugger: `python -m phtlab.runtime.python_kernel -f FILE`.

debugpy is a third of the kernel's start and nothing in a sandbox can attach to it.
ipykernel takes its absence as an answer, so it is hidden while the kernel starts.
"""

from __future__ import annotations

import os
import shutil
import sys

# What the image prepared for a home that it cannot write to, such as matplotlib's list of fonts.
PREPARED = "/usr/local/share/phtlab/home"


def main() -> None:
    """Run the kernel until it ends."""
    if os.path.isdir(PREPARED):  # noqa: PTH112 - pathlib costs a start
        shutil.copytree(PREPARED, os.environ.get("HOME", "/tmp"), dirs_exist_ok=True)  # noqa: S108
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance()
    app.initialize()  # type: ignore[no-untyped-call]
    del sys.modules["debugpy"]
    app.start()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
