"""The Train panel as tests open it, and a notebook to have in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from playwright.sync_api import Locator, expect

from tests.ui.extension_simulator import ExtensionSimulator
from tests.ui.lab_page import LabPage

NOTEBOOK = "heart_disease.ipynb"
CELLS = [
    ("markdown", "# Heart disease"),
    ("parameters", "min_age: int = 40"),
    ("station", "import phtlab\nheart = phtlab.dataset('heart')"),
    ("station", "counts = heart.groupby('sex').size()\nphtlab.publish('counts', counts)"),
    ("local", ""),
]


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def opened(lab_page: LabPage, told: ExtensionSimulator, path: str = NOTEBOOK) -> Locator:
    told.begin()
    lab_page.open(path)
    lab_page.command("phtlab:open-train")
    panel = lab_page.page.locator("#phtlab-train-panel")
    expect(panel).to_be_visible()
    return panel


def row(panel: Locator, name: str) -> Locator:
    return panel.locator(".pht-Row").filter(has_text=name)


def open_by_key(button: Locator) -> None:
    """Press Enter on it."""
    button.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
