"""Commands of docs/ that need root find phtlab, and what of the person's they need."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.docs.generate import DOCS
from tests.limits import LIMIT

_SUDO = re.compile(r"\bsudo ((?:\\\n|[^\n`])+)")
_NAMED_WHOLE = '"$(command -v phtlab)"'
_SHOWN = (
    "import os; from phtlab.user_settings import UserSettings; mine = UserSettings.load(); "
    "print(mine.central, mine.key, os.environ['PHTLAB_PASSPHRASE'])"
)


def commands() -> list[str]:
    """What stands behind `sudo` in the pages, on one line."""
    pages = "\n".join(page.read_text("utf-8") for page in sorted(DOCS.rglob("*.md")))
    return [found.replace("\\\n", "") for found in _SUDO.findall(pages) if "phtlab" in found]


def test_phtlab_is_named_whole_wherever_it_is_run_by_sudo():
    assert len(commands()) > 4
    assert [command for command in commands() if _NAMED_WHOLE not in command] == []


def test_pushing_a_kernel_image_as_root_has_the_persons_profile_key_and_passphrase(tmp_path: Path):
    assert shutil.which("sudo"), "install sudo"
    (command,) = (c for c in commands() if " kernel build " in c and " --push " in c)
    before, _ = command.split(_NAMED_WHOLE)
    config = tmp_path / ".config" / "phtlab"
    config.mkdir(parents=True)
    (config / "profile.toml").write_text('central = "http://127.0.0.1:9"\nkey = "of-the-profile"\n')
    done = subprocess.run(
        ["bash", "-c", f'sudo {before} "$(command -v python)" -c "$0"', _SHOWN],
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "PHTLAB_KEY": "/a/key",
            "PHTLAB_PASSPHRASE": "correct horse",
        },
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "http://127.0.0.1:9 /a/key correct horse\n"
