"""What TypeScript's own tools say of the extension: jest, the type check, eslint and prettier."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FRONTEND = Path(__file__).parents[2] / "phtlab" / "lab" / "frontend"


def jlpm(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script of package.json with the environment's own `jlpm`."""
    assert (FRONTEND / "node_modules").is_dir(), "run .ci/prepare test: it installs the packages"
    program = Path(sys.executable).with_name("jlpm")
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [program, script],
        cwd=FRONTEND,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path},
    )


@pytest.mark.parametrize("script", ["test", "types", "lint:check"])
def test_script_of_the_extension_passes(script):
    done = jlpm(script)
    assert done.returncode == 0, done.stdout + done.stderr
