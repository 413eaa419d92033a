"""`check`: what keeps a notebook from travelling, found by reading it as it is in the editor."""

from __future__ import annotations

import json
from typing import Any

from phtlab.errors import NotebookError, PhtlabError
from phtlab.lab.display.route_map import MAX_SENTENCE
from phtlab.lab.server import api
from phtlab.lab.server.answers import words
from phtlab.lab.server.exchange import KIB, Exchange
from phtlab.lab.workspace.payload_digest import payload_digest_of
from phtlab.notebook import Analysis, Finding, Fix, read_analysis

MAX_FINDINGS = 500


class CheckExchange(Exchange[api.NotebookContent]):
    """POST: check a notebook. Nothing of the notebook is run or kept."""

    takes = api.NotebookContent
    limit = 32 * KIB * KIB
    acts_in = "quick"

    def act(self, body: api.NotebookContent, **path: str) -> api.Check:
        name = body.name.removesuffix(".ipynb")
        try:
            analysis = read_analysis(json.dumps(_without_outputs(body.content)).encode(), name=name)
        except NotebookError as unread:
            return unread_answer(name, unread)
        return check_answer(analysis, self._kernel(analysis.language))

    def _kernel(self, language: str) -> str | None:
        try:
            return self.workspace.snapshot.catalogue.named(language).name
        except PhtlabError:
            return None


def check_answer(analysis: Analysis, kernel: str | None) -> api.Check:
    return api.Check(
        name=analysis.name,
        language=words(analysis.language),
        kernel=kernel,
        ok=not analysis.errors,
        digest=None if analysis.errors else payload_digest_of(analysis),
        parameters=_parameters(analysis.parameters.schema),
        outputs=[
            api.DeclaredOutput(name=output.name, kind=output.kind, to=output.to)
            for output in analysis.outputs
        ],
        route=analysis.route,
        received=[value.name for value in analysis.received],
        datasets=list(analysis.datasets),
        findings=[_finding(finding) for finding in analysis.findings[:MAX_FINDINGS]],
    )


def unread_answer(name: str, unread: NotebookError) -> api.Check:
    """The check of what is no notebook that phtlab reads."""
    finding = Finding(unread.code, "error", None, None, str(unread))
    return api.Check(
        name=words(name),
        language="",
        kernel=None,
        ok=False,
        digest=None,
        parameters=_parameters({}),
        outputs=[],
        route="parallel",
        received=[],
        datasets=[],
        findings=[_finding(finding)],
    )


def _finding(finding: Finding) -> api.Finding:
    return api.Finding(
        code=finding.code,
        severity=finding.severity,
        cell=None if finding.cell is None else finding.cell - 1,
        line=finding.line,
        message=words(finding.message, MAX_SENTENCE),
        fix=None if finding.fix is None else _fix(finding.fix),
    )


def _fix(fix: Fix) -> api.Fix:
    return api.Fix(
        title=words(fix.title, MAX_SENTENCE),
        line=fix.line,
        column=fix.column,
        text=fix.text,
        select=fix.select,
    )


def _parameters(schema: dict[str, Any]) -> api.Parameters:
    return api.Parameters(
        type="object",
        properties=schema.get("properties", {}),
        required=schema.get("required", []),
        additionalProperties=False,
    )


def _without_outputs(notebook: dict[str, Any]) -> dict[str, Any]:
    """What is checked has no outputs: they may be large, and say nothing of what travels."""
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        return notebook
    lean = [{**c, "outputs": [], "attachments": {}} if isinstance(c, dict) else c for c in cells]
    return {**notebook, "cells": lean}
