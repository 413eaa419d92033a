"""`check`: what keeps a notebook from travelling, found by reading it as it is in the editor."""

from __future__ import annotations

import json
from typing import Any

from pydantic import Field

from phtlab.errors import NotebookError, PhtlabError
from phtlab.lab.display.route_map import MAX_SENTENCE
from phtlab.lab.server.answers import Shape, words
from phtlab.lab.server.exchange import KIB, Body, Exchange
from phtlab.lab.workspace.payload_digest import digest_of_what_travels
from phtlab.notebook import Analysis, Finding, Fix, read_analysis

MAX_FINDINGS = 500


class Written(Body):
    """A notebook's name (`heart.ipynb`) and its content in nbformat 4."""

    name: str = Field(max_length=255)
    content: dict[str, Any]


class CheckExchange(Exchange[Written]):
    """POST: `ICheck`. Nothing of the notebook is run or kept."""

    takes = Written
    limit = 32 * KIB * KIB
    acts_in = "quick"

    def act(self, body: Written, **path: str) -> Shape:
        name = body.name.removesuffix(".ipynb")
        try:
            analysis = read_analysis(json.dumps(_without_outputs(body.content)).encode(), name=name)
        except NotebookError as unread:
            return unread_shape(name, unread)
        return check_shape(analysis, self._kernel(analysis.language))

    def _kernel(self, language: str) -> str | None:
        try:
            return self.workspace.news.catalogue.named(language).name
        except PhtlabError:
            return None


def check_shape(analysis: Analysis, kernel: str | None) -> Shape:
    """`ICheck`."""
    return {
        "name": analysis.name,
        "language": words(analysis.language),
        "kernel": kernel,
        "ok": not analysis.errors,
        "digest": None if analysis.errors else digest_of_what_travels(analysis),
        "parameters": _object(analysis.parameters.schema),
        "outputs": [{"name": output.name, "kind": output.kind} for output in analysis.outputs],
        "datasets": list(analysis.datasets),
        "findings": [_finding(finding) for finding in analysis.findings[:MAX_FINDINGS]],
    }


def unread_shape(name: str, unread: NotebookError) -> Shape:
    """`ICheck` of what is no notebook that phtlab reads."""
    finding = Finding(unread.code, "error", None, None, str(unread))
    return {
        "name": words(name),
        "language": "",
        "kernel": None,
        "ok": False,
        "digest": None,
        "parameters": _object({}),
        "outputs": [],
        "datasets": [],
        "findings": [_finding(finding)],
    }


def _finding(finding: Finding) -> Shape:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "cell": None if finding.cell is None else finding.cell - 1,
        "line": finding.line,
        "message": words(finding.message, MAX_SENTENCE),
        "fix": None if finding.fix is None else _fix(finding.fix),
    }


def _fix(fix: Fix) -> Shape:
    return {
        "title": words(fix.title, MAX_SENTENCE),
        "line": fix.line,
        "column": fix.column,
        "text": fix.text,
        "select": None if fix.select is None else list(fix.select),
    }


def _object(schema: dict[str, Any]) -> Shape:
    return {
        "type": "object",
        "properties": schema.get("properties", {}),
        "required": list(schema.get("required", ())),
        "additionalProperties": False,
    }


def _without_outputs(notebook: dict[str, Any]) -> dict[str, Any]:
    """What is checked has no outputs: they may be large, and say nothing of what travels."""
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        return notebook
    lean = [{**c, "outputs": [], "attachments": {}} if isinstance(c, dict) else c for c in cells]
    return {**notebook, "cells": lean}
