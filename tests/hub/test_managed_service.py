"""Services that the hub starts end with it, also with one that was killed."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from phtlab_hub.accounts import write_accounts
from phtlab_hub.managed_service import managed_command
from phtlab_hub.settings import HubSettings
from tests.e2e.parts import until
from tests.hub.running_hub import hub_folder, running_hub
from tests.real_registry import answers


def test_a_killed_hub_leaves_no_idle_culler(tmp_path: Path) -> None:
    """It would stop servers by the old settings, beside the culler of the next hub."""
    folder = hub_folder(tmp_path / "hub", "idle_seconds = 2\n")
    write_accounts(folder / "accounts.toml", {})
    settings = HubSettings.load(folder)
    port, browsers = (int(at.rpartition(":")[2]) for at in (settings.hub_listen, settings.listen))
    with running_hub(folder) as hub:
        pid = hub.pid()
        assert pid is not None
        until(lambda: _cullers(pid))
        cullers = _cullers(pid)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not any(map(_runs, cullers)))
        hub.start()  # which ends the proxy of before, and its own with itself
        hub.wait_until(lambda: answers(port) and answers(browsers))
    until(lambda: not answers(browsers))


def test_a_service_is_not_begun_for_a_hub_that_has_ended(tmp_path: Path) -> None:
    written = tmp_path / "written"
    with subprocess.Popen(["true"]) as ended:
        pass
    command = managed_command("touch", str(written))
    command[command.index(str(os.getpid()))] = str(ended.pid)
    assert subprocess.run(command, check=False, timeout=60).returncode == 0
    assert not written.exists()


def _cullers(hub: int) -> list[int]:
    children = Path(f"/proc/{hub}/task/{hub}/children").read_text().split()
    return [int(pid) for pid in children if b"jupyterhub_idle_culler\0" in _command_line(pid)]


def _command_line(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended
        return b""


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
