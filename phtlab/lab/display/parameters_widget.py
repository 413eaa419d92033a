"""A form for a train's parameters, made from their schema, wherever ipywidgets are shown."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import traitlets

from phtlab.errors import ParameterError
from phtlab.lab.display.colours import CARD, FOREIGN, MUTED, badge
from phtlab.lab.display.notebook_output import is_attached
from phtlab.lab.display.parameter_field import NOTHING, ParameterField
from phtlab.lab.display.route_map import middle
from phtlab.notebook.parameters import ParameterSchema, describe
from phtlab.printable import escaped


class ParameterForm(traitlets.HasTraits):
    """What `train.form()` gives: fill it in, then `lab.dispatch(train, parameters=form.values)`.

    `entered` is what stands in the form, `problems` parameter to sentence where that does not
    hold; both are traits: `form.observe(f, "entered")`.
    """

    entered: traitlets.Dict[str, Any] = traitlets.Dict(read_only=True)
    problems: traitlets.Dict[str, str] = traitlets.Dict(read_only=True)

    def __init__(self, parameters: ParameterSchema, title: str = "") -> None:
        super().__init__()
        self._parameters = parameters
        self._title = middle(title)
        self._fields: dict[str, ParameterField] = {}
        self._box: Any = None
        self._writing = False
        self._enter(self._defaults)

    @property
    def values(self) -> dict[str, Any]:
        """All parameters, as `dispatch` takes them.

        Raises ParameterError, as `dispatch` would, while something entered does not hold.
        """
        return self._parameters.validate(self.entered)

    @property
    def valid(self) -> bool:
        """Whether what is entered holds."""
        return not self.problems

    def set(self, **values: Any) -> None:
        """Enter `values`. Raises ParameterError, as `dispatch` would, for one that does not hold.

        Then nothing is entered.
        """
        known = self._parameters.properties
        for name in values:
            if name not in known:
                self._parameters.validate(values)  # which says so, and what there is
        plain = ParameterSchema({name: known[name] for name in values}).validate(values)
        self._enter({**self.entered, **plain})
        self._write(plain)

    def reset(self) -> None:
        """Enter the default values again."""
        self._enter(self._defaults)
        self._write({name: self._defaults.get(name, NOTHING) for name in self._fields})

    @property
    def widget(self) -> Any:
        """The form as an ipywidget, made when it is first asked for."""
        if self._box is None:
            self._box = self._made()
        return self._box

    @property
    def _defaults(self) -> dict[str, Any]:
        declared = self._parameters.properties
        return {
            name: definition["default"]
            for name, definition in declared.items()
            if "default" in definition
        }

    def _enter(self, entered: Mapping[str, Any]) -> None:
        problems = {}
        for name, declared in self._parameters.properties.items():
            try:
                given = {name: entered[name]} if name in entered else {}
                ParameterSchema({name: declared}).validate(given)
            except ParameterError as error:
                problems[name] = str(error)
        with self.hold_trait_notifications():
            self.set_trait("entered", dict(entered))
            self.set_trait("problems", problems)
        for name, field in self._fields.items():
            field.show(problems.get(name, ""))

    def _write(self, values: Mapping[str, Any]) -> None:
        # The fields tell of each change: what is entered is known already.
        self._writing = True
        try:
            for name, value in values.items():
                if name in self._fields:
                    self._fields[name].write(value)
        finally:
            self._writing = False

    def _typed(self, _: object) -> None:
        if not self._writing:
            read = {name: field.read() for name, field in self._fields.items()}
            self._enter({name: value for name, value in read.items() if value is not NOTHING})

    def _made(self) -> Any:
        import ipywidgets as widgets

        self._fields = {
            name: ParameterField(name, declared, self.entered.get(name, NOTHING), self._typed)
            for name, declared in self._parameters.properties.items()
        }
        self._enter(self.entered)
        parts: list[widgets.Widget] = [field.box for field in self._fields.values()]
        if self._title:
            parts.insert(0, widgets.HTML(f"<b>{html.escape(self._title)}</b>"))
        if not self._fields:
            return widgets.VBox([*parts, widgets.HTML("This notebook declares no parameters.")])
        defaults = widgets.Button(description="Defaults", tooltip="Enter the default values again")
        defaults.on_click(lambda _: self.reset())
        return widgets.VBox([*parts, defaults])

    def __repr__(self) -> str:
        lines = [f"Parameters of {self._title}" if self._title else "Parameters"]
        for name, declared in self._parameters.properties.items():
            value = repr(self.entered[name]) if name in self.entered else "…"
            lines.append(f"  {name} = {middle(value, 60)} ({escaped(describe(declared))})")
        lines += [f"  {sentence}" for sentence in map(escaped, self.problems.values())]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><td style="text-align:left"><b>{html.escape(name)}</b></td>'
            f'<td style="text-align:left;{FOREIGN}">{html.escape(self._shown(name))}</td>'
            f'<td style="text-align:left;{MUTED}">{html.escape(escaped(describe(declared)))}</td>'
            "</tr>"
            for name, declared in self._parameters.properties.items()
        )
        problems = "".join(
            f"<div>{badge('✗', 'bad')} {html.escape(escaped(sentence))}</div>"
            for sentence in self.problems.values()
        )
        head = f"<b>{html.escape(self._title)}</b>" if self._title else ""
        return f'<div style="{CARD}">{head}<table>{rows}</table>{problems}</div>'

    def _shown(self, name: str) -> str:
        if name not in self.entered:
            return "…"
        value = self.entered[name]
        return middle(value if isinstance(value, str) else repr(value), 80)

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        still = {"text/html": self._repr_html_(), "text/plain": repr(self)}
        if not is_attached():
            return still
        return {**self.widget._repr_mimebundle_(), **still}
