"""Whatever a notebook's cells are, its document has our own elements and attributes only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phtlab.station.console.views.review import notebook_cells
from phtlab.station.policy.policy import default_policy
from phtlab.station.review.markdown_html import ELEMENTS, markdown_html
from phtlab.station.review.notebook_text import read_notebook
from phtlab.station.review.train_review import read_train
from tests.attack.hostile_notebook import cell, notebook
from tests.console.conftest import desk_of
from tests.station.review.test_visible_source import HOSTILE, Elements
from tests.station.station_world import make_world

OURS = {
    *("html", "head", "meta", "title", "link", "body", "section", "h2", "h3", "span", "div"),
    *("p", "code", "bdo", "mark", *ELEMENTS),
}


@given(HOSTILE)
@settings(deadline=None)
def test_markdown_of_any_text_has_our_elements_and_no_attribute(source: str) -> None:
    parsed = Elements(markdown_html(source))
    assert {tag for tag, _ in parsed.elements} <= ELEMENTS
    assert not [attributes for _, attributes in parsed.elements if attributes]
    assert not parsed.other


@given(st.lists(HOSTILE, min_size=1, max_size=3))
@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_cell_in_the_page_has_our_elements_only(
    rendering: Callable[[list[str]], str], sources: list[str]
) -> None:
    allowed = {
        "meta": {"charset", "name", "content"},
        "link": {"rel", "href"},
        "html": {"lang"},
        "body": {"class"},
        "section": {"aria-label"},
        "div": {"class"},
        "span": {"class"},
        "p": {"class"},
        "bdo": {"dir"},
        "mark": {"class", "title"},
    }
    for tag, attributes in Elements(rendering(sources)).elements:
        assert tag in OURS
        assert set(attributes) <= allowed.get(tag, set())


@pytest.fixture(scope="module")
def rendering(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[list[str]], str]]:
    """The notebook's document, of cells of any text: code, without what a worker makes."""
    world = make_world(tmp_path_factory.mktemp("rendering"))
    world.add_hearts()
    world.folder.policy.write_text(default_policy("human"))
    offer = world.offer()
    world.begun(offer, steps=4)
    reading = read_train(world.station(), world.stop(offer))

    def rendered(sources: list[str]) -> str:
        text = read_notebook(notebook([cell(s, n + 1) for n, s in enumerate(sources)]))
        one = replace(reading, text=text)
        html = pages.render(
            "review/notebook.html", reading=one, cells=list(notebook_cells(one)), title="x"
        )
        return str(html)

    with desk_of(world) as desk:
        pages = desk.app.state.pages
        yield rendered
