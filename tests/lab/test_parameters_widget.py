"""The form of a train's parameters: every type, the schema's sentences, no wrong value."""

from __future__ import annotations

import ipywidgets as widgets
import pytest

from phtlab.errors import ParameterError
from phtlab.lab.display import parameters_widget
from phtlab.lab.display.parameters_widget import ParameterForm
from phtlab.notebook.parameters import ParameterSchema
from tests.lab.page import VIEW_TYPE, Page
from tests.raising import raises_code

SCHEMA = ParameterSchema(
    {
        "min_age": {"type": "integer", "minimum": 18, "maximum": 100, "default": 40},
        "rounds": {"type": "integer", "minimum": 0, "default": 5},
        "alpha": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "outcome": {"type": "string", "enum": ["any", "severe"], "default": "any"},
        "strict": {"type": "boolean", "default": True},
        "consent": {"type": "boolean"},
        "label": {"type": "string", "default": "", "description": "<b>of</b> the plot"},
        "years": {"type": "array", "items": {"type": "integer"}, "default": [2019, 2020]},
        "sexes": {
            "type": "array",
            "items": {"type": "string", "enum": ["Female", "Male"]},
            "default": ["Male"],
        },
    }
)


@pytest.fixture
def form() -> ParameterForm:
    made = ParameterForm(SCHEMA, "heart <script>")
    assert isinstance(made.widget, widgets.VBox)
    return made


def entry(form: ParameterForm, name: str) -> widgets.DOMWidget:
    """The widget in which a reader enters `name`."""
    found = [w for w in _inside(form.widget) if getattr(w, "description", "") == name]
    assert len(found) == 1
    return found[0]


def hint(form: ParameterForm, name: str) -> str:
    """The text under the entry of `name`."""
    (box,) = [box for box in form.widget.children if entry(form, name) in _inside(box)]
    return Page(box.children[-1].value).text.strip()


def _inside(widget: widgets.Widget) -> list[widgets.Widget]:
    children = getattr(widget, "children", ())
    return [widget, *(one for child in children for one in _inside(child))]


def complete(form: ParameterForm) -> None:
    entry(form, "alpha").value = "0.5"
    entry(form, "consent").value = False


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("min_age", widgets.IntSlider),
        ("rounds", widgets.Text),
        ("alpha", widgets.Text),
        ("outcome", widgets.Dropdown),
        ("strict", widgets.Checkbox),
        ("consent", widgets.Dropdown),
        ("label", widgets.Text),
        ("years", widgets.Textarea),
        ("sexes", widgets.SelectMultiple),
    ],
)
def test_each_type_has_its_widget(form, name, kind):
    assert type(entry(form, name)) is kind


def test_defaults_stand_in_the_form_and_what_has_none_is_missing(form):
    assert form.entered == {
        "min_age": 40,
        "rounds": 5,
        "outcome": "any",
        "strict": True,
        "label": "",
        "years": [2019, 2020],
        "sexes": ["Male"],
    }
    assert set(form.problems) == {"alpha", "consent"}
    with raises_code(ParameterError, "parameter-missing"):
        _ = form.values


def test_what_is_entered_becomes_values_of_the_declared_types(form):
    complete(form)
    entry(form, "min_age").value = 50
    entry(form, "rounds").value = " 7 "
    entry(form, "outcome").value = "severe"
    entry(form, "strict").value = False
    entry(form, "label").value = "7"
    entry(form, "years").value = "2021\n\n2022"
    entry(form, "sexes").value = ("Female", "Male")
    assert form.values == {
        "min_age": 50,
        "rounds": 7,
        "alpha": 0.5,
        "outcome": "severe",
        "strict": False,
        "consent": False,
        "label": "7",
        "years": [2021, 2022],
        "sexes": ["Female", "Male"],
    }


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("rounds", "-3", -3),
        ("rounds", "three", "three"),
        ("rounds", "", ""),
        ("rounds", "2.5", 2.5),
        ("alpha", "0", 0),
        ("alpha", "nan", float("nan")),
        ("years", "2021\nnext", [2021, "next"]),
    ],
)
def test_what_does_not_hold_is_told_in_the_schema_s_words_as_one_types(form, name, typed, value):
    complete(form)
    entry(form, name).value = typed
    with pytest.raises(ParameterError) as said:
        ParameterSchema({name: SCHEMA.properties[name]}).validate({name: value})
    assert form.problems == {name: str(said.value)}
    assert hint(form, name) == "✗ " + str(said.value)
    assert not form.valid
    with pytest.raises(ParameterError):
        _ = form.values


def test_a_mended_entry_shows_again_what_the_parameter_takes(form):
    entry(form, "rounds").value = "-3"
    entry(form, "rounds").value = "3"
    assert hint(form, "rounds") == "0 or more"


def test_a_form_can_be_observed(form):
    complete(form)
    heard = []
    form.observe(lambda change: heard.append(change.new["min_age"]), "entered")
    entry(form, "min_age").value = 60
    entry(form, "min_age").value = 61
    assert heard == [60, 61]


def test_values_can_be_entered_from_python_and_reset(form):
    complete(form)
    form.set(min_age=70, years=[1], outcome="severe", rounds=2, strict=False, alpha=0.25)
    assert entry(form, "min_age").value == 70
    assert entry(form, "years").value == "1"
    assert form.values["alpha"] == 0.25
    form.reset()
    assert entry(form, "min_age").value == 40
    assert entry(form, "alpha").value == ""
    assert set(form.problems) == {"alpha", "consent"}


@pytest.mark.parametrize("wrong", [{"min_age": 5}, {"min": 5}, {"rounds": 1, "outcome": "none"}])
def test_wrong_values_from_python_are_refused_and_nothing_is_entered(form, wrong):
    before = form.entered
    with pytest.raises(ParameterError):
        form.set(**wrong)
    assert form.entered == before


def test_what_an_author_wrote_is_shown_as_text(form):
    for widget in _inside(form.widget):
        if isinstance(widget, widgets.HTML):
            page = Page(widget.value)
            assert {tag for tag, _ in page.tags} <= {"div", "span", "b"}
            assert not any(name.startswith("on") for _, found in page.tags for name in found)
    assert hint(form, "label") == "<b>of</b> the plot; text"
    page = Page(form._repr_html_())
    assert "script" not in {tag for tag, _ in page.tags}
    assert "heart <script>" in page.text


def test_without_widgets_it_is_a_table_and_makes_none(monkeypatch):
    monkeypatch.setattr(parameters_widget, "ParameterField", None)
    bundle = ParameterForm(SCHEMA, "heart")._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert "min_age = 40 (18 to 100)" in bundle["text/plain"]
    assert "18 to 100" in Page(bundle["text/html"]).text


def test_where_someone_looks_it_is_a_widget(form, monkeypatch):
    monkeypatch.setattr(parameters_widget, "is_attached", lambda: True)
    bundle = form._repr_mimebundle_()
    assert bundle[VIEW_TYPE]["model_id"] == form.widget.model_id
    assert {"text/html", "text/plain"} < set(bundle)


def test_a_notebook_without_parameters_says_so():
    form = ParameterForm(ParameterSchema({}))
    assert form.values == {}
    assert "no parameters" in "".join(
        w.value for w in _inside(form.widget) if isinstance(w, widgets.HTML)
    )
