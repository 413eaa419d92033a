"""The units of docs/ are what systemd takes, and leave a service little that it does not need."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docs.generate import DOCS, ROOT
from tests.limits import LIMIT

if TYPE_CHECKING:
    from phtlab.demo.world import World

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"# (/etc/systemd/system/([\w@-]+\.service))\n")
PHTLAB = "/opt/phtlab/bin/phtlab"
# Of 100; systemd calls up to 49 OK, up to 74 MEDIUM and more EXPOSED or UNSAFE.
EXPOSURE = 49


def units() -> dict[str, tuple[str, str]]:
    """Each unit by its name: its page and its text."""
    found = {}
    for page in sorted(DOCS.rglob("*.md")):
        for _, text in FENCE.findall(page.read_text("utf-8")):
            if re.search(r"^\[Service\]$", text, re.MULTILINE):
                place = PLACE.match(text)
                assert place, f"{page.name} shows a unit that does not begin with its path"
                assert place[2] not in found, f"{place[2]} is in two pages"
                found[place[2]] = page.name, text
    return found


@pytest.fixture
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The unit in a file, with this environment's phtlab."""
    page, text = units()[request.param]
    assert f"ExecStart={PHTLAB} " in text, page
    path = tmp_path / request.param
    path.write_text(text.replace(PHTLAB, str(Path(sys.executable).with_name("phtlab"))))
    return path


def systemd_analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    assert shutil.which("systemd-analyze"), "install systemd (it need not run)"
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


def test_there_is_a_unit_for_a_station():
    assert "phtlab-station.service" in units()


@pytest.mark.parametrize("unit", units(), indirect=True)
def test_systemd_finds_no_fault_in_the_unit(unit):
    done = systemd_analyze("verify", "--man=no", unit)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("unit", units(), indirect=True)
def test_the_unit_is_hardened(unit):
    done = systemd_analyze("security", "--offline=true", f"--threshold={EXPOSURE}", unit)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", units())
def test_every_hardening_that_is_missing_is_explained(name):
    """What systemd-analyze would have, but for what the table of the page gives a reason for."""
    page, text = units()[name]
    explained = {
        setting
        for row in re.findall(r"^\| (`.*`) \| .+ \|$", (DOCS / page).read_text(), re.MULTILINE)
        for setting in re.findall(r"`(\w+)=", row)
    }
    given = set(re.findall(r"^(\w+)=", text, re.MULTILINE))
    wanted = {
        *("CapabilityBoundingSet", "NoNewPrivileges", "PrivateDevices", "PrivateMounts"),
        *("PrivateNetwork", "PrivateTmp", "PrivateUsers", "ProcSubset", "ProtectClock"),
        *("ProtectControlGroups", "ProtectHome", "ProtectHostname", "ProtectKernelLogs"),
        *("ProtectKernelModules", "ProtectKernelTunables", "ProtectProc", "ProtectSystem"),
        *("RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID"),
        *("SystemCallArchitectures", "SystemCallFilter", "UMask", "User", "KeyringMode"),
        *("LockPersonality", "MemoryDenyWriteExecute", "IPAddressDeny", "DeviceAllow"),
        "RootDirectory",
    }
    assert wanted - given == wanted & explained


def confined(text: str) -> list[str]:
    """What begins a command that shall have no more than a unit's process, without systemd."""
    settings = re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE)
    (rights,) = (value.split() for name, value in settings if name == "CapabilityBoundingSet")
    filters = []
    for name, value in settings:
        if name == "SystemCallFilter":
            kind = "~" if value.startswith("~") else ""
            filters += [kind + call for call in value.removeprefix("~").split()]
    kept = "".join(f",+{right.removeprefix('CAP_').lower()}" for right in rights)
    return [
        *("setpriv", "--no-new-privs", "--inh-caps=-all", f"--bounding-set=-all{kept}", "--"),
        *(sys.executable, "-m", "tests.docs.system_call_filter", " ".join(filters)),
    ]


@pytest.mark.engine
def test_a_station_with_no_more_rights_than_its_unit_gives_passes_its_self_test(small: World):
    """With a train of its own: output volume, sandbox, airlock, seal, opened results."""
    _, text = units()["phtlab-station.service"]
    (command,) = re.findall(r"^ExecStart=\S*/phtlab (.*)$", text, re.MULTILINE)
    assert command == "station run -C /srv/phtlab"
    station = small.station_folder(small.stations[0])
    check = [str(Path(sys.executable).with_name("phtlab")), "station", "check", "--deep", "--json"]
    done = subprocess.run(
        [*confined(text), *check, "-C", str(station)],
        cwd=ROOT,
        env={**os.environ, "PHTLAB_PASSPHRASE": small.passphrase},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    broken = [found for found in json.loads(done.stdout) if found["state"] == "broken"]
    assert (done.returncode, broken) == (0, []), done.stderr
