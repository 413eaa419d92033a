"""The verifying core is small and pure, and the guide through it names what is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
CORE: Final = ROOT / "phtlab" / "train"
GUIDE: Final = (ROOT / "docs" / "reading-the-core.md").read_text("utf-8")

MOST_LINES: Final = 4400
# Of the standard library, what reads or writes anything outside of its arguments.
OUTSIDE: Final = {
    *("asyncio", "ctypes", "fcntl", "ftplib", "glob", "http", "importlib", "logging", "mmap"),
    *("multiprocessing", "pathlib", "pickle", "shutil", "smtplib", "socket", "sqlite3", "ssl"),
    *("subprocess", "sys", "tempfile", "time", "urllib"),
}
OWN: Final = (
    "phtlab.train",
    "phtlab.errors",
    "phtlab.printable",
    "phtlab.strict_model",
    "phtlab.validation_summary",
)
# Random bytes for keys and nonces are all that the operating system is asked for.
SYSTEM: Final = {"urandom"}


def modules() -> list[Path]:
    return sorted(CORE.rglob("*.py"))


def test_the_core_is_read_in_an_afternoon() -> None:
    assert sum(len(path.read_text("utf-8").splitlines()) for path in modules()) <= MOST_LINES


def impure(source: str) -> Iterator[str]:
    """What of a module's source reaches outside of its arguments."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                for name in names:
                    if name.name.split(".")[0] in OUTSIDE | {"phtlab"}:
                        yield name.name
            case ast.ImportFrom(module=str(module)):
                top = module.split(".")[0]
                if top in OUTSIDE | {"os"} or (top == "phtlab" and not module.startswith(OWN)):
                    yield module
            case ast.Call(func=ast.Name(id="open" | "print" | "input" | "exec" | "eval" as name)):
                yield f"{name}()"
            case ast.Attribute(value=ast.Name(id="os"), attr=attr) if attr not in SYSTEM:
                yield f"os.{attr}"
            case ast.Attribute(value=ast.Name(id="datetime"), attr="now" | "today" as attr):
                yield f"datetime.{attr}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(CORE)))
def test_a_module_of_the_core_works_on_its_arguments_alone(path: Path) -> None:
    assert list(impure(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        *("import socket", "from pathlib import Path", "import os\nos.environ['X']"),
        *("from os import environ", "open('x')", "from phtlab.wire.central import client"),
        *(
            "from datetime import datetime\ndatetime.now()",
            "import urllib.request",
            "import phtlab",
        ),
    ],
)
def test_what_reaches_outside_is_found(source: str) -> None:
    assert list(impure(source))


def test_the_guide_has_ten_stops_with_promise_function_and_test() -> None:
    stops = re.split(r"^## \d+\. ", GUIDE, flags=re.M)[1:]
    assert len(stops) == 10
    for stop in stops:
        for part in ("**Promise.**", "**Function.**", "**Test.**"):
            assert part in stop, stop.splitlines()[0]


def test_what_the_guide_names_is_there() -> None:
    for name in re.findall(r"`((?:tests|train|phtlab)/[\w./-]+)`", GUIDE):
        path = ROOT / name if name.startswith(("tests", "phtlab")) else ROOT / "phtlab" / name
        assert path.exists(), name
    stops = re.findall(r"\*\*Function\.\*\*(.*?)\n- \*\*Test", GUIDE, flags=re.S)
    sources = "\n".join(path.read_text("utf-8") for path in modules())
    for stop in stops:
        for function in re.findall(r"`([A-Za-z_]+)`", stop):
            assert re.search(rf"^(def|class) {function}\b", sources, re.M), function
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    for test in re.findall(r"`(test_\w+)`", GUIDE):
        assert f"def {test}(" in tests, test
