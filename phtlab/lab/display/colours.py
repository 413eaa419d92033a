"""Inline styles of what objects show in a notebook: Lab's colours, VS Code's, or a page's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Each with white on it readable as a mark (3:1, WCAG 2.2, 1.4.11), on light and on dark.
TONES: Final[Mapping[str, str]] = {
    "good": "#2e7d32",
    "bad": "#c62828",
    "warn": "#a15c00",
    "active": "#1565c0",
    "idle": "#6b7280",
}

_LINE: Final = "var(--jp-border-color2,var(--vscode-panel-border,rgba(128,128,128,.4)))"

CARD: Final = (
    f"border:1px solid {_LINE};border-radius:6px;padding:12px 14px;margin:4px 0;max-width:960px;"
    "box-sizing:border-box;"
    "font-family:var(--jp-ui-font-family,var(--vscode-font-family,system-ui,sans-serif));"
    "font-size:var(--jp-ui-font-size1,13px);line-height:1.45"
)
MUTED: Final = "color:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,#6b7280))"
# What others wrote: no word of it widens the page.
FOREIGN: Final = "overflow-wrap:anywhere"
CODE: Final = f"{FOREIGN};padding:0;background:none;color:inherit"


def badge(mark: str, tone: str) -> str:
    """`mark`, one of ours, white on the colour of `tone`."""
    return (
        f'<span style="display:inline-block;min-width:1.35em;border-radius:.7em;color:#fff;'
        f"background-color:{TONES[tone]};text-align:center;font-weight:bold;font-size:85%;"
        f'line-height:1.35em">{mark}</span>'
    )
