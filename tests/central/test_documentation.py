"""docs/central.md names every setting, with its default, and every rule of the registry."""

from __future__ import annotations

from pathlib import Path

from phtlab.central.registry import scopes
from phtlab.central.settings import CentralSettings

DOCUMENT = (Path(__file__).parents[2] / "docs" / "central.md").read_text()


def test_every_setting_is_documented_with_its_default() -> None:
    rows = [line for line in DOCUMENT.splitlines() if line.startswith("| `")]
    for name, field in CentralSettings.model_fields.items():
        if name == "directory":
            continue
        (row,) = [row for row in rows if f"`{name}`" in row.split("|")[1]]
        if name in ("name", "database"):
            continue
        default = field.default
        if default == "":
            assert "| |" in row, name
            continue
        if isinstance(default, tuple):
            assert ", ".join(f"`{one}`" for one in default) in row, name
            continue
        shown = f"{default:g}" if isinstance(default, float) else str(default).replace("T", "t")
        assert shown.replace("False", "false") in row, name


def test_the_registry_s_rules_are_those_of_the_code() -> None:
    ruled = (scopes.__doc__ or "").splitlines()
    rules = [
        line.replace("`", "").split()
        for line in ruled
        if line[:7] in ("station", "researc", "officer")
    ]
    rows = [
        line.replace("|", " ").replace("JOURNEY", "HEX").replace("`", "").split()
        for line in DOCUMENT.splitlines()
        if line.startswith(("| station", "| researcher", "| officer"))
    ]
    assert len(rules) == len(rows) > 0
    for rule, row in zip(rules, rows, strict=True):
        assert rule[:3] == row[:3]
