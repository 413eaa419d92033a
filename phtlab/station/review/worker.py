"""Examine one notebook, in a process with few rights.

Run as ``python -I -m phtlab.station.review.worker``: `ExaminationRequest` as JSON on standard
input, `Examination` as JSON on standard output. The notebook is untrusted: it could exploit its
parsers or keep them busy. So the process loads what it needs, then gives up root, memory, time, and
the right to open any file or socket, and only then reads a byte.
"""

from __future__ import annotations

import sys
from typing import Final

from phtlab.notebook.cell import Cell
from phtlab.notebook.magic import Python, read_python
from phtlab.station.confinement import confine
from phtlab.station.review.column_usage import find_column_usage, find_mentioned_columns
from phtlab.station.review.dangerous_names import imports_of, remarks_of
from phtlab.station.review.difference import difference
from phtlab.station.review.examination import CodeCell, Examination, ExaminationRequest, Import
from phtlab.station.review.linter_hints import hints_of
from phtlab.station.review.markdown_html import markdown_html

MEMORY: Final = 1024 * 2**20
SECONDS: Final = 10
FILES: Final = 3
"""Those that are open: no file and no socket from there on."""
_MOST: Final = 200  # of each kind of remark


def examine(request: ExaminationRequest) -> Examination:
    """Return all findings in a notebook. Pure, but for what its parsers load at first use."""
    texts = {
        cell.number: markdown_html(cell.source) for cell in request.cells if cell.kind == "markdown"
    }
    changed = None if request.previous is None else difference(request.previous, request.cells)
    if request.language != "python":
        sentence = f"The machine reads Python only; this notebook is in {request.language[:40]!a}."
        return Examination(difference=changed, texts=texts, unread=(sentence,))
    code = [cell for cell in request.cells if cell.kind == "code"]
    parsed = [(cell, _parsed(cell)) for cell in code]
    trees = [(cell.number, python.tree) for cell, python in parsed if python.tree is not None]
    sources = [(cell.number, python.source) for cell, python in parsed if python.tree is not None]
    imports: dict[str, Import] = {}
    for number, tree in trees:
        for imported in imports_of(number, tree):
            imports.setdefault(imported.module, imported)
    return Examination(
        imports=tuple(imports.values())[:_MOST],
        remarks=tuple(r for number, tree in trees for r in remarks_of(number, tree))[:_MOST],
        data=find_column_usage(trees, request.columns),
        mentioned=find_mentioned_columns(trees, request.columns),
        hints=tuple(hints_of(sources))[:_MOST],
        difference=changed,
        texts=texts,
        unread=tuple(finding.message for _, python in parsed for finding in python.findings),
    )


def _parsed(cell: CodeCell) -> Python:
    return read_python(Cell(cell.number, "code", "station", cell.source))


def main() -> int:
    # jsonschema does not need it, and it takes longer to load than all the rest.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    # Load every module that an examination needs, before `confine` forbids opening files.
    known = CodeCell(number=1, kind="code", role="station", source="import os\nx = [1]\n")
    text = CodeCell(
        number=2, kind="markdown", role="local", source="# a\n\n[b](c) `d`\n\n|e|\n|-|\n"
    )
    examine(ExaminationRequest(language="python", cells=(known, text), previous=(known,)))
    confine(memory=MEMORY, seconds=SECONDS, files=FILES)
    found = examine(ExaminationRequest.model_validate_json(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(found.model_dump_json().encode())
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
