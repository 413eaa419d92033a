"""The train's notebook: the cells that a station runs, and nothing else.

Its bytes depend only on the language and on the sources and roles of those cells, never on the
machine, the kernel's local name, outputs, execution counts or other metadata.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from phtlab.notebook.cell import Cell

# The name under which a kernel image installs the kernel of a language. A kernelspec on the
# analyst's machine may have any name.
KERNELS = {"python": "python3", "r": "ir"}


def kernel_name(language: str, written: str) -> str:
    """Return the kernel that a station starts for a notebook of `language`."""
    return KERNELS.get(language, written)


def travelling_notebook(cells: Sequence[Cell], language: str, kernelspec: str) -> bytes:
    """Return the notebook (format 4.5) of the train's cells, as deterministic bytes."""
    kernel = kernel_name(language, kernelspec)
    notebook = {
        "cells": [
            {
                "cell_type": "code",
                "execution_count": None,
                "id": f"cell-{cell.number}",
                "metadata": {
                    "phtlab": {"cell": cell.number, "role": cell.role},
                    "tags": [cell.role],
                },
                "outputs": [],
                "source": cell.source.splitlines(keepends=True),
            }
            for cell in cells
            if cell.kind == "code" and cell.is_in_train
        ],
        "metadata": {
            "kernelspec": {"display_name": kernel, "language": language, "name": kernel},
            "language_info": {"name": language},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return written(notebook)


def written(notebook: object) -> bytes:
    """Return a notebook as bytes: sorted keys, one space of indent, UTF-8, a final newline."""
    text = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)
    # Half a surrogate pair has no UTF-8 encoding; its JSON escape reads the same.
    return (text.encode("utf-8", "backslashreplace") if not _clean(text) else text.encode()) + b"\n"


def _clean(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
