"""One parameter in a form: the ipywidget for its type, and the sentence under it."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any, Final

import ipywidgets as widgets

from phtlab.lab.display.colours import FOREIGN, MUTED, badge
from phtlab.notebook.parameters import describe
from phtlab.printable import escaped

NOTHING: Final = object()  # entered where a choice is still to be made
SLIDER_STEPS: Final = 200  # with more, no hand finds one of them
_WIDTH: Final = "420px"
_STYLE: Final = {"description_width": "140px"}


class ParameterField:
    """`box` is shown; `changed` is called as someone types or chooses.

    A number is entered as text, so that one out of bounds is told of and not bent into them.
    """

    def __init__(
        self,
        name: str,
        declared: Mapping[str, Any],
        value: Any,
        changed: Callable[[object], None],
    ) -> None:
        self._declared = declared
        self._entry = _entry(name, declared)
        self._hint = widgets.HTML(layout={"margin": "0 0 4px 148px", "max_width": "560px"})
        self.box = widgets.VBox([self._entry, self._hint])
        self.write(value)
        self._entry.observe(changed, "value")

    def read(self) -> Any:
        """What is entered, as near to the parameter's type as it can be read; or NOTHING."""
        value = self._entry.value
        if isinstance(self._entry, widgets.Textarea):
            lines = [line for line in value.splitlines() if line.strip()]
            return [_parsed(line, self._declared["items"]["type"]) for line in lines]
        if isinstance(self._entry, widgets.SelectMultiple):
            return list(value)
        if isinstance(self._entry, widgets.Text):
            if value == "" and self._declared["type"] != "string":
                return "" if "default" in self._declared else NOTHING
            return _parsed(value, self._declared["type"])
        return NOTHING if value is None else value

    def write(self, value: Any) -> None:
        """Enter `value`, which the parameter takes, or NOTHING."""
        entry = self._entry
        if isinstance(entry, widgets.Textarea):
            entry.value = "" if value is NOTHING else "\n".join(map(_text, value))
        elif isinstance(entry, widgets.SelectMultiple):
            entry.value = () if value is NOTHING else tuple(value)
        elif isinstance(entry, widgets.Text):
            entry.value = "" if value is NOTHING else _text(value)
        elif isinstance(entry, widgets.Dropdown):
            entry.value = None if value is NOTHING else value
        else:
            entry.value = value

    def show(self, problem: str) -> None:
        """Under the entry: what is wrong, or else what the parameter takes."""
        if problem:
            words = f'<span role="alert">{badge("✗", "bad")} '
            words += f"{html.escape(escaped(problem))}</span>"
        else:
            description = escaped(str(self._declared.get("description", "")))
            parts = [part for part in (description, escaped(describe(self._declared))) if part]
            words = f'<span style="{MUTED}">{html.escape("; ".join(parts))}</span>'
        self._hint.value = f'<div style="{FOREIGN};line-height:1.4">{words}</div>'


def _entry(name: str, declared: Mapping[str, Any]) -> Any:
    common = {
        "description": name,
        "tooltip": escaped(str(declared.get("title") or declared.get("description") or name)),
        "style": _STYLE,
        "layout": {"width": _WIDTH},
    }
    kind = declared["type"]
    if "enum" in declared or (kind == "boolean" and "default" not in declared):
        choices = [(_label(choice), choice) for choice in declared.get("enum", (False, True))]
        if "default" not in declared:
            choices.insert(0, ("choose…", None))
        return widgets.Dropdown(options=choices, **common)
    if kind == "boolean":
        return widgets.Checkbox(indent=True, **common)
    if kind == "array" and "enum" in declared["items"]:
        choices = list(declared["items"]["enum"])
        return widgets.SelectMultiple(options=choices, rows=min(8, len(choices)), **common)
    if kind == "array":
        return widgets.Textarea(placeholder="one entry a line", rows=3, **common)
    if kind == "integer" and _fits_a_slider(declared):
        return widgets.IntSlider(
            min=declared["minimum"],
            max=declared["maximum"],
            step=declared.get("multipleOf", 1),
            **common,
        )
    return widgets.Text(placeholder=escaped(describe(declared)), continuous_update=True, **common)


def _fits_a_slider(declared: Mapping[str, Any]) -> bool:
    low, high = declared.get("minimum"), declared.get("maximum")
    if low is None or high is None or "default" not in declared:
        return False
    step = declared.get("multipleOf", 1)
    return bool(high - low <= SLIDER_STEPS * step and low % step == 0)


def _parsed(text: str, kind: str) -> Any:
    """`text` as a number where it is one and one is wanted; the schema tells of all else."""
    if kind in ("integer", "number"):
        bare = text.strip()
        for read in (int, float):
            try:
                return read(bare)
            except ValueError:
                continue
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    return text


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _label(choice: Any) -> str:
    return escaped(_text(choice))
