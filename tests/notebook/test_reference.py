"""docs/notebooks.md lists every finding, with an example that gives it and its true message."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from phtlab.notebook import Finding, ParameterSchema, read_analysis

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "notebooks.md").read_text()
SECTION = re.compile(
    r"^### `(?P<code>[a-z-]+)` \((?P<severity>\w+)\)\n(?P<intro>.*?)"
    r"```(?P<language>python|r)\n(?P<cells>.*?)```\n\n> (?P<message>[^\n]*)$",
    re.MULTILINE | re.DOTALL,
)
EXAMPLES = {match["code"]: match for match in SECTION.finditer(REFERENCE)}
MAKERS = ("error", "warning", "refuse", "_RefusedError", "RefusedCallError")


def as_notebook(cells: str, language: str = "python") -> bytes:
    """`# %% tags` begins a cell; the tag `markdown` makes it one of text."""
    made = []
    for part in re.split(r"^# %%", cells, flags=re.MULTILINE)[1:]:
        header, _, source = part.partition("\n")
        tags = header.split()
        kind = "markdown" if "markdown" in tags else "code"
        tags = [tag for tag in tags if tag != "markdown"]
        made.append({"cell_type": kind, "metadata": {"tags": tags}, "source": source.rstrip("\n")})
    metadata = {"kernelspec": {"name": language, "language": language}}
    return json.dumps({"nbformat": 4, "metadata": metadata, "cells": made}).encode()


def findings_of(cells: str, language: str, folder: Path) -> tuple[Finding, ...]:
    (folder / "cohort_tools.py").write_text("")
    notebook = folder / "example.ipynb"
    notebook.write_bytes(as_notebook(cells, language))
    return read_analysis(notebook).findings


def codes_in_source() -> set[str]:
    """Every code that is written out where a finding is made."""
    calls = [
        node
        for path in (ROOT / "phtlab" / "notebook").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args
    ]
    return {
        call.args[0].value
        for call in calls
        if call.func.id in MAKERS and isinstance(call.args[0], ast.Constant)
    }


def test_every_finding_is_in_the_reference() -> None:
    chosen = {
        *("publish-indirect", "dataset-indirect", "dataset-computed", "dataset-name"),
        *("parameter-default", "parameter-name", "parameter-secret", "parameter-declaration"),
    }
    written = {code for code in codes_in_source() if re.fullmatch(r"[a-z]+(-[a-z]+)*", code)}
    assert written | chosen == set(EXAMPLES)


@pytest.mark.parametrize("code", list(EXAMPLES))
def test_each_example_gives_its_finding_and_message(code: str, tmp_path: Path) -> None:
    example = EXAMPLES[code]
    found = findings_of(example["cells"], example["language"], tmp_path)
    found = tuple(finding for finding in found if finding.code == code)
    assert [(f.severity, f.message) for f in found] == [(example["severity"], example["message"])]


def test_the_declarations_of_the_reference_are_sound() -> None:
    blocks = [
        block
        for block in re.findall(r"```python\n(.*?)```", REFERENCE, re.DOTALL)
        if "# %%" not in block and "phtlab" not in block
    ]
    assert len(blocks) == 2
    for block in blocks:
        cells = f"# %% parameters\n{block}# %% station\nx = min_age, outcome\n"
        analysis = read_analysis(as_notebook(cells)).require_sound()
        assert set(analysis.parameters.properties) >= {"min_age", "outcome"}


def test_the_metadata_of_the_reference_are_a_schema() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", REFERENCE, re.DOTALL)
    properties = json.loads(block)["phtlab"]["parameters"]
    schema = ParameterSchema(properties).schema
    assert ParameterSchema.from_schema(schema).validate({}) == {"min_age": 40}
