"""The lowest layer is made ahead of a set-up's packages: with the standard library alone."""

from __future__ import annotations

import subprocess
import sys

import phtlab.kernel
from tests.conftest import ROOT


def test_it_needs_nothing_that_is_installed():
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import phtlab.kernel.debian_layer"
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_every_public_name_resolves():
    for name in phtlab.kernel.__all__:
        assert getattr(phtlab.kernel, name) is not None
