"""docs/kernels.md names every setting of the sandboxed kernel."""

from __future__ import annotations

import pytest

from phtlab.provisioner import SandboxProvisioner
from tests.conftest import ROOT

OWN = sorted(SandboxProvisioner.class_own_traits(config=True))


def test_there_are_settings() -> None:
    assert "image" in OWN


@pytest.mark.parametrize("name", OWN)
def test_a_setting_is_documented(name: str) -> None:
    rows = [line for line in (ROOT / "docs/kernels.md").read_text().splitlines() if "| " in line]
    assert any(f"`{name}`" in line.split("|")[1] for line in rows if line.startswith("|"))
