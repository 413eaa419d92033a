"""An error's two texts: `message` is what happened, `hint` what to do next."""

from __future__ import annotations

import ast
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from phtlab import errors
from phtlab.errors import JourneyError, KeyFileError, PhtlabError, TrialUnfinishedError

ROOT = Path(__file__).parents[2]
CLASSES = {
    name: value
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, PhtlabError)
}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Each construction of an error in the packages, with its place."""
    for package in ("phtlab", "hub_config", "spawner"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if "node_modules" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in CLASSES:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_each_class_keeps_message_and_hint_apart(kind: type[PhtlabError]) -> None:
    error = kind("There is no key.", "Create one.")
    assert (error.message, error.hint) == ("There is no key.", "Create one.")
    assert (str(error), error.code) == ("There is no key. Create one.", kind.code)


def test_without_a_hint_the_text_is_the_message() -> None:
    error = KeyFileError("There is no key.", code="key-missing")
    assert (error.message, error.hint, str(error)) == (error.message, "", "There is no key.")
    assert error.code == "key-missing"


def test_an_error_of_its_own_form_has_both_too() -> None:
    error = TrialUnfinishedError("No answer.", "Try again.", limit="pids")
    assert (error.message, error.hint, error.limit) == ("No answer.", "Try again.", "pids")


def test_both_survive_a_process_boundary() -> None:
    error = pickle.loads(pickle.dumps(KeyFileError("Gone.", "Restore it.", code="key-missing")))
    assert (error.message, error.hint, error.code) == ("Gone.", "Restore it.", "key-missing")
    assert str(error) == "Gone. Restore it."


def test_a_notebook_shows_both() -> None:
    shown = JourneyError("It has not ended.", "Wait for it.")._render_traceback_()
    assert shown == ["JourneyError: It has not ended. Wait for it."]


def test_an_error_made_of_another_keeps_its_hint() -> None:
    lost = []
    for place, call in calls():
        given = [ast.unparse(argument) for argument in call.args]
        for text in given:
            if text.endswith(".message") and text.removesuffix("message") + "hint" not in given:
                lost.append(f"{place}: {text} without its hint")
    assert lost == []


def test_a_literal_message_ends_where_its_hint_begins() -> None:
    """Both are whole sentences: the text that joins them reads as one."""
    wrong = []
    for place, call in calls():
        if len(call.args) < 2:
            continue
        message, hint = (_end_and_beginning(argument) for argument in call.args[:2])
        if message[1] not in (*".?!'\")", "") or hint[0] == " ":
            wrong.append(f"{place}: …{message[1]}|{hint[0]}…")
    assert wrong == []


def test_nothing_parses_the_sentences_of_an_error() -> None:
    parsing = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "phtlab").rglob("*.py"))
        if "node_modules" not in path.parts and 'message.partition(". ")' in path.read_text("utf-8")
    ]
    assert parsing == []


def _end_and_beginning(text: ast.expr) -> tuple[str, str]:
    """The first and the last character of a text, as far as they are literal."""
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    first, last = (
        str(part.value) if isinstance(part, ast.Constant) else "" for part in (parts[0], parts[-1])
    )
    return first[:1], last[-1:]
