"""The start is short because of what is not imported."""

from __future__ import annotations

import subprocess
import sys

from tests.limits import LIMIT


def modules_after(*imports):
    code = f"import sys, {', '.join(imports)}; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=LIMIT
    )
    return set(done.stdout.split())


HEAVY = {"pandas", "numpy", "jupyter_client", "nbformat", "papermill", "IPython", "pydantic"}


def test_kernel_is_started_before_the_messages_library_is_imported():
    assert "zmq" not in modules_after("phtlab.runtime.__main__")


def test_runtime_imports_nothing_heavy():
    loaded = modules_after("phtlab.runtime.__main__", "phtlab.runtime.notebook_run")

    assert not loaded & HEAVY


def test_words_of_a_station_cell_are_light_until_used():
    assert not modules_after("phtlab.runtime.publishing", "phtlab.runtime.datasets") & HEAVY


def test_runtime_brings_nothing_else_of_phtlab():
    loaded = modules_after(
        "phtlab.runtime.__main__", "phtlab.runtime.record", "phtlab.runtime.publishing"
    )

    ours = {name for name in loaded if name.startswith("phtlab")}
    assert {name for name in ours if not name.startswith("phtlab.runtime")} == {
        "phtlab",
        "phtlab.version",
    }


def test_public_names_are_there_and_others_are_not():
    import phtlab.runtime

    assert all(getattr(phtlab.runtime, name) for name in phtlab.runtime.__all__)
    assert dir(phtlab.runtime) == sorted(phtlab.runtime.__all__)
    assert not hasattr(phtlab.runtime, "connect")
