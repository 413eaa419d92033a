"""Start ipykernel for a run: `python -m phtlab.runtime.python_kernel -f FILE`.

Without its debugger, and with the cause of a cell's error in its reply, as `phtlab`.

debugpy is a third of the kernel's start and nothing in a sandbox can attach to it.
ipykernel takes its absence as an answer, so it is hidden while the kernel starts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from typing import Any

from phtlab.runtime.error_cause import cause_of

# What the image prepared for a home that it cannot write to: matplotlib's list of fonts, whose
# making takes a third of a second.
PREPARED = "/usr/local/share/phtlab/home"


def main() -> None:
    """Run the kernel until it ends."""
    _furnish_home(os.environ.get("HOME", "/"))
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    from ipykernel.ipkernel import IPythonKernel
    from ipykernel.kernelapp import IPKernelApp

    class Kernel(IPythonKernel):
        def finish_metadata(self, parent: Any, metadata: Any, reply_content: Any) -> Any:
            """Called with each reply before it is sent."""
            _add_cause(reply_content)
            return super().finish_metadata(parent, metadata, reply_content)  # type: ignore[no-untyped-call]

    app = IPKernelApp.instance(kernel_class=Kernel)
    app.initialize()  # type: ignore[no-untyped-call]
    del sys.modules["debugpy"]
    app.start()  # type: ignore[no-untyped-call]


def _add_cause(reply: Any) -> None:
    error = getattr(sys, "last_value", None)  # IPython sets it to what it shows
    if isinstance(error, BaseException) and type(error).__name__ == reply.get("ename"):
        cause = cause_of(error)
        if cause is not None:
            reply["phtlab"] = cause._asdict()


def _furnish_home(home: str) -> None:
    with contextlib.suppress(OSError):  # a home that is full or missing only costs the time
        for name in os.listdir(PREPARED):  # noqa: PTH208 - pathlib costs a start
            shutil.copytree(f"{PREPARED}/{name}", f"{home}/{name}", dirs_exist_ok=True)


if __name__ == "__main__":
    main()
