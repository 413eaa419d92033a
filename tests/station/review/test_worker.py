"""A notebook is examined in a process that can open nothing, and that ends when it takes long."""

from __future__ import annotations

import subprocess
import sys

import pytest

from phtlab.station.review.examination import CodeCell, Examination, ExaminationRequest
from phtlab.station.review.isolated_worker import examined
from phtlab.station.review.reader_hints import profile


def asked(*sources: str, kind: str = "code", language: str = "python") -> ExaminationRequest:
    cells = [
        CodeCell(number=n, kind=kind, role="station", source=source)
        for n, source in enumerate(sources, start=1)
    ]
    return ExaminationRequest(
        language=language, cells=tuple(cells), columns={"heart": ("age", "sex")}
    )


def found(*sources: str, kind: str = "code", language: str = "python") -> Examination:
    examination, trouble = examined(asked(*sources, kind=kind, language=language))
    assert trouble == ""
    return examination


def test_imports_names_and_hints_are_found_with_their_places() -> None:
    seen = found(
        "import os, sklearn.linear_model\nfrom base64 import b64decode",
        "x = eval('1')  # nosec\ny = getattr(os, name)\nimport subprocess\n"
        "subprocess.run('ls', shell=True)",
    )
    modules = [(one.module, one.cell, one.line) for one in seen.imports]
    assert modules == [
        ("os", 1, 1),
        ("sklearn.linear_model", 1, 1),
        ("base64", 1, 2),
        ("subprocess", 2, 3),
    ]
    assert [(one.cell, one.line, one.sentence.split(":")[0]) for one in seen.remarks] == [
        (1, 1, "import os"),
        (1, 2, "import base64"),
        (2, 1, "eval"),
        (2, 2, "getattr"),
        (2, 3, "import subprocess"),
    ]
    assert {one.code for one in seen.hints} >= {"B307", "B404", "B602"}, "'# nosec' is not heeded"


def test_a_name_that_looks_like_another_is_told() -> None:
    seen = found("import phtlab\nрhtlab = 3\nｅval('1')\nmüller = x.dаta")
    assert [(one.line, one.sentence) for one in seen.remarks] == [
        (2, "рhtlab: is another name than 'phtlab'"),
        (3, "eval: runs code that is not written here"),
        (4, "dаta: is another name than 'data'"),
    ]


@pytest.mark.filterwarnings("ignore:The verify_requirements:DeprecationWarning")
def test_every_linter_rule_of_the_profile_exists() -> None:
    from bandit.core.extension_loader import MANAGER

    known = {*MANAGER.plugins_by_id, *MANAGER.blacklist_by_id}
    assert profile().bandit <= known


def test_what_cannot_be_parsed_is_said() -> None:
    seen = found("def (", "x = 1", "!ls", "a" * 10 + "(" * 5000)
    assert len(seen.unread) == 3


def test_another_language_is_said_not_to_be_read() -> None:
    seen = found("x <- system('ls')", language="r")
    assert "Python only" in seen.unread[0]
    assert not seen.hints


def test_half_a_surrogate_pair_and_a_nul_are_read() -> None:
    seen = found("x = '\ud800'", "import phtlab\nphtlab.dataset('\\ud800')", "y = '\x00'")
    assert [data.name for data in seen.data] == ["\\ud800"]
    assert len(seen.unread) == 1


def test_code_made_to_keep_a_parser_busy_has_an_answer() -> None:
    seen = found(
        "x = " + "-" * 20_000 + "1",
        "x = " + "[" * 90 + "]" * 90,
        "x = 1\n" * 5_000,
        "x.a" + ".a" * 20_000,
        "x = '" + "a" * 200_000 + "'",
        "\n".join(f"if x == {n}:\n    y{n} = {n}" for n in range(1500)),
        "a = 1 " + " " * 100_000 + "=" + "." * 20_000,
    )
    assert len(seen.unread) == 3, "too deep, or no Python: it is said of each"


def test_markdown_made_to_keep_a_parser_busy_has_an_answer() -> None:
    seen = found(
        ">" * 40_000,
        "[" * 50_000,
        "*a " * 16_000,
        "\n".join(" " * n + "- a" for n in range(300)),
        "|a" * 20_000 + "\n" + "|-" * 20_000,
        "<div>" * 10_000,
        "_*" * 25_000,
        kind="markdown",
    )
    assert len(seen.texts) == 7


def test_a_reader_that_takes_too_long_is_ended_and_it_is_said() -> None:
    assert "took too long" in examined(asked("x = 1"), seconds=0.01)[1]


@pytest.mark.parametrize(
    "tries",
    [
        "import socket; socket.socket()",
        "open('/etc/hostname')",
        "open('/tmp/phtlab-worker', 'w')",
        "import os; os.fork()",
        "bytearray(2**31)",
        "\nwhile True: pass",
    ],
)
def test_from_within_the_worker_nothing_is_reached(tries: str) -> None:
    program = (
        "import phtlab.station.review.worker as worker, resource\n"
        "worker.confine(memory=worker.MEMORY, seconds=1, files=worker.FILES)\n"
        f"{tries}\nprint('reached')"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0
    assert "reached" not in done.stdout
