"""The generated pages are current, and leave nothing out."""

from __future__ import annotations

import inspect

import pytest

import phtlab
from phtlab.central import problems as central
from phtlab.error_codes import error_codes
from phtlab.station.console import refusals as console
from tests.central.api.matrix import ALLOWED
from tests.docs import api_page, cli_page, errors_page, http_page, settings_page
from tests.docs.generate import DOCS, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_page_is_current(name):
    written = (DOCS / name).read_text("utf-8")
    assert written == PAGES[name](), f"docs/{name} is not current: run 'make docs'"


@pytest.mark.parametrize("name", PAGES)
def test_page_says_nothing_of_the_machine_it_was_made_on(name):
    page = PAGES[name]()
    assert str(DOCS.parent) not in page
    assert " object at 0x" not in page


def test_every_command_argument_and_option_is_documented_and_explained():
    page = cli_page.page()
    for name, command in cli_page.commands():
        assert command.help, f"'{name}' has no help text"
        for parameter in command.params:
            if parameter.hidden:
                continue
            assert parameter.help, f"'{name}': {cli_page.words(parameter)} has no help text"
            assert f"`{cli_page.words(parameter)}`" in page


def test_every_setting_is_documented_and_explained():
    page = settings_page.page()
    for title, name in settings_page.settings():
        section = page.split(f"## {title}\n")[1].split("\n## ")[0]
        rows = [row for row in section.splitlines() if row.startswith(f"| `{name}` |")]
        has_its_own = f"[{name}]" in page or f".{name}]" in page
        if rows or not has_its_own:
            assert len(rows) == 1, f"{title}: {name}"
            assert not rows[0].endswith("|  |"), f"{title}: {name} has no description"


def test_every_environment_variable_is_documented():
    prefixes = [
        str(kind.model_config.get("env_prefix"))
        for _, _, kind in settings_page.PARTS
        if kind.model_config.get("env_prefix")
    ]
    settings = {
        prefix + name.upper() for prefix in prefixes for _, name in settings_page.settings()
    }
    assert settings_page.variables_in_source() - settings <= set(settings_page.ENVIRONMENT)


def test_no_environment_variable_is_documented_that_nobody_reads():
    assert set(settings_page.ENVIRONMENT) <= settings_page.variables_in_source()


def test_every_public_name_is_documented_and_has_a_docstring():
    page = api_page.page()
    names = [name.removeprefix("phtlab.") for name, _ in api_page.public_names()]
    assert set(phtlab.__all__) - {"__version__"} <= set(names)
    for name, value in api_page.public_names():
        assert f"## {name}\n" in page
        assert inspect.getdoc(value)
        if inspect.isclass(value):
            for member, inner in api_page.members(value):
                explained = getattr(inner, "func", None) or getattr(inner, "fget", None) or inner
                assert inspect.getdoc(explained), f"{name}.{member} has no docstring"


def test_the_registry_has_exactly_the_codes_that_the_source_raises():
    raised = errors_page.raised_codes()
    assert raised["image-file-changed"] == {"TrainError"}  # given to the error itself
    assert raised["order-role"] == {"OrderError"}  # given to a function that makes the error
    assert {code: set(entry.classes) for code, entry in error_codes().items()} == raised


def test_every_code_of_the_registry_is_explained_and_documented():
    page = errors_page.page()
    for kind in errors_page.classes():
        assert f"| `{kind.__name__}` | `{kind.code}` |" in page
        assert inspect.getdoc(kind)
    for code, entry in error_codes().items():
        assert f"`{code}`" in page
        assert entry.meaning in page
        for text in (entry.meaning, entry.remedy):
            assert text.endswith((".", "…")), code
            assert "|" not in text and "\n" not in text, code
    assert list(error_codes()) == sorted(error_codes())


def test_every_code_with_a_status_of_its_own_is_in_the_registry():
    for statuses in (central.BY_CODE, console.BY_CODE):
        assert set(statuses) <= set(error_codes())


def test_every_route_is_documented():
    page = http_page.page()
    for method, path, route in http_page.routes():
        assert f"| {method} | `{path}` |" in page
        assert route.summary
    assert {(method, path) for method, path, _ in http_page.routes()} == set(ALLOWED)
