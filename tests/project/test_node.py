"""Which Node the set-up keeps, and which it replaces: `.ci/node`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.limits import LIMIT

SCRIPT = Path(__file__).parents[2] / ".ci" / "node"
TOOLS = ("bash", "dirname", "sort", "head")


def is_recent(folder: Path, *, programs: dict[str, str]) -> bool:
    """What the script says where the path holds only `programs`, each with what it prints."""
    for tool in TOOLS:
        (folder / tool).symlink_to(Path("/usr/bin") / tool)
    for name, printed in programs.items():
        (folder / name).write_text(f"#!/usr/bin/bash\necho {printed}\n")
        (folder / name).chmod(0o755)
    done = subprocess.run(
        [SCRIPT, "is-recent"],
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert (done.returncode, done.stdout, done.stderr) in ((0, "", ""), (1, "", ""))
    return done.returncode == 0


@pytest.mark.parametrize(
    ("version", "recent"),
    [
        ("v18.20.4", False),
        ("v20.18.3", False),
        ("v20.19.0", True),
        ("v21.7.3", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.0.0", True),
    ],
)
def test_node_is_kept_if_the_extension_can_be_built_with_it(
    tmp_path: Path, version: str, recent: bool
) -> None:
    assert is_recent(tmp_path, programs={"node": version, "npm": "11"}) is recent


@pytest.mark.parametrize("there", ["node", "npm"])
def test_neither_node_nor_npm_alone_will_do(tmp_path: Path, there: str) -> None:
    assert is_recent(tmp_path, programs={there: "v24.0.0"}) is False
