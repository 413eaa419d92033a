"""Outputs, data sets and parameters of a notebook in R, Julia or another language.

Outputs and data sets are the literal names of `publish(…)` and `dataset(…)` calls. Parameters are
declared in the notebook's metadata, as `{"phtlab": {"parameters": {name: JSON Schema}}}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from phtlab.errors import ParameterError
from phtlab.notebook.cell import Cell
from phtlab.notebook.declared_output import NAME, DeclaredOutput, declare, missing_counts
from phtlab.notebook.finding import Finding, error
from phtlab.notebook.outputs import Declarations
from phtlab.notebook.parameters import ParameterSchema, check_name, check_property

_CALL = re.compile(r"(?<![\w.:$@])(?:phtlab(?:::?|\.))?(?P<word>publish|dataset)\s*\(")
_LITERAL = re.compile(r"""\s*(?P<quote>["'])(?P<text>[^"'\\\n]*)(?P=quote)\s*""")
_NAMED = re.compile(r"\s*(?P<name>\w+)\s*=(?!=)(?P<value>.*)", re.DOTALL)
_COMMENTS = {"matlab": "%", "octave": "%", "scala": "//", "javascript": "//", "c++": "//"}


@dataclass(frozen=True)
class _Call:
    cell: int
    line: int
    word: str
    positional: tuple[str, ...]
    named: Mapping[str, str]


class _RefusedError(Exception):
    def __init__(self, code: str, call: _Call, why: str) -> None:
        super().__init__(why)
        self.finding = error(
            code, f"cell {call.cell}, line {call.line}: {why}", call.cell, call.line
        )


def read_foreign_outputs(cells: Sequence[Cell], language: str) -> Declarations:
    """Return what the calls in the train's cells in `language` declare, and findings."""
    outputs: dict[str, DeclaredOutput] = {}
    datasets: dict[str, None] = {}
    findings = list(_rounds(cells, language))
    for call in _calls(cells, _COMMENTS.get(language, "#")):
        try:
            name = _literal(call.positional[0]) if call.positional else None
            if call.word == "dataset":
                if name is None or not NAME.fullmatch(name):
                    raise _RefusedError(
                        "dataset-computed" if name is None else "dataset-name",
                        call,
                        'a data set\'s name is written out in lower case, as in dataset("heart").',
                    )
                datasets[name] = None
                continue
            output = _output(call, name)
            if outputs.setdefault(output.name, output) != output:
                raise _RefusedError(
                    "output-twice",
                    call,
                    f"'{output.name}' is published again with another kind or counts. Make them "
                    "the same, or give each output its own name.",
                )
            findings.extend(missing_counts(output, call.cell, call.line))
        except _RefusedError as refused:
            findings.append(refused.finding)
    return Declarations(tuple(outputs.values()), tuple(datasets), (), tuple(findings))


def _rounds(cells: Sequence[Cell], language: str) -> Iterator[Finding]:
    for cell in [cell for cell in cells if cell.role in ("round", "combine")][:1]:
        yield error(
            "rounds-language",
            f"cell {cell.number} is marked as '{cell.role}', and a train of rounds is written in "
            f"Python; this notebook is in {language}. Mark its cells as 'station'.",
            cell.number,
        )


def _output(call: _Call, name: str | None) -> DeclaredOutput:
    if name is None:
        raise _RefusedError(
            "output-computed",
            call,
            'the output\'s name is computed. Write it out, as in publish("counts", …), so that the '
            "train's manifest knows it before anything runs.",
        )
    given = dict(zip(("name", "value", "kind", "counts"), call.positional, strict=False))
    given |= call.named
    counts = given.get("counts")
    output = declare(
        name,
        _literal(given["kind"]) if "kind" in given else "table",
        counts is not None and counts.strip() not in ("NULL", "nothing", "None", "null"),
        _literal(counts) if counts is not None else None,
        lambda code, why: _RefusedError(code, call, why),
    )
    return replace(output, of="of" in call.named and output.kind in ("scalar", "model"))


def _literal(text: str) -> str | None:
    match = _LITERAL.fullmatch(text)
    return match["text"] if match else None


def _calls(cells: Sequence[Cell], comment: str) -> Iterator[_Call]:
    for cell in cells:
        if cell.kind != "code" or not cell.runs_at_stations:
            continue
        source = _without_comments(cell.source, comment)
        for match in _CALL.finditer(source):
            arguments = _arguments(source, match.end())
            named = {}
            positional = []
            for argument in arguments:
                pair = _NAMED.fullmatch(argument)
                if pair:
                    named[pair["name"]] = pair["value"]
                else:
                    positional.append(argument)
            line = source.count("\n", 0, match.start()) + 1
            yield _Call(cell.number, line, match["word"], tuple(positional), named)


def _without_comments(source: str, comment: str) -> str:
    """Return `source` without comments, with its strings and line numbers unchanged."""
    kept: list[str] = []
    quote: str | None = None
    index = 0
    while index < len(source):
        character = source[index]
        if quote:
            if character == "\\":
                kept.append(source[index : index + 2])
                index += 2
                continue
            quote = None if character == quote else quote
        elif source.startswith(comment, index):
            end = source.find("\n", index)
            index = len(source) if end < 0 else end
            continue
        elif character in "\"'":
            # An apostrophe after a name is Julia's transpose, not a string.
            after_name = index > 0 and (source[index - 1].isalnum() or source[index - 1] in ")]")
            quote = None if character == "'" and after_name else character
        kept.append(character)
        index += 1
    return "".join(kept)


def _arguments(source: str, start: int) -> list[str]:
    """Return the arguments of a call whose opening bracket ends at `start`, split at , and ;."""
    depth, quote, begin = 0, "", start
    arguments: list[str] = []
    index = start
    while index < len(source):
        character = source[index]
        if quote:
            if character == "\\":
                index += 1
            elif character == quote:
                quote = ""
        elif character in "\"'":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}" and depth:
            depth -= 1
        elif character in ",;" and not depth:
            arguments.append(source[begin:index])
            begin = index + 1
        elif character == ")":
            break
        index += 1
    last = source[begin:index]
    return [*arguments, last] if last.strip() else arguments


def read_metadata_parameters(
    metadata: Mapping[str, Any], cells: Sequence[Cell]
) -> tuple[ParameterSchema, list[Finding]]:
    """Return the parameters that the notebook's metadata declare, and findings about them."""
    own = metadata.get("phtlab")
    declared = own.get("parameters", {}) if isinstance(own, dict) else {}
    number = next((cell.number for cell in cells if cell.role == "parameters"), None)
    if not isinstance(declared, dict):
        found = error(
            "parameter-declaration",
            "the notebook's metadata phtlab.parameters is not an object of names, each with a "
            'JSON Schema, as in {"min_age": {"type": "integer", "default": 40}}.',
            number,
        )
        return ParameterSchema({}), [found]
    properties: dict[str, Mapping[str, Any]] = {}
    findings: list[Finding] = []
    for name, schema in declared.items():
        try:
            check_name(name)
            check_property(name, schema)
            properties[name] = schema
        except ParameterError as refused:
            own = refused.code in ("parameter-name", "parameter-secret")
            code = refused.code if own else "parameter-declaration"
            message = f"in the notebook's metadata: {refused}"
            findings.append(error(code, message, number))
    if number is not None and not declared:
        findings.append(
            error(
                "parameter-declaration",
                f"cell {number} is the parameters cell, but the notebook's metadata declare no "
                "phtlab.parameters. Outside Python, types and bounds are given there; see "
                "docs/notebooks.md.",
                number,
            )
        )
    return ParameterSchema(properties), findings
