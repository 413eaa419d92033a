"""What would fail at a station: syntax, magics, questions, what lies beside the notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from phtlab.notebook import read_analysis


def errors(content: bytes) -> list[tuple[str, int | None]]:
    return [(f.code, f.line) for f in read_analysis(content).errors]


def test_a_syntax_error_has_its_cell_and_line(nb: Any) -> None:
    (finding,) = read_analysis(nb(("station", "x = 1\ny = = 2"))).errors
    assert (finding.code, finding.cell, finding.line) == ("syntax", 1, 2)
    assert finding.message == ("cell 1, line 2: invalid syntax. Python cannot read this cell.")


@pytest.mark.parametrize(
    "source",
    [
        "return 1",
        "x = '\x00'",
        "x = '\ud800'",
        "(" * 500 + ")" * 500,
        "+".join(["1"] * 5000),
        "yield",
    ],
)
def test_what_python_cannot_compile_is_a_syntax_error(nb: Any, source: str) -> None:
    assert [code for code, _ in errors(nb(("station", source)))] == ["syntax"]


def test_an_aggregate_cell_must_be_readable_too(nb: Any) -> None:
    assert errors(nb(("station", "x = 1"), ("aggregate", "x = ="))) == [("syntax", 1)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%load_ext autoreload", [("magic", 1)]),
        ("x = 1\n%run other.py\ny = 2\n%who", [("magic", 2), ("magic", 4)]),
        ("%%R\nx <- 1", [("magic", 1)]),
        ("\n%%bash\nls", [("shell", 2)]),
        ("!pip install lifelines", [("shell", 1)]),
        ("files = !ls", [("shell", 1)]),
        ("if True:\n    !ls\n    x = 1", [("shell", 2)]),
        ("!!ls", [("shell", 1)]),
        ("x = %who_ls", [("magic", 1)]),
        ("?print", [("help", 1)]),
        ("print?", [("help", 1)]),
        ("print??", [("help", 1)]),
        ("%matplotlib inline\nx = 1", []),
        ("%matplotlib widget", [("magic", 1)]),
        ("%%time\nx = 1\nx", []),
        ("%time x = 1\nx", []),
        ("%config InlineBackend.figure_format = 'retina'", []),
        ('text = """\n%run me\n!ls\n"""', []),
        ("x = (10\n%3)", []),
        ("x = 7 % 3; y = 1 != 2", []),
    ],
)
def test_magics_and_shell_escapes(nb: Any, source: str, expected: list[tuple[str, int]]) -> None:
    assert errors(nb(("station", source))) == expected


def test_the_messages_say_what_to_do(nb: Any) -> None:
    shell, magic = read_analysis(nb(("station", "!pip install x\n%run y"))).errors
    assert shell.message.startswith("cell 1, line 1: '!pip' starts a shell command.")
    assert "must be in the kernel image" in shell.message
    assert magic.message == (
        "cell 1, line 2: the magic '%run' does not work in a station's sandbox. Write it in plain "
        "Python, or move it to a local cell."
    )


def test_a_question_to_nobody(nb: Any) -> None:
    (finding,) = read_analysis(nb(("station", "x = input('Age? ')"))).errors
    assert finding.code == "asks"
    assert "Make it a parameter." in finding.message
    assert errors(nb(("station", "def input(x): return x\ninput(1)"))) == []


def test_a_module_beside_the_notebook_does_not_travel(nb: Any, tmp_path: Path) -> None:
    (tmp_path / "cohort_tools.py").write_text("")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    path = tmp_path / "a.ipynb"
    path.write_bytes(
        nb(("station", "import cohort_tools as c\nfrom package.x import y\nimport json"))
    )
    found = read_analysis(path).errors
    assert [(f.code, f.line) for f in found] == [("module-beside", 1), ("module-beside", 2)]
    assert "'cohort_tools' is a module beside the notebook" in found[0].message


def test_what_exists_only_in_the_lab_is_refused_in_a_cell_that_travels(nb: Any) -> None:
    (finding,) = read_analysis(nb(("station", "import phtlab\nphtlab.connect()"))).errors
    assert (finding.code, finding.line) == ("not-in-sandbox", 2)
    assert "phtlab.connect does not exist at a station" in finding.message
    local = nb(("station", "import phtlab"), ("aggregate", "import phtlab\nphtlab.results()"))
    assert errors(local) == []


def test_top_level_await_and_showing_a_figure_are_fine(nb: Any) -> None:
    source = "import asyncio\nimport matplotlib.pyplot as plt\nawait asyncio.sleep(0)\nplt.show()"
    assert errors(nb(("station", source))) == []
